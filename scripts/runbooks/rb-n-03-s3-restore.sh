#!/usr/bin/env bash
# RB-N-03: bring a prefix of a versioned bucket back to an instant, and make the CDN forget what was wrong since.
set -euo pipefail

# shellcheck source=scripts/runbooks/steps.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/steps.sh"
runbook=rb-n-03
remembered=(BUCKET PREFIX AT DISTRIBUTION_ID) besides=()

usage() {
    cat <<'EOF'
Usage: rb-n-03-s3-restore.sh [--delete-newer] [--yes] [-- CF-PURGE OPTION...]

After an accidental delete or overwrite in a versioned bucket: plans the way back, shows it, tries it without
writing, asks, restores, purges the CDN, and checks that nothing is left to do. No data version is ever deleted.

Environment:
  BUCKET           the bucket
  PREFIX           the keys to bring back begin with this; set but empty means the whole bucket
  AT               the last good instant, with its offset: 2026-11-20T10:00:00Z
  DISTRIBUTION_ID  the CloudFront distribution in front of the bucket
  EVIDENCE         folder for plan, results and log (default evidence/rb-n-03-BUCKET-<time in UTC>, one for each run);
                   while a run uses it, another with the same folder is refused

Options:
  --delete-newer   also put a delete marker on keys that did not exist at AT
  --yes            do not ask before writing
  --               what follows goes to cf-purge, such as --strip-prefix originals/ or --max-cost 20

Example:
  export BUCKET=photos PREFIX=originals/ AT=2026-11-20T10:00:00Z DISTRIBUTION_ID=EABC123
  rb-n-03-s3-restore.sh --delete-newer

If it is interrupted or aborted, run it again with EVIDENCE set to its folder, as its last lines say: the plan is kept,
and the journals know what is done, so that no key is restored and no path is paid for twice. restore.jsonl in it has
what all runs did: s3-restore --undo reads it. To purge with other options, remove purge.journal there.

Exit codes:
  0  the prefix is as it was at AT and the CDN has been purged (or there was nothing to do, or you said no)
  1  aborted: what was done is in the evidence; run it again with the same EVIDENCE
  2  usage
  3  finished, but some keys were not restored or differ again: they are named at the end

Needs s3-versions, s3-restore, cf-purge and flock on PATH and AWS credentials in the environment.
EOF
}

require() {
    local name
    for name in BUCKET AT DISTRIBUTION_ID; do
        [ -n "${!name:-}" ] || die 2 "$name is not set: see --help"
    done
    [ -n "${PREFIX+set}" ] || die 2 'PREFIX is not set: for the whole bucket set it to nothing'
    need_tools s3-versions s3-restore cf-purge
}

# counts FILE MEMBER: one line for each action in the object MEMBER, with how many records and bytes. Inside a JSON
# string every quote is escaped, so these patterns match members alone and no key can look like one.
counts() {
    awk -v member="\"$2\":{" '
        {
            size = match($0, /"size":[0-9]+/) ? substr($0, RSTART + 7, RLENGTH - 7) : 0
            action = substr($0, index($0, member))
            match(action, /"action":"[^"]*"/)
            action = substr(action, RSTART + 10, RLENGTH - 11)
            count[action]++
            bytes[action] += size
        }
        END { for (action in count) printf "  %-14s %9d keys %18.0f bytes\n", action, count[action], bytes[action] }
    ' "$1" | sort
}

# keys_of FILE: the keys as JSON strings, sorted.
keys_of() {
    awk 'match($0, /"key":"([^"\\]|\\.)*"/) { print substr($0, RSTART + 6, RLENGTH - 6) }' "$1" | LC_ALL=C sort -u
}

# list FILE: what must be done so that the prefix is as it was at AT.
list() {
    local code=0
    attend into "$1" 0 s3-versions --bucket "$BUCKET" --prefix "$PREFIX" --at "$AT" || code=$?
    [ "$code" = 0 ] || die "$code" "s3-versions ended with exit code $code"
}

