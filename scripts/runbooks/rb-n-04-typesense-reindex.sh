#!/usr/bin/env bash
# RB-N-04: fill Typesense anew from PostgreSQL, what is searched most first, and lead searches to it.
set -euo pipefail

# shellcheck source=scripts/runbooks/steps.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/steps.sh"
runbook=rb-n-04
remembered=(SUFFIX PEOPLE STUDIOS WORK HOT_FIELD)
besides=(DB_URL PGHOST TS_NODES TS_HOST TS_KEY)

usage() {
    cat <<'USAGE'
Usage: rb-n-04-typesense-reindex.sh [--serve-hot] [--accept-differences] [--yes] [-- TS-IMPORT OPTION...]

After a Typesense cluster was lost or holds what it should not: looks without writing, asks, makes new collections,
imports the hot slices of people, then all people, studios and work side by side, compares the numbers with the
database, asks, and leads the aliases people, studios and work to the new collections. Nothing is deleted.

Environment:
  DB_URL    the database, as postgres://user:password@host:port/name; or libpq's PG* variables. It has the functions
            search.people_hot(slice), search.people_all(), search.studios_all() and search.work_all()
  TS_NODES  the nodes of the cluster, as URLs with commas between them; or TS_HOST, TS_PORT and TS_PROTOCOL
  TS_KEY    the API key
  SCHEMA    the schemas, as ts-schema export writes them (collections.json); a resumed run has its own copy
  HOT       file of hot cities and roles, one a line, the most wanted first; without it there are no hot slices
  HOT_FIELD the field of the slice, where HOT has JSON lines
  SUFFIX    what the names of the new collections end with (default _<time in UTC>); set but empty: nothing
  PEOPLE, STUDIOS, WORK
            the names of the collections in SCHEMA (default people, studios and work)
  EVIDENCE  folder for the output of every step and the log (default evidence/rb-n-04-PEOPLE-<time in UTC>, one for
            each run); while a run uses it, another with the same folder is refused

Options:
  --serve-hot           lead people to the new collection as soon as the hot slices are in, if there is no alias yet
  --accept-differences  lead the aliases over although rows came or went since they were read
  --yes                 do not ask
  --                    what follows goes to ts-import, such as --id-field id or --dirty-values coerce_or_drop

Example:
  export DB_URL=postgres://app@db/app TS_NODES=http://search-1:8108,http://search-2:8108 TS_KEY
  export SCHEMA=collections.json HOT=hot.txt
  rb-n-04-typesense-reindex.sh --serve-hot

If it is interrupted or aborted, run it again with EVIDENCE set to its folder: a collection that was filled is not
filled again, and one that was half filled is gone on with where it ended. Where ts-import says that the documents are
not those of its journal, rows have changed since: delete NAME.journal there, and all of NAME is imported once more.

Exit codes:
  0  all done (or you said no)
  1  aborted: no alias was moved that is not in the evidence; run it again with the same EVIDENCE
  2  usage
  3  documents or objects of the schema were rejected, or the numbers differ: no alias was moved

Needs ts-schema, pg-rows, ts-import and flock on PATH.
USAGE
}

# A run goes on with the schema and the hot slices that it began with. Nothing was done before both are there.
begin() {
    local file copy
    keep_settings 'of other collections or another HOT_FIELD'
    for file in "$SCHEMA=collections.json" "$HOT=hot"; do
        copy=$EVIDENCE/${file##*=} file=${file%=*}
        if [ ! -e "$copy" ]; then
            cp -- "$file" "$copy.part"
            mv "$copy.part" "$copy"
        fi
        cmp -s -- "$file" "$copy" || die 2 "$file is not what the run began with: see $copy, or begin anew"
    done
}

# What would be refused later is refused before anything is made.
look() {
    local lane
    say '0 look: nothing is written'
    write look-schema ts-schema apply --dry-run --suffix "$SUFFIX" "$EVIDENCE/collections.json"
    for lane in "$PEOPLE" "$STUDIOS" "$WORK"; do
        grep -qF "{\"kind\":\"collection\",\"name\":\"$lane\"," "$EVIDENCE/look-schema.jsonl" ||
            die 2 "$SCHEMA has no collection $lane: set PEOPLE, STUDIOS and WORK to the names in it, see --help"
    done
    for lane in "${lanes[@]}"; do
        write "look-$lane" pg-rows "select exists (select from search.${lane}_all()) as rows"
    done
    write look-hot pg-rows "select exists (select from search.people_hot('')) as rows"
}

make() {
    say "1 schema: $people, $studios and $work"
    write schema ts-schema apply --suffix "$SUFFIX" "$EVIDENCE/collections.json"
}

# prefixed NAME: lines of several tools at a time, with what they are about.
prefixed() {
    local line
    while IFS= read -r line; do printf '  %s: %s\n' "$1" "$line"; done
}

# worst CODE...: what to end with. A signal goes before all, then usage, then abortion, then rejects.
worst() {
    local code found=0
    for code in "$@"; do
        case $code in
        130 | 143) found=$code && break ;;
        2) found=2 ;;
        0) ;;
        3) [ "$found" != 0 ] || found=3 ;;
        *) [ "$found" = 2 ] || found=1 ;;
        esac
    done
    printf '%s' "$found"
}

