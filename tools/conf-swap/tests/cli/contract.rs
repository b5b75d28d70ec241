//! What every tool promises: usage, streams, exit codes.

use std::time::Duration;

use tempfile::TempDir;
use testkit::fault::nowhere;
use testkit::tool::Tool;
use testkit::{moto, pages};

use crate::bench::{gate, go, parameter, swap, tool, value, wait_begun};

#[tokio::test]
async fn flags_that_make_no_sense_are_usage_errors() {
    let name = parameter("old").await;
    let ssm = ["--ssm", &name];
    let folder = TempDir::new().unwrap();
    let long = folder.path().join("long");
    std::fs::write(&long, "x".repeat(65_537)).unwrap();
    let long = long.to_str().unwrap();
    for wrong in [
        vec![],
        vec!["--value", "x"],
        ssm.to_vec(),
        [&ssm[..], &["--secret", "s", "--value", "x"]].concat(),
        [&ssm[..], &["--value", "x", "--value-env", "HOME"]].concat(),
        [&ssm[..], &["--value", ""]].concat(),
        [&ssm[..], &["--value-env", "NO_SUCH_VARIABLE"]].concat(),
        [&ssm[..], &["--value-env", "EMPTY"]].concat(),
        [&ssm[..], &["--value-file", "/no/such/file"]].concat(),
        [&ssm[..], &["--value-file", "-"]].concat(),
        [&ssm[..], &["--value-file", long]].concat(),
        [&ssm[..], &["--value-from", ""]].concat(),
        [&ssm[..], &["--value-from", "/a~"]].concat(),
        [&ssm[..], &["--value", "x", "--expect", "a", "--expect-env", "HOME"]].concat(),
        [&ssm[..], &["--value", "x", "--expect-file", "-"]].concat(),
        [&ssm[..], &["--value", "x", "--expect-env", "NO_SUCH_VARIABLE"]].concat(),
        [&ssm[..], &["--value", "x", "--pointer", "host"]].concat(),
        [&ssm[..], &["--value", "x", "--label", "1st"]].concat(),
        [&ssm[..], &["--value", "x", "--label", ""]].concat(),
        [&ssm[..], &["--value", "x", "--timeout", "0s"]].concat(),
        [&ssm[..], &["--value", "x", "--log-format", "xml"]].concat(),
        [&ssm[..], &["--value", "x", "file"]].concat(),
        [&ssm[..], &["--undo"]].concat(),
        vec!["--ssm", "/app/x:3", "--value", "x"],
        vec!["--ssm", "arn:aws:ssm:us-east-1:1:parameter/x", "--value", "x"],
        vec!["--secret", "s", "--label", "live", "--value", "x"],
        vec!["--undo", "--value", "x"],
        vec!["--undo", "--pointer", "/x"],
        vec!["--undo", "--expect", "x"],
        vec!["--undo", "--label", "live"],
    ] {
        let output = tool(&wrong).env("EMPTY", "").run();
        assert_eq!(output.code, Some(2), "{wrong:?}: {}", output.stderr);
        assert!(output.stdout.is_empty(), "{wrong:?}");
    }
    assert_eq!(value(&name).await.0, 1);
}

#[test]
fn help_and_what_is_generated_need_no_other_flag() {
    pages::assert_printed("conf-swap");
}

#[test]
fn a_wrong_name_is_told_before_the_input_is_read() {
    for target in [["--secret", "/none"], ["--ssm", "/none"]] {
        let mut running = tool(&target).args(["--value-from", "endpoint"]).spawn();
        let line = running.wait_stderr("/none");
        assert!(line.contains("check the name, --region"), "{line}");
        running.wait().assert_code(1);
    }
}

#[tokio::test]
async fn without_a_server_credentials_or_a_region_the_run_ends_at_once() {
    let url = nowhere();
    let tool = || tool(&["--ssm", "/a", "--value", "x"]).limit(Duration::from_secs(30));
    for (tool, expected) in [
        (tool().args(["--endpoint-url", &url]), "Unreachable"),
        (tool().env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY"), "credentials"),
        (tool().env_remove("AWS_REGION"), "no AWS region"),
    ] {
        let output = tool.run();
        output.assert_code(1);
        let errors = output.stderr.lines().filter(|line| line.contains("error")).collect::<Vec<_>>();
        assert!(matches!(errors[..], [line] if line.contains(expected)), "{expected}: {}", output.stderr);
    }
}

#[tokio::test]
async fn endpoint_region_and_profile_can_be_flags() {
    let name = parameter("old").await;
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("config");
    std::fs::write(&config, "[profile night]\naws_access_key_id = a\naws_secret_access_key = s\n").unwrap();
    let output = Tool::new("conf-swap")
        .env("AWS_CONFIG_FILE", &config)
        .env_remove("AWS_REGION")
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .args(["--profile", "night", "--endpoint-url", moto::endpoint(), "--region", "us-east-1"])
        .args(["--ssm", &name, "--value", "new"])
        .run();
    assert_eq!(swap(&output)["action"], "swapped");
}

#[tokio::test]
async fn messages_are_quiet_json_or_more_as_wanted() {
    let name = parameter("old").await;
    let run = |new: &str, flags: &[&str]| {
        tool(&["--ssm", &name, "--value", new, "--check", "true"]).args(flags).run()
    };
    assert_eq!(run("1", &["-q"]).assert_code(0).stderr, "");
    let json = run("2", &["--log-format", "json"]);
    assert!(json.assert_code(0).stderr.lines().all(|line| line.starts_with("{\"time\":")), "{}", json.stderr);
    let (plain, more) = (run("3", &[]), run("4", &["-v"]));
    assert!(more.stderr.contains("the check succeeded") && !plain.stderr.contains("the check succeeded"));
    assert!(plain.stderr.contains("read 1, done 1, rejected 0"), "{}", plain.stderr);
}

#[tokio::test]
async fn a_swap_that_nobody_takes_note_of_goes_to_stderr() {
    let name = parameter("old").await;
    let folder = TempDir::new().unwrap();
    let mut running = tool(&["--ssm", &name, "--value", "new", "--check", &gate(folder.path())]).spawn();
    wait_begun(folder.path());
    running.close_stdout();
    go(folder.path());
    let record = running.wait_stderr("\"swap\":{\"action\":\"swapped\"");
    running.wait().assert_code(1);
    assert_eq!(value(&name).await.0, 2);
    assert_eq!(swap(&tool(&["--undo"]).stdin(record).run())["action"], "undone");
}

#[tokio::test]
async fn a_full_disk_is_an_error() {
    let name = parameter("old").await;
    let output = tool(&["--ssm", &name, "--value", "new"]).stdout_to("/dev/full").run();
    assert!(output.assert_code(1).stderr.contains("cannot write to stdout"), "{}", output.stderr);
}

#[tokio::test]
async fn a_signal_ends_a_wait_for_input() {
    let name = parameter("old").await;
    for (name_of, number) in [("INT", 2), ("TERM", 15)] {
        let mut running = tool(&["-v", "--ssm", &name, "--value-from", "table"]).spawn();
        running.write("{}\n");
        running.wait_stderr("bad-record");
        running.signal(name_of);
        assert_eq!(running.wait().signal, Some(number));
    }
    assert_eq!(value(&name).await.0, 1);
}
