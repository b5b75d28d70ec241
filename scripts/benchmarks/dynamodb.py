"""ddb-restore --validate-only beside the bare scan of both tables, on a fast DynamoDB of this machine.

The peer downloads every page with as many connections and segments, signs nothing and reads nothing but where the next
page starts: no scan in Rust can cost less. boto3 would be no peer: its own reading of the answers takes longer than the
comparison, and the ratio would tell of Python. Each page comes after the pause that a page of 1 MiB takes at the service.
"""

import contextlib
import json
import os
import subprocess
import sys

from measuring import at_most, header, interleaved, row, run, verdict, wall_and_rss

CONCURRENCY = 4
# Four for each that is scanned at once, as in the tool.
SEGMENTS = 4 * CONCURRENCY
# A page of 1 MiB that is read consistently takes some 50 to 200 ms at the service; the less, the harder for the tool.
DELAY_MS = 50
VALIDATE = ["--validate-only", "--from", "old", "--to", "new"]


@contextlib.contextmanager
def served(options):
    """The environment of a running server whose tables all have the same items."""
    arguments = [options.bins / "fast-dynamodb", f"items={options.items}", f"delay-ms={DELAY_MS}"]
    server = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        url = server.stdout.readline().strip()
        yield {**os.environ, "AWS_ENDPOINT_URL": url}
    finally:
        server.stdin.close()
        server.wait()


def bench(options):
    with served(options) as env:
        scan = [options.bins / "bare-scan", env["AWS_ENDPOINT_URL"], "old", "new", CONCURRENCY, SEGMENTS]
        ours = [options.bins / "ddb-restore", "-q", *VALIDATE, "--concurrency", CONCURRENCY]
        commands = {"bare scan": scan, "ddb-restore --validate-only": ours, "ddb-restore --validate-only --diff": [*ours, "--diff"]}
        # The server makes its answers when they are first asked for.
        found = json.loads(run(env, [str(part) for part in ours]) or "{}").get("validate", {})
        if not found.get("match") or found["to"]["items"] != options.items:
            sys.exit(f"bench: ddb-restore did not compare the tables: {found}")
        results = interleaved(options.runs, commands, env)
    print(f"\n### Comparing two tables of {options.items:,} items, {DELAY_MS} ms a page\n")
    header("command", "wall s", "peak MiB of the client", "its CPU s")
    for name, got in results.items():
        row(name, *wall_and_rss(got), f"{got['cpu']:.2f}")
    bare, validated = results["bare scan"], results["ddb-restore --validate-only"]
    print()
    header("ratio", "measured", "target")
    row("wall, ddb-restore --validate-only / bare scan", *at_most(validated["wall"] / bare["wall"], 1.1))
    row("peak MiB of ddb-restore --validate-only", f"{validated['rss']:.0f}", f"below 128: {verdict(validated['rss'] < 128)}")
