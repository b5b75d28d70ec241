#!/usr/bin/env bash
# One restore by several processes or machines: each takes the keys of its shard, and together they take every key once.
set -euo pipefail

usage() {
    cat <<'EOF'
Usage: s3-restore-sharded.sh SHARDS PLAN FOLDER [-- S3-RESTORE OPTION...]

Restores the records of PLAN, which s3-versions wrote, in SHARDS shards. Each shard has its own journal, results and
rejects in FOLDER, so that the same line run again goes on where it was left.

Alone, it runs all shards here, one process each. In an AWS Batch array job or an indexed job of Kubernetes every
machine runs this same line, and each runs the one shard that AWS_BATCH_JOB_ARRAY_INDEX or JOB_COMPLETION_INDEX names,
both counted from 0. SHARDS is then the size of the array, or the job's completions.

Example:
  s3-versions --at 2026-11-20T10:00:00Z s3://photos/originals/ > plan.jsonl
  s3-restore-sharded.sh 4 plan.jsonl evidence

Exit codes: 0 all done; 2 usage; 3 finished, some records rejected; 1 some shard was aborted: run it again.
EOF
}

say() { printf 's3-restore-sharded: %s\n' "$*" >&2; }

die() {
    local code=$1
    shift
    say "$*"
    exit "$code"
}

# restore INDEX: the one shard, in the place of this process. Rejects are those of this run alone.
restore() {
    local name=$folder/shard-$1
    : >"$name.rejects.jsonl"
    exec s3-restore --shard "$1/$shards" --journal "$name.journal" --rejects "$name.rejects.jsonl" \
        "${options[@]}" "$plan" >"$name.jsonl"
}

# all: every shard at once; the worst of their ends.
all() {
    local index code worst=0 pids=()
    for ((index = 0; index < shards; index++)); do
        restore "$index" &
        pids+=("$!")
    done
    trap 'kill -TERM "${pids[@]}" 2>/dev/null || true' INT TERM
    for ((index = 0; index < shards; index++)); do
        code=0
        wait "${pids[index]}" || code=$?
        [ "$code" = 0 ] || say "shard $index/$shards ended with exit code $code"
        case $code in
        0) ;;
        2) worst=2 ;;
        3) [ "$worst" != 0 ] || worst=3 ;;
        *) [ "$worst" = 2 ] || worst=1 ;;
        esac
    done
    # A signal ends the wait for one of them early.
    wait
    return "$worst"
}

case ${1:-} in
-h | --help)
    usage
    exit 0
    ;;
esac
[ "$#" -ge 3 ] || die 2 'give SHARDS, PLAN and FOLDER: see --help'
shards=$1 plan=$2 folder=$3
shift 3
[ "${1:-}" != -- ] || shift
options=("$@")
[[ $shards =~ ^[1-9][0-9]*$ ]] || die 2 "$shards is no number of shards"
[ -r "$plan" ] || die 2 "cannot read $plan"
command -v s3-restore >/dev/null || die 1 'no s3-restore on PATH: cargo install --path tools/s3-restore'
mkdir -p "$folder"

index=${AWS_BATCH_JOB_ARRAY_INDEX:-${JOB_COMPLETION_INDEX:-}}
if [ -n "$index" ]; then
    restore "$index"
else
    all
fi
