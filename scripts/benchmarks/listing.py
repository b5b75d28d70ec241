"""s3-versions beside its peers on a million versions: flat, skewed, under one key, ordered, and from a report.

The bare client downloads the same pages over as many connections and reads nothing of them: no listing through this
server can be faster.
"""

import pathlib
import sys
import tempfile

import inventory
from fast_s3 import FastS3, Tools, listings
from measuring import count_lines, header, interleaved, measure, ratio, row, run, verdict, wall_and_rss

OURS = "s3-versions"
PEAK_MIB = 64
# A page's latency and how many connections the bare client has then; with none, what two cores can do is the limit.
CONNECTIONS = {20: (64, 256), 0: (2, 8)}
S5CMD = "s5cmd ls --all-versions"
# How many times our time each peer must take.
TARGETS = {
    20: {S5CMD: 20, "rclone lsf --s3-versions": 20, "aws s3api list-object-versions": 20},
    0: {S5CMD: 8},
}
# A peer that takes longer is run once.
ONCE_OVER_S = 15
KEYS_A_PAGE = 500
START_S = 1_767_225_600


class Peaks:
    """The peak memory of every listing of ours, for one table."""

    def __init__(self):
        self.rows = []

    def note(self, what, got):
        self.rows.append((what, got))

    def show(self):
        print("\n### Memory of s3-versions\n")
        header("listing", "wall s", "peak MiB", "target")
        for what, got in self.rows:
            row(what, *wall_and_rss(got), f"below {PEAK_MIB}: {verdict(got['rss'] < PEAK_MIB)}")


def must_list(tools, server, versions):
    found = count_lines(server.env(), [tools.versions, "-q", "s3://synthetic/"])
    if found != versions:
        sys.exit(f"bench: s3-versions lists {found} of {versions} versions")


# ---- one flat prefix


