#!/usr/bin/env bash
# What the runbooks share; they source it, and assign what is not assigned here: runbook, its name; EVIDENCE, the folder
# of the run; for ask, yes; for find_evidence, command; remembered, the variables that say what a run is about; besides,
# those that a resume needs too and that are kept nowhere, since they may hold secrets. Each has a function stands.
# shellcheck disable=SC2154

# shellcheck source=scripts/runbooks/evidence.sh
. "$(dirname "${BASH_SOURCE[0]}")/evidence.sh"

started=("$0" "$@")
# Where messages go: once there is a log, through it.
out=1 err=2
# The signal that ends the run, the process that is waited for, whether it must still hear of the signal, and whether
# there is anything to report at the end.
signal='' attended='' owed='' begun='' complete=''

say() { printf '%s: %s\n' "$runbook" "$*" >&"$out"; }

die() {
    local code=$1
    shift
    printf '%s: %s\n' "$runbook" "$*" >&"$err"
    exit "$code"
}

need_tools() {
    local name
    command -v flock >/dev/null || die 1 'no flock on PATH: install util-linux'
    command -v ps >/dev/null || die 1 'no ps on PATH: install procps'
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

# ---- log and signals ----

# What reaches the whole process group (Ctrl-C, timeout) ends the sentinel too, and has then reached the tools: once
# more, and they would drop what is in flight. HUP they ignore, and so does it. It ends with this script.
watch_group() {
    exec 6> >(trap - INT && trap '' HUP && exec cat >/dev/null 2>&1 9>&-)
    sentinel=$!
}

# is_alone: whether a signal that has come was for this process alone. Who signals one process after the other has
# reached the sentinel a moment later.
is_alone() {
    sleep 0.1
    kill -0 "$sentinel" 2>/dev/null
}

# perform COMMAND: runs it with all that it says in the log, also what its tools say after a signal.
perform() {
    watch_group
    exec 5>&2 8>&1
    exec 7> >(keep_log)
    logger=$!
    exec 1>&7 2>&7
    out=7 err=7
    trap 'leave $?' EXIT
    # Where a signal is ignored from the beginning, as HUP is under nohup, bash leaves that so.
    trap 'stop INT' INT
    trap 'stop TERM' TERM
    trap 'stop HUP' HUP
    "$@"
    complete=yes
}

# The log outlives script and tools, and a terminal that is gone. Where the script was killed, nobody else can say so:
# this process then has another parent.
keep_log() {
    trap '' INT TERM HUP PIPE
    local me=$BASHPID
    exec 5>&- 6>&- 8>&- 9>&-
    tee -a "$EVIDENCE/log"
    [ "$(($(ps -o ppid= -p "$me")))" != "$$" ] || return 0
    {
        say "the script was ended: run again with EVIDENCE=$EVIDENCE"
        [ ! -e "$EVIDENCE/settings" ] || report
    } | tee -a "$EVIDENCE/log"
}

# report: what stands, and how to go on.
report() {
    local name line='' missing=''
    stands
    for name in "${remembered[@]}"; do
        [ -z "${!name+set}" ] || printf -v line '%s%s=%q ' "$line" "$name" "${!name}"
    done
    for name in "${besides[@]}"; do
        [ -z "${!name:-}" ] || missing+="${missing:+, }$name"
    done
    say "to resume:${missing:+ (with $missing in the environment, as before)}"
    say "  $line$(again "${started[@]:1}")"
}

# again WORD...: the line that starts this runbook in the same folder.
again() {
    printf 'EVIDENCE=%q %q' "$EVIDENCE" "$(readlink -f "${started[0]}")"
    [ "$#" = 0 ] || printf ' %q' "$@"
}

# leave CODE: the end of the script, whatever it came by.
leave() {
    local code=$1 kept
    trap - EXIT INT TERM HUP
    [ -z "$signal" ] || say "the script was ended by SIG$signal"
    [ -z "$begun" ] || [ -n "$complete" ] || report
    # Closed by all who write to it, the log comes to its end. Where this shell leaves a command with a redirection, it
    # holds the log a second time: it keeps what was redirected from descriptor 10 upwards, to restore it.
    exec 1>&8 2>&5 6>&- 7>&-
    for kept in {10..63}; do exec {kept}>&-; done
    wait "$logger" || true
    [ -z "$signal" ] || kill -s "$signal" "$$"
    exit "$code"
}

# stop SIGNAL: ends the run, and what it waits for first; leave dies by the signal. Said twice, the tools end at once,
# but HUP may come from the terminal and from its shell. An exit instead of leave would end the script without a word
# where it is about to leave already.
stop() {
    if [ -z "$signal" ]; then
        signal=$1
        [ -n "$attended" ] || leave 1
    elif [ "$1" = HUP ]; then
        return 0
    fi
    if [ "$attended" = soon ]; then
        owed=yes
    else
        pass_on
    fi
}

# pass_on: what is waited for hears of the signal, once. A signal to the group from before it was there has not reached
# it.
pass_on() {
    if is_alone || [ -n "$owed" ]; then
        # shellcheck disable=SC2046 # process ids
        kill -s "${signal/HUP/TERM}" $(below "$attended") 2>/dev/null || true
    fi
    owed=''
}

# below PID: this process and all that it began.
below() {
    ps -A -o pid= -o ppid= | awk -v root="$1" '
        { parent[$1] = $2 }
        END {
            for (pid in parent) {
                for (up = pid; up in parent && up != root; ) up = parent[up]
                if (up == root) print pid
            }
        }'
}

# waited PID: its exit code, also when a signal interrupts the wait.
waited() {
    local code
    while :; do
        code=0
        wait "$1" || code=$?
        if [ "$code" -le 128 ] || ! kill -0 "$1" 2>/dev/null; then break; fi
    done
    code=0
    wait "$1" || code=$?
    return "$code"
}

# attend COMMAND...: runs a tool or a function to its end, and passes on what ends the script meanwhile: bash hears a
# signal at once only while it waits for a child in the background. A terminal that is closed does not end the tools as
# such, since of HUP they would die without ending what is in flight.
attend() {
    local code=0
    [ -z "$signal" ] || exit 1
    attended=soon
    (
        exec 5>&- 6>&- 8>&-
        trap '' HUP
        trap : INT TERM
        "$@"
    ) <&0 &
    attended=$!
    [ -z "$owed" ] || pass_on
    waited "$attended" || code=$?
    attended=''
    return "$code"
}

# into FILE CODES TOOL OPTION...: its output as FILE, if it ends with one of CODES. In two steps, so that a file that is
# there is whole. As attend runs it, it is done also when the script is killed meanwhile.
into() {
    local file=$1 codes=$2 code=0
    shift 2
    "$@" >"$file.part" || code=$?
    case " $codes " in
    *" $code "*) mv -- "$file.part" "$file" || return 1 ;;
    esac
    return "$code"
}

