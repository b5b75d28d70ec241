#!/usr/bin/env bash
# One restore by several processes or machines: each takes the keys of its shard, and together they take every key once.
set -euo pipefail

# shellcheck source=scripts/runbooks/steps.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/steps.sh"
runbook=s3-restore-sharded out=2
pids=()

usage() {
    cat <<'EOF'
Usage: s3-restore-sharded.sh SHARDS PLAN FOLDER [-- S3-RESTORE OPTION...]

Restores the records of PLAN, which s3-versions wrote, in SHARDS shards. Each shard has its own journal, results and
rejects in FOLDER, so that the same line run again goes on where it was left. Its results, shard-I.jsonl, are those of
all runs, each record once: s3-restore --undo reads them. A shard that is restored already by another process is
refused, and nothing of that one is touched.

Alone, it runs all shards here, one process each. In an AWS Batch array job or an indexed job of Kubernetes every
machine runs this same line, and each runs the one shard that AWS_BATCH_JOB_ARRAY_INDEX or JOB_COMPLETION_INDEX names,
both counted from 0. SHARDS is then the size of the array, or the job's completions.

Example:
  s3-versions --at 2026-11-20T10:00:00Z s3://photos/originals/ > plan.jsonl
  s3-restore-sharded.sh 4 plan.jsonl evidence

Exit codes: 0 all done; 2 usage, or a shard that another process restores; 3 finished, some records rejected; 1 some
shard was aborted: run it again. After a signal the shards end what is in flight, and the script dies by the signal.

Needs s3-restore and flock on PATH.
EOF
}

# restore INDEX: one shard, in a process of its own. Rejects are those of this run alone; the results of all runs are
# in one file, since the journal repeats in the next run what a killed one did.
restore() {
    local name=$folder/shard-$1 code=0 tool='' stopping=''
    # A signal to the group has reached the tool as well; USR1 is what stop passes on.
    trap : INT TERM
    trap '' HUP
    trap 'stopping=yes; [ -z "$tool" ] || kill -s TERM "$tool" 2>/dev/null || true' USR1
    lock "$name.lock" "shard $1/$shards in $folder" 'give another FOLDER'
    fold "$name.jsonl"
    : >"$name.rejects.jsonl"
    (
        trap - INT
        exec 6>&-
        exec s3-restore --shard "$1/$shards" --journal "$name.journal" --rejects "$name.rejects.jsonl" \
            "${options[@]}" "$plan" >"$name.jsonl.part"
    ) &
    tool=$!
    [ -z "$stopping" ] || kill -s TERM "$tool"
    waited "$tool" || code=$?
    fold "$name.jsonl"
    return "$code"
}

# stop SIGNAL: the shards end what is in flight.
# shellcheck disable=SC2329 # called by traps
stop() {
    if [ -z "$signal" ]; then
        signal=$1
    elif [ "$1" = HUP ]; then
        return 0
    fi
    ! is_alone || kill -s USR1 "${pids[@]}" 2>/dev/null || true
}

# some INDEX...: these shards at once; the worst of their ends.
some() {
    local index code worst=0
    for index in "$@"; do
        [ -z "$signal" ] || break
        restore "$index" &
        pids[index]=$!
    done
    for index in "${!pids[@]}"; do
        code=0
        waited "${pids[index]}" || code=$?
        unset "pids[index]"
        [ "$code" = 0 ] || say "shard $index/$shards ended with exit code $code"
        case $code in
        0) ;;
        2) worst=2 ;;
        3) [ "$worst" != 0 ] || worst=3 ;;
        *) [ "$worst" = 2 ] || worst=1 ;;
        esac
    done
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
command -v flock >/dev/null || die 1 'no flock on PATH: install util-linux'
command -v s3-restore >/dev/null || die 1 'no s3-restore on PATH: cargo install --path tools/s3-restore'

index=${AWS_BATCH_JOB_ARRAY_INDEX:-${JOB_COMPLETION_INDEX:-}}
if [ -z "$index" ]; then
    mapfile -t indexes < <(seq 0 $((shards - 1)))
elif [[ $index =~ ^(0|[1-9][0-9]*)$ ]] && [ "$index" -lt "$shards" ]; then
    indexes=("$index")
else
    die 2 "$index is no shard of $shards: they are counted from 0"
fi
mkdir -p -- "$folder" || die 1 "cannot make the folder $folder"

watch_group
trap 'stop INT' INT
trap 'stop TERM' TERM
trap 'stop HUP' HUP
code=0
some "${indexes[@]}" || code=$?
if [ -n "$signal" ]; then
    say "ended by SIG$signal: run the same line again to go on; what was done is in $folder"
    trap - "$signal"
    kill -s "$signal" "$$"
fi
exit "$code"