# What a plan is for. Distribution and options may be mended from one run to the next.
settings() { printf '%s\n' "bucket=$BUCKET" "prefix=$PREFIX" "at=$AT"; }

# A resumed run keeps its plan, since what an earlier one restored no longer shows in a new one.
plan() {
    if [ -e "$EVIDENCE/plan.jsonl" ]; then
        say "1 plan: the run is resumed with the plan in $EVIDENCE"
    else
        say "1 plan: s3://$BUCKET/$PREFIX as it was at $AT"
        list "$EVIDENCE/plan.jsonl"
    fi
}

show() {
    say "2 show: $(lines "$EVIDENCE/plan.jsonl") keys differ from $AT"
    counts "$EVIDENCE/plan.jsonl" plan
    if [ -z "$delete_newer" ] && grep -q '"action":"mark-deleted"' "$EVIDENCE/plan.jsonl"; then
        say "mark-deleted: these keys did not exist at $AT. They are left as they are, and listed as rejects;"
        say '  to put delete markers on them, run again with --delete-newer'
    fi
}

# accept NAME CODE: goes on after a rehearsal that ended with rejects, but not after one that was aborted.
accept() {
    case $2 in
    0 | 3) ;;
    *) die "$2" "$1 --dry-run ended with exit code $2: nothing was written" ;;
    esac
}

# rehearse NAME < PLAN: what s3-restore would do, in NAME.jsonl, and what it would reject, in NAME-rejects.jsonl.
rehearse() {
    local code=0
    : >"$EVIDENCE/$1-rejects.jsonl"
    attend s3-restore --dry-run ${delete_newer:+"$delete_newer"} --rejects "$EVIDENCE/$1-rejects.jsonl" \
        >"$EVIDENCE/$1.jsonl" || code=$?
    accept s3-restore "$code"
}

# cf-purge gets the plan, since it takes rehearsed records for keys that nothing was done to. That shows the most it
# can cost, and refuses wrong options before anything is written.
dry_run() {
    local code=0
    say '3 dry run: nothing is written'
    rehearse dry-run <"$EVIDENCE/plan.jsonl"
    counts "$EVIDENCE/dry-run.jsonl" restore
    kinds "$EVIDENCE/dry-run-rejects.jsonl"
    attend cf-purge --dry-run "${purge_options[@]}" <"$EVIDENCE/plan.jsonl" >"$EVIDENCE/dry-run-purge.jsonl" || code=$?
    accept cf-purge "$code"
}

# The journals repeat what earlier runs did, and tee outlives both tools to write down what they have in flight.
chain() {
    local codes=(0 0 0)
    s3-restore ${delete_newer:+"$delete_newer"} --journal "$EVIDENCE/journal.jsonl" \
        --rejects "$EVIDENCE/restore-rejects.jsonl" <"$EVIDENCE/plan.jsonl" |
        (trap '' INT TERM PIPE && exec tee "$EVIDENCE/restore.jsonl.part") |
        cf-purge "${purge_options[@]}" --wait --journal "$EVIDENCE/purge.journal" \
            --rejects "$EVIDENCE/purge-rejects.jsonl" >"$EVIDENCE/purge.jsonl.part" || codes=("${PIPESTATUS[@]}")
    # The last of the chain first: when it fails, those before it fail because nobody reads them any more.
    not_aborted cf-purge "${codes[2]}" records
    not_aborted tee "${codes[1]}" records
    not_aborted s3-restore "${codes[0]}" records
}

# Records and receipts are those of all runs: also of one that was killed, whose journal has them.
act() {
    local code=0
    say '5 act: restore and purge'
    gather
    rm -f -- "$EVIDENCE/acted"
    : >"$EVIDENCE/restore-rejects.jsonl"
    : >"$EVIDENCE/purge-rejects.jsonl"
    attend chain || code=$?
    gather
    [ "$code" = 0 ] || exit "$code"
    printf '%s\n' "$DISTRIBUTION_ID" >"$EVIDENCE/acted.part"
    mv -- "$EVIDENCE/acted.part" "$EVIDENCE/acted"
    counts "$EVIDENCE/restore.jsonl" restore
}

