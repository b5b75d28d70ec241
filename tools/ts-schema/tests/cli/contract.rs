//! What every tool promises: usage, streams, exit codes.

use std::time::{Duration, Instant};

use testkit::fault::{Fault, Plan, Proxy, Rule, nowhere};
use testkit::pages;
use testkit::tool::Tool;
use testkit::typesense::{self, KEY, Server};

use crate::{actions, collection, file};

#[test]
fn flags_that_make_no_sense_are_usage_errors() {
    let file = file(format!("[{}]", collection("usage")));
    let path = file.path.to_str().expect("a path in UTF-8");
    for wrong in [
        &[][..],
        &["drop"],
        &["apply"],
        &["apply", "nowhere.json"],
        &["apply", path, "--min-docs", "1"],
        &["apply", path, "--aliases", "--min-docs", "-1"],
        &["apply", path, "--timeout", "0s"],
        &["apply", path, "--nodes", "ftp://a"],
        &["apply", path, "-q", "-v"],
        &["apply", path, "--log-format", "xml"],
        &["export", path],
        &["diff"],
        &["swap"],
        &["swap", "a"],
        &["swap", "a", "b", "--undo"],
        &["swap", "--undo", "a"],
    ] {
        let output = typesense::server().tool("ts-schema").args(wrong).stdin(collection("usage")).run();
        assert_eq!(output.code, Some(2), "{wrong:?}: {}", output.stderr);
        assert!(output.stdout.is_empty(), "{wrong:?}");
    }
    assert_eq!(typesense::server().request("GET", "/collections/usage", "").0, 404);
}

