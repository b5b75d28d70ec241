//! What every tool promises: usage, streams, exit codes.

use std::time::Duration;

use anyhow::Result;
use testkit::fault::nowhere;
use testkit::pages;
use testkit::tool::Tool;

use crate::fake::{DENIED, DISTRIBUTION, Fake};
use crate::{receipts, records};

#[test]
fn flags_that_make_no_sense_are_usage_errors() {
    let fake = Fake::start(Some(1));
    let id = ["--distribution-id", DISTRIBUTION];
    for wrong in [
        vec![],
        vec!["--distribution-id", ""],
        vec!["--distribution-id", "E/../E2"],
        [&id[..], &["--exact", "--max-paths", "5"]].concat(),
        [&id[..], &["--max-paths", "0"]].concat(),
        [&id[..], &["--max-cost", "ten"]].concat(),
        [&id[..], &["--every", "0s"]].concat(),
        [&id[..], &["--every", "often"]].concat(),
        [&id[..], &["--timeout", "-1m"]].concat(),
        [&id[..], &["--run-id", ""]].concat(),
        [&id[..], &["--quiet", "--verbose"]].concat(),
        [&id[..], &["--log-format", "xml"]].concat(),
        [&id[..], &["keys.txt"]].concat(),
    ] {
        let output = Tool::new("cf-purge").endpoint(fake.url()).args(&wrong).stdin(records(["a"])).run();
        assert_eq!(output.code, Some(2), "{wrong:?}: {}", output.stderr);
        assert!(output.stdout.is_empty(), "{wrong:?}");
    }
    assert_eq!(fake.state().requests, [""; 0]);
}

#[test]
fn help_and_what_is_generated_need_no_other_flag() {
    pages::assert_printed("cf-purge");
}

#[test]
fn an_empty_input_sends_nothing() {
    let fake = Fake::start(Some(1));
    for input in ["", "\n  \n"] {
        let output = fake.tool().args(["--wait", "--max-cost", "0"]).stdin(input).run();
        assert!(output.assert_code(0).stdout.is_empty());
    }
    assert_eq!(fake.state().creates(), 0);
}

#[test]
fn a_wrong_distribution_is_told_before_the_input_is_read() {
    let fake = Fake::start(Some(1));
    let mut running =
        Tool::new("cf-purge").endpoint(fake.url()).args(["--distribution-id", "EWRONG"]).spawn();
    let line = running.wait_stderr("NoSuchDistribution");
    assert!(line.contains("EWRONG") && line.contains("check --distribution-id"), "{line}");
    running.wait().assert_code(1);
}

#[test]
fn what_nobody_may_do_is_one_line() {
    let fake = Fake::start(Some(1));
    fake.state().refuse_all = Some(DENIED);
    let output = fake.tool().stdin(records(["a"])).run();
    output.assert_code(1);
    let errors: Vec<_> = output.stderr.lines().filter(|line| line.contains("error")).collect();
    assert!(
        matches!(errors[..], [line] if line.contains("AccessDenied") && line.contains("CreateInvalidation"))
    );
}

#[test]
fn without_a_server_credentials_or_a_region_the_run_ends_at_once() {
    let url = nowhere();
    let tool = || {
        let limit = Duration::from_secs(30);
        Tool::new("cf-purge").args(["--distribution-id", DISTRIBUTION]).stdin(records(["a"])).limit(limit)
    };
    for (tool, expected) in [
        (tool().args(["--endpoint-url", &url]), "Unreachable"),
        (
            tool().endpoint(&url).env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY"),
            "credentials",
        ),
        (tool().endpoint(&url).env_remove("AWS_REGION"), "no AWS region"),
    ] {
        let output = tool.run();
        output.assert_code(1);
        let errors = output.stderr.lines().filter(|line| line.contains("error")).collect::<Vec<_>>();
        assert!(matches!(errors[..], [line] if line.contains(expected)), "{expected}: {}", output.stderr);
    }
}

#[test]
fn endpoint_and_region_can_be_flags() {
    let fake = Fake::start(Some(1));
    let output = Tool::new("cf-purge")
        .env_remove("AWS_REGION")
        .args(["--distribution-id", DISTRIBUTION, "--endpoint-url", fake.url(), "--region", "eu-central-1"])
        .stdin(records(["a"]))
        .run();
    output.assert_code(0);
    assert_eq!(fake.state().purged(), ["/a"]);
}

