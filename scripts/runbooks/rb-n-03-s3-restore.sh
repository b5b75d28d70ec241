#!/usr/bin/env bash
# RB-N-03: bring a prefix of a versioned bucket back to an instant, and make the CDN forget what was wrong since.
set -euo pipefail

# shellcheck source=scripts/runbooks/steps.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/steps.sh"
runbook=rb-n-03

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
  EVIDENCE         folder for plan, results and log (default evidence/rb-n-03-<time in UTC>)

Options:
  --delete-newer   also put a delete marker on keys that did not exist at AT
  --yes            do not ask before writing
  --               what follows goes to cf-purge, such as --strip-prefix originals/ or --max-cost 20

Example:
  export BUCKET=photos PREFIX=originals/ AT=2026-11-20T10:00:00Z DISTRIBUTION_ID=EABC123
  rb-n-03-s3-restore.sh --delete-newer

If it is interrupted or aborted, run it again with EVIDENCE set to its folder: the plan is
kept, and the journal knows what is done, so that no key is restored twice. Paths may be purged twice.

Exit codes:
  0  the prefix is as it was at AT and the CDN has been purged (or there was nothing to do, or you said no)
  1  aborted: what was done is in the evidence; run it again with the same EVIDENCE
  2  usage
  3  finished, but some keys were not restored or differ again: they are named at the end

Needs s3-versions, s3-restore and cf-purge on PATH and AWS credentials in the environment.
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
    # In two steps, so that a file that is there is whole.
    s3-versions --bucket "$BUCKET" --prefix "$PREFIX" --at "$AT" >"$1.part" || code=$?
    [ "$code" = 0 ] || die "$code" "s3-versions ended with exit code $code"
    mv "$1.part" "$1"
}

# What a plan is for. Distribution and options may be mended from one run to the next.
settings() {
    printf '%s\n' "bucket=$BUCKET" "prefix=$PREFIX" "at=$AT"
}

# A plan that is there is taken up, since what a crashed run restored no longer shows in a new one. A plan of other
# settings is not.
plan() {
    if [ -e "$EVIDENCE/plan.jsonl" ]; then
        [ "$(cat "$EVIDENCE/settings")" = "$(settings)" ] ||
            die 2 "$EVIDENCE is of another bucket, prefix or instant: see $EVIDENCE/settings"
        say "1 plan: taking up the one in $EVIDENCE"
    else
        say "1 plan: s3://$BUCKET/$PREFIX as it was at $AT"
        settings >"$EVIDENCE/settings"
        list "$EVIDENCE/plan.jsonl"
    fi
}

show() {
    say "2 show: $(lines "$EVIDENCE/plan.jsonl") keys differ from $AT"
    counts "$EVIDENCE/plan.jsonl" plan
    if [ -z "$delete_newer" ] && grep -q '"action":"mark-deleted"' "$EVIDENCE/plan.jsonl"; then
        say 'mark-deleted: keys born after AT; they are rejected and stay unless you say --delete-newer'
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
    s3-restore --dry-run ${delete_newer:+"$delete_newer"} --rejects "$EVIDENCE/$1-rejects.jsonl" \
        >"$EVIDENCE/$1.jsonl" || code=$?
    accept s3-restore "$code"
}

# cf-purge gets the plan, since it takes rehearsed records for keys that nothing was done to. That tells the most it
# can cost, and refuses wrong options before anything is written.
dry_run() {
    local code=0
    say '3 dry run: nothing is written'
    rehearse dry-run <"$EVIDENCE/plan.jsonl"
    counts "$EVIDENCE/dry-run.jsonl" restore
    kinds "$EVIDENCE/dry-run-rejects.jsonl"
    cf-purge --dry-run "${purge_options[@]}" <"$EVIDENCE/plan.jsonl" >"$EVIDENCE/dry-run-purge.jsonl" || code=$?
    accept cf-purge "$code"
}

confirm() {
    local answer
    [ "$yes" = no ] || return 0
    { : </dev/tty; } 2>/dev/null || die 2 'there is no terminal to ask on: say --yes'
    say "4 confirm: write to s3://$BUCKET/$PREFIX and purge $DISTRIBUTION_ID? Type the bucket's name to go on:"
    read -r answer </dev/tty
    if [ "$answer" != "$BUCKET" ]; then
        say 'nothing was written'
        exit 0
    fi
}

# On Ctrl-C the tools end what is in flight; tee outlives them, and so do we, to keep and to tell what was done.
# The journal makes restore.jsonl whole again after a crash; receipts are kept from every run. The run id makes a
# purge that is sent again the same purge.
act() {
    local codes=(0 0 0)
    still_wanted
    trap : INT
    say '5 act: restore and purge'
    : >"$EVIDENCE/restore-rejects.jsonl"
    : >"$EVIDENCE/purge-rejects.jsonl"
    s3-restore ${delete_newer:+"$delete_newer"} --journal "$EVIDENCE/journal.jsonl" \
        --rejects "$EVIDENCE/restore-rejects.jsonl" <"$EVIDENCE/plan.jsonl" |
        (trap '' INT PIPE && exec tee "$EVIDENCE/restore.jsonl") |
        cf-purge "${purge_options[@]}" --wait --run-id "$(basename "$EVIDENCE")" \
            --rejects "$EVIDENCE/purge-rejects.jsonl" >>"$EVIDENCE/purge.jsonl" || codes=("${PIPESTATUS[@]}")
    trap - INT
    # The last of the chain first: when it fails, those before it fail because nobody reads them any more.
    not_aborted cf-purge "${codes[2]}" records
    not_aborted tee "${codes[1]}" records
    not_aborted s3-restore "${codes[0]}" records
    counts "$EVIDENCE/restore.jsonl" restore
}

# A copy is a new version, so the listing alone still tells it from the old one; s3-restore compares what they hold.
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
        die 3 "not all done: see left.jsonl, restore-rejects.jsonl and purge-rejects.jsonl there"
    say 'all done'
}

run() {
    plan
    show
    if [ ! -s "$EVIDENCE/plan.jsonl" ]; then
        say 'nothing to do'
        return
    fi
    dry_run
    confirm
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
EVIDENCE=${EVIDENCE:-evidence/rb-n-03-$(date -u +%Y-%m-%dT%H%M%SZ)}
mkdir -p "$EVIDENCE"
purge_options=(--distribution-id "$DISTRIBUTION_ID" "$@")

# -i: on Ctrl-C the log outlives the tools, which still have to say how far they came.
run 2>&1 | tee -ai "$EVIDENCE/log"
