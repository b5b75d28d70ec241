"""How much of what the concurrency and the service allow s3-restore reaches, at a latency as between regions."""

import contextlib
import http.client
import pathlib
import statistics
import sys
import tempfile
import time

from fast_s3 import FastS3, Tools
from measuring import header, measure, row, run, verdict

LATENCY_MS = 20
CONCURRENCY = 64
# A copy is three requests, of which the first two, that look at its key, are sent at once.
ROUNDS = 2
LIMIT = 500
START = "@1767225600"
# Requests that the latency is measured with: the server and its timers take a little beside what they were told.
PINGS = 50


def plan(tools, options, file):
    """Every key back to the older of its two versions."""
    with FastS3(options.bins, f"keys={options.copies}", "versions=2") as server:
        file.write_text(run(server.env(), [tools.versions, "--at", START, "s3://synthetic/"]))
    if file.read_text().count("\n") != options.copies:
        sys.exit("bench: s3-versions does not plan a copy for each key")


def latency(server):
    """The median time of the smallest request on one connection, in seconds."""
    with contextlib.closing(http.client.HTTPConnection(server.url.removeprefix("http://"))) as connection:
        took = []
        for _ in range(PINGS):
            started = time.perf_counter()
            connection.request("HEAD", "/synthetic")
            connection.getresponse().read()
            took.append(time.perf_counter() - started)
    return statistics.median(took)


def restore(tools, options, file, *arguments):
    """What a run took, the requests of the tool, and the latency of one request."""
    arguments = [f"keys={options.copies}", "versions=2", f"latency-ms={LATENCY_MS}", *arguments]
    with FastS3(options.bins, *arguments) as server:
        took = latency(server)
        server.counts()
        command = [str(tools.restore), "--concurrency", str(CONCURRENCY)]
        got = measure(server.env(), command, stdin=open(file, "rb"))
        counts = server.counts()
    if counts["CopyObject"] < options.copies:
        sys.exit(f"bench: s3-restore made {counts['CopyObject']} of {options.copies} copies")
    return got, counts, took


def bench(options):
    tools = Tools(options.bins, options.peers)
    with tempfile.TemporaryDirectory() as name:
        file = pathlib.Path(name) / "plan.jsonl"
        plan(tools, options, file)
        free = restore(tools, options, file)
        limited = restore(tools, options, file, f"requests-per-second={LIMIT}")
    print(f"\n### Restoring {options.copies:,} objects, {LATENCY_MS} ms a request, {CONCURRENCY} at once\n")
    columns = ["copies a second", "requests a copy", "requests a second", "refused", "CPU s", "peak MiB"]
    header("service", "wall s", *columns)
    rates = []
    for name, (got, counts, _) in [("no limit", free), (f"{LIMIT} requests a second", limited)]:
        refused = counts.pop("SlowDown", 0)
        answered = sum(counts.values())
        rates.append(answered / got["wall"])
        copies = f"{options.copies / got['wall']:,.0f}", f"{answered / options.copies:.2f}"
        used = f"{got['cpu']:.2f}", f"{got['rss']:.0f}"
        row(name, f"{got['wall']:.2f}", *copies, f"{rates[-1]:,.0f}", f"{refused:,}", *used)
    took = free[2]
    print(f"\nOne request alone takes {took * 1e3:.1f} ms, the server's own time included. No record was rejected.\n")
    header("share", "reached", "target")
    shares = {
        f"requests a second / ({CONCURRENCY} / {LATENCY_MS} ms)": rates[0] / (CONCURRENCY / LATENCY_MS * 1e3),
        f"copies a second / ({CONCURRENCY} / {ROUNDS} rounds of {took * 1e3:.1f} ms)": (
            options.copies / free[0]["wall"] / (CONCURRENCY / (ROUNDS * took))
        ),
        f"requests a second / the {LIMIT} that the service takes": rates[1] / LIMIT,
    }
    for what, share in shares.items():
        row(what, f"{share:.2f}", f"at least 0.9: {verdict(share >= 0.9)}")
