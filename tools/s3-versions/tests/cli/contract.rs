//! What every tool promises: exit codes, streams, signals, messages.

use testkit::fault::{Fault, Plan, Proxy, Rule};
use testkit::s3::{Options, Server, Synthetic};
use testkit::tool::Tool;

use super::{put, server, tool};

fn large() -> Server {
    let synthetic = Synthetic { bucket: "photos".into(), keys: 100_000, ..Synthetic::default() };
    Server::start(Options { synthetic: Some(synthetic), log: false, ..Options::default() })
}

#[test]
fn a_wrong_command_line_is_exit_2() {
    for args in [
        &[][..],
        &["photos"],
        &["s3://"],
        &["--prefix", "a"],
        &["s3://photos", "--bucket", "photos"],
        &["s3://photos", "--at", "2026-11-20T10:00:00"],
        &["s3://photos", "--at", "2h"],
        &["s3://photos", "--all"],
        &["s3://photos", "--at", "@1", "--deleted"],
        &["s3://photos", "--at", "@1", "--since", "2h"],
        &["s3://photos", "--latest", "--deleted"],
        &["s3://photos", "--regex", "("],
        &["s3://photos", "--match", "["],
        &["s3://photos", "--min-size", "1X"],
        &["s3://photos", "--concurrency", "0"],
        &["s3://photos", "-q", "-v"],
        &["s3://photos", "--nonsense"],
    ] {
        let output = Tool::new("s3-versions").args(args).run();
        assert_eq!(output.code, Some(2), "{args:?}\n{}", output.stderr);
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn help_version_and_generated_pages_are_exit_0() {
    for (args, expected) in [
        (&["--help"][..], "Examples:"),
        (&["-h"], "Usage:"),
        (&["--version"], "s3-versions"),
        (&["--generate", "man"], ".TH s3-versions 1"),
        (&["--generate", "bash"], "complete"),
        (&["--generate", "zsh"], "#compdef s3-versions"),
        (&["--generate", "fish"], "complete -c s3-versions"),
    ] {
        let output = Tool::new("s3-versions").args(args).run();
        output.assert_code(0);
        assert!(output.text().contains(expected), "{args:?}");
    }
}

#[test]
fn a_missing_bucket_is_one_line_and_exit_1() {
    let server = server();
    let output = tool(&server).arg("s3://nowhere/x").run();
    output.assert_code(1);
    assert_eq!(output.stderr.matches("error:").count(), 1, "{}", output.stderr);
    assert!(output.stderr.contains("GetBucketVersioning s3://nowhere: NoSuchBucket"), "{}", output.stderr);
}

#[test]
fn wrong_credentials_and_a_dead_endpoint_are_told_at_once() {
    let server = server();
    let output = tool(&server).env("AWS_ACCESS_KEY_ID", "bad").arg("s3://photos").run();
    output.assert_code(1);
    assert!(output.stderr.contains("InvalidAccessKeyId"), "{}", output.stderr);
    let output = Tool::new("s3-versions").endpoint("http://127.0.0.1:1").arg("s3://photos").run();
    output.assert_code(1);
    assert!(output.stderr.contains("Unreachable"), "{}", output.stderr);
    let output = tool(&server)
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .arg("s3://photos")
        .run();
    output.assert_code(1);
    assert!(output.stderr.contains("no AWS credentials"), "{}", output.stderr);
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let server = large();
    let mut running = tool(&server).arg("s3://photos").spawn();
    running.line().unwrap();
    running.close_stdout();
    running.wait().assert_code(0);
    tool(&server).arg("s3://photos").stdout_broken().run().assert_code(0);
}

#[test]
fn a_full_disk_is_an_error() {
    let server = server();
    put(&server, "a", "x", "10:00:00");
    let output = tool(&server).arg("s3://photos").stdout_to("/dev/full").run();
    output.assert_code(1);
    assert!(output.stderr.contains("cannot write to stdout"), "{}", output.stderr);
}

#[test]
fn a_signal_ends_the_run_by_that_signal() {
    let server = server();
    let proxy =
        Proxy::start(server.url(), Plan::new(1).rule(Rule::new(Fault::Hang).operation("ListObjectVersions")));
    for (name, number) in [("INT", 2), ("TERM", 15)] {
        let before = proxy.count("Hang");
        let mut running = Tool::new("s3-versions").endpoint(proxy.url()).arg("s3://photos").spawn();
        while proxy.count("Hang") == before {
            std::thread::yield_now();
        }
        running.signal(name);
        running.wait_stderr("stopping");
        let output = running.wait();
        assert_eq!(output.signal, Some(number), "{}", output.stderr);
    }
}

#[test]
fn messages_are_as_the_flags_want_them() {
    let server = server();
    put(&server, "a", "x", "10:00:00");
    let stderr = |args: &[&str]| tool(&server).arg("s3://photos").args(args).run().stderr;
    let plain = stderr(&[]);
    assert!(plain.starts_with("s3-versions: read 1, done 1, rejected 0, "), "{plain}");
    assert_eq!(stderr(&["-q"]), "");
    let cost = "1 requests for 1 pages of 1 entries, $0.000005 in us-east-1\n";
    assert!(plain.ends_with(cost) && stderr(&["-vv"]).ends_with(cost), "{plain}");
    let json = stderr(&["--log-format", "json"]);
    let message: serde_json::Value = serde_json::from_str(json.trim()).unwrap();
    assert_eq!((&message["tool"], &message["level"]), (&"s3-versions".into(), &"info".into()));
    assert!(message["message"].as_str().unwrap().starts_with("read 1"));
    assert!(message["time"].is_string());
}

#[test]
fn no_secret_is_said_however_much_is() {
    let server = server();
    put(&server, "a", "x", "10:00:00");
    let run = |key: &str| {
        tool(&server)
            .env("AWS_ACCESS_KEY_ID", key)
            .env("AWS_SECRET_ACCESS_KEY", "hunter2hunter2")
            .env("AWS_SESSION_TOKEN", "token4711")
            .args(["-vv", "s3://photos"])
            .run()
    };
    for output in [run("test"), run("bad")] {
        for secret in ["hunter2", "token4711"] {
            assert!(!output.stderr.contains(secret) && !output.text().contains(secret));
        }
    }
}
