//! The process: exit codes, signals, crashes, closed pipes, full disks, help.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use serde_json::Value;
use testkit::fault::{Fault, Plan, Proxy, Rule, nowhere};

use crate::bench::{Eyes, copies, keys, lines, overwritten, run, server, tool, wanted};

#[test]
fn wrong_credentials_end_the_run_within_seconds() {
    let server = server();
    let output = tool(server.url())
        .env("AWS_ACCESS_KEY_ID", "bad")
        .limit(Duration::from_secs(20))
        .stdin(lines(&[wanted("a", "v"), wanted("b", "v")]))
        .run();
    output.assert_code(1);
    assert!(output.stderr.contains("InvalidAccessKeyId"), "{}", output.stderr);
    assert!(output.stdout.is_empty());
}

#[test]
fn an_unreachable_store_ends_the_run_within_seconds() {
    let output = tool(&nowhere()).limit(Duration::from_secs(20)).stdin(lines(&[wanted("a", "v")])).run();
    output.assert_code(1);
    assert!(output.stderr.contains("Unreachable"), "{}", output.stderr);
}

#[test]
fn no_credentials_and_no_region_are_said_in_one_line() {
    let server = server();
    let output = tool(server.url()).env_remove("AWS_ACCESS_KEY_ID").stdin(lines(&[wanted("a", "v")])).run();
    output.assert_code(1);
    assert!(output.stderr.contains("no AWS credentials"), "{}", output.stderr);
    let output = tool(server.url()).env_remove("AWS_REGION").stdin(lines(&[wanted("a", "v")])).run();
    output.assert_code(1);
    assert!(output.stderr.contains("no AWS region"), "{}", output.stderr);
    let (old, _) = overwritten(&server, "a");
    let output = tool("http://127.0.0.1:9")
        .env_remove("AWS_REGION")
        .args(["--region", "eu-west-1", "--endpoint-url", server.url()])
        .stdin(lines(&[wanted("a", &old)]))
        .run();
    output.assert_code(0);
}

#[test]
fn flags_that_do_not_go_together_are_a_usage_error() {
    for args in [
        &["--undo", "--csv"][..],
        &["--undo", "--to", "s3://b"],
        &["--undo", "--delete-newer"],
        &["--undo", "--method", "copy"],
        &["--method", "move"],
        &["--to", "b/prefix"],
        &["--thaw", "0"],
        &["--thaw-tier", "bulk"],
        &["--concurrency", "0"],
        &["--no-such-flag"],
    ] {
        let output = tool("http://127.0.0.1:9").args(args).run();
        output.assert_code(2);
    }
}

#[test]
fn the_help_has_examples_and_the_man_page_comes_from_it() {
    let output = tool("http://127.0.0.1:9").arg("--help").run();
    output.assert_code(0);
    assert!(output.text().contains("Examples:"));
    assert!(output.text().contains("DRKIT_SSE_C_KEY"));
    for what in ["man", "bash", "zsh", "fish"] {
        let output = tool("http://127.0.0.1:9").args(["--generate", what]).run();
        output.assert_code(0);
        assert!(output.text().contains("delete-newer") || output.text().contains("delete\\-newer"), "{what}");
    }
}

