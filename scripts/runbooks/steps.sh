#!/usr/bin/env bash
# What the runbooks share; they source it, and assign what is not assigned here: runbook, its name; EVIDENCE, the folder of
# the run; for ask, yes; for load_settings, command.
# shellcheck disable=SC2154

say() { printf '%s: %s\n' "$runbook" "$*"; }

die() {
    local code=$1
    shift
    say "$*" >&2
    exit "$code"
}

need_tools() {
    local name
    for name in "$@"; do
        command -v "$name" >/dev/null || die 1 "no $name on PATH: cargo install --path tools/$name"
    done
}

lines() { awk 'END { print NR }' "$1"; }

# kinds FILE: how many rejects of each kind.
kinds() {
    awk 'match($0, /"kind":"[^"]*"/) { count[substr($0, RSTART + 8, RLENGTH - 9)]++ }
        END { for (kind in count) printf "  %-18s %5d rejects\n", kind, count[kind] }' "$1" | sort
}

# member NAME FILE: a member of the first record that is a string without escapes or a number.
member() {
    awk -v name="\"$1\":" '
        match($0, name "(\"[^\"\\\\]*\"|[0-9]+)") {
            value = substr($0, RSTART + length(name), RLENGTH - length(name))
            gsub(/"/, "", value)
            print value
            exit
        }' "$2"
}

# What a run was for, for those that come after it.
load_settings() {
    local name value
    [ -n "${EVIDENCE:-}" ] || die 2 "EVIDENCE is not set: name the folder of the run to $command"
    [ -e "$EVIDENCE/settings" ] || die 2 "$EVIDENCE holds no run: there is no settings file"
    while IFS='=' read -r name value; do
        printf -v "$name" '%s' "$value"
    done <"$EVIDENCE/settings"
}

# ask WORD QUESTION: goes on if that word is the answer.
ask() {
    local answer
    [ "$yes" = no ] || return 0
    { : </dev/tty; } 2>/dev/null || die 2 'there is no terminal to ask on: say --yes'
    say "$2 Type $1 to go on:"
    read -r answer </dev/tty
    if [ "$answer" != "$1" ]; then
        say 'you said no: nothing more is done'
        exit 0
    fi
}

is_done() { [ -e "$EVIDENCE/$1.jsonl" ]; }

# not_aborted TOOL CODE WHAT: goes on after 0 and after rejects, of which it tells.
not_aborted() {
    case $2 in
    0) ;;
    3) say "$1 rejected some $3" ;;
    2) die 2 "$1 refused its options: mend them and run again with EVIDENCE=$EVIDENCE" ;;
    130 | 143) die "$2" "$1 was stopped: run again with EVIDENCE=$EVIDENCE" ;;
    *) die 1 "$1 was aborted with exit code $2: run again with EVIDENCE=$EVIDENCE" ;;
    esac
}

# ended TOOL CODE: goes on after 0 alone.
ended() {
    [ "$2" != 3 ] || die 3 "$1 rejected its work, see above: mend that and run again with EVIDENCE=$EVIDENCE"
    not_aborted "$1" "$2" ''
}

# Whoever ends the script by its process id alone does not want the next step from this child that lives on.
still_wanted() {
    local me=$BASHPID parent
    parent=$(ps -o ppid= -p "$me" 2>/dev/null) || return 0
    [ "$((parent))" = "$$" ] || die 143 "the script was ended: run again with EVIDENCE=$EVIDENCE"
}

# write NAME TOOL OPTION...: runs a tool and keeps its output as NAME.jsonl. In two steps, so that a file that is there
# is whole. On Ctrl-C the tool ends what is in flight, and we tell how to go on.
write() {
    local name=$1 code=0
    shift
    still_wanted
    trap : INT
    "$@" >"$EVIDENCE/$name.jsonl.part" || code=$?
    trap - INT
    ended "$1" "$code"
    mv "$EVIDENCE/$name.jsonl.part" "$EVIDENCE/$name.jsonl"
}

# keep NAME TOOL OPTION...: the same, unless an earlier run did it.
keep() {
    if is_done "$1"; then
        say "  done before: $EVIDENCE/$1.jsonl"
    else
        write "$@"
    fi
}
