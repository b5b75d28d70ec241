//! RB-N-06, as an operator starts it: from a Stripe that lists events as its API says, to a handler that Stripe's own
//! library verifies.
#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod incident;

use std::fs;

use testkit::stripe::{TEST_KEY, ago, event};
use testkit::tool::Output;

use crate::incident::{Incident, SCRIPT, SECRET, names};

/// Runs a command on a terminal of its own, which is asked what stdin says, and ends with its exit code.
const ON_A_TERMINAL: &str =
    "python3 -c 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))'";

#[track_caller]
fn told(output: &Output, words: &[&str]) {
    for words in words {
        assert!(output.text().contains(words), "no {words:?}: {}{}", output.text(), output.stderr);
    }
}

#[test]
fn stripe_replay_gives_the_handler_what_it_missed_and_keeps_the_evidence() {
    let incident = Incident::new(250);
    let output = incident.run("--yes");
    output.assert_code(0);
    incident.assert_done(250);
    assert_eq!(incident.calls().len(), 250);
    assert_eq!(incident.ids("events.jsonl"), names(1..=250));
    assert_eq!(incident.ids("receipts.jsonl").len(), 250);
    assert_eq!(incident.ids("verify.jsonl"), names(1..=250));
    told(&output, &["invoice.paid                                        167 events", "charge.refunded"]);
    told(&output, &["from evt_1 to evt_250", "250 of them to send", "250 events accepted, 0 not"]);
    told(&output, &["the last event is evt_250", "all done"]);
    for entry in fs::read_dir(incident.path("incident")).expect("the evidence") {
        let text = fs::read_to_string(entry.expect("a file").path()).expect("text");
        assert!(!text.contains(SECRET) && !text.contains(TEST_KEY), "{text}");
    }

    // Taken up again with the same evidence, it does nothing twice, and needs no LAST. What came later is not its own.
    incident.stripe.add(event("evt_251", ago(1), "invoice.paid"));
    let again = incident.script("--yes").env_remove("LAST").run();
    told(
        again.assert_code(0),
        &["the run is resumed with the list", "0 of them to send", "250 events accepted, 0 not"],
    );
    assert_eq!(incident.calls().len(), 250);
}

#[test]
fn stripe_replay_finds_the_last_event_once() {
    let incident = Incident::new(10);
    incident.write("processed", "evt_7\n");
    let script = || {
        let script = incident.script("--yes").env_remove("LAST").env("LAST_COMMAND", "cat processed");
        script.env("LIST_OPTIONS", "--timeout 5s")
    };
    // The list does not come, and meanwhile the handler processes newer events.
    let output = script().env("STRIPE_API_BASE", "http://127.0.0.1:9").run();
    told(output.assert_code(1), &["without a whole list nothing is sent"]);
    incident.write("processed", "evt_10\n");
    script().run().assert_code(0);
    assert_eq!(incident.ids("events.jsonl"), names(8..=10));
    told(script().env("LAST", "evt_6").run().assert_code(2), &["the events since evt_7"]);

    let fails = |command: &str| {
        incident
            .script("--yes")
            .env_remove("LAST")
            .env("LAST_COMMAND", command)
            .env("EVIDENCE", "other")
            .run()
    };
    told(fails("false").assert_code(1), &["LAST_COMMAND failed"]);
    for command in ["true", "echo 2h", "echo evt_1; echo evt_2"] {
        told(fails(command).assert_code(2), &["the last event is "]);
    }
    assert_eq!(incident.calls().len(), 3);
}

#[test]
fn stripe_replay_begins_at_a_time_as_databases_write_it() {
    let incident = Incident::new(10);
    let at = jiff::Timestamp::from_second(incident.last - 3).expect("a time").to_string();
    let at = at.replace('T', " ").replace('Z', "+00");
    incident.script("--yes").env("LAST", &at).run().assert_code(0);
    // The events of that second are among them, which the handler may know.
    assert_eq!(incident.ids("events.jsonl"), names(3..=10));
    assert_eq!(incident.calls().len(), 8, "{:?}", incident.calls());
}

