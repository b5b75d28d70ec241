//! What every tool promises: usage, streams, exit codes.

use std::time::Duration;

use testkit::fault::nowhere;
use testkit::pages;
use testkit::tool::Tool;

use crate::{Incident, error};

#[test]
fn nothing_is_deleted_unless_the_table_is_named_twice() {
    let incident = Incident::new();
    for (flags, expected) in [
        (vec!["old_table"], "say --dry-run to see what would be, or --yes old_table"),
        (
            vec!["old_table", "--yes", "old_table_2"],
            "--yes old_table_2 is not the table to retire, old_table",
        ),
        (vec!["old_table", "--yes", "Old_table", "--dry-run"], "is not the table to retire"),
        (vec!["old_table", "-n", "--restored", "old_table"], "old_table cannot take its own place"),
    ] {
        let output = incident.plain().args(flags).run();
        output.assert_code(2);
        assert!(output.stderr.contains(expected), "{expected}: {}", output.stderr);
    }
    assert_eq!(incident.front.state().log.len(), 0);
}

#[test]
fn flags_that_make_no_sense_are_usage_errors() {
    let incident = Incident::new();
    for wrong in [
        vec![],
        vec!["ab", "--yes", "ab"],
        vec!["a b c", "-n"],
        vec!["old_table", "-n", "--backup", "a/b"],
        vec!["old_table", "-n", "--export", "archive/prefix"],
        vec!["old_table", "-n", "--export", "s3://b/p", "--backup", "kept"],
        vec!["old_table", "-n", "--quiet-for", "0s"],
        vec!["old_table", "-n", "--quiet-for", "90s"],
        vec!["old_table", "-n", "--timeout", "soon"],
        vec!["old_table", "-n", "--quiet", "--verbose"],
        vec!["old_table", "-n", "other"],
    ] {
        let output = incident.plain().args(&wrong).run();
        assert_eq!(output.code, Some(2), "{wrong:?}: {}", output.stderr);
        assert!(output.stdout.is_empty(), "{wrong:?}");
    }
    assert_eq!(incident.front.state().log.len(), 0);
}

#[test]
fn help_and_what_is_generated_need_no_other_flag() {
    pages::assert_printed("ddb-retire");
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
fn endpoint_region_and_profile_can_be_flags() {
    let incident = Incident::new();
    let folder = tempfile::TempDir::new().expect("a folder");
    let config = folder.path().join("config");
    let keys = "[profile night]\naws_access_key_id = a\naws_secret_access_key = s\n";
    std::fs::write(&config, keys).expect("a configuration file");
    let output = Tool::new("ddb-retire")
        .env("AWS_CONFIG_FILE", &config)
        .env_remove("AWS_REGION")
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .args([&incident.table, "--dry-run", "--allow-requests"])
        .args(["--endpoint-url", incident.front.url(), "--region", "us-east-1", "--profile", "night"])
        .run();
    let told = incident.retire(output.assert_code(0));
    assert_eq!(told["action"], "would-retire");
}

#[test]
fn messages_are_quiet_json_or_more_as_wanted() {
    let incident = Incident::new();
    incident.recover(&incident.table);
    let run = |flag: &[&str]| incident.tool().arg("--dry-run").args(flag).run();
    assert_eq!(run(&["-q"]).assert_code(0).stderr, "");
    let json = run(&["--log-format", "json"]);
    assert!(json.assert_code(0).stderr.lines().all(|line| line.starts_with("{\"time\":")), "{}", json.stderr);
    assert!(run(&["-v"]).assert_code(0).stderr.ends_with(" s\n"));
}

#[test]
fn without_a_reader_nothing_is_begun() {
    let incident = Incident::new();
    let output = incident.tool().stdout_broken().run();
    assert!(error(output.assert_code(1)).contains("stdout was closed"), "{}", output.stderr);
    assert_eq!(incident.changes(), [""; 0]);
}

#[test]
fn a_record_that_nobody_takes_goes_to_stderr() {
    let incident = Incident::new();
    incident.front.state().backup_looks = 1000;
    let mut running = incident.tool().spawn();
    running.wait_stderr("make the backup");
    running.close_stdout();
    incident.front.state().backup_looks = 0;
    let record = running.wait_stderr("\"retire\":{");
    assert!(record.contains("\"action\":\"retired\""), "{record}");
    running.wait().assert_code(1);
    assert!(incident.is_gone());
}

#[test]
fn a_full_disk_is_an_error() {
    let incident = Incident::new();
    let output = incident.tool().arg("--dry-run").stdout_to("/dev/full").run();
    assert!(output.assert_code(1).stderr.contains("cannot write to stdout"), "{}", output.stderr);
}
