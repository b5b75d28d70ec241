"""ts-import beside curl and the official Python client, on the sandbox's Typesense."""

import json
import os
import pathlib
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

from measuring import at_most, header, measure, medians, ratio, row, verdict

FIELDS = [
    {"name": "name", "type": "string"},
    {"name": "city", "type": "string", "facet": True},
    {"name": "role", "type": "string", "facet": True},
    {"name": "rating", "type": "float"},
    {"name": "followers", "type": "int64"},
]
CITIES = ["london", "paris", "berlin", "madrid", "rome", "tokyo", "lima", "oslo"]
ROLES = ["model", "stylist", "photographer", "producer"]
# Documents in a request, as Typesense's guide has it and the Python client is given them.
BATCH = 10_000
# How often a document is looked for while it is not there yet.
LOOK_S = 0.02

PYTHON = """
import itertools, json, sys, typesense
node, key, collection, path, size = sys.argv[1:]
host, port = node.rsplit("//")[1].split(":")
client = typesense.Client({"nodes": [{"host": host, "port": port, "protocol": "http"}], "api_key": key,
                           "connection_timeout_seconds": 600})
documents = client.collections[collection].documents
with open(path) as lines:
    while batch := [json.loads(line) for line in itertools.islice(lines, int(size))]:
        assert all(result["success"] for result in documents.import_(batch, {"action": "upsert"}))
"""


class Typesense:
    def __init__(self):
        env = os.environ
        self.url = f"{env['TS_PROTOCOL']}://{env['TS_HOST']}:{env['TS_PORT']}"
        self.key = env["TS_KEY"]
        wrapper = (pathlib.Path(env["SANDBOX_DIR"]) / "typesense.pid").read_text().split()[0]
        self.pids = subprocess.run(["pgrep", "-P", wrapper], capture_output=True, text=True).stdout.split()

    def request(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data, {"X-TYPESENSE-API-KEY": self.key}, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def count(self, collection):
        return self.request("GET", f"/collections/{collection}")["num_documents"]

    def cpu(self):
        """Seconds of CPU that the server has used so far."""
        ticks = 0
        for pid in self.pids:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")")[-1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def anew(self, collection):
        try:
            self.request("DELETE", f"/collections/{collection}")
        except urllib.error.HTTPError:
            pass
        self.request("POST", "/collections", {"name": collection, "fields": FIELDS})


def documents(path, count):
    """Some 300 bytes each."""
    with open(path, "w") as lines:
        for n in range(count):
            document = {
                "id": str(n),
                "name": f"Person {n} of the {CITIES[n % 8]} agency",
                "city": CITIES[n % 8],
                "role": ROLES[n % 4],
                "rating": n % 500 / 100,
                "followers": n * 37 % 1_000_003,
                "bio": f"number {n}, " + "worked in many places " * 6,
            }
            lines.write(json.dumps(document, separators=(",", ":")) + "\n")


def curl(server, files, collection, folder):
    """One curl for all of the files, each a request on the same connection."""
    url = f"{server.url}/collections/{collection}/documents/import?action=upsert"
    header_line = f'header = "X-TYPESENSE-API-KEY: {server.key}"'
    each = [f'url = "{url}"\n{header_line}\ndata-binary = "@{file}"\noutput = "/dev/null"\n' for file in files]
    config = folder / f"curl-{len(files)}"
    config.write_text("next\n".join(each))
    return ["curl", "--silent", "--fail", "--http1.1", "--config", str(config)]


def first_visible(server, collection, started, found):
    """Waits for the first document; puts the seconds since the start into `found`."""
    while not found:
        if server.count(collection) > 0:
            found.append(time.perf_counter() - started)
        time.sleep(LOOK_S)


def once(server, name, command, stdin, count):
    collection = "bench"
    server.anew(collection)
    before, found = server.cpu(), []
    started = time.perf_counter()
    watcher = threading.Thread(target=first_visible, args=(server, collection, started, found))
    watcher.start()
    got = measure(dict(os.environ), [str(part) for part in command], stdin=open(stdin, "rb") if stdin else subprocess.DEVNULL)
    watcher.join()
    if server.count(collection) != count:
        raise SystemExit(f"bench: {name} left {server.count(collection)} of {count} documents")
    return {**got, "server": server.cpu() - before, "first": found[0]}


def bench(options):
    server = Typesense()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        whole = folder / "documents.jsonl"
        documents(whole, options.documents)
        subprocess.run(["split", "-l", str(BATCH), whole, folder / "part-"], check=True)
        parts = sorted(folder.glob("part-*"))
        python = [options.peers / "bin/python", "-c", PYTHON, server.url, server.key, "bench", whole, BATCH]
        commands = {
            "ts-import": ([options.bins / "ts-import", "-q", "bench"], whole),
            "curl, one request": (curl(server, [whole], "bench", folder), None),
            f"curl, {BATCH:,} documents a request": (curl(server, parts, "bench", folder), None),
            "Python client's import_": (python, None),
        }
        runs = {name: [] for name in commands}
        for _ in range(min(options.runs, 2)):
            for name, (command, stdin) in commands.items():
                runs[name].append(once(server, name, command, stdin, options.documents))
    results = {name: medians(measured) for name, measured in runs.items()}
    print(f"\n### Importing {options.documents:,} documents into Typesense (medians of {min(options.runs, 2)} runs)\n")
    header("command", "wall s", "first document s", "client CPU s", "server CPU s", "peak MiB of the client")
    for name, got in results.items():
        row(name, *(f"{got[key]:.2f}" for key in ["wall", "first", "cpu", "server"]), f"{got['rss']:.1f}")
    ours, single = results["ts-import"], results["curl, one request"]
    best = min(got["wall"] for name, got in results.items() if name.startswith("curl"))
    print()
    header("ratio", "measured", "target")
    row("wall, ts-import / the better curl", *at_most(ours["wall"] / best, 1.05))
    row("first document, curl in one request / ts-import", *ratio(single["first"] / ours["first"], 5))
    row("CPU, ts-import / its server", *at_most(ours["cpu"] / ours["server"], 0.1))
    row("CPU, Python client / ts-import", *ratio(results["Python client's import_"]["cpu"] / ours["cpu"], 5))
    row("peak MiB of ts-import", f"{ours['rss']:.1f}", f"below 48: {verdict(ours['rss'] < 48)}")
