//! What a call says, and that the secret behind it stays hidden.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use crate::handler::{Call, Handler, Say};
use crate::{SECRET, event, events, ids, receipts};

/// Lets Stripe's own library, and a computation apart from the tool, verify every call.
#[track_caller]
fn assert_verified(calls: &[Call], secrets: &[&str]) {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    // Waits for one that another process is making, and does nothing where it is ready.
    let made = Command::new(root.join("scripts/sandbox")).arg("venv").status();
    assert!(made.is_ok_and(|status| status.success()), "`scripts/sandbox venv` failed");
    let mut python = Command::new(root.join("target/sandbox/venv/bin/python"))
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/verify.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the sandbox's python");
    let mut stdin = python.stdin.take().expect("a pipe");
    for call in calls {
        let line = json!({"header": call.headers["stripe-signature"], "body": call.body, "secrets": secrets});
        writeln!(stdin, "{line}").expect("python reads");
    }
    drop(stdin);
    let output = python.wait_with_output().expect("python ends");
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), calls.len().to_string());
}

#[test]
fn a_call_is_the_event_byte_for_byte_with_a_valid_signature() {
    let handler = Handler::accepting();
    let odd = r#"{ "id":"evt_9", "object":"event","type":"a.b","created":9,"livemode":false,"n":1.10,"big":123456789012345678901234567890,"u":"\u00e9é\/", "data":{"object":{ }} }"#;
    let output = handler.tool().stdin(format!("{odd}\r\n{}", events(0..3))).run();
    assert_eq!(receipts(output.assert_code(0)), ids([0, 1, 2, 9]));
    let state = handler.state();
    let call = state.calls.iter().find(|call| call.id == "evt_9").expect("a call");
    assert_eq!((call.body.as_str(), call.method.as_str()), (odd, "POST"));
    assert_eq!(call.path, "/webhooks/stripe");
    assert_eq!(call.headers["content-type"], "application/json; charset=utf-8");
    assert!(call.headers["user-agent"].starts_with("drkit/"), "{:?}", call.headers);
    assert_verified(&state.calls, &[SECRET]);
}

#[test]
fn each_attempt_is_signed_anew() {
    let handler = Handler::start(|call| match call.nth {
        0 => Say::Words(503, &[("retry-after", "1")], String::new()),
        _ => Say::Status(200),
    });
    handler.tool().stdin(events(0..1)).run().assert_code(0);
    let state = handler.state();
    let times: Vec<i64> = state
        .calls
        .iter()
        .filter_map(|call| {
            call.headers["stripe-signature"].split(',').next()?.strip_prefix("t=")?.parse().ok()
        })
        .collect();
    assert!(times.len() == 2 && times[1] > times[0], "{times:?}");
    assert_verified(&state.calls, &[SECRET]);
}

#[test]
fn a_secret_that_is_rolled_signs_beside_the_new_one() {
    let handler = Handler::accepting();
    handler
        .tool()
        .env("STRIPE_WEBHOOK_SECRET", "whsec_old,whsec_new")
        .stdin(events(0..1))
        .run()
        .assert_code(0);
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("secrets");
    fs::write(&file, "whsec_old\nwhsec_new\n").expect("a file");
    // The file goes before the variable.
    handler.tool().arg("--secret-file").arg(&file).stdin(events(1..2)).run().assert_code(0);
    assert_eq!(handler.state().ids(), ids(0..2));
    assert_verified(&handler.state().calls, &["whsec_old", "whsec_new"]);
}

#[test]
fn the_secret_is_in_nothing_that_is_written() {
    let handler = Handler::start(|call| match call.id.as_str() {
        "evt_0" => Say::Status(200),
        "evt_1" => Say::Words(500, &[], format!("expected a signature of {SECRET}")),
        _ => Say::Held(200),
    });
    let folder = TempDir::new().expect("a folder");
    let (journal, rejects) = (folder.path().join("journal"), folder.path().join("rejects"));
    let tool = handler
        .tool()
        .args(["-vv", "--attempts", "2", "--journal"])
        .arg(&journal)
        .arg("--rejects")
        .arg(&rejects);
    let running = tool.stdin(events(0..3)).spawn();
    handler.wait_until(|state| state.log.contains(&"+evt_2".to_owned()));
    let cmdline = fs::read(format!("/proc/{}/cmdline", running.pid())).expect("a process");
    handler.release();
    let output = running.wait();
    output.assert_code(3);
    let texts = [
        String::from_utf8_lossy(&cmdline).into_owned(),
        output.text().to_owned(),
        output.stderr.clone(),
        fs::read_to_string(&journal).expect("a journal"),
        fs::read_to_string(&rejects).expect("rejects"),
    ];
    for text in &texts {
        assert!(!text.is_empty() && !text.contains("hush"), "{text}");
    }
    assert!(output.stderr.contains("a signature of ***, and is tried again"), "{}", output.stderr);
    assert!(texts[4].contains("a signature of ***"), "{}", texts[4]);
}

#[test]
fn what_is_no_secret_is_told_and_not_shown() {
    let handler = Handler::accepting();
    let run = |secret: &str| handler.tool().env("STRIPE_WEBHOOK_SECRET", secret).stdin(events(0..1)).run();
    for (secret, words) in [
        ("", "no secret in STRIPE_WEBHOOK_SECRET"),
        (" , ", "no secret in STRIPE_WEBHOOK_SECRET"),
        ("sk_test_hush", "holds a sk_..."),
        ("whsec_hush,we_hush", "holds a we_..."),
    ] {
        let output = run(secret);
        output.assert_code(2);
        assert!(output.stderr.contains(words) && !output.stderr.contains("hush"), "{}", output.stderr);
    }
    let missing = handler.tool().args(["--secret-file", "/does/not/exist"]).stdin(events(0..1)).run();
    missing.assert_code(2);
    assert!(missing.stderr.contains("/does/not/exist"), "{}", missing.stderr);
    assert!(handler.state().calls.is_empty());
}

#[test]
fn a_printed_call_has_the_body_and_no_secret() {
    let handler = Handler::accepting();
    let mut quoted = event(0, "in_0");
    quoted["note"] = "it's $HOME".into();
    let printing = || handler.tool().env_remove("STRIPE_WEBHOOK_SECRET").arg("--print-curl");
    let output = printing().stdin(format!("{{}}\n{quoted}\n{}", events(1..2))).run();
    // The first line is no event.
    output.assert_code(3);
    assert!(handler.state().calls.is_empty());
    let run = testkit::tool::Tool::bash(output.text()).run();
    assert!(run.assert_code(0).text().starts_with("HTTP/1.1 200"), "{}", run.text());
    let state = handler.state();
    assert_eq!((state.calls.len(), &state.calls[0].body), (1, &quoted.to_string()));
    assert_eq!(state.calls[0].headers["stripe-signature"], "t=TIMESTAMP,v1=SIGNATURE");
    drop(state);
    assert!(printing().run().assert_code(0).stdout.is_empty());
}
