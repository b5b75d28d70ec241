//! A signal ends a runbook wherever it comes: bash itself sends it, from before a command of the script that is known by
//! its number or its text, so that no place depends on how fast the machine is.

use std::time::Duration;

use testkit::tool::{Output, Tool};

use crate::stage::{ALL, Stage, command};

/// Sends a signal to itself or to its group, once. Those commands count that come while a run has begun and is not
/// complete.
const SIGNALS: &str = r#"case $0 in */rb-n-*) ;; *) return ;; esac
    set -o functrace
    commands=0
    before() {
        [ "$BASHPID" = "$$" ] && [ -n "${begun:-}" ] && [ -z "${complete:-}" ] || return 0
        commands=$((commands + 1))
        echo "$commands" >"$PLACES"
        case $AT_PLACE in "$commands" | "$BASH_COMMAND") ;; *) return 0 ;; esac
        AT_PLACE=none
        echo "in ${FUNCNAME[1]}: $BASH_COMMAND" >"$SENT"
        kill -s "$SIGNAL" -- "${TO/self/$$}"
    }
    trap before DEBUG"#;

/// What differs is one key, until there is a plan.
const VERSIONS: &str = r#"[ -e "$EVIDENCE/plan.jsonl" ] ||
    echo '{"bucket":"photos","key":"originals/a","plan":{"action":"restore"},"size":3}'"#;

/// Turns each record into one of its own, and has a journal.
fn filter(sed: &str) -> String {
    format!("while [ $# -gt 0 ]; do [ \"$1\" != --journal ] || : >\"$2\"; shift; done\nsed '{sed}'")
}

fn stage() -> Stage {
    let stage = Stage::new();
    std::fs::write(stage.path("signals"), SIGNALS).expect("a script");
    stage.fake("s3-versions", VERSIONS);
    stage.fake("s3-restore", &filter(r#"s/"plan"/"restore"/"#));
    stage.fake("cf-purge", &filter(r#"s/.*/{"path":"\/originals\/a"}/"#));
    stage
}

/// A runbook as the first of a process group, with the signal to it or to its group at a place.
fn sent(stage: &Stage, script: &str, signal: &str, to: &str, place: &str) -> Output {
    let command = command(script, "--yes").replace("exec ", "exec setsid ");
    tool(stage, &command)
        .env("BASH_ENV", stage.path("signals"))
        .env("PLACES", stage.path("places"))
        .env("SENT", stage.path("sent"))
        .env("SIGNAL", signal)
        .env("TO", to)
        .env("AT_PLACE", place)
        .run()
}

fn tool(stage: &Stage, command: &str) -> Tool {
    stage.bash(command).env("EVIDENCE", stage.path("incident")).limit(Duration::from_secs(40))
}

const RB_N_03: &str = ALL[1].script;

#[test]
fn a_signal_at_any_place_ends_the_script_with_its_log_whole() {
    let signals = [
        ("HUP", 1, "self"),
        ("TERM", 15, "-self"),
        ("INT", 2, "self"),
        ("HUP", 1, "-self"),
        ("TERM", 15, "self"),
    ];
    let undisturbed = stage();
    sent(&undisturbed, RB_N_03, "HUP", "self", "none").assert_code(0);
    let places: usize = undisturbed.text("places").trim().parse().expect("a number of places");
    assert!(places > 200, "{places}");
    for (place, (signal, number, to)) in (1..places).step_by(6).zip(signals.iter().cycle()) {
        let stage = stage();
        let output = sent(&stage, RB_N_03, signal, to, &place.to_string());
        let what = format!("SIG{signal} to {to} at {place} {}{}", stage.text("sent"), output.text());
        assert_eq!(output.signal, Some(*number), "{what}{}", output.stderr);
        assert!(output.text().contains(&format!("the script was ended by SIG{signal}")), "{what}");
        assert!(output.text().contains("to resume:") || output.text().contains("all done"), "{what}");
        assert_eq!(stage.text("incident/log"), output.text(), "{what}");
        let again = tool(&stage, &command(RB_N_03, "--yes")).run();
        assert!(again.assert_code(0).text().contains("all done"), "{what}{}", again.text());
    }
}

#[test]
fn a_signal_inside_a_command_with_a_redirection_ends_the_script() {
    // The first is called with its output redirected, the second with its input as well.
    for place in ["LC_ALL=C awk -F '\\001' -v OFS='\\001' '{ print $1, NR, $2 }'", "attended=soon"] {
        for signal in ["HUP", "TERM", "INT"] {
            let stage = stage();
            let output = sent(&stage, RB_N_03, signal, "self", place);
            assert!(!stage.text("sent").is_empty(), "{place} was not reached: {}", output.text());
            assert!(output.text().contains("to resume:"), "{}", output.text());
            assert_eq!(stage.text("incident/log"), output.text());
        }
    }
}

#[test]
fn a_tool_that_has_just_begun_hears_of_a_signal() {
    for runbook in ALL {
        for (signal, to) in [("HUP", "self"), ("TERM", "self"), ("INT", "self"), ("HUP", "-self")] {
            let stage = stage();
            // Nobody ever opens the gate.
            stage.gated(runbook.first, "");
            let output = sent(&stage, runbook.script, signal, to, "attended=$!");
            assert!(stage.text("sent").starts_with("in attend"), "{}", output.text());
            assert!(output.text().contains(&format!("ended by SIG{signal}")), "{}", output.text());
        }
    }
}

#[test]
fn a_signal_says_what_is_true_at_each_step_of_a_restore() {
    let purging = r#"mv -- "$EVIDENCE/acted.part" "$EVIDENCE/acted""#;
    let stands = [
        ("plan", "nothing was written: there is no plan yet"),
        ("dry_run", "nothing was written to s3://photos/originals/"),
        ("act", "nothing was written to s3://photos/originals/"),
        (purging, "s3://photos/originals/ is restored, but the CDN may still show wrong content"),
        ("verify", "s3://photos/originals/ is restored, and EABC123 is purged.\n"),
        ("finish", "s3://photos/originals/ is restored, and EABC123 is purged.\n"),
    ];
    for (step, stands) in stands {
        let output = sent(&stage(), RB_N_03, "HUP", "self", step);
        assert!(output.text().contains(stands), "{step}: {}", output.text());
    }
}

#[test]
fn a_signal_after_a_restore_with_rejects_says_what_was_not_restored() {
    let stage = stage();
    let rejects = r#"while [ $# -gt 0 ]; do case $1 in
        --journal) : >"$2" ;;
        --rejects) echo '{"reject":{"kind":"newer"}}' >"$2" ;;
        esac; shift; done; cat >/dev/null"#;
    stage.fake("s3-restore", rejects);
    let output = sent(&stage, RB_N_03, "HUP", "self", "verify");
    let stands = "originals/ is restored but for 1 in restore-rejects.jsonl, and EABC123 is purged.\n";
    assert!(output.text().contains(stands), "{}", output.text());
}
