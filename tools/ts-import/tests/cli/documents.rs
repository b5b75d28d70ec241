//! What becomes of each document.

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::typesense;

use crate::{assert_holds, documents, kinds, people, sum};

#[test]
fn every_document_is_imported_and_each_batch_has_its_receipt() {
    let (server, people) = people();
    let input = documents(0..25);
    let output = server.tool("ts-import").args(["--batch-docs", "10", &people]).stdin(input.as_str()).run();
    let receipts = output.assert_code(0).records();
    let of = |receipt: &Value| {
        let bytes = receipt["bytes"].as_u64().unwrap_or(0);
        assert!(receipt["ms"].is_u64() && receipt["collection"] == people.as_str());
        (receipt["after"].clone(), receipt["documents"].clone(), receipt["accepted"].clone(), bytes)
    };
    let expected = [(0, 10), (10, 10), (20, 5)].map(|(after, n)| {
        let bytes: usize = input.lines().skip(after).take(n).map(|line| line.len() + 1).sum();
        (json!(after), json!(n), json!(n), bytes as u64)
    });
    assert_eq!(receipts.iter().map(of).collect::<Vec<_>>(), expected);
    assert!(output.stderr.contains("imported 25 documents in"), "{}", output.stderr);
    assert!(output.stderr.contains("read 25, done 25, rejected 0"), "{}", output.stderr);
    assert_holds(server, &people, 0..25);
}

#[test]
fn bytes_end_a_batch_too() {
    let (server, people) = people();
    let output =
        server.tool("ts-import").args(["--batch-bytes", "200", &people]).stdin(documents(0..20)).run();
    assert_eq!(sum(output.assert_code(0), "accepted"), 20);
    let receipts = output.records();
    assert!(receipts.len() >= 5, "{receipts:?}");
    assert!(receipts.iter().all(|receipt| receipt["bytes"].as_u64().is_some_and(|bytes| bytes <= 200)));
}

#[test]
fn one_bad_document_of_many_is_rejected_in_typesenses_words() {
    let (server, people) = people();
    let bad = "{\"id\":\"00500\",\"name\":\"person 500\",\"age\":\"old\",\"n\":1.10}";
    let input = documents(0..500) + bad + "\n" + &documents(501..1000);
    let output = server.tool("ts-import").arg(&people).stdin(input.as_str()).run();
    let rejects = output.assert_code(3).rejects();
    let [reject] = &rejects[..] else { panic!("{rejects:?}") };
    let expected = json!({
        "tool": "ts-import",
        "kind": "bad-document",
        "message": "document \"00500\": 400 Field `age` must be an int32.",
        "retryable": false,
    });
    assert_eq!(reject["error"], expected);
    assert!(output.stderr.contains(&format!("\"record\":{bad}}}")), "{}", output.stderr);
    assert_eq!((sum(&output, "accepted"), sum(&output, "rejected")), (999, 1));
    let mended = documents(500..501);
    server.tool("ts-import").arg(&people).stdin(mended).run().assert_code(0);
    assert_holds(server, &people, 0..1000);
}

#[test]
fn lines_that_are_no_documents_do_not_shift_the_others() {
    let (server, people) = people();
    let mut lines: Vec<_> = documents(0..6).lines().map(str::to_owned).collect();
    lines[1] = String::new();
    lines[3] = "   \t".to_owned();
    lines.push("{\"id\":\"x\",\"name\":7}".to_owned());
    lines.push("{\"id\":\"y\"".to_owned());
    let output = server.tool("ts-import").arg(&people).stdin(lines.join("\r\n")).run();
    assert_eq!(kinds(output.assert_code(3)), ["bad-line", "bad-document"]);
    assert!(output.stderr.contains("document \\\"x\\\": 400"), "{}", output.stderr);
    let ids: Vec<_> = server.documents(&people).iter().map(|document| document["id"].clone()).collect();
    assert_eq!(ids, ["00000", "00002", "00004", "00005"]);
}