def ends(keys, ranges):
    """The last keys of so many ranges of whole pages, without that of the last range."""
    pages = -(-keys // KEYS_A_PAGE)
    last = sorted({pages * n // ranges * KEYS_A_PAGE - 1 for n in range(1, ranges)} - {-1, keys - 1})
    return "".join(f"data/{number:010}\n" for number in last)


def bare_clients(options, server, latency, folder):
    commands = {}
    for connections in CONNECTIONS[latency]:
        file = folder / f"ends-{connections}"
        file.write_text(ends(options.many // 2, connections * 4))
        command = [options.bins / "bare-list", f"{server.url}/synthetic", connections, file]
        pages, _ = run(server.env(), [str(part) for part in command]).split()
        if int(pages) != -(-options.many // (2 * KEYS_A_PAGE)):
            sys.exit(f"bench: the bare client had {pages} pages")
        commands[f"bare client, {connections} connections"] = command
    return commands


def bench_flat(tools, options, peaks, latency):
    with tempfile.TemporaryDirectory() as name:
        with FastS3(options.bins, f"keys={options.many // 2}", "versions=2", f"latency-ms={latency}") as server:
            must_list(tools, server, options.many)
            commands = {**listings(tools, server), **bare_clients(options, server, latency, pathlib.Path(name))}
            results = interleaved(options.runs, commands, server.env(), once_over=ONCE_OVER_S)
    ours = results[OURS]
    peaks.note(f"{options.many:,} versions, {latency} ms a page", ours)
    print(f"\n### Listing {options.many:,} versions under one prefix, {latency} ms a page\n")
    header("tool", "wall s", "entries a second", "CPU s", "peak MiB", "its wall / ours", "target")
    for name, got in results.items():
        times, target = got["wall"] / ours["wall"], TARGETS[latency].get(name)
        judged = ratio(times, target) if target else (f"{times:.2f}", "")
        rate = f"{options.many / got['wall']:,.0f}"
        row(name, f"{got['wall']:.2f}", rate, f"{got['cpu']:.2f}", f"{got['rss']:.0f}", *judged)


# ---- keys of other shapes


def bench_shapes(tools, options, peaks):
    print(f"\n### Listing {options.many:,} versions of keys of other shapes, 20 ms a page\n")
    header("keys", "s3-versions, wall s", "entries a second", "s5cmd, wall s", "its wall / ours", "target")
    for shape in ["skewed", "dates", "hex", "cjk"]:
        arguments = [f"keys={options.many // 2}", "versions=2", f"shape={shape}", "latency-ms=20"]
        with FastS3(options.bins, *arguments) as server:
            must_list(tools, server, options.many)
            commands = {name: command for name, command in listings(tools, server).items() if name in [OURS, S5CMD]}
            results = interleaved(options.runs, commands, server.env(), once_over=ONCE_OVER_S)
        ours, peer = results[OURS], results[S5CMD]
        peaks.note(f"{options.many:,} versions, {shape}", ours)
        rate = f"{options.many / ours['wall']:,.0f}"
        row(shape, f"{ours['wall']:.2f}", rate, f"{peer['wall']:.2f}", *ratio(peer["wall"] / ours["wall"], 10))


# ---- one key with nearly all versions


def bench_fat(tools, options, peaks):
    # The hundredth version of the fat key, from the latest on.
    at = f"@{START_S + options.many - 100}"
    views = {"all": [], "--at": ["--at", at], "--latest": ["--latest"], "--deleted": ["--deleted"]}
    print(f"\n### Requests for 1,000 keys, of which one has {options.many:,} versions\n")
    header("view", "requests", "share of all", "wall s", "target")
    with FastS3(options.bins, "keys=1000", "versions=1", f"fat={options.many}") as server:
        must_list(tools, server, options.many + 999)
        plain = None
        for name, view in views.items():
            server.counts()
            got = measure(server.env(), [tools.versions, *view, "s3://synthetic/"])
            requests = server.counts()["ListObjectVersions"]
            plain = plain or requests
            peaks.note(f"a key with {options.many:,} versions, {name}", got)
            share = requests / plain
            target = f"at most 1%: {verdict(share <= 0.01)}" if view else ""
            row(name, f"{requests:,}", f"{share:.2%}", f"{got['wall']:.2f}", target)


# ---- what sorts, what reads a report, and ten times as many


def bench_sorted(tools, options, peaks):
    # Beside the binaries and not where temporary files are, which may be memory.
    with tempfile.TemporaryDirectory(dir=options.bins) as folder:
        sorting = ["--tmpdir", folder]
        arguments = [f"keys={options.many // 2}", "versions=2", "bucket=inv"]
        with FastS3(options.bins, *arguments) as server:
            got = measure(server.env(), [tools.versions, "--ordered", *sorting, "s3://synthetic/"])
            peaks.note(f"{options.many:,} versions, --ordered", got)
            report = inventory.publish(tools, server)
            reading = [tools.versions, "--inventory", report, *sorting]
            found = count_lines(server.env(), [*reading, "-q", "s3://synthetic/"])
            if found != options.many:
                sys.exit(f"bench: s3-versions finds {found} of {options.many} versions in the report")
            for view in [[], ["--at", f"@{START_S}"]]:
                got = measure(server.env(), [*reading, *view, "s3://synthetic/"])
                peaks.note(f"{options.many:,} versions, --inventory {' '.join(view[:1])}".rstrip(), got)


def bench_huge(tools, options, peaks):
    with FastS3(options.bins, f"keys={options.huge // 2}", "versions=2") as server:
        must_list(tools, server, options.huge)
        peaks.note(f"{options.huge:,} versions", measure(server.env(), [tools.versions, "s3://synthetic/"]))


def bench(options):
    tools, peaks = Tools(options.bins, options.peers), Peaks()
    for latency in [20, 0]:
        bench_flat(tools, options, peaks, latency)
    bench_shapes(tools, options, peaks)
    bench_fat(tools, options, peaks)
    bench_sorted(tools, options, peaks)
    bench_huge(tools, options, peaks)
    peaks.show()