#[test]
fn stripe_replay_tells_what_the_handler_refuses_and_sends_it_later() {
    let incident = Incident::new(30);
    incident.write("fail", "evt_9");
    let output = incident.run("--yes -- --attempts 2");
    output.assert_code(3);
    // Later events of its object are held back.
    let mut left = incident.ids("verify-left.jsonl");
    left.sort();
    assert_eq!(left, ["evt_16", "evt_23", "evt_30", "evt_9"]);
    told(&output, &["handler-error          1 rejects", "blocked                3 rejects"]);
    told(&output, &["26 events accepted, 4 not", "evt_9\n", "retry: mend the handler and run again"]);
    assert_eq!(incident.ids("rejects.jsonl").len(), 4);
    assert_eq!(incident.calls().iter().filter(|call| *call == "failed evt_9").count(), 2);

    // One that can never succeed does not hold them back for ever.
    incident.run("--yes -- --attempts 1 --order none").assert_code(3);
    assert_eq!(incident.ids("verify-left.jsonl"), ["evt_9"]);
    fs::remove_file(incident.path("fail")).expect("it was there");
    incident.run("--yes").assert_code(0);
    let calls = incident.calls();
    assert_eq!(calls.iter().filter(|call| call.starts_with("done ")).count(), 30);
    assert!(!calls.iter().any(|call| call.starts_with("again ")), "{calls:?}");
    assert_eq!(incident.ids("receipts.jsonl").len(), 30);
}

#[test]
fn stripe_replay_is_killed_and_taken_up_again() {
    let incident = Incident::new(120);
    // The calls after the first 20 reach the handler, which does them once nobody waits for the answer any more.
    incident.hold_after(20);
    let some = "[ -s incident/journal.jsonl ] && [ \"$(grep -c done calls)\" = 20 ]";
    let output = incident.job("--yes -- --concurrency 4", some, "kill -KILL -- -$!");
    output.assert_code(137);
    let (calls, journaled) = (incident.calls(), incident.journaled());
    assert!((1..=20).contains(&journaled.len()), "{journaled:?}");
    incident.release();

    // Ctrl-C lets the calls in flight end.
    incident.hold_after(60);
    let more = "[ \"$(grep -c done calls)\" = 60 ]";
    let output = incident.job(
        "--yes -- --concurrency 4",
        more,
        "kill -INT -- -$!
        until grep -q stopping incident/log; do sleep 0.05; done
        rm hold",
    );
    told(output.assert_code(130), &["stripe-replay was stopped: run again"]);
    assert!(!incident.path("incident/verify.jsonl").exists());

    incident.run("--yes").assert_code(0);
    incident.assert_done(120);
    assert_eq!(incident.ids("receipts.jsonl").len(), 120);
    for call in &incident.calls()[calls.len()..] {
        let id = call.split(' ').nth(1).expect("an id");
        assert!(!journaled.iter().any(|known| known == id), "{call} after its journal line");
    }
}

#[test]
fn stripe_replay_takes_no_step_after_the_script_alone_was_killed() {
    let incident = Incident::new(3);
    // What this is in is run by a child of the script.
    let kill = "kill -KILL \"$(ps -o ppid= -p \"$PPID\")\"";
    let killed = |output: Output| {
        assert_eq!(output.signal, Some(9), "{}", output.text());
        told(&output, &["the script was ended: run again"]);
        assert!(incident.calls().is_empty());
    };
    let find = format!("{kill}; echo evt_0");
    killed(incident.script("--yes").env_remove("LAST").env("LAST_COMMAND", find).run());
    assert!(incident.stripe.requests().is_empty());

    // Stands before the tool in PATH.
    incident
        .write("stripe-events", &format!("#!/bin/sh\n{kill}\nPATH=${{PATH#*:}} exec stripe-events \"$@\"\n"));
    killed(
        incident.tool(&format!("chmod +x stripe-events; PATH=$PWD:$PATH exec bash '{SCRIPT}' --yes")).run(),
    );
    assert_eq!(incident.ids("events.jsonl"), names(1..=3));
}

#[test]
fn stripe_replay_of_a_handler_that_is_down_is_aborted_and_goes_on_when_it_is_up() {
    let mut incident = Incident::new(40);
    incident.stop_handler();
    let output = incident.run("--yes -- --attempts 1 --max-consecutive-failures 3");
    output.assert_code(1);
    told(&output, &["unreachable", "stripe-replay was aborted with exit code 1: run again with EVIDENCE="]);
    assert!(!incident.path("incident/verify.jsonl").exists());

    // It comes up while events are tried again.
    let running = incident.script("--yes -- --attempts 50 -v").spawn();
    incident.wait_for_log("and is tried again");
    incident.start_handler();
    told(running.wait().assert_code(0), &["40 events accepted, 0 not"]);
    incident.assert_done(40);
}

