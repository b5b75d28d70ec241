#!/usr/bin/env bash
# RB-N-06: give a webhook handler the Stripe events that it missed, oldest first and each once.
set -euo pipefail

# shellcheck source=scripts/runbooks/steps.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/steps.sh"
runbook=rb-n-06
remembered=(LAST LIST_OPTIONS) besides=(LAST_COMMAND STRIPE_API_KEY STRIPE_WEBHOOK_SECRET)

usage() {
    cat <<'EOF'
Usage: rb-n-06-stripe-replay.sh [--live] [--yes] [-- STRIPE-REPLAY OPTION...]

After a webhook endpoint was down: lists the events since the last one that was processed, shows how many there are
of each type, asks, posts them to the handler again in the order of each object, and checks that it has accepted every
one. Begin when the handler answers again.

Environment:
  LAST                   the last event that was processed before the outage: evt_..., or its time with an offset, as in
                         2026-11-20T10:00:00Z. Not the newest one of now: a handler that works again has newer ones.
  LAST_COMMAND           in place of LAST: shell command that prints it, such as
                         psql "$DB_URL" -Atc "select id from stripe_events order by created desc limit 1"
  HANDLER                the handler: https://HOST/PATH, or http:// on this machine
  STRIPE_API_KEY         key with Events: Read. Or LIST_OPTIONS='--key-file FILE'
  STRIPE_WEBHOOK_SECRET  the endpoint's whsec_... Or -- --secret-file FILE
  LIST_OPTIONS           more words for stripe-events, such as --type invoice.* or --account acct_1
  EVIDENCE               folder for events, receipts and log (default evidence/rb-n-06-HOST-<time in UTC>, with the
                         handler's host, one for each run); while a run uses it, another with the same is refused

Options:
  --live  the events are those of live mode
  --yes   do not ask before sending
  --      what follows goes to stripe-replay, such as --rate 5 or --order global

Example:
  export LAST=evt_1SWqkLFJ4nK2 HANDLER=https://app.example.com/webhooks/stripe
  rb-n-06-stripe-replay.sh --live

If it is interrupted or aborted, or events were rejected, run it again with EVIDENCE set to its folder, which also knows
LAST: the list is kept, and what the handler has accepted is in the journal and not sent again. A call that a crash
cut off before its journal line is sent again, so the handler must know events by their id.

Exit codes:
  0  the handler has accepted every event (or there was none, or you said no)
  1  aborted: what was done is in the evidence; run it again with the same EVIDENCE
  2  usage
  3  finished, but the handler has not accepted some events: they are named at the end

Needs stripe-events, stripe-replay and flock on PATH.
EOF
}

require() {
    [ -n "${HANDLER:-}" ] || die 2 'HANDLER is not set: see --help'
    [ -n "${LAST:-}${LAST_COMMAND:-}" ] || [ -s "${EVIDENCE:-}/last" ] ||
        die 2 'neither LAST nor LAST_COMMAND is set: see --help'
    need_tools stripe-events stripe-replay
}

# types FILE: how many receipts of each type. In a receipt the type comes before anything that could look like one.
types() {
    awk 'match($0, /"type":"[^"]*"/) { count[substr($0, RSTART + 8, RLENGTH - 9)]++ }
        END { for (type in count) printf "  %-45s %9d events\n", type, count[type] }' "$1" | sort
}

# The ids of the receipts on stdin, and those of rejects as far as they are known.
ids() { sed -n 's/^{\(.*"record":{\)\{0,1\}"id":"\([^"]*\)".*/\2/p'; }

# What the list is of. A query of the handler's URL may hold a token, and is left out.
settings() {
    printf '%s\n' "HANDLER=${HANDLER%%\?*}" "LIST_OPTIONS=${LIST_OPTIONS:-}" "LIVE=${live:-no}"
}

# Where the list begins is kept before anything is listed: once the handler works again, the command that finds it would
# find a newer event, and leave out those of the outage.
last() {
    local last=${LAST:-}
    if [ -z "$last" ] && [ -s "$EVIDENCE/last" ]; then
        last=$(cat "$EVIDENCE/last")
    elif [ -z "$last" ]; then
        attend outside "$LAST_COMMAND" >"$EVIDENCE/last.found" || die 1 'LAST_COMMAND failed'
        last=$(cat "$EVIDENCE/last.found")
    fi
    case $last in
    *$'\n'*) die 2 'the last event is more than one line' ;;
    evt_* | [0-9][0-9][0-9][0-9]-* | @[0-9]*) ;;
    # A span such as 2h would be another time in the next run.
    *) die 2 "the last event is neither evt_... nor a time such as 2026-11-20T10:00:00Z or @1795168800: '$last'" ;;
    esac
    if [ -e "$EVIDENCE/events.jsonl" ] && [ "$last" != "$(cat "$EVIDENCE/last")" ]; then
        die 2 "$EVIDENCE holds the events since $(cat "$EVIDENCE/last"): take another folder for those since $last"
    fi
    printf '%s\n' "$last" >"$EVIDENCE/last.part"
    mv "$EVIDENCE/last.part" "$EVIDENCE/last"
    say "1 last: $last"
}

