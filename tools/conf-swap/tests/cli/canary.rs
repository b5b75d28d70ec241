//! No value is shown, whatever happens.

use std::fs;

use serde_json::json;
use tempfile::TempDir;
use testkit::fault::{Fault, Plan, Proxy, Rule};
use testkit::moto;
use testkit::tool::Output;

use crate::bench::{overwrite, parameter, put, secret, swap, tool};

/// The value before, the one after, another field, and one that somebody else writes.
const VALUES: [&str; 4] = ["canary-old", "canary-new", "canary-password", "canary-theirs"];

#[track_caller]
fn shows_nothing(what: &str, code: i32, output: &Output) {
    output.assert_code(code);
    for text in [output.text(), &output.stderr] {
        let shown = VALUES.iter().find(|value| text.contains(*value));
        assert_eq!(shown, None, "{what} shows a value:\n{text}");
    }
}

fn content() -> String {
    json!({"host": VALUES[0], "password": VALUES[2], "port": 5432}).to_string()
}

/// A service that quotes what it was sent, as Parameter Store's validation does.
fn quoting(operation: &'static str) -> Proxy {
    let message = format!("Value '{}' at 'value' failed to satisfy constraint", VALUES[1]);
    let body = json!({"__type": "ValidationException", "message": message}).to_string();
    let fault = Fault::Answer { status: 400, body };
    Proxy::start(moto::endpoint(), Plan::new(1).rule(Rule::new(fault).operation(operation)))
}

const TELLTALE: &str = "echo \"$CONF_SWAP_VALUE\"; env; set -x; : \"$CONF_SWAP_NEW\"; false";

#[tokio::test]
async fn not_of_a_secret() {
    let name = secret(&content()).await;
    let args = ["-vv", "--secret", &name, "--pointer", "/host"];
    let run = |more: &[&str]| tool(&args).args(more).env("NEW", VALUES[1]).env("OLD", VALUES[0]);
    let new = ["--value-env", "NEW"];
    shows_nothing("a rehearsal", 0, &run(&[&new[..], &["-n"]].concat()).run());
    shows_nothing("a check", 3, &run(&[&new[..], &["--check", TELLTALE]].concat()).run());
    shows_nothing(
        "an expectation",
        3,
        &run(&[&new[..], &["--expect-env", "NEW2"]].concat()).env("NEW2", "x").run(),
    );
    shows_nothing(
        "a type",
        3,
        &tool(&["-vv", "--secret", &name, "--pointer", "/port"]).args(new).env("NEW", VALUES[1]).run(),
    );
    shows_nothing(
        "a missing place",
        3,
        &tool(&["-vv", "--secret", &name, "--pointer", "/a"]).args(new).env("NEW", VALUES[1]).run(),
    );
    let proxy = quoting("PutSecretValue");
    shows_nothing("a refusal", 3, &run(&new).endpoint(proxy.url()).run());
    assert_eq!(proxy.count("Answer"), 1);
    let log = run(&[&new[..], &["--expect-env", "OLD"]].concat()).run();
    shows_nothing("a swap", 0, &log);
    shows_nothing("a repeat", 0, &run(&new).run());
    let undo = |more: &[&str]| tool(&["-vv", "--undo"]).args(more).stdin(log.stdout.clone()).run();
    shows_nothing("the check of an undo", 3, &undo(&["--check", TELLTALE]));
    shows_nothing("an undo", 0, &undo(&[]));
    overwrite(&name, VALUES[3]).await;
    shows_nothing("a change by others", 3, &undo(&[]));
    shows_nothing("no JSON", 3, &run(&new).run());
}