#[test]
fn a_document_needs_an_id_that_is_text() {
    let (server, people) = people();
    let input = "{\"id\":7,\"name\":\"a\"}\n{\"name\":\"b\"}\n{\"id\":\"\",\"name\":\"c\"}\n{\"id\":\"1\",\"name\":\"d\"}\n";
    let output = server.tool("ts-import").arg(&people).stdin(input).run();
    assert_eq!(kinds(output.assert_code(3)), ["bad-record"; 3]);
    assert!(
        output.stderr.contains("--id-field") && output.stderr.contains("--allow-no-id"),
        "{}",
        output.stderr
    );
    assert_eq!(server.count(&people), 1);
    let free = server.tool("ts-import").args(["--allow-no-id", &people]).stdin("{\"name\":\"b\"}\n").run();
    free.assert_code(0);
    assert_eq!(server.count(&people), 2);
}

#[test]
fn a_line_of_20_mb_is_a_clear_reject_and_3_mb_are_none() {
    let (server, people) = people();
    let document = |id: &str, size: usize| {
        format!("{{\"id\":\"{id}\",\"name\":\"a\",\"text\":\"{}\"}}\n", "x".repeat(size))
    };
    let input =
        documents(0..1) + &document("huge", 20_000_000) + &document("00001", 3_000_000) + &documents(2..3);
    let output = server.tool("ts-import").arg(&people).stdin(input).run();
    assert_eq!(kinds(output.assert_code(3)), ["bad-line"]);
    assert!(
        output.stderr.contains("line 2: 200000") && output.stderr.contains("16777216"),
        "{}",
        output.stderr
    );
    let ids: Vec<_> = server.documents(&people).iter().map(|document| document["id"].clone()).collect();
    assert_eq!(ids, ["00000", "00001", "00002"]);
}

#[test]
fn of_two_documents_with_one_id_the_later_one_stays() {
    let (server, people) = people();
    let input =
        "{\"id\":\"1\",\"name\":\"old\"}\n{\"id\":\"2\",\"name\":\"b\"}\n{\"id\":\"1\",\"name\":\"new\"}\n";
    let output = server.tool("ts-import").arg(&people).stdin(input).run();
    assert_eq!(sum(output.assert_code(0), "accepted"), 3);
    assert_eq!(server.documents(&people)[0]["name"], "new");
}

#[test]
fn actions_are_typesenses_own() {
    let (server, people) = people();
    let run = |action: &str, input: &str| {
        server.tool("ts-import").args(["--action", action, &people]).stdin(input).run()
    };
    run("create", "{\"id\":\"1\",\"name\":\"a\",\"age\":1}\n").assert_code(0);
    let again = run("create", "{\"id\":\"1\",\"name\":\"b\"}\n");
    assert_eq!(kinds(again.assert_code(3)), ["already-exists"]);
    assert!(!again.stderr.contains("this run's own"), "{}", again.stderr);
    run("update", "{\"id\":\"1\",\"age\":2}\n").assert_code(0);
    assert_eq!(kinds(run("update", "{\"id\":\"9\",\"age\":2}\n").assert_code(3)), ["not-found"]);
    run("emplace", "{\"id\":\"1\",\"age\":3}\n{\"id\":\"2\",\"name\":\"c\"}\n").assert_code(0);
    run("upsert", "{\"id\":\"2\",\"name\":\"d\",\"age\":4}\n").assert_code(0);
    let expected = [json!({"id":"1","name":"a","age":3}), json!({"id":"2","name":"d","age":4})];
    assert_eq!(server.documents(&people), expected);
}

