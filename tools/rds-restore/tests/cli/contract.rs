//! What every tool of the family keeps: usage, streams, messages, configuration.

use anyhow::Result;
use testkit::tool::Tool;

use crate::{AT, TO, assert_only_read, production, record, restore, tool};

#[test]
fn a_wrong_command_line_is_2_and_nothing_is_asked() -> Result<()> {
    let server = production();
    for (args, expected) in [
        (&["--to", TO, "--at", AT][..], "--from"),
        (&["--from", "app-prod", "--at", AT], "--to"),
        (&["--from", "app-prod", "--to", TO], "--at"),
        (&["--from", "app-prod", "--to", TO, "--at", AT, "--latest"], "--latest"),
        (&["--from", "app-prod", "--from-resource-id", "cluster-A", "--to", TO, "--latest"], "--from"),
        (&["--from", "app-prod", "--to", "app-prod", "--latest"], "--to is the cluster to restore from"),
        (&["--from", "app_prod", "--to", TO, "--latest"], "is no identifier"),
        (&["--from-resource-id", "app-prod", "--to", TO, "--latest"], "is no resource id"),
        (&["--from", "app-prod", "--to", TO, "--at", "2026-11-20T09:30:00"], "names no time zone"),
        (&["--from", "app-prod", "--to", TO, "--latest", "--port", "80"], "1150"),
        (&["--from", "app-prod", "--to", TO, "--latest", "--min-acu", "0.3"], "is no capacity"),
        (
            &["--from", "app-prod", "--to", TO, "--latest", "--min-acu", "4", "--max-acu", "2"],
            "--min-acu is more",
        ),
        (&["--from", "app-prod", "--to", TO, "--latest", "--storage-type", "io1"], "aurora-iopt1"),
        (&["--from", "app-prod", "--to", TO, "--latest", "--backtrack-window", "300000"], "259200"),
        (&["--from", "app-prod", "--to", TO, "--latest", "--tag", "aws:a=b"], "not for users to give"),
        (&["--from", "app-prod", "--to", TO, "--latest", "--instance-class", "large"], "is no class"),
        (&["--from", "app-prod", "--to", TO, "--latest", "--iam"], "--connect-env"),
        (&["--from", "app-prod", "--to", TO, "--latest", "--ca-file", "ca.pem"], "--connect-env"),
        (&["--from", "app-prod", "--to", TO, "--latest", "--timeout", "0s"], "is no length of time"),
        (
            &[
                "--from",
                "app-prod",
                "--to",
                TO,
                "--latest",
                "--deletion-protection",
                "--no-deletion-protection",
            ],
            "--no-deletion-protection",
        ),
    ] {
        let output = tool(&server).args(args).run();
        output.assert_code(2);
        assert!(output.stderr.contains(expected), "{expected}: {}", output.stderr);
    }
    let long = format!("a{}", "b".repeat(60));
    let output = tool(&server).args(["--from", "app-prod", "--to", &long, "--latest"]).run();
    assert!(output.assert_code(2).stderr.contains("give --writer-id"), "{}", output.stderr);
    assert!(server.state().log.is_empty());
    Ok(())
}

#[test]
fn messages_are_quiet_json_or_more_as_wanted() -> Result<()> {
    let server = production();
    let run = |flags: &[&str]| restore(&server).arg("-n").args(flags).run();
    assert_eq!(run(&["-q"]).assert_code(0).stderr, "");
    let json = run(&["--log-format", "json"]);
    assert!(json.assert_code(0).stderr.lines().all(|line| line.starts_with("{\"time\":")), "{}", json.stderr);
    let last = run(&["-v"]).stderr.lines().last().map(str::to_owned);
    assert!(last.is_some_and(|line| line.contains("done 1, rejected 0")));
    Ok(())
}

#[test]
fn no_credentials_and_no_region_are_one_line() -> Result<()> {
    let server = production();
    for (tool, expected) in [
        (restore(&server).env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY"), "credentials"),
        (restore(&server).env_remove("AWS_REGION"), "no AWS region"),
    ] {
        let output = tool.run();
        output.assert_code(1);
        assert!(crate::error(&output).contains(expected), "{}", output.stderr);
    }
    Ok(())
}

#[test]
fn endpoint_and_region_can_be_flags_and_a_profile_can_give_them() -> Result<()> {
    let server = production();
    let base = || Tool::new("rds-restore").args(["--from", "app-prod", "--to", TO, "--at", AT, "-n"]);
    let flags = ["--endpoint-url", server.url(), "--region", "eu-central-1"];
    record(&base().env_remove("AWS_REGION").args(flags).run());
    let folder = tempfile::TempDir::new()?;
    let config = folder.path().join("config");
    let keys = "region = eu-central-1\naws_access_key_id = a\naws_secret_access_key = s";
    std::fs::write(&config, format!("[profile night]\n{keys}\nendpoint_url = {}\n", server.url()))?;
    let profile =
        base().env("AWS_CONFIG_FILE", &config).env_remove("AWS_REGION").args(["--profile", "night"]);
    record(&profile.run());
    Ok(())
}

#[test]
fn stdin_is_not_read() -> Result<()> {
    let server = production();
    // Left open: a tool that reads it would wait for ever.
    let mut running = restore(&server).arg("-n").spawn();
    assert!(running.line().is_some_and(|line| line.starts_with(&format!("{{\"cluster\":\"{TO}\""))));
    running.wait().assert_code(0);
    Ok(())
}

#[test]
fn without_a_reader_nothing_is_started() -> Result<()> {
    let server = production();
    let output = restore(&server).stdout_broken().run();
    assert!(output.assert_code(1).stderr.contains("stdout was closed"), "{}", output.stderr);
    assert_only_read(&server);
    Ok(())
}

#[test]
fn a_reader_who_leaves_ends_the_wait() -> Result<()> {
    let server = production();
    server.state().restore_stages.clear();
    let mut running = restore(&server).spawn();
    running.wait_stderr(&format!("{TO}: creating"));
    running.close_stdout();
    let line = running.wait_stderr("stdout was closed");
    assert!(line.contains("the same command again takes it up"), "{line}");
    running.wait().assert_code(1);
    Ok(())
}

#[test]
fn a_full_disk_is_an_error() -> Result<()> {
    let server = production();
    let output = restore(&server).arg("-n").stdout_to("/dev/full").run();
    assert!(output.assert_code(1).stderr.contains("cannot write to stdout"), "{}", output.stderr);
    Ok(())
}

#[test]
fn help_has_examples_and_the_manual_is_written() -> Result<()> {
    let help = Tool::new("rds-restore").arg("--help").run();
    let text = help.assert_code(0).text().to_owned();
    assert!(text.contains("Examples:") && text.contains("Exit codes:"));
    let wide = text.lines().find(|line| line.chars().count() > 100);
    assert!(wide.is_none(), "{wide:?}");
    assert!(
        Tool::new("rds-restore").args(["--generate", "man"]).run().assert_code(0).text().contains("drkit")
    );
    Ok(())
}