# outside COMMAND: a shell command of the operator's, as attend runs it. What it leaves running holds neither log nor
# lock.
outside() { bash -c "$1" 7>&- 9>&-; }

# ask WORD QUESTION [NAME]: goes on if that word is the answer.
ask() {
    local answer
    [ "$yes" = no ] || return 0
    { : </dev/tty; } 2>/dev/null || die 2 'there is no terminal to ask on: say --yes'
    say "$2 Type ${3:-$1} to go on:"
    read -r answer </dev/tty || answer=''
    if [ "$answer" != "$1" ]; then
        say 'you said no: nothing more is done'
        exit 0
    fi
}

# unfinished MESSAGE: the run came to its end, and something is left that it has said how to mend.
unfinished() {
    complete=yes
    die 3 "$*"
}

# ---- steps ----

is_done() { [ -e "$EVIDENCE/$1.jsonl" ]; }

# is_begun STEP: whether it was begun at all.
is_begun() { is_done "$1" || [ -e "$EVIDENCE/$1.jsonl.part" ]; }

# not_aborted TOOL CODE WHAT: goes on after 0 and after rejects, which it reports.
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

# write NAME TOOL OPTION...: runs a tool and keeps its output as NAME.jsonl.
write() {
    local name=$1 code=0
    shift
    attend into "$EVIDENCE/$name.jsonl" 0 "$@" || code=$?
    ended "$1" "$code"
}

# keep NAME TOOL OPTION...: the same, unless an earlier run did it.
keep() {
    if is_done "$1"; then
        say "  done before: $EVIDENCE/$1.jsonl"
    else
        write "$@"
    fi
}

# swapped NAME OPTION...: a swap by conf-swap that is kept as NAME.jsonl, with the way back whatever was killed.
swapped() { keep "$1" conf-swap "${@:2}" --journal "$EVIDENCE/$1.journal"; }

# settle NAME FILE OPTION...: after a kill in the middle of a swap, whose records come from FILE: keeps it as NAME.jsonl
# if it was made, and makes none.
settle() {
    local name=$1 file=$2 code=0
    shift 2
    if is_done "$name" || ! is_begun "$name"; then return; fi
    say "  looking whether the $name was made"
    attend into "$EVIDENCE/look-$name-undo.jsonl" '0 3' conf-swap "$@" --dry-run <"$file" || code=$?
    not_aborted conf-swap "$code" records
    if grep -q '"swap":{"action":"already"' "$EVIDENCE/look-$name-undo.jsonl"; then swapped "$name" "$@" <"$file"; fi
}

# What marks a record as repeated, which it is known by without.
readonly repeated='s/,"replayed":true//;s/,"checked":\(true\|false\)//'

# fold FILE [SED]: FILE gets the records of FILE.part that it does not have yet, so that it never holds less than what
# was done, whichever run was killed. A run with a journal repeats the records of those before it: two are the same if
# they are so after the SED expression. A torn last line is no record.
fold() {
    local file=$1 same=${2:-$repeated}
    [ -e "$file.part" ] || return 0
    : >"$file.new"
    [ ! -e "$file" ] || whole "$file" >"$file.new"
    if ! { keyed "$file.new" "$same" >"$file.had" && keyed "$file.part" "$same" >"$file.got" &&
        LC_ALL=C join -t $'\001' -v 2 -o 2.2,2.3 "$file.had" "$file.got" | LC_ALL=C sort -t $'\001' -n -k 1,1 |
        LC_ALL=C cut -d $'\001' -f 2- >>"$file.new" && mv -- "$file.new" "$file"; }; then
        die 1 "cannot add the records of $file.part to $file"
    fi
    rm -f -- "$file.part" "$file.had" "$file.got"
}

# keyed FILE SED: what a line is known by, its number and itself. No JSON has this byte in it.
keyed() {
    whole "$1" | LC_ALL=C sed "h;$2;G;s/\\n/$(printf '\001')/" |
        LC_ALL=C awk -F '\001' -v OFS='\001' '{ print $1, NR, $2 }' | LC_ALL=C sort -t $'\001' -k 1,1
}

# whole FILE: its lines without a torn one at the end.
whole() {
    if [ -n "$(tail -c 1 -- "$1" | tr -d '\n')" ]; then
        sed '$d' -- "$1"
    else
        cat -- "$1"
    fi
}