#[test]
fn a_file_that_is_none_is_told_with_its_name() {
    for (content, expected) in [
        ("", "it is empty"),
        ("{\"collections\":[", "not JSON: EOF"),
        ("\"collections\"", "an object or an array is expected"),
        ("{\"collections\":{}}", "collections: an array is expected"),
        (r#"[{"name":"c","fields":[]},{"name":"c"}]"#, "collection c: there are two of this name"),
    ] {
        let file = file(content);
        for command in ["apply", "diff"] {
            let output = typesense::server().tool("ts-schema").arg(command).arg(&file.path).run();
            let stderr = &output.assert_code(2).stderr;
            assert!(stderr.contains("collections.json: ") && stderr.contains(expected), "{stderr}");
        }
    }
}

#[test]
fn help_and_what_is_generated_need_no_other_flag() {
    pages::assert_printed("ts-schema");
    for command in ["apply", "export", "diff", "swap"] {
        let help = Tool::new("ts-schema").args([command, "--help"]).run();
        assert!(help.assert_code(0).text().contains("--nodes"), "{command}");
    }
    let page = Tool::new("ts-schema").args(["--generate", "man"]).run();
    for flag in ["migrate", "undo", "aliases"] {
        assert!(page.text().contains(flag), "{flag}");
    }
}

#[test]
fn without_a_server_or_the_right_key_the_run_ends_at_once() {
    let url = nowhere();
    let file = file("[]");
    let tool = || Tool::new("ts-schema").arg("apply").arg(&file.path).limit(Duration::from_secs(60));
    let server = typesense::server();
    for (tool, code, expected) in [
        (tool().env("TS_NODES", &url).env("TS_KEY", KEY), 1, "no Typesense node answers"),
        (server.tool("ts-schema").arg("apply").arg(&file.path).env("TS_KEY", "wrong"), 1, "HTTP 401"),
        (tool().env("TS_NODES", server.url()).env_remove("TS_KEY"), 2, "no Typesense API key"),
        (tool().env("TS_KEY", KEY).env_remove("TS_NODES").env_remove("TS_HOST"), 2, "no Typesense node"),
    ] {
        let output = tool.run();
        let errors: Vec<_> =
            output.assert_code(code).stderr.lines().filter(|line| line.contains("error: ")).collect();
        assert!(matches!(errors[..], [line] if line.contains(expected)), "{expected}: {}", output.stderr);
    }
}

#[test]
fn nodes_and_key_can_be_flags() {
    let key = file(format!("{KEY}\n"));
    let file = file(format!("[{}]", collection("by-flags")));
    let output = Tool::new("ts-schema")
        .arg("apply")
        .arg(&file.path)
        .args(["--nodes", typesense::server().url(), "--timeout", "1m", "--key-file"])
        .arg(&key.path)
        .env_remove("TS_NODES")
        .env_remove("TS_KEY")
        .run();
    assert_eq!(actions(output.assert_code(0)), ["collection by-flags created"]);
}

#[test]
fn messages_are_quiet_json_or_more_as_wanted() {
    let file = file(format!("[{}]", collection("messages")));
    let run = |args: &[&str]| typesense::server().tool("ts-schema").args(args).arg(&file.path).run();
    assert_eq!(run(&["-q", "apply"]).assert_code(0).stderr, "");
    assert_eq!(run(&["apply", "-q"]).assert_code(0).stderr, "");
    let json = run(&["apply", "--log-format", "json"]);
    assert!(json.assert_code(0).stderr.lines().all(|line| line.starts_with("{\"time\":")), "{}", json.stderr);
    let (plain, more) = (run(&["apply"]), run(&["apply", "-v"]));
    assert!(
        more.assert_code(0).stderr.contains("runs Typesense 0.24")
            && !plain.stderr.contains("runs Typesense")
    );
    assert!(plain.stderr.contains("read 1, done 1, rejected 0"), "{}", plain.stderr);
}

#[test]
fn a_full_disk_is_an_error() {
    let server = typesense::server();
    let file = file(format!("[{}]", collection("disk")));
    for tool in [
        server.tool("ts-schema").arg("apply").arg(&file.path),
        server.tool("ts-schema").arg("export"),
        server.tool("ts-schema").arg("diff").arg(&file.path),
    ] {
        let output = tool.stdout_to("/dev/full").run();
        assert!(output.assert_code(1).stderr.contains("cannot write to stdout"), "{}", output.stderr);
    }
}

#[test]
fn without_a_reader_what_only_reads_ends_well_and_nothing_is_made() {
    let server = typesense::server();
    let file = file(format!("[{}]", collection("readerless")));
    for (command, code) in [(&["export"][..], 0), (&["diff"], 0), (&["apply"], 1), (&["swap", "a", "b"], 1)] {
        let tool = server.tool("ts-schema").args(command).stdout_broken();
        let tool = if matches!(command, ["diff"] | ["apply"]) { tool.arg(&file.path) } else { tool };
        let output = tool.run();
        assert_eq!(output.code, Some(code), "{command:?}: {}", output.stderr);
    }
    assert_eq!(server.request("GET", "/collections/readerless", "").0, 404);
}

/// Waits until the server has a collection.
fn wait_for(server: &Server, name: &str) {
    let end = Instant::now() + Duration::from_secs(60);
    while server.request("GET", &format!("/collections/{name}"), "").0 == 404 {
        assert!(Instant::now() < end, "there is still no collection {name}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn results_that_nobody_takes_go_to_stderr() {
    let server = typesense::server();
    let rule =
        Rule::new(Fault::SlowBody(Duration::from_millis(300))).method("POST").target("/collections").first(1);
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(rule));
    let file = file(format!("[{},{}]", collection("unread"), collection("not-made")));
    let mut running =
        typesense::tool("ts-schema", proxy.url()).arg("apply").arg(&file.path).stdin("").spawn();
    wait_for(server, "unread");
    running.close_stdout();
    let record = running.wait_stderr("\"name\":\"unread\"");
    assert!(record.contains("created"), "{record}");
    running.wait().assert_code(1);
    assert_eq!(server.request("GET", "/collections/not-made", "").0, 404);
}

#[test]
fn a_signal_ends_the_wait_for_a_file_on_stdin() {
    let mut running = typesense::server().tool("ts-schema").args(["apply", "-"]).spawn();
    // More than a pipe holds: when it is written, the tool is reading.
    running.write(vec![b' '; 1 << 18]);
    running.signal("INT");
    running.wait_stderr("stopped before the file was read");
    assert_eq!(running.wait().signal, Some(2));
}

#[test]
fn what_the_key_may_not_is_told() {
    let server = typesense::server();
    let key = r#"{"description":"looks","actions":["debug:list"],"collections":["*"],"value":"looksOnly"}"#;
    assert_eq!(server.request("POST", "/keys", key).0, 201);
    let output = server.tool("ts-schema").arg("export").env("TS_KEY", "looksOnly").run();
    let stderr = &output.assert_code(1).stderr;
    assert!(
        stderr.contains("GET /keys") && stderr.contains("the key must be right and allow this"),
        "{stderr}"
    );
    assert!(output.stdout.is_empty() && !stderr.contains("looksOnly"), "{stderr}");
}

#[test]
fn a_signal_finishes_the_object_in_work_and_no_other() {
    let server = typesense::server();
    for (signal, number) in [("INT", 2), ("TERM", 15)] {
        let (first, second) = (format!("signal-{number}"), format!("after-{number}"));
        let rule = Rule::new(Fault::SlowBody(Duration::from_millis(300)))
            .method("POST")
            .target("/collections")
            .first(1);
        let proxy = Proxy::start(server.url(), Plan::new(1).rule(rule));
        let file = file(format!("[{},{}]", collection(&first), collection(&second)));
        let running =
            typesense::tool("ts-schema", proxy.url()).arg("apply").arg(&file.path).stdin("").spawn();
        wait_for(server, &first);
        running.signal(signal);
        let output = running.wait();
        assert_eq!(output.signal, Some(number), "{}", output.stderr);
        assert_eq!(actions(&output), [format!("collection {first} created")]);
        assert_eq!(server.request("GET", &format!("/collections/{second}"), "").0, 404);
    }
}
