"""Whole processes, interleaved runs, medians and ratios, as Markdown."""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time


def peak(pid):
    """The largest resident set so far, in KiB. rusage would also count this process, of which the child is a fork."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    line = next((line for line in status.splitlines() if line.startswith("VmHWM")), "VmHWM: 0 kB")
    return int(line.split()[1])


def measure(env, *commands, stdin=subprocess.DEVNULL, expected=0):
    """Runs the commands as one pipeline into /dev/null: {"cpu": s, "wall": s, "rss": MiB of the largest}.

    Each must end with the expected exit code.
    """
    with tempfile.TemporaryFile() as messages:
        started = time.perf_counter()
        running = {}
        for n, command in enumerate(commands):
            last = n == len(commands) - 1
            process = subprocess.Popen(
                command, env=env, stdin=stdin, stdout=subprocess.DEVNULL if last else subprocess.PIPE, stderr=messages
            )
            # Ours is closed, so that a process that ends early is noticed by the one before it.
            if stdin is not subprocess.DEVNULL:
                stdin.close()
            stdin = process.stdout
            running[process.pid] = (process, command)
        cpu, rss = 0.0, 0
        while running:
            for pid, (process, command) in list(running.items()):
                rss = max(rss, peak(pid))
                ended, status, used = os.wait4(pid, os.WNOHANG)
                if not ended:
                    continue
                del running[pid]
                process.returncode = os.waitstatus_to_exitcode(status)
                if process.returncode != expected:
                    messages.seek(0)
                    said = messages.read().decode(errors="replace")[-2000:]
                    sys.exit(f"bench: {command[0]} ended with {process.returncode}: {said}")
                cpu += used.ru_utime + used.ru_stime
            time.sleep(0.001)
        return {"cpu": cpu, "wall": time.perf_counter() - started, "rss": rss / 1024}


def first_byte(env, command, stdin=b""):
    """Seconds from the start of the process to the first byte on its stdout."""
    with tempfile.TemporaryFile() as given:
        given.write(stdin)
        given.seek(0)
        started = time.perf_counter()
        process = subprocess.Popen(
            command, env=env, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        )
        byte = process.stdout.read(1)
        took = time.perf_counter() - started
        _, said = process.communicate()
    if not byte or process.returncode != 0:
        sys.exit(f"bench: {command[0]} ended with {process.returncode}: {said.decode(errors='replace')[-2000:]}")
    return took


def interleaved(runs, commands, env, expected=None, once_over=float("inf")):
    """The medians of each command, all of which are run in turn so many times: {name: {"cpu", "wall", "rss"}}.

    `expected` has the exit codes of those that end with another than 0. A command that takes longer than `once_over`
    seconds is not run again.
    """
    measured = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            if any(got["wall"] > once_over for got in measured[name]):
                continue
            code = (expected or {}).get(name, 0)
            measured[name].append(measure(env, [str(part) for part in command], expected=code))
    return {name: medians(got) for name, got in measured.items()}


def medians(runs):
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def run(env, command):
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"bench: {command[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def count_lines(env, command):
    """How many lines a command writes, none of which are kept."""
    with subprocess.Popen([str(part) for part in command], env=env, stdout=subprocess.PIPE) as process:
        lines = sum(chunk.count(b"\n") for chunk in iter(lambda: process.stdout.read(1 << 20), b""))
    if process.returncode != 0:
        sys.exit(f"bench: {command[0]} ended with {process.returncode}")
    return lines


def header(*cells):
    row(*cells)
    row("---", *["---:"] * (len(cells) - 1))


def row(*cells):
    print(f"| {' | '.join(cells)} |", flush=True)


def wall_and_rss(got):
    return f"{got['wall']:.2f}", f"{got['rss']:.0f}"


def verdict(met):
    return "met" if met else "**missed**"


def ratio(measured, target):
    return f"{measured:.1f}", f"at least {target}: {verdict(measured >= target)}"


def at_most(measured, target):
    return f"{measured:.2f}", f"at most {target}: {verdict(measured <= target)}"