# load NAME COLLECTION PG-ROWS OPTION...: imports rows, unless an earlier run has imported all of them. A source that
# fails writes no trailer, and ts-import does not take the rows so far for all.
load() {
    local name=$1 collection=$2 codes=(0 0) rejects=$EVIDENCE/$1-rejects.jsonl journal=$EVIDENCE/$1.journal
    shift 2
    if is_done "$name"; then
        echo "done before: $EVIDENCE/$name.jsonl"
        return
    fi
    trap : INT TERM
    : >"$rejects"
    : >"$EVIDENCE/$name-slices-rejects.jsonl"
    pg-rows --trailer --rejects "$EVIDENCE/$name-slices-rejects.jsonl" "$@" |
        ts-import --expect-trailer --journal "$journal" --rejects "$rejects" "${options[@]}" "$collection" \
            >"$EVIDENCE/$name.jsonl.part" || codes=("${PIPESTATUS[@]}")
    if [ "${codes[*]}" = '0 0' ]; then
        mv "$EVIDENCE/$name.jsonl.part" "$EVIDENCE/$name.jsonl"
        return
    fi
    echo "pg-rows ended with exit code ${codes[0]}, ts-import with ${codes[1]}"
    kinds "$rejects"
    # The journal would repeat what was rejected, and that is to be imported once it is mended.
    [ "${codes[1]}" != 3 ] || rm -f "$journal"
    return "$(worst "${codes[@]}")"
}

hot() {
    local code=0
    if [ ! -s "$EVIDENCE/hot" ]; then
        say '2 hot slices: there is no HOT, or nothing in it'
        return
    fi
    say "2 hot slices: $(lines "$EVIDENCE/hot") cities and roles into $people"
    attend hot_lane || code=$?
    ended 'the import of the hot slices' "$code"
    [ -z "$serve_hot" ] || serve
}

hot_lane() {
    local form=(--plain)
    # What writes down the last lines of the tools outlives them; load hears signals again.
    trap '' INT TERM
    [ -z "$HOT_FIELD" ] || form=(--param-field "$HOT_FIELD")
    # shellcheck disable=SC2016 # $1 is the query's parameter
    load people-hot "$people" 'select * from search.people_hot($1)' --params-from "$EVIDENCE/hot" "${form[@]}" 2>&1 |
        prefixed people-hot
}

# Where there is no alias, nobody loses anything by it.
serve() {
    is_aliased people || return 0
    write look-serve ts-schema swap --dry-run --min-docs 0 people "$people"
    if grep -q '"action":"created"' "$EVIDENCE/look-serve.jsonl"; then
        keep serve-hot ts-schema swap people "$people"
    elif ! is_done serve-hot; then
        say '  people is an alias already: it is led over when everything is in'
    fi
}

fill() {
    local code=0
    say "3 everything: people, studios and work side by side"
    attend all_lanes || code=$?
    ended 'the import' "$code"
}

# Typesense writes one collection's documents one after the other: the lanes do not wait for one another.
all_lanes() {
    local lane code index pids=() codes=()
    # As in hot_lane.
    trap '' INT TERM
    for lane in "${lanes[@]}"; do
        load "$lane" "${!lane}" "select * from search.${lane}_all()" 2>&1 | prefixed "$lane" &
        pids+=("$!")
    done
    for index in "${!lanes[@]}"; do
        code=0
        waited "${pids[index]}" || code=$?
        codes+=("$code")
        [ "$code" = 0 ] || say "  ${lanes[index]} failed with exit code $code"
    done
    return "$(worst "${codes[@]}")"
}

# imported LANE: how many documents were accepted.
imported() {
    awk 'match($0, /"accepted":[0-9]+/) { sum += substr($0, RSTART + 11, RLENGTH - 11) } END { printf "%d", sum }' \
        "$EVIDENCE/$1.jsonl"
}

is_aliased() { [ "$1" != "${!1}" ]; }

# documents LANE EXPECTED: sets held to how many its collection holds, once a node that lags shows as many as were
# imported.
documents() {
    local alias=$1 tries=0
    # An alias of this name is never made: the rehearsal of it says how many documents there are.
    is_aliased "$1" || alias=$1-rb-n-04
    while :; do
        write "held-$1" ts-schema swap --dry-run --min-docs 0 "$alias" "${!1}"
        held=$(member num_documents "$EVIDENCE/held-$1.jsonl")
        tries=$((tries + 1))
        [ "$held" != "$2" ] && [ "$tries" -lt 20 ] || break
        sleep 0.5
    done
}

