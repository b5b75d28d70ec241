"""How the time of a listing grows with the bucket and falls with the concurrency: growth.md and growth.svg."""

import datetime
import os
import platform

from fast_s3 import FastS3, Tools
from measuring import measure, medians
from plot import log_log

LATENCY_MS = 20
CONCURRENCIES = [1, 4, 16, 64, 256]
SMALLEST = 10_000
# A listing that takes longer is run once.
ONCE_OVER_S = 15


def listing(options, env, command):
    runs = []
    while len(runs) < options.runs and not (runs and runs[0]["wall"] > ONCE_OVER_S):
        runs.append(measure(env, [str(part) for part in command]))
    return medians(runs)


def measured(options):
    """{entries: {column: what a listing took}}"""
    tools = Tools(options.bins, options.peers)
    columns = {f"{n}": ["--concurrency", n] for n in CONCURRENCIES} | {"by itself": []}
    found, entries = {}, SMALLEST
    while entries <= options.huge:
        with FastS3(options.bins, f"keys={entries // 2}", "versions=2", f"latency-ms={LATENCY_MS}") as server:
            command, env = [tools.versions, "s3://synthetic/"], server.env()
            found[entries] = {name: listing(options, env, [*command, *flags]) for name, flags in columns.items()}
        entries *= 10
    return found


def table(first, rows):
    """Markdown, numbers to the right."""
    lines = [first, ["---", *["---:"] * (len(first) - 1)], *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def document(options, found):
    columns = list(next(iter(found.values())))
    head = ["entries", *columns]

    def rows(shown):
        return [[f"{entries:,}", *(shown(entries, got) for got in row.values())] for entries, row in found.items()]

    peak = max(got["rss"] for row in found.values() for got in row.values())
    machine = f"{os.cpu_count()} cores ({platform.system()} {platform.machine()})"
    runs = f"Medians of {options.runs} runs, and one run of what takes longer than {ONCE_OVER_S} s."
    runs = runs if options.runs > 1 else "One run of each."
    return f"""\
# How a listing grows

`scripts/bench growth` made this page on {datetime.date.today()}, on {machine} which the tool shares
with its server. That is the repository's own S3, which answers each request after {LATENCY_MS} ms; every key has two
versions, all under one prefix. {runs}
The columns are values of `--concurrency`; the last is the tool's own choice.

![Time by number of entries, a line for each concurrency](growth.svg)

Seconds:

{table(head, rows(lambda _, got: f"{got['wall']:.2f}"))}
Entries a second:

{table(head, rows(lambda entries, got: f"{entries / got['wall']:,.0f}"))}
The most memory that one of these took is {peak:.0f} MiB.
"""


def bench(options):
    found = measured(options)
    lines = {}
    for entries, row in found.items():
        for name, got in row.items():
            label = name if name.startswith("by") else f"{name} at once"
            lines.setdefault(label, []).append((entries, got["wall"]))
    chart = log_log(f"s3-versions, {LATENCY_MS} ms a page", "entries", "seconds", lines)
    (options.report / "growth.svg").write_text(chart)
    (options.report / "growth.md").write_text(document(options, found))
    print(f"\nWrote growth.md and growth.svg to {options.report}.")