#[tokio::test]
async fn not_of_a_parameter() {
    let name = parameter(VALUES[0]).await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("new");
    fs::write(&file, VALUES[1]).unwrap();
    let new = ["-vv", "--ssm", &name, "--value-file", file.to_str().unwrap()];
    shows_nothing("a rehearsal", 0, &tool(&new).arg("-n").run());
    shows_nothing("a check", 3, &tool(&new).args(["--check", TELLTALE]).run());
    shows_nothing("an expectation", 3, &tool(&new).args(["--expect", "else"]).run());
    let proxy = quoting("PutParameter");
    shows_nothing("a refusal", 3, &tool(&new).endpoint(proxy.url()).run());
    assert_eq!(proxy.count("Answer"), 1);
    let log = tool(&new).run();
    shows_nothing("a swap", 0, &log);
    shows_nothing("a repeat", 0, &tool(&new).run());
    shows_nothing(
        "the check of an undo",
        3,
        &tool(&["-vv", "--undo", "--check", TELLTALE]).stdin(log.stdout.clone()).run(),
    );
    shows_nothing("an undo", 0, &tool(&["-vv", "--undo"]).stdin(log.stdout.clone()).run());
    put(&name, VALUES[3]).await;
    shows_nothing("a change by others", 3, &tool(&["-vv", "--undo"]).stdin(log.stdout).run());
}

#[tokio::test]
async fn not_in_a_journal_and_nothing_that_is_made_of_one() {
    let name = secret(&content()).await;
    let folder = TempDir::new().unwrap();
    let journal = folder.path().join("journal");
    let run = |more: &[&str]| {
        let args = ["-vv", "--secret", &name, "--pointer", "/host", "--value-env", "NEW"];
        tool(&args).args(more).env("NEW", VALUES[1]).env("OLD", VALUES[0])
    };
    let kept = |more: &[&str]| run(more).arg("--journal").arg(&journal);
    shows_nothing("a check", 3, &kept(&["--check", TELLTALE, "--expect-env", "OLD"]).run());
    let log = kept(&[]).run();
    shows_nothing("a swap", 0, &log);
    shows_nothing("a repeat", 0, &kept(&[]).run());
    shows_nothing("another value", 3, &kept(&[]).env("NEW", VALUES[3]).run());
    let text = fs::read_to_string(&journal).unwrap();
    assert!(text.contains("\"swapped\"") && VALUES.iter().all(|value| !text.contains(value)), "{text}");
    // Without a journal the id of a version follows from what is in it: whoever knew the old content could try values.
    tool(&["--undo"]).stdin(log.stdout).run().assert_code(0);
    let id = swap(&run(&[]).run())["version_id"].as_str().unwrap().to_owned();
    assert!(!text.contains(&id), "{text}");

    let record = json!({"endpoint": VALUES[1]}).to_string();
    let name = parameter(VALUES[0]).await;
    let journal = folder.path().join("records");
    let args = ["--ssm", &name, "--value-from", "endpoint", "--journal"];
    for _ in 0..2 {
        tool(&args).arg(&journal).stdin(record.clone()).run().assert_code(0);
    }
    let text = fs::read_to_string(&journal).unwrap();
    assert!(text.contains("\"swapped\"") && VALUES.iter().all(|value| !text.contains(value)), "{text}");
}

#[tokio::test]
async fn not_in_the_process_list() {
    let name = secret(&content()).await;
    let folder = TempDir::new().unwrap();
    let check = "cat /proc/$$/cmdline /proc/$PPID/cmdline > cmdlines; env > env";
    let args = ["--secret", &name, "--pointer", "/host", "--value-env", "NEW", "--check", check];
    tool(&args).env("NEW", VALUES[1]).cwd(folder.path()).run().assert_code(0);
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(read("env").contains(VALUES[1]) && read("cmdlines").contains("--pointer"));
    let cmdlines = read("cmdlines");
    assert!(VALUES.iter().all(|value| !cmdlines.contains(value)), "{cmdlines}");
}

#[tokio::test]
async fn of_a_record_only_where_the_record_has_it() {
    let name = secret(&content()).await;
    let record = json!({"endpoint": VALUES[1]}).to_string();
    let run = |more: &[&str]| {
        let args = ["-vv", "--secret", &name, "--pointer", "/host", "--value-from", "endpoint"];
        tool(&args).args(more).stdin(record.clone()).run()
    };
    let count = |output: &Output| {
        (output.text().matches(VALUES[1]).count(), output.stderr.matches(VALUES[1]).count())
    };
    let rejected = run(&["--check", TELLTALE]);
    assert_eq!(count(rejected.assert_code(3)), (0, 1), "{}", rejected.stderr);
    let swapped = run(&[]);
    assert_eq!(count(swapped.assert_code(0)), (1, 0), "{}", swapped.stderr);
}
