#!/usr/bin/env bash
# RB-N-05: bring a DynamoDB table back to an instant in a new table, and lead the application to it.
set -euo pipefail

# shellcheck source=scripts/runbooks/steps.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/steps.sh"
runbook=rb-n-05
remembered=(TABLE RESTORED AT PARAMETER LABEL SECRET POINTER) besides=(VALIDATE_OPTIONS CHECK)

usage() {
    cat <<'EOF'
Usage: rb-n-05-dynamodb.sh [run] [--yes] [--accept-differences] [--no-validate] [-- DDB-RESTORE OPTION...]
       rb-n-05-dynamodb.sh undo [--yes]
       rb-n-05-dynamodb.sh retire [--yes] [-- DDB-RETIRE OPTION...]

After data in a DynamoDB table was damaged:

  run     rehearses without writing, asks, restores a new table, compares it with the damaged one, asks, swaps the
          name that the application reads. The damaged table is only read.
  undo    swaps the name back
  retire  once nobody uses the damaged table any more: archives and deletes it, with the ways back to it kept

If the table is a global one and only a region is hurt, nothing is to be restored: its replicas are in use already,
and the application is led to another region. What the application itself damaged is damaged in all of them.

Environment of run:
  TABLE             the damaged table
  RESTORED          the name of the new table, which does not exist yet
  AT                the last good instant, with its offset: 2026-11-20T09:30:00Z
  PARAMETER         the parameter of Parameter Store that the application takes the table's name from
  LABEL             the label of the version that it reads (default: it reads the latest)
  SECRET            or the secret of Secrets Manager, in place of PARAMETER
  POINTER           where the name is in the secret's JSON (default /table)
  VALIDATE_OPTIONS  more words for the comparison, such as --diff or --rcu 500
  CHECK             shell command that must succeed before the swap, with the new name in CONF_SWAP_NEW
  EVIDENCE          folder for the output of every step and the log (default evidence/rb-n-05-TABLE-<time in UTC>,
                    one for each run); while a run uses it, another with the same folder is refused.
                    undo and retire need this one alone: the folder of the run.

Options:
  --yes                 do not ask
  --accept-differences  with --yes: swap although the two tables differ. They do, if anything was damaged or written
                        since AT; without --yes you are shown how, and asked.
  --no-validate         do not compare: it reads both tables as a whole, and that is paid for
  --                    what follows goes to ddb-restore or ddb-retire, such as --without-indexes or --quiet-for 1h

Example:
  export TABLE=rate_limits RESTORED=rate_limits_1120 AT=2026-11-20T09:30:00Z
  export PARAMETER=/app/rate_limits_table
  rb-n-05-dynamodb.sh

What was written to TABLE after AT is not in RESTORED: where that matters, stop the writers before. If it is
interrupted or aborted, its last lines say what stands and how to resume. Run it again with EVIDENCE set to its folder:
a step whose output is whole is not done again. To compare once more, delete validated.jsonl there.

Exit codes:
  0  all done (or you said no)
  1  aborted: what was done is in the evidence; run it again with the same EVIDENCE
  2  usage
  3  the tables differ and --yes came without --accept-differences, or the name could not be swapped: nothing was
     swapped

Needs conf-swap, ddb-restore, flock and (for retire) ddb-retire on PATH and AWS credentials.
EOF
}

# Where the application takes the table's name from: in place the words for conf-swap, in where those for a person.
find_place() {
    if [ -n "${SECRET:-}" ]; then
        place=(--secret "$SECRET" --pointer "$POINTER")
        where="$POINTER in $SECRET"
    elif [ -n "${LABEL:-}" ]; then
        place=(--ssm "$PARAMETER" --label "$LABEL")
        where="$PARAMETER:$LABEL"
    else
        place=(--ssm "$PARAMETER")
        where=$PARAMETER
    fi
}

# What would be refused later is refused before anything is written: an instant outside the window, a name that is
# taken, a parameter that does not hold the name of the damaged table.
look() {
    say "0 look: nothing is written"
    is_done restored || keep look-restore ddb-restore --from "$TABLE" --to "$RESTORED" --at "$AT" --dry-run \
        "${options[@]}"
    keep look-swap conf-swap "${place[@]}" --value "$RESTORED" --expect "$TABLE" --dry-run
}

restore() {
    is_done restored || ask "$TABLE" "restore $TABLE as it was at $AT to $RESTORED?"
    say "1 restore: $TABLE as it was at $AT, to $RESTORED"
    keep restored ddb-restore --from "$TABLE" --to "$RESTORED" --at "$AT" "${options[@]}"
}

# There is nothing to compare the restored table with but the damaged one: the difference is what will change for the
# application, and somebody should have seen it.
validate() {
    local code=0 rejects=$EVIDENCE/validate-rejects.jsonl more=()
    if [ "$validate" = no ]; then
        say "2 validate: left out (--no-validate); nobody has looked at what $RESTORED holds"
        return
    fi
    read -ra more <<<"${VALIDATE_OPTIONS:-}"
    say "2 validate: $RESTORED against $TABLE as it is now"
    if is_done validated; then
        say "  done before: $EVIDENCE/validated.jsonl"
    else
        : >"$rejects"
        attend into "$EVIDENCE/validated.jsonl" '0 3' ddb-restore --from "$TABLE" --to "$RESTORED" --validate-only \
            "${more[@]}" --rejects "$rejects" || code=$?
        [ "$code" = 3 ] || ended ddb-restore "$code"
    fi
    if [ ! -s "$rejects" ]; then
        say '  both hold the same items'
        return
    fi
    differs=" It differs from $TABLE, see above."
    say "  $RESTORED differs from $TABLE; $(lines "$rejects") rejects are in $rejects:"
    head -n 20 "$rejects"
    if ! is_done swap && [ "$yes" = yes ] && [ "$accept" = no ]; then
        say "go on with --accept-differences, or without --yes to be asked (EVIDENCE=$EVIDENCE)"
        die 3 "$RESTORED differs from $TABLE: nothing was swapped"
    fi
}

