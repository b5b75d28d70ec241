//! What every tool promises: usage, streams, exit codes, secrets.

use tempfile::TempDir;
use testkit::pages;
use testkit::tool::Tool;
use testkit::typesense::{self, KEY};

use crate::{assert_holds, assert_secret, documents, people};

#[test]
fn flags_that_make_no_sense_are_usage_errors() {
    let (server, people) = people();
    let p = people.as_str();
    for wrong in [
        &[][..],
        &[""],
        &["a/b"],
        &[".."],
        &["a?b"],
        &["a\nb"],
        &[p, "other"],
        &[p, "--action", "delete"],
        &[p, "--dirty-values", "coerce"],
        &[p, "--rename", "a"],
        &[p, "--rename", "a=a"],
        &[p, "--rename", "a=b", "--rename", "c=b"],
        &[p, "--rename", "a=b", "--drop", "a"],
        &[p, "--drop", "a", "--drop", "a"],
        &[p, "--allow-no-id", "--id-field", "k"],
        &[p, "--alias", "people"],
        &[p, "--to-new"],
        &[p, "--to-new", "--alias", "x", "--action", "update"],
        &[p, "--batch-docs", "0"],
        &[p, "--batch-bytes", "0"],
        &[p, "--max-queued-writes", "0"],
        &[p, "--timeout", "0s"],
        &[p, "--nodes", "localhost:8108"],
        &[p, "--nodes", "http://user:word@localhost"],
        &[p, "--key-file", "/does/not/exist"],
        &[p, "--key-file", "/dev/null"],
        &[p, "--quiet", "--verbose"],
    ] {
        let output = server.tool("ts-import").args(wrong).stdin(documents(0..1)).run();
        assert_eq!(output.code, Some(2), "{wrong:?}: {}", output.stderr);
        assert!(output.stdout.is_empty(), "{wrong:?}");
        assert_secret(&output);
    }
    assert_eq!(server.count(&people), 0);
}

#[test]
fn what_is_missing_in_the_environment_is_named() {
    let (server, people) = people();
    let run = |tool: Tool| tool.arg(&people).stdin(documents(0..1)).run();
    for (tool, words) in [
        (
            server.tool("ts-import").env_remove("TS_KEY"),
            "no Typesense API key: set TS_KEY or give --key-file",
        ),
        (
            server.tool("ts-import").env("TS_KEY", "a\nb"),
            "the Typesense API key has characters that no key has",
        ),
        (
            server.tool("ts-import").env_remove("TS_NODES"),
            "no Typesense node: give --nodes, or set TS_NODES or TS_HOST",
        ),
        (server.tool("ts-import").env("TS_NODES", "http://a,b"), "TS_NODES: "),
    ] {
        let output = run(tool);
        output.assert_code(2);
        assert!(output.stderr.contains(words), "{}", output.stderr);
    }
}

#[test]
fn nodes_and_key_come_from_flags_or_three_variables() {
    let (server, people) = people();
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("key");
    std::fs::write(&file, format!("{KEY}\nnot this line\n")).expect("a file");
    let flags =
        Tool::new("ts-import").args(["--nodes", &format!("{}/", server.url()), "--key-file"]).arg(&file);
    flags.arg(&people).stdin(documents(0..1)).run().assert_code(0);
    let (host, port) = server.url().trim_start_matches("http://").split_once(':').expect("a port");
    let variables =
        Tool::new("ts-import").env("TS_HOST", host).env("TS_PORT", port).env("TS_PROTOCOL", "http");
    variables.env("TS_KEY", KEY).arg(&people).stdin(documents(1..2)).run().assert_code(0);
    assert_holds(server, &people, 0..2);
}

#[test]
fn help_and_what_is_generated_need_no_other_argument() {
    pages::assert_printed("ts-import");
}

#[test]
fn an_empty_input_is_no_error() {
    let (server, people) = people();
    for input in ["", "\n  \n"] {
        let output = server.tool("ts-import").arg(&people).stdin(input).run();
        assert!(output.assert_code(0).stdout.is_empty());
        assert!(output.stderr.contains("read 0, done 0, rejected 0"), "{}", output.stderr);
    }
}

#[test]
fn messages_are_quiet_json_or_more_as_wanted() {
    let (server, people) = people();
    let run = |flags: &[&str]| server.tool("ts-import").args(flags).arg(&people).stdin(documents(0..1)).run();
    assert_eq!(run(&["-q"]).assert_code(0).stderr, "");
    let json = run(&["--log-format", "json"]);
    assert!(json.assert_code(0).stderr.lines().all(|line| line.starts_with("{\"time\":")), "{}", json.stderr);
    let all = run(&["-vv"]);
    assert_secret(all.assert_code(0));
}

#[test]
fn without_a_reader_nothing_is_started() {
    let (server, people) = people();
    let mut running = server.tool("ts-import").arg(&people).stdout_broken().spawn();
    running.wait_stderr("stdout was closed");
    running.wait().assert_code(1);
    assert_eq!(server.count(&people), 0);
}

#[test]
fn a_full_disk_is_an_error() {
    let (server, people) = people();
    let output = server.tool("ts-import").arg(&people).stdin(documents(0..1)).stdout_to("/dev/full").run();
    assert!(output.assert_code(1).stderr.contains("cannot write to stdout"), "{}", output.stderr);
}

#[test]
fn the_key_is_in_nothing_that_is_written() {
    let (server, people) = people();
    let folder = TempDir::new().expect("a folder");
    let (journal, rejects) = (folder.path().join("journal"), folder.path().join("rejects"));
    let tool = || {
        let tool = typesense::tool("ts-import", &server.urls().join(","));
        tool.arg("--rejects").arg(&rejects).args(["-vv", "--journal"])
    };
    let output = tool().arg(&journal).arg(&people).stdin(documents(0..3) + "{\"id\":\"9\"}\n").run();
    assert_secret(output.assert_code(3));
    let unknown = tool().arg(folder.path().join("other")).arg("nobody").stdin(documents(0..1)).run();
    assert_secret(unknown.assert_code(1));
    for file in [&journal, &rejects] {
        let text = std::fs::read_to_string(file).expect("a file");
        assert!(!text.is_empty() && !text.contains(KEY), "{text}");
    }
}
