#!/usr/bin/env bash
# RB-N-02: bring an Aurora cluster back to an instant in a new cluster, and lead the application to it.
set -euo pipefail

# shellcheck source=scripts/runbooks/steps.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/steps.sh"
runbook=rb-n-02
remembered=(CLUSTER RESTORED AT READONLY_PARAMETER SECRET POINTER)
besides=(DB_URL RESTORED_URL BASELINE VALIDATE_OPTIONS PROVE CHECK)

usage() {
    cat <<'EOF'
Usage: rb-n-02-aurora-pitr.sh [run] [--yes] [--accept-differences] [-- RDS-RESTORE OPTION...]
       rb-n-02-aurora-pitr.sh undo [--yes]
       rb-n-02-aurora-pitr.sh retire [--yes] [-- RDS-RETIRE OPTION...]

After data in an Aurora cluster was damaged:

  run     rehearses without writing, asks, freezes writes, restores a new cluster, validates what it holds,
          asks, swaps the connections, unfreezes writes. The damaged cluster is only read.
  undo    swaps the connections back, and unfreezes writes if they are still frozen
  retire  some days later: decommissions the damaged cluster, with the ways back to it kept

Environment of run:
  CLUSTER             the damaged cluster
  RESTORED            the name of the new cluster, which does not exist yet
  AT                  the last good instant, with its offset: 2026-11-20T09:30:00Z
  READONLY_PARAMETER  the parameter of Parameter Store that is true while nobody writes
  SECRET              the secret of Secrets Manager that the application takes its connection from
  POINTER             where the host is in the secret's JSON (default /host)
  DB_URL              the damaged database, as postgres://user:password@host:port/name
  RESTORED_URL        the restored one (default: DB_URL with the new cluster's host and port)
  BASELINE            file that pg-validate-hash --all wrote when all was well. Without it the restored database
                      is compared with the one of DB_URL, and without DB_URL with nothing.
  VALIDATE_OPTIONS    more words for pg-validate-hash, such as --counts or --exclude audit.*
  PROVE               shell command that succeeds once nobody writes any more, after the freeze
  CHECK               shell command that must succeed before the swap, such as a login with what the secret will
                      hold: CONF_SWAP_VALUE, and the new host in CONF_SWAP_NEW
  EVIDENCE            folder for the output of every step and the log (default evidence/rb-n-02-CLUSTER-<time in
                      UTC>, one for each run); while a run uses it, another with the same folder is refused.
                      undo and retire need this one alone: the folder of the run.

Options:
  --yes                 do not ask
  --accept-differences  swap although the restored database differs from BASELINE
  --                    what follows goes to rds-restore or rds-retire, such as --instance-class same

Example:
  export CLUSTER=app-prod RESTORED=app-restore-1120 AT=2026-11-20T09:30:00Z
  export READONLY_PARAMETER=/app/global_readonly SECRET=prod/db BASELINE=baseline.jsonl
  rb-n-02-aurora-pitr.sh

If it is interrupted or aborted, its last lines say whether writes are frozen, and how to resume or to undo. Run it
again with EVIDENCE set to its folder: a step whose output is whole is not done again. To validate once more, delete
validated.jsonl there.

Exit codes:
  0  all done (or you said no)
  1  aborted: what was done is in the evidence; run it again with the same EVIDENCE
  2  usage
  3  the restored database differs from BASELINE, or a value could not be swapped: nothing was swapped

Needs conf-swap, rds-restore, pg-validate-hash, flock and (for retire) rds-retire on PATH and AWS credentials.
EOF
}

# What would be refused later is refused before writes are frozen.
look() {
    say "0 look: nothing is written"
    is_done restored || keep look-restore rds-restore --from "$CLUSTER" --to "$RESTORED" --at "$AT" --dry-run \
        "${options[@]}"
    keep look-freeze conf-swap --ssm "$READONLY_PARAMETER" --value true --dry-run
    keep look-swap conf-swap --secret "$SECRET" --pointer "$POINTER" --value not.yet.restored --dry-run
}

freeze() {
    is_done freeze || ask "$CLUSTER" \
        "freeze writes by $READONLY_PARAMETER and restore $CLUSTER as it was at $AT to $RESTORED?"
    say "1 freeze: $READONLY_PARAMETER becomes true"
    swapped freeze --ssm "$READONLY_PARAMETER" --value true
    if [ -n "${PROVE:-}" ] && ! is_done restored; then
        attend outside "$PROVE" || die 1 "PROVE failed: writes may go on; run again with EVIDENCE=$EVIDENCE, or undo"
    fi
}

# The login that rds-restore tries takes user, password and database from a URL, and the host of the new cluster.
restore() {
    local login=()
    say "2 restore: $CLUSTER as it was at $AT, to $RESTORED"
    if [ -n "${RESTORED_URL:-}" ]; then
        login=(--connect-env RESTORED_URL)
    elif [ -n "${DB_URL:-}" ]; then
        login=(--connect-env DB_URL)
    fi
    keep restored rds-restore --from "$CLUSTER" --to "$RESTORED" --at "$AT" "${login[@]}" "${options[@]}"
    say "  $RESTORED is at $(member endpoint "$EVIDENCE/restored.jsonl")"
}

# The URL of the restored database, with all of DB_URL but its host and port. It holds a password: it is in the
# environment alone.
restored_url() {
    local scheme rest authority user='' host port
    [ -z "${RESTORED_URL:-}" ] || return 0
    [ -n "${DB_URL:-}" ] || die 2 'neither RESTORED_URL nor DB_URL is set: validation needs to log in'
    host=$(member endpoint "$EVIDENCE/restored.jsonl")
    port=$(member port "$EVIDENCE/restored.jsonl")
    [ -n "$host" ] && [ -n "$port" ] || die 1 "$EVIDENCE/restored.jsonl names no endpoint: set RESTORED_URL"
    scheme=${DB_URL%%://*} rest=${DB_URL#*://}
    authority=${rest%%[/?]*}
    case $authority in
    *@*) user=${authority%@*}@ ;;
    esac
    export RESTORED_URL="$scheme://$user$host:$port${rest#"$authority"}"
}

# A database that differs from the baseline is not swapped in unseen. From the damaged one it is bound to differ.
validate() {
    local code=0 against=() rejects=$EVIDENCE/validate-rejects.jsonl more=()
    read -ra more <<<"${VALIDATE_OPTIONS:-}"
    if [ -n "${BASELINE:-}" ]; then
        against=(--baseline "$BASELINE")
        say "3 validate: $RESTORED against $BASELINE"
    elif [ -n "${DB_URL:-}" ]; then
        against=(--against-env DB_URL)
        say "3 validate: $RESTORED against the damaged $CLUSTER, from which it is bound to differ"
    else
        say "3 validate: there is neither BASELINE nor DB_URL, so that $RESTORED is compared with nothing"
    fi
    if is_done validated; then
        say "  done before: $EVIDENCE/validated.jsonl"
    else
        restored_url
        : >"$rejects"
        attend into "$EVIDENCE/validated.jsonl" '0 3' pg-validate-hash --all --url-env RESTORED_URL "${against[@]}" \
            "${more[@]}" --rejects "$rejects" || code=$?
        [ "$code" = 3 ] || ended pg-validate-hash "$code"
    fi
    say "  $(lines "$EVIDENCE/validated.jsonl") records in validated.jsonl, $(lines "$rejects") in validate-rejects.jsonl"
    kinds "$rejects"
    if [ -n "${BASELINE:-}" ] && [ -s "$rejects" ] && [ -z "$accept" ]; then
        say "writes stay frozen; go on with --accept-differences, or go back with undo (EVIDENCE=$EVIDENCE)"
        die 3 "$RESTORED differs from $BASELINE: see $rejects"
    fi
}

swap() {
    local check=()
    if [ -n "${CHECK:-}" ]; then
        check=(--check "$CHECK")
    elif ! is_done swap; then
        say '  no CHECK is set: nobody has tried the password of the secret on the restored cluster'
    fi
    is_done swap || ask "$RESTORED" "4 confirm: lead the application to $RESTORED by $SECRET?"
    say "5 swap: $POINTER in $SECRET becomes the host of $RESTORED"
    swapped swap --secret "$SECRET" --pointer "$POINTER" --value-from endpoint "${check[@]}" <"$EVIDENCE/restored.jsonl"
}

unfreeze() {
    say "6 unfreeze: $READONLY_PARAMETER becomes false"
    swapped unfreeze --ssm "$READONLY_PARAMETER" --value false
}

monitor() {
    say "7 monitor: restart what keeps connections or secrets in memory; connections to $CLUSTER must go to 0 and those"
    say "  to $RESTORED come up (DatabaseConnections), with errors and latency as before"
    say "evidence: $EVIDENCE"
    say "if something is wrong: $(again undo)"
    say "when $CLUSTER is needed no more: $(again retire)"
}

is_frozen() { is_done freeze && ! is_done unfreeze && ! is_done undo-freeze; }

stands() {
    if is_frozen; then
        say "WRITES ARE FROZEN: $READONLY_PARAMETER is true, until this run is resumed or undone"
        say "  to unfreeze them and give this run up: $(again undo)"
    elif is_begun freeze && ! is_done freeze; then
        say "writes may be frozen: see whether $READONLY_PARAMETER is true"
    elif ! is_done freeze; then
        say 'nothing was changed: writes are not frozen'
    fi
    if is_done undo-swap; then
        say "$SECRET leads to $CLUSTER again"
    elif is_done swap; then
        say "$SECRET leads to $RESTORED"
    elif is_begun swap; then
        say "$SECRET may lead to $RESTORED: see what $POINTER in it holds"
    elif is_begun restored; then
        say "$SECRET leads to $CLUSTER as before"
        say "$RESTORED is$(is_done restored || echo ' perhaps') there, and costs money"
    fi
    if is_begun retired && ! is_done retired; then
        say "the retirement of $CLUSTER was begun and is not finished"
    fi
}

run() {
    [ ! -e "$EVIDENCE/undone" ] || die 2 "the run in $EVIDENCE was undone: begin anew with another EVIDENCE"
    keep_settings 'of another cluster, instant or secret'
    is_done freeze || look
    freeze
    restore
    validate
    swap
    unfreeze
    monitor
}

# What was written to the restored cluster since is not in the old one: whoever goes back gives that up.
undo() {
    load_settings
    settle freeze /dev/null --ssm "$READONLY_PARAMETER" --value true
    settle swap "$EVIDENCE/restored.jsonl" --secret "$SECRET" --pointer "$POINTER" --value-from endpoint
    if ! is_done freeze; then
        say "nothing was changed: nothing to undo. The run in $EVIDENCE can still be resumed"
        return
    fi
    if is_done swap; then
        ask "$CLUSTER" "lead the application back to $CLUSTER by $SECRET? What was written to $RESTORED stays there."
    fi
    # First of all, so that no run goes on from here.
    : >"$EVIDENCE/undone"
    if is_done swap; then
        say "undo: $POINTER in $SECRET becomes what it was"
        swapped undo-swap --undo <"$EVIDENCE/swap.jsonl"
    fi
    if is_frozen; then
        say "undo: $READONLY_PARAMETER becomes what it was"
        swapped undo-freeze --undo <"$EVIDENCE/freeze.jsonl"
        ! grep -q '"swap":{"action":"already"' "$EVIDENCE/freeze.jsonl" ||
            say "WRITES STAY FROZEN: $READONLY_PARAMETER was true before this run began"
    fi
    say "undone; $RESTORED is kept until somebody deletes it, and the evidence is in $EVIDENCE"
}

retire() {
    load_settings
    [ ! -e "$EVIDENCE/undone" ] || die 2 "the run in $EVIDENCE was undone: $CLUSTER is in use"
    is_done unfreeze || die 2 "the run in $EVIDENCE is not finished: $CLUSTER is still needed"
    if ! is_done retired; then
        say "retire: nothing is written yet"
        local code=0
        attend rds-retire "$CLUSTER" --restored "$RESTORED" --dry-run "${options[@]}" \
            >"$EVIDENCE/look-retire.jsonl" || code=$?
        ended rds-retire "$code"
        ask "$CLUSTER" "delete $CLUSTER, with a final snapshot and its automated backups kept?"
    fi
    say "retire: $CLUSTER"
    keep retired rds-retire "$CLUSTER" --yes "$CLUSTER" --restored "$RESTORED" "${options[@]}"
    say "the commands that bring it back are in $EVIDENCE/retired.jsonl (retire.bring_back, retire.point_in_time)"
}

command=run
case ${1:-} in
run | undo | retire)
    command=$1
    shift
    ;;
esac
yes=no
accept=
options=()
while [ "$#" -gt 0 ]; do
    case $1 in
    --yes) yes=yes ;;
    --accept-differences) accept=yes ;;
    -h | --help)
        usage
        exit 0
        ;;
    --)
        shift
        options=("$@")
        break
        ;;
    *) die 2 "no such option: $1: see --help" ;;
    esac
    shift
done

if [ "$command" = run ]; then
    for name in CLUSTER RESTORED AT READONLY_PARAMETER SECRET; do
        [ -n "${!name:-}" ] || die 2 "$name is not set: see --help"
    done
    POINTER=${POINTER:-/host}
    need_tools conf-swap rds-restore pg-validate-hash
    make_evidence "$CLUSTER"
else
    need_tools conf-swap rds-retire
    find_evidence
fi
perform "$command"
