//! A runbook that a signal ends lets its tools end, has their last words in its log, and says how to resume.

use testkit::tool::{Output, Tool};

use crate::stage::{ALL, Damaged, KEYS, Runbook, Stage, command};

/// Waits at the gate, and says something before it dies of what stops it.
const WAITS: &str = r#"end() { echo "last words after $1" >&2; trap - "$1"; kill -s "$1" $$; }
    trap 'end TERM' TERM
    trap 'end INT' INT
    read -r _ <"$GATE""#;

/// Whom a signal is sent to.
#[derive(Clone, Copy, Debug)]
enum To {
    Script,
    Group,
}

/// Runs the runbook as a job of a shell with job control, and sends a signal while its first tool waits.
fn ended(stage: &Stage, runbook: &Runbook, before: &str, signal: &str, to: To) -> Output {
    stage.gated(runbook.first, "exit 1");
    stage.fake(runbook.first, WAITS);
    let job = format!("(echo $BASHPID >pid; {})", command(runbook.script, "--yes"));
    let running = stage
        .bash(&format!("{before} set -m; {job} & wait $!"))
        .env("EVIDENCE", stage.path("incident"))
        .env("GATE", stage.path("gate"))
        .spawn();
    let gate = stage.waiting();
    let id = stage.text("pid");
    let id = if matches!(to, To::Group) { format!("-{id}") } else { id };
    Tool::bash(&format!("kill -s {signal} -- {}", id.trim())).run().assert_code(0);
    if !before.is_empty() {
        drop(gate);
        return running.wait();
    }
    let output = running.wait();
    drop(gate);
    output
}

#[track_caller]
fn assert_told(stage: &Stage, output: &Output, words: &[&str]) {
    let log = stage.text("incident/log");
    for words in words {
        assert!(output.text().contains(words), "no {words:?}: {}{}", output.text(), output.stderr);
        assert!(log.contains(words), "no {words:?} in the log: {log}");
    }
}

/// The line that the runbook says to resume it with, in an environment that has nothing but secrets.
fn resume(stage: &Stage, output: &Output) -> Output {
    let lines = output.text().lines().skip_while(|line| !line.contains("to resume:"));
    let line = lines.skip(1).find_map(|line| line.split_once(":   ")).expect("a line to resume with").1;
    let path = stage.path("bin");
    Tool::bash(&format!("PATH='{}':$PATH; {line}", path.display()))
        .env("HANDLER", "https://app.example.com:8443/hook?token=hush")
        .env("STRIPE_API_KEY", "rk_test_hush")
        .run()
}

#[test]
fn every_runbook_that_a_signal_ends_says_so_and_how_to_resume() {
    for (signal, code) in [("TERM", 143), ("HUP", 129), ("INT", 130)] {
        for runbook in ALL {
            let stage = Stage::new();
            let output = ended(&stage, &runbook, "", signal, To::Script);
            output.assert_code(code);
            // Tools do not hear HUP, by which they would not end what is in flight.
            let words = format!("last words after {}", signal.replace("HUP", "TERM"));
            assert_told(&stage, &output, &[&words, &format!("ended by SIG{signal}"), "to resume:"]);
            assert!(!output.text().contains("hush"), "{}", output.text());
            // It gets to the same tool again, and no further.
            stage.fake(runbook.first, "echo once more >&2; exit 1");
            let again = resume(&stage, &output);
            assert_told(&stage, again.assert_code(1), &["once more"]);
        }
    }
}

#[test]
fn a_signal_to_the_whole_group_reaches_a_tool_once() {
    for (signal, code) in [("TERM", 143), ("HUP", 129), ("INT", 130)] {
        for runbook in &ALL[1..2] {
            let stage = Stage::new();
            let output = ended(&stage, runbook, "", signal, To::Group);
            output.assert_code(code);
            let words = format!("last words after {}", signal.replace("HUP", "TERM"));
            assert_told(&stage, &output, &[&words, &format!("ended by SIG{signal}")]);
            assert_eq!(output.text().matches("last words").count(), 1, "{}", output.text());
        }
    }
}

#[test]
fn a_runbook_under_nohup_does_not_hear_that_the_terminal_is_closed() {
    let (stage, runbook) = (Stage::new(), &ALL[1]);
    let output = ended(&stage, runbook, "trap '' HUP;", "HUP", To::Group);
    assert!(output.assert_code(1).text().contains("s3-versions ended with exit code"), "{}", output.text());
    assert!(!output.text().contains("SIGHUP"), "{}", output.text());
}

#[tokio::test]
async fn what_a_restore_had_in_flight_is_in_the_evidence() {
    let (stage, damaged) = (Stage::new(), Damaged::new(&["photos"]).await);
    // The restore has done its work, and the purge does not come to an end.
    stage.gated("cf-purge", "");
    stage.fake("cf-purge", &format!("case $* in *--dry-run*) exit 0 ;; esac\ncat >/dev/null\n{WAITS}"));
    let run = || damaged.of(stage.run("rb-n-03-s3-restore.sh", "--yes --delete-newer"));
    let running = run().env("GATE", stage.path("gate")).spawn();
    let gate = stage.waiting();
    running.signal("TERM");
    let output = running.wait();
    drop(gate);
    assert_eq!(output.signal, Some(15), "{}", output.text());
    assert_told(&stage, &output, &["last words after TERM", "is restored, but the CDN may still show"]);
    assert_eq!(stage.records("incident/restore.jsonl").len(), KEYS + 1);

    stage.real("cf-purge");
    run().run().assert_code(0);
    assert_eq!(stage.records("incident/restore.jsonl").len(), KEYS + 1);
    assert!(!stage.records("incident/purge.jsonl").is_empty());
    damaged.assert_restored("photos").await;
}

#[test]
fn a_log_outlives_the_terminal_that_it_was_shown_on() {
    let stage = Stage::new();
    stage.fake("s3-versions", "echo seen >&2; echo seen >&2; exit 1");
    let output = stage.run("rb-n-03-s3-restore.sh", "--yes").stdout_broken().run();
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(stage.text("incident/log").contains("to resume:"), "{}", stage.text("incident/log"));
}