#[test]
fn dirty_values_are_typesenses_own() {
    let (server, people) = people();
    let input = "{\"id\":\"1\",\"name\":\"a\",\"age\":\"7\"}\n{\"id\":\"2\",\"name\":\"a\",\"age\":\"x\"}\n";
    let run = |flags: &[&str]| server.tool("ts-import").args(flags).arg(&people).stdin(input).run();
    assert_eq!(kinds(run(&[]).assert_code(3)), ["bad-document"; 2]);
    assert_eq!(kinds(run(&["--dirty-values", "reject"]).assert_code(3)), ["bad-document"; 2]);
    assert_eq!(kinds(run(&["--dirty-values", "coerce_or_reject"]).assert_code(3)), ["bad-document"]);
    run(&["--dirty-values", "coerce_or_drop"]).assert_code(0);
    let expected = [json!({"id":"1","name":"a","age":7}), json!({"id":"2","name":"a"})];
    assert_eq!(server.documents(&people), expected);
    run(&["--dirty-values", "drop"]).assert_code(0);
    assert_eq!(server.documents(&people)[0], json!({"id":"1","name":"a"}));
}

#[test]
fn rows_become_documents() {
    let server = typesense::server();
    let people =
        server.collection("rows", r#"[{"name":"name","type":"string"},{"name":".*","type":"auto"}]"#);
    let flags =
        ["--id-field", "person_id", "--rename", "fullname=name", "--drop", "notes", "--drop", "person_id"];
    let row =
        "{\"person_id\":42,\"fullname\":\"Ada\",\"notes\":\"n\",\"score\":1.10,\"large\":9007199254740993}\n";
    let output = server.tool("ts-import").args(flags).arg(&people).stdin(row).run();
    output.assert_code(0);
    let expected = json!({"id":"42","name":"Ada","score":1.10,"large":9_007_199_254_740_993_u64});
    assert_eq!(server.documents(&people), [expected]);
    let bad = server
        .tool("ts-import")
        .args(flags)
        .arg(&people)
        .stdin("{\"person_id\":1.5,\"fullname\":\"B\"}\n")
        .run();
    assert_eq!(kinds(bad.assert_code(3)), ["bad-record"]);
    let refused = "{\"person_id\":43,\"notes\":1.10}\n";
    let refused = server.tool("ts-import").args(flags).arg(&people).stdin(refused).run();
    // The input itself is the reject, not what was made of it.
    let record = json!({"person_id":43,"notes":1.10});
    assert_eq!(refused.assert_code(3).rejects()[0]["record"], record);
}

#[test]
fn rejects_go_to_a_file_that_is_input_again() {
    let (server, people) = people();
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("rejects.jsonl");
    let input = "{\"id\":1,\"name\":\"a\"}\n{\"id\":\"2\"}\n{\"id\":\"3\",\"name\":\"c\"}\n";
    let output = server.tool("ts-import").arg("--rejects").arg(&file).arg(&people).stdin(input).run();
    assert!(output.assert_code(3).rejects().is_empty());
    let rejects = std::fs::read(&file).expect("rejects");
    let again = server.tool("ts-import").args(["--id-field", "id", &people]).stdin(rejects).run();
    assert_eq!(kinds(again.assert_code(3)), ["bad-document"]);
    assert_eq!(server.count(&people), 2);
}

#[test]
fn too_many_rejects_end_the_run() {
    let (server, people) = people();
    let input = "{\"id\":\"1\"}\n".repeat(3) + &documents(0..5);
    let run = |most: &str| {
        server.tool("ts-import").args(["--max-rejects", most, &people]).stdin(input.as_str()).run()
    };
    let output = run("2");
    assert!(output.assert_code(1).stderr.contains("more than 2 records failed"), "{}", output.stderr);
    run("3").assert_code(3);
    assert_holds(server, &people, 0..5);
}

#[test]
fn a_rehearsal_imports_nothing() {
    let (server, people) = people();
    for flag in ["-n", "--dry-run"] {
        let input = documents(0..15) + "{\"id\":7}\n";
        let output = server.tool("ts-import").args([flag, "--batch-docs", "10", &people]).stdin(input).run();
        let receipts = output.assert_code(3).records();
        assert!(receipts.iter().all(|receipt| receipt["dry_run"] == true && receipt["accepted"].is_null()));
        assert_eq!((receipts.len(), sum(&output, "documents")), (2, 15));
    }
    assert_eq!(server.count(&people), 0);
}