# All rows of one snapshot were accepted, or the lane had failed: where their number is that of the documents, the
# documents are these rows, every id once. The database is asked again, since it may have changed.
compare() {
    local lane sent held rows differ=no lost=no
    say '4 counts:'
    : >"$EVIDENCE/counts.jsonl.part"
    for lane in "${lanes[@]}"; do
        sent=$(imported "$lane")
        documents "$lane" "$sent"
        write "rows-$lane" pg-rows "select count(*) as rows from search.${lane}_all()"
        rows=$(member rows "$EVIDENCE/rows-$lane.jsonl")
        printf '{"lane":"%s","rows":%d,"imported":%d,"num_documents":%d}\n' "$lane" "$rows" "$sent" "$held" \
            >>"$EVIDENCE/counts.jsonl.part"
        say "  $lane: $rows rows in the database, $sent imported, $held documents in ${!lane}"
        [ "$held" -ge "$sent" ] || lost=yes
        { [ "$held" = "$sent" ] && [ "$rows" = "$sent" ]; } || differ=yes
    done
    mv "$EVIDENCE/counts.jsonl.part" "$EVIDENCE/counts.jsonl"
    [ "$lost" = no ] ||
        die 3 'documents are missing: an id came twice, or the collection is not the one that was filled; begin anew'
    if [ "$differ" = yes ]; then
        [ -n "$accept" ] ||
            die 3 "the numbers differ: rows came or went meanwhile; begin anew without writers, or --accept-differences"
        say '  the numbers differ, and that is accepted'
    fi
}

# The rehearsal of the first try is kept: it knows where the alias led, also if the next line is the last of a run.
swap() {
    local lane held
    is_done "swap-${lanes[-1]}" || ask "$people" '5 confirm: lead the aliases people, studios and work over?'
    say '5 aliases'
    for lane in "${lanes[@]}"; do
        if is_aliased "$lane"; then
            is_done "before-$lane" || write "before-$lane" cat "$EVIDENCE/held-$lane.jsonl"
            held=$(member num_documents "$EVIDENCE/held-$lane.jsonl")
            keep "swap-$lane" ts-schema swap --min-docs "$held" "$lane" "${!lane}"
        else
            say "  $lane is a collection, not an alias: searches see it already"
        fi
    done
}

monitor() {
    local lane previous
    say "6 monitor: search in people, studios and work with the application's own API keys; restart what keeps the"
    say '  names of collections; rows that changed meanwhile are for the synchronisation that is in use every day'
    say '  to let a node start quickly again: POST /operations/snapshot?snapshot_path=FOLDER to each node'
    for lane in "${lanes[@]}"; do
        is_aliased "$lane" || continue
        previous=$(member previous "$EVIDENCE/before-$lane.jsonl")
        [ -z "$previous" ] || [ "$previous" = "${!lane}" ] ||
            say "  $previous is still there; the way back: ts-schema swap $lane $previous"
    done
    say "evidence: $EVIDENCE"
}

stands() {
    local lane led=''
    for lane in "${lanes[@]}"; do
        ! is_begun "swap-$lane" || led+=" $lane"
    done
    ! is_begun serve-hot || led+="${led:+,} people, to the hot slices"
    if ! is_begun schema; then
        say 'nothing was changed'
    elif [ -z "$led" ]; then
        say "no alias was led over; the new collections are $people, $studios and $work"
    else
        say "these aliases were led over, or may have been:$led. The others are as before"
    fi
}

run() {
    if is_done finished; then
        say "all done before, at $(member at "$EVIDENCE/finished.jsonl"): to reindex once more, use another EVIDENCE"
        return
    fi
    begin
    look
    is_done schema || ask "$people" "fill $people, $studios and $work anew?"
    make
    hot
    fill
    compare
    swap
    write finished printf '{"at":"%s"}\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
    monitor
}

yes=no
accept=
serve_hot=
options=()
while [ "$#" -gt 0 ]; do
    case $1 in
    --serve-hot) serve_hot=yes ;;
    --accept-differences) accept=yes ;;
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

# What is not set is what the run began with.
if [ -e "${EVIDENCE:-}/settings" ]; then
    SCHEMA=${SCHEMA:-$EVIDENCE/collections.json} HOT=${HOT:-$EVIDENCE/hot}
    SUFFIX=${SUFFIX-$(sed -n 's/^SUFFIX=//p' "$EVIDENCE/settings")}
fi
[ -n "${SCHEMA:-}" ] || die 2 'SCHEMA is not set: see --help'
HOT=${HOT:-/dev/null}
for name in SCHEMA HOT; do
    [ -r "${!name}" ] || die 2 "$name: ${!name} cannot be read"
done
need_tools ts-schema pg-rows ts-import
SUFFIX=${SUFFIX-_$(date -u +%Y%m%d%H%M%S)}
PEOPLE=${PEOPLE:-people} STUDIOS=${STUDIOS:-studios} WORK=${WORK:-work} HOT_FIELD=${HOT_FIELD:-}
lanes=(people studios work)
people=$PEOPLE$SUFFIX studios=$STUDIOS$SUFFIX work=$WORK$SUFFIX
make_evidence "$PEOPLE"
perform run