gather() {
    fold "$EVIDENCE/restore.jsonl"
    fold "$EVIDENCE/purge.jsonl"
}

# Another run may have been told of another distribution; acted names the one that was purged.
stands() {
    local where=s3://$BUCKET/$PREFIX
    if [ ! -e "$EVIDENCE/plan.jsonl" ]; then
        say 'nothing was written: there is no plan yet'
    elif [ ! -e "$EVIDENCE/journal.jsonl" ]; then
        say "nothing was written to $where"
    elif [ -e "$EVIDENCE/acted" ]; then
        say "$where is restored$(but restore), and $(cat "$EVIDENCE/acted") is purged$(but purge)."
        say '  This run has not yet verified that nothing is left to do'
    elif is_done restore && [ ! -e "$EVIDENCE/restore.jsonl.part" ] &&
        [ "$(lines "$EVIDENCE/restore.jsonl")" = "$(lines "$EVIDENCE/plan.jsonl")" ]; then
        say "$where is restored, but the CDN may still show wrong content"
    else
        say "$where is restored in part, and the CDN may still show wrong content. The plan has"
        say "  $(lines "$EVIDENCE/plan.jsonl") keys; restore.jsonl and restore.jsonl.part have those that were worked on"
    fi
}

# but NAME: the exceptions, if there are any.
but() {
    local rejects=$1-rejects.jsonl
    [ ! -s "$EVIDENCE/$rejects" ] || printf ' but for %s in %s' "$(lines "$EVIDENCE/$rejects")" "$rejects"
}

# A copy is a new version, which the listing alone takes for another content; s3-restore compares what they hold.
verify() {
    say '6 verify: planning again, without writing'
    list "$EVIDENCE/verify-plan.jsonl"
    rehearse verify <"$EVIDENCE/verify-plan.jsonl"
    grep -Ev '"restore":\{"action":"(already|none)"' "$EVIDENCE/verify.jsonl" >"$EVIDENCE/left.jsonl" || true
    cat "$EVIDENCE/verify-rejects.jsonl" >>"$EVIDENCE/left.jsonl"
}

finish() {
    local left rejected unexplained
    left=$(lines "$EVIDENCE/left.jsonl")
    rejected=$(lines "$EVIDENCE/restore-rejects.jsonl")
    unexplained=$(comm -23 <(keys_of "$EVIDENCE/left.jsonl") <(keys_of "$EVIDENCE/restore-rejects.jsonl"))
    say "7 evidence: $EVIDENCE"
    say "$(lines "$EVIDENCE/restore.jsonl") keys restored, $rejected rejected, $left still differ from $AT"
    kinds "$EVIDENCE/restore-rejects.jsonl"
    if [ -n "$unexplained" ]; then
        say 'these were restored and differ again, or changed since the plan was made:'
        printf '%s\n' "$unexplained" | head -n 20
    fi
    [ "$left" = 0 ] && [ "$rejected" = 0 ] && [ ! -s "$EVIDENCE/purge-rejects.jsonl" ] ||
        unfinished "not all done: see left.jsonl, restore-rejects.jsonl and purge-rejects.jsonl there"
    say 'all done'
}

run() {
    keep_settings 'of another bucket, prefix or instant'
    plan
    show
    if [ ! -s "$EVIDENCE/plan.jsonl" ]; then
        say 'nothing to do'
        return
    fi
    dry_run
    ask "$BUCKET" "4 confirm: write to s3://$BUCKET/$PREFIX and purge $DISTRIBUTION_ID?"
    act
    verify
    finish
}

delete_newer=
yes=no
while [ "$#" -gt 0 ]; do
    case $1 in
    --delete-newer) delete_newer=$1 ;;
    --yes) yes=yes ;;
    -h | --help)
        usage
        exit 0
        ;;
    --)
        shift
        break
        ;;
    *) die 2 "no such option: $1: see --help" ;;
    esac
    shift
done

require
make_evidence "$BUCKET"
purge_options=(--distribution-id "$DISTRIBUTION_ID" "$@")
perform run