swap() {
    local check=()
    [ -z "${CHECK:-}" ] || check=(--check "$CHECK")
    is_done swap || ask "$RESTORED" "3 confirm: lead the application to $RESTORED by $where?$differs"
    say "4 swap: $where becomes $RESTORED"
    swapped swap "${place[@]}" --value-from table --expect "$TABLE" "${check[@]}" <"$EVIDENCE/restored.jsonl"
}

monitor() {
    say "5 monitor: restart what keeps the name in memory; lead what reads the stream of $TABLE, such as a Lambda"
    say "  function, to that of $RESTORED (stream_arn in restored.jsonl); requests to $TABLE must go to 0"
    say "evidence: $EVIDENCE"
    say "if something is wrong: $(again undo)"
    say "when $TABLE is needed no more: $(again retire)"
}

stands() {
    if is_done undo-swap; then
        say "$where has what it had before"
    elif is_done swap; then
        say "$where is $RESTORED"
    elif is_begun swap; then
        say "$where may be $RESTORED: see what it holds"
    else
        say "$where was not changed"
    fi
    ! is_begun restored || say "$RESTORED is$(is_done restored || echo ' perhaps') there, and costs money"
    if is_begun retired && ! is_done retired; then
        say "the retirement of $TABLE was begun and is not finished"
    fi
}

run() {
    find_place
    [ ! -e "$EVIDENCE/undone" ] || die 2 "the run in $EVIDENCE was undone: begin anew with another EVIDENCE"
    keep_settings 'of another table, instant or place'
    is_done swap || look
    restore
    validate
    swap
    monitor
}

# The way back leads to a table that is there. A retirement that was begun and refused has deleted nothing.
still_there() {
    local look=$EVIDENCE/look-undo.jsonl
    ! is_done retired || die 2 "$TABLE was retired: bring it back first, as $EVIDENCE/retired.jsonl says"
    [ -e "$EVIDENCE/retired.jsonl.part" ] || return 0
    attend ddb-retire "$TABLE" --dry-run --allow-requests --lift-protection >"$look" || true
    grep -q '"settings":{' "$look" || die 1 "nobody can tell that $TABLE is still there: its retirement was begun"
}

# What was written to the restored table since is not in the old one: whoever goes back gives that up.
undo() {
    load_settings
    find_place
    settle swap "$EVIDENCE/restored.jsonl" "${place[@]}" --value-from table --expect "$TABLE"
    if ! is_done swap; then
        say "nothing was changed: nothing to undo$(! is_begun restored || echo "; the new table $RESTORED is kept")." \
            "The run in $EVIDENCE can still be resumed"
        return
    fi
    still_there
    ask "$TABLE" "lead the application back to $TABLE by $where? What was written to $RESTORED stays there."
    # First of all, so that no run goes on from here.
    : >"$EVIDENCE/undone"
    say "undo: $where becomes what it was"
    swapped undo-swap --undo <"$EVIDENCE/swap.jsonl"
    say "undone; $RESTORED is kept until somebody deletes it, and the evidence is in $EVIDENCE"
}

# The rehearsal is kept for good: whatever happens to the run that deletes the table, its settings are on record.
retire() {
    load_settings
    find_place
    [ ! -e "$EVIDENCE/undone" ] || die 2 "the run in $EVIDENCE was undone: $TABLE is in use"
    is_done swap || die 2 "the run in $EVIDENCE is not finished: $TABLE is still needed"
    if ! is_done retired; then
        say "retire: nothing is written yet"
        keep look-retire ddb-retire "$TABLE" --restored "$RESTORED" --dry-run "${options[@]}"
        ask "$TABLE" "archive $TABLE and delete it?"
    fi
    say "retire: $TABLE"
    keep retired ddb-retire "$TABLE" --yes "$TABLE" --restored "$RESTORED" "${options[@]}"
    say "the commands that bring it back are in $EVIDENCE/retired.jsonl (retire.bring_back), and those that set again"
    say "what no archive keeps in $EVIDENCE/look-retire.jsonl (retire.set_again)"
}

command=run
case ${1:-} in
run | undo | retire)
    command=$1
    shift
    ;;
esac
yes=no
accept=no
validate=yes
differs=
place=()
where=
options=()
while [ "$#" -gt 0 ]; do
    case $1 in
    --yes) yes=yes ;;
    --accept-differences) accept=yes ;;
    --no-validate) validate=no ;;
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
    for name in TABLE RESTORED AT; do
        [ -n "${!name:-}" ] || die 2 "$name is not set: see --help"
    done
    [ -n "${PARAMETER:-}${SECRET:-}" ] || die 2 'neither PARAMETER nor SECRET is set: see --help'
    [ -z "${PARAMETER:-}" ] || [ -z "${SECRET:-}" ] || die 2 'PARAMETER and SECRET are both set: see --help'
    POINTER=${POINTER:-/table}
    need_tools conf-swap ddb-restore
    make_evidence "$TABLE"
else
    need_tools conf-swap ddb-retire
    find_evidence
fi
perform "$command"