#[test]
fn messages_can_be_json_and_quiet() {
    let server = server();
    let output = run(server.url(), &["--log-format", "json"], &[]);
    let line: Value = serde_json::from_str(output.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(line["tool"], "s3-restore");
    assert!(run(server.url(), &["-q"], &[]).stderr.is_empty());
}

#[test]
fn concurrency_one_is_one_at_a_time() {
    let server = server();
    let records = copies(&server, 5);
    let output = run(server.url(), &["--concurrency", "1"], &records);
    output.assert_code(0);
    let order: Vec<Value> = output.records().iter().map(|record| record["key"].clone()).collect();
    let input: Vec<Value> = records.iter().map(|record| record["key"].clone()).collect();
    assert_eq!(order, input);
}

#[test]
fn a_signal_finishes_what_is_in_flight_and_takes_no_more() {
    for (name, number) in [("INT", 2), ("TERM", 15)] {
        let server = server();
        let records = copies(&server, 40);
        let mut running = tool(server.url()).args(["--concurrency", "2"]).spawn();
        running.write(lines(&records[..20]));
        let first: Value = serde_json::from_str(&running.line().unwrap()).unwrap();
        running.signal(name);
        running.wait_stderr("stopping");
        let output = running.wait();
        assert_eq!(output.signal, Some(number));
        let mut seen = output.records();
        seen.push(first);
        let interrupted = output.rejects();
        assert!(interrupted.iter().all(|reject| reject["error"]["kind"] == "interrupted"));
        // Whatever was changed is in the output.
        let eyes = Eyes::on(&server);
        let restored = keys(&seen);
        for record in &records {
            let key = record["key"].as_str().unwrap();
            assert_eq!(eyes.body(key).as_deref() == Some("good"), restored.contains(key), "{key}");
        }
    }
}

#[test]
fn a_copy_costs_three_requests_and_finding_it_done_four() {
    let server = server();
    let records = copies(&server, 10);
    run(server.url(), &[], &records).assert_code(0);
    assert_eq!(server.requests().len(), 1 + 10 * 3);
    server.clear_requests();
    run(server.url(), &[], &records).assert_code(0);
    assert_eq!(server.requests().len(), 1 + 10 * 4);
}

#[test]
fn a_closed_stdout_ends_the_run_and_its_results_are_on_stderr() {
    let server = server();
    let records = copies(&server, 30);
    let output = tool(server.url()).stdout_broken().stdin(lines(&records)).run();
    output.assert_code(1);
    let told: BTreeSet<String> = output
        .stderr
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line.get("restore").is_some())
        .map(|line| line["key"].as_str().unwrap().to_owned())
        .collect();
    let eyes = Eyes::on(&server);
    for record in &records {
        let key = record["key"].as_str().unwrap();
        assert_eq!(eyes.body(key).as_deref() == Some("good"), told.contains(key), "{key}");
    }
}

#[test]
fn a_reader_that_leaves_in_the_middle_loses_no_result() {
    let server = server();
    let records = copies(&server, 60);
    // Half of the copies are carried out only when the reader has left.
    let (reader, has_left) = channel::<()>();
    let has_left = Mutex::new(has_left);
    let rule = Rule::new(Fault::Hang).operation("CopyObject").matching({
        let seen = AtomicU32::new(0);
        move |_| {
            let is_late = seen.fetch_add(1, Ordering::Relaxed) >= 30;
            // Nothing is ever sent: what is waited for is the end of the sender.
            is_late && has_left.lock().unwrap().recv().is_ok()
        }
    });
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(rule));
    let mut running = tool(proxy.url()).args(["--concurrency", "4"]).stdin(lines(&records)).spawn();
    let first: Value = serde_json::from_str(&running.line().unwrap()).unwrap();
    running.close_stdout();
    drop(reader);
    let output = running.wait();
    output.assert_code(1);
    assert_eq!(first["restore"]["action"], "copy");
    assert!(output.stderr.contains("stdout was closed"), "{}", output.stderr);
    let eyes = Eyes::on(&server);
    let done =
        records.iter().filter(|record| eyes.versions(record["key"].as_str().unwrap()).len() == 3).count();
    assert!(done < records.len(), "it went on as if somebody were reading");
}

#[test]
fn what_waits_for_room_is_given_back_at_a_signal() {
    let server = server();
    let records = copies(&server, 8);
    // One answer asks to slow down, so that fewer records are worked on than are taken; the next copies hang.
    let plan = Plan::new(1)
        .rule(Rule::new(Fault::SlowDown).operation("HeadObject").first(1))
        .rule(Rule::new(Fault::Hang).operation("CopyObject"));
    let proxy = Proxy::start(server.url(), plan);
    let mut running = tool(proxy.url()).args(["-v", "--concurrency", "8"]).spawn();
    running.write(lines(&records[..1]));
    running.wait_stderr("asked to slow down");
    running.write(lines(&records[1..]));
    while proxy.count("Hang") < 4 {
        std::thread::yield_now();
    }
    running.signal("INT");
    running.wait_stderr("interrupted");
    running.signal("INT");
    let output = running.wait();
    assert_eq!(output.signal, Some(2));
    let rejects = output.rejects();
    assert!(!rejects.is_empty());
    assert!(rejects.iter().all(|reject| reject["error"]["kind"] == "interrupted"), "{}", output.stderr);
}

#[test]
fn a_full_disk_is_an_error() {
    let server = server();
    let records = copies(&server, 3);
    let output = tool(server.url()).stdout_to("/dev/full").stdin(lines(&records)).run();
    output.assert_code(1);
    assert!(output.stderr.contains("No space left"), "{}", output.stderr);
    let output = tool(server.url()).args(["--rejects", "/dev/full"]).stdin(lines(&[wanted("a", "v")])).run();
    output.assert_code(1);
    assert!(output.stderr.contains("No space left"), "{}", output.stderr);
}
