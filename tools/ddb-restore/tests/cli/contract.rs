//! What every tool promises: usage, streams, exit codes.

use std::time::Duration;

use serde_json::json;
use testkit::fault::nowhere;
use testkit::pages;
use testkit::tool::Tool;

use crate::{Incident, error, record};

#[test]
fn flags_that_make_no_sense_are_usage_errors() {
    let incident = Incident::new();
    let restore = ["--from", "limits", "--to", "limits_2"];
    for wrong in [
        &[][..],
        &["--from", "limits"],
        &["--to", "limits"],
        &["--from", "limits", "--to", "limits"],
        &["--from", "limits", "--to", "a b c"],
        &["--from", "ab", "--to", "limits"],
        &["--from", "limits", "--flip", "eu-west-1", "--to", "limits_2"],
        &["--from", "limits", "--flip", "eu-west-1", "--validate"],
        &["--from", "limits", "--flip", "eu-west-1", "-n"],
        &[&restore[..], &["--at", "2026-11-20T10:00:00"]].concat(),
        &[&restore[..], &["--at", "2026-11-20T10:00:00.5Z"]].concat(),
        &[&restore[..], &["--at", "2h"]].concat(),
        &[&restore[..], &["--skip", "everything"]].concat(),
        &[&restore[..], &["--timeout", "soon"]].concat(),
        &[&restore[..], &["--max-lag", "1s"]].concat(),
        &[&restore[..], &["--rcu", "10"]].concat(),
        &[&restore[..], &["--diff"]].concat(),
        &[&restore[..], &["--validate", "--rcu", "0"]].concat(),
        &[&restore[..], &["--validate", "--max-diff", "5"]].concat(),
        &[&restore[..], &["--validate", "--validate-only"]].concat(),
        &[&restore[..], &["--validate-only", "--skip", "ttl"]].concat(),
        &[&restore[..], &["--validate-only", "--without-indexes"]].concat(),
        &[&restore[..], &["--billing-mode", "FREE"]].concat(),
        &[&restore[..], &["--quiet", "--verbose"]].concat(),
        &[&restore[..], &["other"]].concat(),
    ] {
        let output = incident.plain().args(wrong).run();
        assert_eq!(output.code, Some(2), "{wrong:?}: {}", output.stderr);
        assert!(output.stdout.is_empty(), "{wrong:?}");
    }
    let output = incident.plain().args(["--from", "limits", "--to", "limits"]).run();
    assert!(error(&output).contains("give another name"), "{}", output.stderr);
    assert_eq!(incident.front.count("DescribeTable"), 0);
}

#[test]
fn help_and_what_is_generated_need_no_other_flag() {
    pages::assert_printed("ddb-restore");
}

#[test]
fn without_a_server_credentials_or_a_region_the_run_ends_at_once() {
    let incident = Incident::new();
    let tool = || incident.tool().limit(Duration::from_secs(60));
    for (tool, expected) in [
        (tool().env("AWS_ENDPOINT_URL_DYNAMODB", nowhere()), "Unreachable"),
        (tool().env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY"), "credentials"),
        (tool().env_remove("AWS_REGION"), "no AWS region"),
    ] {
        let output = tool.run();
        assert!(error(output.assert_code(1)).contains(expected), "{expected}: {}", output.stderr);
    }
    assert_eq!(incident.changes(), [""; 0]);
}

#[test]
fn a_source_that_is_not_there_is_told() {
    let incident = Incident::new();
    let output = incident.plain().args(["--from", "no_such_table", "--to", &incident.to()]).run();
    let line = error(output.assert_code(1));
    assert!(line.contains("no_such_table"), "{line}");
    assert_eq!(incident.changes(), [""; 0]);
}

#[test]
fn endpoint_region_and_profile_can_be_flags() {
    let incident = Incident::new();
    let folder = tempfile::TempDir::new().unwrap();
    let config = folder.path().join("config");
    let keys = "[profile night]\naws_access_key_id = a\naws_secret_access_key = s\n";
    std::fs::write(&config, keys).unwrap();
    let output = Tool::new("ddb-restore")
        .env("AWS_CONFIG_FILE", &config)
        .env_remove("AWS_REGION")
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .args(["--from", &incident.table, "--to", &incident.to(), "-n", "--skip", "alarms,autoscaling"])
        .args(["--endpoint-url", incident.front.url(), "--region", "us-east-1", "--profile", "night"])
        .run();
    assert_eq!(record(output.assert_code(0))["restore"]["dry_run"], json!(true));
}

#[test]
fn messages_are_quiet_json_or_more_as_wanted() {
    let incident = Incident::new();
    let run = |flag: &[&str]| incident.tool().arg("--dry-run").args(flag).run();
    assert_eq!(run(&["-q"]).assert_code(0).stderr, "");
    let json = run(&["--log-format", "json"]);
    assert!(json.assert_code(0).stderr.lines().all(|line| line.starts_with("{\"time\":")), "{}", json.stderr);
    assert!(run(&["-v"]).assert_code(0).stderr.ends_with(" s\n"));
}

#[test]
fn rejects_go_to_their_file() {
    let incident = Incident::new();
    record(incident.run(&[]).assert_code(0));
    incident.put(&incident.table, "damage");
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("rejects.jsonl");
    let output = incident.tool().args(["--validate", "--rejects"]).arg(&file).run();
    assert!(output.assert_code(3).stdout.is_empty());
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written.lines().count() == 1 && written.contains("\"kind\":\"differs\""), "{written}");
}

#[test]
fn without_a_reader_nothing_is_begun() {
    let incident = Incident::new();
    let output = incident.tool().stdout_broken().run();
    assert!(error(output.assert_code(1)).contains("stdout was closed"), "{}", output.stderr);
    assert_eq!(incident.changes(), [""; 0]);
}

#[test]
fn a_reader_that_leaves_ends_the_wait_and_the_restore_can_be_taken_up() {
    let incident = Incident::new();
    incident.front.show(&incident.to(), "TableStatus", json!("CREATING"));
    let mut running = incident.tool().spawn();
    running.wait_stderr(": CREATING");
    running.close_stdout();
    let told = running.wait_stderr("stdout was closed");
    assert!(told.contains("the same command again takes it up"), "{told}");
    running.wait().assert_code(1);
    incident.front.show(&incident.to(), "TableStatus", json!("ACTIVE"));
    assert_eq!(record(incident.run(&[]).assert_code(0))["restore"]["action"], "resumed");
}

#[test]
fn a_full_disk_is_an_error() {
    let incident = Incident::new();
    let output = incident.tool().arg("--dry-run").stdout_to("/dev/full").run();
    assert!(output.assert_code(1).stderr.contains("cannot write to stdout"), "{}", output.stderr);
}