#[test]
fn stripe_replay_says_when_stripe_has_no_list_any_more() {
    let incident = Incident::new(3);
    incident.stripe.add(event("evt_old", ago(31 * 86_400), "invoice.paid"));
    for last in ["evt_old", "evt_nobody", "2020-01-01T00:00:00Z"] {
        let output = incident.script("--yes").env("LAST", last).run();
        told(output.assert_code(1), &["30 days", "compare the objects themselves"]);
        assert!(!incident.path("incident/events.jsonl").exists());
    }
    // Another LAST goes before the one that was kept.
    incident.run("--yes").assert_code(0);
    incident.assert_done(3);
}

#[test]
fn stripe_replay_asks_and_sends_nothing_without_an_answer() {
    let incident = Incident::new(3);
    // Apart from the terminal there is none to ask on.
    let output = incident.tool(&format!("exec setsid --wait bash '{SCRIPT}'")).run();
    told(output.assert_code(2), &["there is no terminal to ask on: say --yes"]);
    let url = format!("{}?token=hush", incident.handler_url());
    for (answer, calls) in [("4", 0), ("3", 3)] {
        let command = format!("echo {answer} | {ON_A_TERMINAL} bash '{SCRIPT}'");
        let output = incident.tool(&command).env("HANDLER", &url).run();
        told(output.assert_code(0), &["post 3 events to http://127.0.0.1:", "Type their number"]);
        assert!(!output.text().contains("hush"), "{}", output.text());
        assert_eq!(incident.calls().len(), calls, "{}", output.text());
    }
    // Where nothing is left to send there is nothing to ask.
    let again = incident.tool(&format!("exec setsid --wait bash '{SCRIPT}'")).env("HANDLER", &url).run();
    told(again.assert_code(0), &["0 of them to send", "all done"]);
}

#[test]
fn stripe_replay_counts_what_cannot_be_sent_as_left() {
    let incident = Incident::new(2);
    let text = event("evt_bare", ago(10), "invoice.paid");
    incident.stripe.add(text.replace("\"data\"", "\"bare\""));
    let output = incident.run("--yes");
    told(
        output.assert_code(3),
        &["bad-record             1 rejects", "2 events accepted, 1 not", "evt_bare\n"],
    );
    assert_eq!(incident.ids("verify-left.jsonl"), ["evt_bare"]);
}

#[test]
fn stripe_replay_sends_live_events_only_where_that_is_said() {
    let incident = Incident::new(3);
    incident
        .stripe
        .add(event("evt_live", ago(10), "invoice.paid").replace("\"livemode\":false", "\"livemode\":true"));
    let run = |args: &str| incident.script(args).env("STRIPE_API_KEY", testkit::stripe::LIVE_KEY);
    let output = run("--yes").env("LAST", "@1").run();
    told(output.assert_code(2), &["give --live"]);
    let at = format!("@{}", ago(3600));
    told(run("--yes --live").env("LAST", &at).run().assert_code(2), &["is of another handler, mode or list"]);
    run("--yes --live").env("LAST", &at).env("EVIDENCE", "other").run().assert_code(0);
    assert_eq!(incident.calls(), ["done evt_live"]);
}

#[test]
fn stripe_replay_refuses_wrong_settings() {
    let incident = Incident::new(2);
    incident.run("--nonsense").assert_code(2);
    told(incident.run("--help").assert_code(0), &["Usage: rb-n-06-stripe-replay.sh"]);
    for name in ["HANDLER", "LAST"] {
        let output = incident.script("--yes").env_remove(name).run();
        assert!(output.assert_code(2).stderr.contains("is set") || output.stderr.contains("not set"));
    }
    told(incident.run("--yes -- --nonsense").assert_code(2), &["stripe-replay refused its options"]);
    assert!(incident.calls().is_empty());
    // A token in the query of the handler's URL is sent and not kept.
    let url = format!("{}?token=hush", incident.handler_url());
    incident.script("--yes").env("HANDLER", &url).run().assert_code(0);
    assert_eq!(incident.calls().len(), 2);
    for name in ["settings", "log"] {
        assert!(!incident.text(name).contains("hush"), "{}", incident.text(name));
    }
    // An account without events since then.
    let output = incident.script("--yes").env("LAST", "evt_2").env("EVIDENCE", "none").run();
    told(output.assert_code(0), &["nothing to do"]);
}

#[test]
fn both_tools_are_one_pipeline() {
    let incident = Incident::new(230);
    let pipeline = "stripe-events --since evt_0 | stripe-replay --to \"$HANDLER\" --journal replay.jsonl";
    let first = incident.tool(pipeline).run();
    assert_eq!(first.assert_code(0).records().len(), 230);
    incident.assert_done(230);
    let again = incident.tool(pipeline).run();
    assert!(again.assert_code(0).records().iter().all(|receipt| receipt["replay"]["replayed"] == true));
    assert_eq!(incident.calls().len(), 230);
}
