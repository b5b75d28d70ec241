"""s3-versions, s3-restore and cf-purge beside s5cmd, rclone, the AWS CLI and s3-pit-restore."""

import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from fast_s3 import FastS3, Tools, listings
from measuring import first_byte, header, interleaved, measure, medians, ratio, row, run, verdict, wall_and_rss

# ---- s3-versions


def bench_listing(tools, options):
    with FastS3(options.bins, f"keys={options.entries // 2}", "versions=2") as server:
        found = run(server.env(), [tools.versions, "s3://synthetic/"]).count("\n")
        results = interleaved(options.runs, listings(tools, server), server.env())
    ours = results["s3-versions"]["cpu"]
    targets = {"s5cmd ls --all-versions": 10, "rclone lsf --s3-versions": 5, "aws s3api list-object-versions": 20}
    print(f"\n### Listing {found:,} versions\n")
    header("tool", "CPU s", "CPU us an entry", "wall s", "peak MiB", "its CPU / ours", "target")
    for name, got in results.items():
        target = targets.get(name)
        verdict = ratio(got["cpu"] / ours, target) if target else ["1", ""]
        row(name, f"{got['cpu']:.2f}", f"{got['cpu'] / found * 1e6:.2f}", *wall_and_rss(got), *verdict)


def bench_memory(tools, options):
    print("\n### Memory of s3-versions\n")
    header("versions in the bucket", "requests at once", "peak MiB", "target MiB", "")
    for entries in [options.entries, options.many]:
        with FastS3(options.bins, f"keys={entries // 2}", "versions=2") as server:
            for at_once, flags, most in [("1", ["--concurrency", "1"], 32), ("as many as it finds", [], 64)]:
                got = measure(server.env(), [tools.versions, *flags, "s3://synthetic/"])
                row(f"{entries:,}", at_once, f"{got['rss']:.1f}", f"< {most}", verdict(got["rss"] < most))


# ---- s3-restore


def wait_for_next_second():
    time.sleep(1 - time.time() % 1)


def fill(tools, env, count, edition, folder):
    for n in range(count):
        (folder / f"{n:05}.jpg").write_text(f"{edition} {n} " * 100)
    run(env, [tools.s5cmd, "cp", f"{folder}/", "s3://bench/originals/"])


def etags(tools, env):
    lines = run(env, [tools.s5cmd, "--json", "ls", "--etag", "s3://bench/*"]).splitlines()
    return {entry["key"]: entry["etag"] for entry in map(json.loads, lines)}


def overwritten_bucket(tools, env, count, folder):
    """Every object overwritten once. Returns the instant before that and the ETags of then."""
    data = folder / "data"
    data.mkdir(exist_ok=True)
    fill(tools, env, count, "good", data)
    good = etags(tools, env)
    # The instant has a second to itself, since stamps are whole seconds.
    wait_for_next_second()
    at = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    wait_for_next_second()
    fill(tools, env, count, "wrong", data)
    return at, good


def copy_command(line):
    record = json.loads(line)
    address = f"s3://{record['bucket']}/{record['key']}"
    return f"cp --version-id {record['version_id']} {address} {address}\n"


def restores(tools, at, plan, folder):
    """{name: (pipeline, its stdin)}. Every tool with the concurrency that it chooses itself."""
    (folder / "copies").write_text("".join(map(copy_command, plan.splitlines())))
    (folder / "plan").write_text(plan)
    listed = [tools.versions, "--at", at, "s3://bench/originals/"]
    pit = [tools.pit, "--bucket", "bench", "--dest-bucket", "bench", "--prefix", "originals/", "--timestamp", at]
    return {
        "s3-restore": ([[tools.restore]], folder / "plan"),
        "s5cmd run": ([[tools.s5cmd, "run", folder / "copies"]], None),
        "s3-versions \\| s3-restore": ([listed, [tools.restore]], None),
        "s3-pit-restore": ([pit], None),
    }


def restore_once(tools, options, name, folder):
    """In a bucket of its own: whatever ran before would leave nothing to do."""
    with FastS3(options.bins, "bucket=bench") as server:
        env = server.env()
        at, good = overwritten_bucket(tools, env, options.objects, folder)
        plan = run(env, [tools.versions, "--at", at, "s3://bench/originals/"])
        commands, given = restores(tools, at, plan, folder)[name]
        commands = [[str(part) for part in command] for command in commands]
        got = measure(env, *commands, stdin=open(given, "rb") if given else subprocess.DEVNULL)
        if etags(tools, env) != good:
            sys.exit(f"bench: {name} did not restore every object")
    return got


def bench_restore(tools, options):
    names = ["s3-restore", "s5cmd run", "s3-versions \\| s3-restore", "s3-pit-restore"]
    runs = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.runs):
            for name in names:
                runs[name].append(restore_once(tools, options, name, pathlib.Path(folder)))
    results = {name: medians(measured) for name, measured in runs.items()}
    print(f"\n### Restoring {options.objects:,} overwritten objects\n")
    print("s5cmd is given the same versions as s3-restore; s3-pit-restore lists for itself, as s3-versions does for us.\n")
    header("tool", "CPU s", "CPU us an object", "wall s", "peak MiB")
    for name, got in results.items():
        row(name, f"{got['cpu']:.2f}", f"{got['cpu'] / options.objects * 1e6:.0f}", *wall_and_rss(got))
    print()
    header("ratio", "measured", "target")
    for ours, peer, wall in [(names[0], names[1], 1), (names[2], names[3], 4)]:
        row(f"wall, {peer} / {ours}", *ratio(results[peer]["wall"] / results[ours]["wall"], wall))
        row(f"CPU, {peer} / {ours}", *ratio(results[peer]["cpu"] / results[ours]["cpu"], 4))


# ---- start


def starts(tools, server):
    """{tool: (environment, command, stdin)}: the shortest run that writes a record."""
    s3 = server.env()
    listed = run(s3, [tools.versions, "s3://synthetic/"]).splitlines()[0].encode()
    purge = [tools.purge, "--distribution-id", make_distribution(tools)]
    return {
        "s3-versions": (s3, [tools.versions, "s3://synthetic/"], b""),
        "s3-restore": (s3, [tools.restore, "--dry-run"], listed + b"\n"),
        "cf-purge": (dict(os.environ), purge, b'{"key":"a.jpg"}\n'),
    }


def make_distribution(tools):
    made = run(dict(os.environ), [tools.aws, "cloudfront", "create-distribution", "--origin-domain-name", "b.example"])
    return json.loads(made)["Distribution"]["Id"]


def bench_start(tools, options):
    print("\n### Start, in ms\n")
    header("tool", "to the first byte", "target", "", "`--help`", "target", "")
    with FastS3(options.bins, "keys=1", "versions=1") as server:
        for name, (env, command, given) in starts(tools, server).items():
            first = statistics.median(first_byte(env, command, given) for _ in range(options.runs * 4)) * 1e3
            help_ = statistics.median(first_byte(env, [command[0], "--help"]) for _ in range(options.runs * 4)) * 1e3
            row(name, f"{first:.1f}", "< 50", verdict(first < 50), f"{help_:.1f}", "< 10", verdict(help_ < 10))


def bench(options):
    tools = Tools(options.bins, options.peers)
    bench_listing(tools, options)
    bench_memory(tools, options)
    bench_restore(tools, options)
    bench_start(tools, options)