list() {
    local code=0 more=() since
    since=$(cat "$EVIDENCE/last")
    if [ -e "$EVIDENCE/events.jsonl" ]; then
        say "2 list: the run is resumed with the list in $EVIDENCE"
        return
    fi
    say "2 list: the events since $since"
    read -ra more <<<"${LIST_OPTIONS:-}"
    attend into "$EVIDENCE/events.jsonl" '0 3' stripe-events --since "$since" ${live:+"$live"} "${more[@]}" || code=$?
    [ "$code" != 1 ] || say 'without a whole list nothing is sent. If Stripe has no list that goes back so far, compare' \
        'the objects themselves with yours, such as invoices, subscriptions and payments'
    not_aborted stripe-events "$code" events
}

replay() {
    attend stripe-replay --to "$HANDLER" ${live:+"$live"} --journal "$EVIDENCE/journal.jsonl" "$@" "${options[@]}"
}

# rehearse NAME: the receipts in NAME.jsonl; what the journal does not have in NAME-left.jsonl.
rehearse() {
    local code=0
    : >"$EVIDENCE/$1-rejects.jsonl"
    replay --dry-run --rejects "$EVIDENCE/$1-rejects.jsonl" <"$EVIDENCE/events.jsonl" >"$EVIDENCE/$1.jsonl" || code=$?
    not_aborted stripe-replay "$code" events
    grep -v '"replayed":true' "$EVIDENCE/$1.jsonl" >"$EVIDENCE/$1-left.jsonl" || true
    cat "$EVIDENCE/$1-rejects.jsonl" >>"$EVIDENCE/$1-left.jsonl"
}

show() {
    say '3 show: nothing is sent yet'
    rehearse dry-run
    types "$EVIDENCE/dry-run.jsonl"
    kinds "$EVIDENCE/dry-run-rejects.jsonl"
    say "  from $(head -n 1 "$EVIDENCE/dry-run.jsonl" | ids) to $(tail -n 1 "$EVIDENCE/dry-run.jsonl" | ids)"
    say "  $(lines "$EVIDENCE/events.jsonl") events, $(lines "$EVIDENCE/dry-run-left.jsonl") of them to send"
}

confirm() {
    local count
    count=$(lines "$EVIDENCE/dry-run-left.jsonl")
    ask "$count" "4 confirm: post $count events to ${HANDLER%%\?*}?" 'their number'
}

# Receipts are those of all runs, and an event is known by its id.
gather() { fold "$EVIDENCE/receipts.jsonl" 's/^\({"id":"[^"]*"\).*/\1/'; }

act() {
    local code=0
    say '5 act: replay'
    gather
    : >"$EVIDENCE/rejects.jsonl"
    replay --rejects "$EVIDENCE/rejects.jsonl" <"$EVIDENCE/events.jsonl" >"$EVIDENCE/receipts.jsonl.part" || code=$?
    gather
    kinds "$EVIDENCE/rejects.jsonl"
    not_aborted stripe-replay "$code" events
}

stands() {
    if [ ! -e "$EVIDENCE/journal.jsonl" ]; then
        say 'no event was sent'
    else
        say "some events were sent: what the handler has accepted is in $EVIDENCE/journal.jsonl and is not sent again"
    fi
}

verify() {
    say '6 verify: reading the journal, nothing is sent'
    rehearse verify
}

finish() {
    local left
    left=$(lines "$EVIDENCE/verify-left.jsonl")
    say "7 evidence: $EVIDENCE"
    say "$(lines "$EVIDENCE/receipts.jsonl") events accepted, $left not"
    if [ "$left" != 0 ]; then
        ids <"$EVIDENCE/verify-left.jsonl" | head -n 20
        say "retry: mend the handler and run again with EVIDENCE=$EVIDENCE, which sends these alone. One that can never"
        say '  succeed holds back later events of its object: -- --order none sends those without waiting for it'
        unfinished 'not all done: see verify-left.jsonl there, and rejects.jsonl for why'
    fi
    say "the last event is $(tail -n 1 "$EVIDENCE/verify.jsonl" | ids). Those after it are Stripe's to send;"
    say '  if the handler was still down when they came, run anew with this one as LAST'
    say 'all done'
}

run() {
    keep_settings 'of another handler, mode or list'
    last
    list
    if [ ! -s "$EVIDENCE/events.jsonl" ]; then
        say 'there are no events since then: nothing to do'
        return
    fi
    show
    [ ! -s "$EVIDENCE/dry-run-left.jsonl" ] || confirm
    act
    verify
    finish
}

live=
yes=no
options=()
while [ "$#" -gt 0 ]; do
    case $1 in
    --live) live=$1 ;;
    --yes) yes=yes ;;
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

require
host=${HANDLER#*://} host=${host%%[/?#]*}
make_evidence "${host##*@}"
# A query of the handler's URL may hold a token.
if [ "$HANDLER" = "${HANDLER%%\?*}" ]; then remembered+=(HANDLER); else besides+=(HANDLER); fi
perform run
