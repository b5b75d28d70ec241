"""Measures the tools beside their peers, on servers of this machine. Started by scripts/bench."""

import argparse
import os
import pathlib
import platform

import copies
import dynamodb
import growth
import imports
import listing
import postgres
import s3
import stripe

PARTS = {
    "s3": s3.bench,
    "listing": listing.bench,
    "copies": copies.bench,
    "postgres": postgres.bench,
    "typesense": imports.bench,
    "dynamodb": dynamodb.bench,
    "stripe": stripe.bench,
}
# Writes files of the repository, so that it must be asked for.
ASKED_FOR = {"growth": growth.bench}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS, *ASKED_FOR])
    parser.add_argument("--bins", type=pathlib.Path, required=True)
    parser.add_argument("--peers", type=pathlib.Path, required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--entries", type=int, default=40_000)
    parser.add_argument("--many", type=int, default=1_000_000)
    parser.add_argument("--huge", type=int, default=10_000_000)
    parser.add_argument("--copies", type=int, default=50_000)
    parser.add_argument("--report", type=pathlib.Path, default="tools/s3-versions")
    parser.add_argument("--objects", type=int, default=5_000)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=200_000)
    parser.add_argument("--events", type=int, default=10_000)
    options = parser.parse_args()
    print(f"Medians of {options.runs} interleaved runs on {os.cpu_count()} cores, {platform.system()} {platform.machine()}.")
    for name in options.parts or PARTS:
        (PARTS | ASKED_FOR)[name](options)


if __name__ == "__main__":
    main()
