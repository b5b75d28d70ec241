"""stripe-events beside the Stripe CLI and a bare client, stripe-replay to a handler that only counts, on servers of
this machine.

The CLI lists one page in each call. Its loop is the cheapest that a shell can make: bash finds the cursor in the page by
itself, and events stay as the CLI writes them, newest first within each page.
"""

import contextlib
import http.client
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

from measuring import header, interleaved, measure, medians, ratio, row, run, verdict

KEY = "sk_test_drkit"
PAGE = 100
# What a page takes without the network: the less, the harder for stripe-events.
DELAY_MS = 5
FIRST = "evt_1"
RATE = 5_000
PEAK_MIB = 48

LOOP = """
set -euo pipefail
cursor=$3
while :; do
    page=$("$1" events list --api-base "$2" --limit 100 --ending-before "$cursor")
    printf '%s\\n' "$page"
    case $page in
    *'"has_more": true'*) ;;
    *) break ;;
    esac
    cursor=${page#*'"id": "'}
    cursor=${cursor%%'"'*}
done
"""


class Stripe:
    def __init__(self, options, home):
        arguments = [options.bins / "fast-stripe", f"events={options.events + 1}", f"delay-ms={DELAY_MS}"]
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.api, self.handler = (self.process.stdout.readline().strip() for _ in range(2))
        self.env = {
            **os.environ,
            "HOME": str(home),
            "STRIPE_API_KEY": KEY,
            "STRIPE_API_BASE": self.api,
            "STRIPE_WEBHOOK_SECRET": "whsec_bench",
            "STRIPE_CLI_TELEMETRY_OPTOUT": "1",
        }

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def accepted(self):
        """Calls that the handler has had so far."""
        with urllib.request.urlopen(self.handler) as answer:
            return int(answer.read())

    def latency(self):
        """The median time of a page on one connection, in seconds."""
        with contextlib.closing(http.client.HTTPConnection(self.api.removeprefix("http://"))) as connection:
            cursor, took = FIRST, []
            while cursor:
                started = time.perf_counter()
                path = f"/v1/events?limit={PAGE}&ending_before={cursor}"
                connection.request("GET", path, headers={"Authorization": f"Bearer {KEY}"})
                body = connection.getresponse().read()
                took.append(time.perf_counter() - started)
                page = json.loads(body)
                cursor = page["data"][0]["id"] if page["has_more"] else None
        return statistics.median(took)


def cli(options):
    """The program itself, without the script that the package puts before it."""
    found = list((options.peers.parent / "npm/node_modules/@stripe").glob("cli-*/bin/stripe"))
    if not found:
        sys.exit("bench: the Stripe CLI is not installed: start scripts/bench")
    return found[0]


def pages(text):
    """The JSON values of a text, one after the other."""
    decoder, place = json.JSONDecoder(), 0
    while place < len(text.rstrip()):
        value, place = decoder.raw_decode(text, place)
        yield value
        place += 1


def same_events(stripe, ours, loop):
    """The output of stripe-events, which must be the events of the CLI in their order."""
    output = run(stripe.env, ours)
    events = [json.loads(line) for line in output.splitlines()]
    listed = [event for page in pages(run(stripe.env, loop)) for event in reversed(page["data"])]
    if events != listed:
        sys.exit("bench: stripe-events and the Stripe CLI do not list the same events")
    return output


def bench_events(options, stripe):
    ours = [str(options.bins / "stripe-events"), "-q", "--since", FIRST]
    loop = ["bash", "-c", LOOP, "bash", str(cli(options)), stripe.api, FIRST]
    output = same_events(stripe, ours, loop)
    latency = statistics.median(stripe.latency() for _ in range(options.runs))
    results = interleaved(options.runs, {"stripe-events": ours, "a loop over stripe events list": loop}, stripe.env)
    needed = -(-options.events // PAGE)
    print(f"\n### Listing {options.events:,} events, {latency * 1e3:.1f} ms a page\n")
    header("command", "wall s", "CPU s")
    for name, got in results.items():
        row(name, f"{got['wall']:.2f}", f"{got['cpu']:.2f}")
    got, peer = results.values()
    print()
    header("ratio", "measured", "target")
    row("wall, loop / stripe-events", *ratio(peer["wall"] / got["wall"], 10))
    share = needed * latency / got["wall"]
    row(f"time of {needed} pages / wall of stripe-events", f"{share:.2f}", f"at least 0.9: {verdict(share >= 0.9)}")
    return output


def replay_once(options, stripe, events, journal):
    command = [str(options.bins / "stripe-replay"), "-q", "--to", stripe.handler, "--order", "object"]
    if journal:
        journal.unlink(missing_ok=True)
        command += ["--journal", str(journal)]
    before = stripe.accepted()
    got = measure(stripe.env, command, stdin=events.open("rb"))
    if stripe.accepted() - before != options.events:
        sys.exit("bench: stripe-replay did not post every event once")
    return got


def bench_replay(options, stripe, output):
    # Beside the binaries and not where temporary files are, which may be memory: a journal is synced to disk.
    with tempfile.TemporaryDirectory(dir=options.bins) as name:
        folder = pathlib.Path(name)
        events = folder / "events.jsonl"
        events.write_text(output)
        journals = {"stripe-replay": None, "stripe-replay --journal": folder / "journal.jsonl"}
        runs = {name: [] for name in journals}
        for _ in range(options.runs):
            for name, journal in journals.items():
                runs[name].append(replay_once(options, stripe, events, journal))
    print(f"\n### Posting {options.events:,} events to a handler, in the order of their objects\n")
    header("command", "events a second", "target", "peak MiB", "target", "CPU s")
    for name, measured in runs.items():
        got = medians(measured)
        rate = options.events / got["wall"]
        met = f"at least {RATE:,}: {verdict(rate >= RATE)}", f"below {PEAK_MIB}: {verdict(got['rss'] < PEAK_MIB)}"
        row(name, f"{rate:,.0f}", met[0], f"{got['rss']:.1f}", met[1], f"{got['cpu']:.2f}")


def bench(options):
    with tempfile.TemporaryDirectory() as home, Stripe(options, home) as stripe:
        output = bench_events(options, stripe)
        bench_replay(options, stripe, output)
