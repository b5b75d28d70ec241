//! What every tool promises: usage, streams, exit codes.

use std::time::Duration;

use testkit::fault::nowhere;
use testkit::pages;
use testkit::rds::Stage;
use testkit::tool::Tool;

use crate::{Incident, error, retire};

#[test]
fn nothing_is_deleted_unless_the_cluster_is_named_twice() {
    let incident = Incident::new();
    let restored = ["--restored", "app-restore-1120"];
    for (flags, expected) in [
        (vec!["app-prod"], "say --dry-run to see what would be, or --yes app-prod"),
        (vec!["app-prod", "--yes", "app-prod-2"], "--yes app-prod-2 is not the cluster to retire, app-prod"),
        (vec!["app-prod", "--yes", "app-prod-2", "--dry-run"], "is not the cluster to retire"),
    ] {
        let output = incident.plain().args(flags).args(restored).run();
        output.assert_code(2);
        assert!(output.stderr.contains(expected), "{expected}: {}", output.stderr);
    }
    assert_eq!(incident.rds.state().log.len(), 0);
}

#[test]
fn flags_that_make_no_sense_are_usage_errors() {
    let incident = Incident::new();
    for wrong in [
        vec![],
        vec!["app-prod", "--yes", "app-prod"],
        vec!["app-prod", "--yes", "app-prod", "--restored", "a", "--no-restored"],
        vec!["app-prod", "--yes", "app-prod", "--restored", "app-prod"],
        vec!["app-prod", "--yes", "app-prod", "--restored", "APP-PROD"],
        vec!["app_prod", "--yes", "app_prod", "--no-restored"],
        vec!["app-prod", "--yes", "app-prod", "--no-restored", "--snapshot-id", "a--b"],
        vec!["app-prod", "--yes", "app-prod", "--no-restored", "--quiet-for", "0s"],
        vec!["app-prod", "--yes", "app-prod", "--no-restored", "--quiet-for", "90s"],
        vec!["app-prod", "--yes", "app-prod", "--no-restored", "--timeout", "soon"],
        vec!["app-prod", "--yes", "app-prod", "--no-restored", "--quiet", "--verbose"],
        vec!["app-prod", "--yes", "app-prod", "--no-restored", "other"],
    ] {
        let output = incident.plain().args(&wrong).run();
        assert_eq!(output.code, Some(2), "{wrong:?}: {}", output.stderr);
        assert!(output.stdout.is_empty(), "{wrong:?}");
    }
    assert_eq!(incident.rds.state().log.len(), 0);
}

#[test]
fn help_and_what_is_generated_need_no_other_flag() {
    pages::assert_printed("rds-retire");
}

#[test]
fn without_a_server_credentials_or_a_region_the_run_ends_at_once() {
    let incident = Incident::new();
    let tool = || incident.tool().limit(Duration::from_secs(60));
    for (tool, expected) in [
        (tool().env("AWS_ENDPOINT_URL_RDS", nowhere()), "Unreachable"),
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
    let output = Tool::new("rds-retire")
        .env("AWS_CONFIG_FILE", &config)
        .env("AWS_ENDPOINT_URL_CLOUDWATCH", incident.cloudwatch.url())
        .env_remove("AWS_REGION")
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .args(["app-prod", "--restored", "app-restore-1120", "--dry-run", "--allow-connections"])
        .args(["--endpoint-url", incident.rds.url(), "--region", "eu-central-1", "--profile", "night"])
        .run();
    let told = retire(output.assert_code(0));
    assert!(
        told["bring_back"].as_str().is_some_and(|text| text.ends_with("--region eu-central-1")),
        "{told}"
    );
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
fn without_a_reader_nothing_is_begun() {
    let incident = Incident::new();
    let output = incident.tool().stdout_broken().run();
    assert!(error(output.assert_code(1)).contains("stdout was closed"), "{}", output.stderr);
    assert_eq!(incident.changes(), [""; 0]);
}

#[test]
fn a_record_that_nobody_takes_goes_to_stderr() {
    let incident = Incident::new();
    incident.rds.state().snapshot_stages =
        vec![Stage::after(2).with("Status", "available").without("PercentProgress")];
    let mut running = incident.tool().spawn();
    running.wait_stderr("make the snapshot");
    running.close_stdout();
    let record = running.wait_stderr("\"retire\":{");
    assert!(record.contains("\"action\":\"retired\""), "{record}");
    running.wait().assert_code(1);
    assert!(incident.is_retired());
}

#[test]
fn a_full_disk_is_an_error() {
    let incident = Incident::new();
    let output = incident.tool().arg("--dry-run").stdout_to("/dev/full").run();
    assert!(output.assert_code(1).stderr.contains("cannot write to stdout"), "{}", output.stderr);
}
