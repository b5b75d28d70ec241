#!/usr/bin/env bash
# The folder of a run: made for it alone, locked while it is in use, and of the same settings when the run is resumed.
# steps.sh sources it.
# shellcheck disable=SC2154,SC2034

# make_evidence TARGET: the folder that EVIDENCE names, or one of its own for this run. Plain mkdir, because it fails
# for all but one of those who make the same folder at the same time.
make_evidence() {
    local base number=1
    if [ -n "${EVIDENCE:-}" ]; then
        mkdir -p -- "$EVIDENCE" || die 1 "cannot make the folder $EVIDENCE"
    else
        mkdir -p evidence || die 1 'cannot make the folder evidence here'
        base=evidence/$runbook-$(printf '%.80s' "$1" | LC_ALL=C tr -c 'A-Za-z0-9._-' _)-$(date -u +%Y-%m-%dT%H%M%SZ)
        EVIDENCE=$base
        until mkdir -- "$EVIDENCE" 2>/dev/null; do
            [ -e "$EVIDENCE" ] || die 1 "cannot make the folder $EVIDENCE"
            number=$((number + 1))
            EVIDENCE=$base-$number
        done
    fi
    if [ ! -e "$EVIDENCE/settings" ] && [ ! -e "$EVIDENCE/lock" ] && [ -n "$(ls -A -- "$EVIDENCE")" ]; then
        die 2 "$EVIDENCE holds files and no settings, so it is not the folder of a run: name another EVIDENCE"
    fi
    lock_evidence
}

# find_evidence: the folder of a run that is there.
find_evidence() {
    [ -n "${EVIDENCE:-}" ] || die 2 "EVIDENCE is not set: name the folder of the run to $command"
    [ -e "$EVIDENCE/settings" ] || die 2 "$EVIDENCE holds no run: there is no settings file"
    lock_evidence
}

# Messages name the folder, and are pasted into a shell that stands elsewhere.
lock_evidence() {
    EVIDENCE=$(CDPATH='' cd -- "$EVIDENCE" && pwd) || die 1 "cannot enter the folder $EVIDENCE"
    lock "$EVIDENCE/lock" "$EVIDENCE" 'name another EVIDENCE'
}

# lock FILE WHAT ELSE: holds FILE, by file descriptor 9, for as long as this script or a tool that it began lives: a
# tool that outlives its script still writes into the folder. Nothing is opened for writing before, and FILE not changed.
lock() {
    local code tries=0
    { exec 9>>"$1"; } 2>/dev/null || die 1 "cannot write to $1"
    # Processes that were killed a moment ago may still be about to end.
    while :; do
        code=0 tries=$((tries + 1))
        flock -n 9 || code=$?
        [ "$code" = 1 ] && [ "$tries" -lt 10 ] || break
        sleep 0.1
    done
    case $code in
    0) ;;
    1) die 2 "$2 is in use by$(holders "$1"): wait until that run and its tools have ended, or $3" ;;
    *) die 1 "cannot lock $1: flock ended with exit code $code" ;;
    esac
}

# holders FILE: the processes that hold this lock, as far as they can be seen.
holders() {
    local fd pid found=''
    for fd in /proc/[0-9]*/fd/9; do
        pid=${fd#/proc/} pid=${pid%%/*}
        if [ "$pid" != "$$" ] && [ "$pid" != "$BASHPID" ] && [ "$fd" -ef "$1" ]; then
            found+="${found:+,} process $pid ($(cat "/proc/$pid/comm" 2>/dev/null))"
        fi
    done
    printf '%s' "${found:- another run}"
}

settings() {
    local name
    for name in "${remembered[@]}"; do printf '%s=%s\n' "$name" "${!name:-}"; done
}

# keep_settings WHAT: what a run is for is written down whole, and a run is resumed for the same alone.
keep_settings() {
    local path
    if [ -e "$EVIDENCE/settings" ]; then
        [ "$(cat "$EVIDENCE/settings")" = "$(settings)" ] || die 2 "$EVIDENCE is $1: see $EVIDENCE/settings"
    else
        for path in "$EVIDENCE"/* "$EVIDENCE"/.[!.]*; do
            case ${path##*/} in
            lock | log | settings.part | '*' | '.[!.]*') ;;
            *) die 2 "$EVIDENCE holds ${path##*/} and no settings, so it cannot be resumed: name another EVIDENCE" ;;
            esac
        done
        settings >"$EVIDENCE/settings.part"
        mv "$EVIDENCE/settings.part" "$EVIDENCE/settings"
    fi
    begun=yes
}

# What a run was for, for those that come after it.
load_settings() {
    local name value
    while IFS='=' read -r name value; do
        case " ${remembered[*]} " in
        *" $name "*) printf -v "$name" '%s' "$value" ;;
        *) die 2 "$EVIDENCE/settings is not of $runbook: it has ${name:-an empty line}" ;;
        esac
    done <"$EVIDENCE/settings"
    [ "$(cat "$EVIDENCE/settings")" = "$(settings)" ] || die 2 "$EVIDENCE/settings is not whole, or not of $runbook"
    begun=yes
}