#[test]
fn a_profile_gives_region_credentials_and_endpoint() -> Result<()> {
    let fake = Fake::start(Some(1));
    let folder = tempfile::TempDir::new()?;
    let config = folder.path().join("config");
    let keys = "region = eu-central-1\naws_access_key_id = a\naws_secret_access_key = s";
    std::fs::write(&config, format!("[profile night]\n{keys}\nendpoint_url = {}\n", fake.url()))?;
    let output = Tool::new("cf-purge")
        .env("AWS_CONFIG_FILE", &config)
        .env_remove("AWS_REGION")
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .args(["--distribution-id", DISTRIBUTION, "--profile", "night"])
        .stdin(records(["a"]))
        .run();
    output.assert_code(0);
    assert_eq!(fake.state().purged(), ["/a"]);
    Ok(())
}

#[test]
fn messages_are_quiet_json_or_more_as_wanted() {
    let fake = Fake::start(Some(1));
    let run = |flags: &[&str]| fake.tool().args(flags).stdin(records(["a"])).run();
    let quiet = run(&["-q"]);
    assert_eq!(quiet.assert_code(0).stderr, "");
    let json = run(&["--log-format", "json"]);
    assert!(json.assert_code(0).stderr.lines().all(|line| line.starts_with("{\"time\":")), "{}", json.stderr);
    let (plain, more) = (run(&[]), run(&["-v"]));
    assert!(more.assert_code(0).stderr.contains("accepted") && !plain.stderr.contains("accepted"));
}

#[test]
fn without_a_reader_nothing_is_started() {
    let fake = Fake::start(Some(1));
    let mut running = fake.tool().stdout_broken().spawn();
    running.wait_stderr("stdout was closed");
    running.wait().assert_code(1);
    assert_eq!(fake.state().creates(), 0);
}

#[test]
fn receipts_that_nobody_takes_go_to_stderr() {
    let fake = Fake::start(None);
    let mut running = fake.tool().arg("--wait").stdin(records(["a"])).spawn();
    fake.wait_until(|state| state.requests.iter().any(|request| request.ends_with("/I0000")));
    running.close_stdout();
    let receipt = running.wait_stderr("\"invalidation_id\":\"I0000\"");
    assert!(receipt.contains("\"path\":\"/a\"") && receipt.contains("InProgress"), "{receipt}");
    running.wait().assert_code(1);
}

#[test]
fn without_a_reader_nothing_waits_for_its_turn() {
    let fake = Fake::start(None);
    fake.state().add(vec!["/*".into(); 15], true);
    let mut running = fake.tool().stdin(records(["a~"])).spawn();
    running.wait_stderr("waiting");
    running.close_stdout();
    running.wait_stderr("not purged: 1");
    running.wait_stderr("stdout was closed");
    running.wait().assert_code(1);
    assert_eq!(fake.state().creates(), 0);
}

#[test]
fn a_full_disk_is_an_error() {
    let fake = Fake::start(Some(1));
    let output = fake.tool().stdin(records(["a"])).stdout_to("/dev/full").run();
    assert!(output.assert_code(1).stderr.contains("cannot write to stdout"), "{}", output.stderr);
}

#[test]
fn a_signal_before_the_end_sends_nothing_and_says_what_is_left() {
    let fake = Fake::start(Some(1));
    for (name, number) in [("INT", 2), ("TERM", 15)] {
        let mut running = fake.tool().spawn();
        // The reject shows that the record before it was read.
        running.write(records(["a"]) + "{}\n");
        running.wait_stderr("bad-record");
        running.signal(name);
        let line = running.wait_stderr("not purged");
        assert!(line.contains("not purged: 1"), "{line}");
        let output = running.wait();
        assert_eq!((output.signal, output.stdout.len()), (Some(number), 0));
    }
    assert_eq!(fake.state().creates(), 0);
}

#[test]
fn what_a_restore_did_not_change_is_counted_and_not_purged() {
    let fake = Fake::start(Some(1));
    let input = r#"{"key":"copied","restore":{"action":"copy"}}
{"key":"already","restore":{"action":"already"}}
{"key":"none","restore":{"action":"none"}}
{"key":"thawing","restore":{"action":"thawing"}}
{"key":"rehearsed","restore":{"action":"copy"},"dry_run":true}
{"key":"rehearsed too","restore":{"action":"copy","dry_run":true}}
"#;
    let output = fake.tool().stdin(input).run();
    output.assert_code(0);
    assert_eq!(receipts(&output).keys().collect::<Vec<_>>(), ["/already", "/copied"]);
    assert!(output.stderr.contains("not purged: 4"), "{}", output.stderr);
    assert!(output.stderr.contains("read 6, done 6, rejected 0"), "{}", output.stderr);
}
