"""pg-validate-hash and pg-rows beside psql, reladiff and md5 in SQL, on the sandbox's PostgreSQL."""

import os
import subprocess
import sys

from measuring import at_most, header, interleaved, ratio, row, run, verdict, wall_and_rss

# Some 180 bytes a row as binary COPY sends it.
TABLE = """
create table big (id bigint, n int, t text, num numeric, f float8, ts timestamptz, note text, j jsonb, u uuid);
insert into big
select i, i * 7919 % 100000, md5(i::text) || 'xy', i::numeric / 7, i * 1.5, timestamptz '2026-01-01' + i * interval '1 second',
       case when i % 3 > 0 then 'note ' || i end, jsonb_build_object('a', i, 'b', 'c'), md5(i::text)::uuid
  from generate_series(1, {rows}::bigint) i;
alter table big add primary key (id);
vacuum analyze big;
"""
COLUMNS = ["f", "id", "j", "n", "note", "num", "t", "ts", "u"]
COPY = f"COPY (SELECT {', '.join(COLUMNS)} FROM ONLY big) TO STDOUT (FORMAT binary)"
# Spread over the whole table.
CHANGES = "update big set n = n + 1 where id % ({rows} / 100) = 0"
MD5 = "select md5(string_agg(big::text, '' order by id)) from big"
JSON = "select row_to_json(q) from (select * from big) q"


def psql(env, sql):
    """Statements, each on its own: VACUUM goes in no transaction."""
    command = ["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", env["DB_URL"]]
    done = subprocess.run(command, input=sql, env=env, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"bench: psql ended with {done.returncode}: {done.stderr[-2000:]}")


def databases(options):
    """The environments of two databases with equal tables, and of one in which 100 rows differ."""
    base = dict(os.environ)
    server = base["DB_URL"].rsplit("/", 1)[0]
    made = {name: {**base, "DB_URL": f"{server}/{name}"} for name in ["bench_one", "bench_two", "bench_three"]}
    for name in made:
        psql(base, f"drop database if exists {name}")
    psql(base, "create database bench_one")
    psql(made["bench_one"], TABLE.format(rows=options.rows))
    psql(base, "create database bench_two template bench_one; create database bench_three template bench_one;")
    psql(made["bench_three"], CHANGES.format(rows=options.rows))
    one, two, three = made.values()
    return {**one, "SAME": two["DB_URL"], "CHANGED": three["DB_URL"]}


def bench(options):
    env = databases(options)
    tool, rows = options.bins / "pg-validate-hash", options.bins / "pg-rows"
    hashed = [tool, "-q", "big"]
    columns = [flag for name in COLUMNS if name != "id" for flag in ["-c", name]]
    # reladiff knows only this spelling of the scheme.
    url, same = (env[name].replace("postgres://", "postgresql://") for name in ["DB_URL", "SAME"])
    reladiff = [options.peers / "bin/reladiff", url, "big", same, "big", "-k", "id", *columns]
    # It ends with 0 whatever happens.
    if "0.00% difference score" not in (said := run(env, [*map(str, reladiff), "--stats"])):
        sys.exit(f"bench: reladiff did not compare the tables: {said}")
    commands = {
        "psql COPY binary": ["psql", "-X", url, "-c", COPY],
        "pg-validate-hash, 1 connection": [*hashed, "--concurrency", "1"],
        "pg-validate-hash, 2 connections": [*hashed, "--concurrency", "2"],
        "md5(string_agg(...))": ["psql", "-X", url, "-c", MD5],
        "pg-validate-hash --against-env": [*hashed, "--against-env", "SAME"],
        "reladiff": reladiff,
        "psql row_to_json": ["psql", "-XAt", url, "-c", JSON],
        "pg-rows": [rows, "-q", "select * from big"],
    }
    diff = "pg-validate-hash --against-env --diff"
    commands[diff] = [*hashed, "--against-env", "CHANGED", "--diff", "--rejects", os.devnull]
    # 100 rows differ there, which is no failure of the run.
    results = interleaved(options.runs, commands, env, expected={diff: 3})
    print(f"\n### Hashing and reading {options.rows:,} rows\n")
    header("command", "wall s", "peak MiB of the client", "its CPU s")
    for name, got in results.items():
        row(name, *wall_and_rss(got), f"{got['cpu']:.2f}")
    print()
    header("ratio of wall times", "measured", "target")
    wall = {name: got["wall"] for name, got in results.items()}
    one, two, both = list(commands)[1], list(commands)[2], list(commands)[4]
    row(f"{one} / psql COPY binary", *at_most(wall[one] / wall["psql COPY binary"], 1.05))
    row(f"{two} / psql COPY binary", *at_most(wall[two] / wall["psql COPY binary"], 0.75))
    row(f"reladiff / {both}", *ratio(wall["reladiff"] / wall[both], 3))
    row(f"md5(string_agg(...)) / {one}", *ratio(wall["md5(string_agg(...))"] / wall[one], 3))
    row(f"{diff} of 100 rows / without", *at_most(wall[diff] / wall[both], 2.2))
    row("pg-rows / psql row_to_json", *at_most(wall["pg-rows"] / wall["psql row_to_json"], 1))
    ours = max(got["rss"] for name, got in results.items() if name.startswith("pg-validate-hash"))
    print()
    header("memory", "peak MiB", "target MiB", "")
    row("pg-validate-hash", f"{ours:.1f}", "< 64", verdict(ours < 64))
    row("pg-rows", f"{results['pg-rows']['rss']:.1f}", "< 32", verdict(results["pg-rows"]["rss"] < 32))
