//! Aliases: made last, moved by `swap`, and never onto what is not there.

use serde_json::{Value, json};
use testkit::typesense::{self, Server};

use crate::{actions, apply, reject, rejects};

const FIELDS: &str = r#"[{"name":"title","type":"string"}]"#;

/// A collection with so many documents.
fn filled(server: &Server, hint: &str, documents: usize) -> String {
    let name = server.collection(hint, FIELDS);
    for number in 0..documents {
        let document = json!({"title": number.to_string()});
        assert_eq!(
            server.request("POST", &format!("/collections/{name}/documents"), document.to_string()).0,
            201
        );
    }
    name
}

fn target(server: &Server, alias: &str) -> Value {
    server.get(&format!("/aliases/{alias}"))["collection_name"].clone()
}

#[test]
fn apply_makes_them_when_their_collections_hold_enough() {
    let server = typesense::server();
    let name = filled(server, "applied", 2);
    let file = json!({"aliases":[{"name":"applied","collection_name":name}]}).to_string();
    let (kind, message) = reject(&apply(server, &["--aliases", "--min-docs", "3"], &file));
    assert!(
        kind == "too-few-documents" && message.contains("has 2 documents, fewer than 3"),
        "{kind}: {message}"
    );
    assert_eq!(server.request("GET", "/aliases/applied", "").0, 404);
    assert_eq!(
        actions(apply(server, &["--aliases", "--min-docs", "2", "-n"], &file).assert_code(0)),
        ["alias applied created"]
    );
    assert_eq!(server.request("GET", "/aliases/applied", "").0, 404);
    let made = apply(server, &["--aliases", "--min-docs", "2"], &file);
    assert_eq!(
        made.assert_code(0).records()[0]["schema"],
        json!({"action":"created","collection_name":name})
    );
    assert_eq!(target(server, "applied"), name.as_str());
    assert_eq!(actions(apply(server, &["--aliases"], &file).assert_code(0)), ["alias applied already"]);

    let other = json!({"aliases":[{"name":"applied","collection_name":"elsewhere"}]}).to_string();
    let (kind, message) = reject(&apply(server, &["--aliases", "--migrate"], other));
    assert!(kind == "differs" && message.contains("ts-schema swap applied elsewhere"), "{kind}: {message}");
}

#[test]
fn apply_makes_none_of_what_is_not_there() {
    let server = typesense::server();
    let empty = server.collection("empty", FIELDS);
    server.request("PUT", "/aliases/of-empty", format!(r#"{{"collection_name":"{empty}"}}"#));
    let file = json!({"aliases":[
        {"name":"to-nothing","collection_name":"nowhere"}, {"name":"to-empty","collection_name":empty},
        {"name":"to-alias","collection_name":"of-empty"}, {"name":empty,"collection_name":empty},
        {"name":"of-empty","collection_name":empty}
    ]});
    let output = apply(server, &["--aliases"], file.to_string());
    let kinds: Vec<_> = rejects(output.assert_code(3)).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["no-target", "too-few-documents", "no-target", "name-taken", "too-few-documents"]);
}

#[test]
fn a_swap_is_told_and_can_be_taken_back_and_back_again() {
    let server = typesense::server();
    let (one, two) = (filled(server, "one", 1), filled(server, "two", 3));
    let swap = |args: &[&str]| server.tool("ts-schema").arg("swap").args(args).run();
    let undo = |record: &[u8]| server.tool("ts-schema").args(["swap", "--undo"]).stdin(record).run();

    let first = swap(&["swapped", &one]);
    assert_eq!(
        first.assert_code(0).records(),
        [
            json!({"kind":"alias","name":"swapped","schema":{"action":"created","collection_name":one,"previous":null,"num_documents":1}})
        ]
    );
    let second = swap(&["swapped", &two]);
    let schema = json!({"action":"swapped","collection_name":two,"previous":one,"num_documents":3});
    assert_eq!(second.assert_code(0).records()[0]["schema"], schema);
    let told =
        format!("swapped points to {two}, which has 3 documents; the way back: ts-schema swap swapped {one}");
    assert!(second.stderr.contains(&told), "{}", second.stderr);
    assert_eq!(swap(&["swapped", &two]).assert_code(0).records()[0]["schema"]["action"], "already");

    let (kind, message) = reject(&undo(&first.stdout));
    assert!(kind == "moved-since" && message.contains(&two), "{kind}: {message}");
    let back = undo(&second.stdout);
    assert_eq!(
        back.assert_code(0).records()[0]["schema"],
        json!({"action":"swapped","collection_name":one,"previous":two,"num_documents":1})
    );
    assert_eq!(target(server, "swapped"), one.as_str());
    assert_eq!(undo(&second.stdout).assert_code(0).records()[0]["schema"]["action"], "already");
    undo(&back.stdout).assert_code(0);
    assert_eq!(target(server, "swapped"), two.as_str());
    undo(&second.stdout).assert_code(0);

    let gone = server.tool("ts-schema").args(["swap", "--undo", "-n"]).stdin(first.stdout.clone()).run();
    assert_eq!(gone.assert_code(0).records()[0]["schema"]["action"], "deleted");
    assert_eq!(target(server, "swapped"), one.as_str());
    let gone = undo(&first.stdout);
    assert_eq!(gone.assert_code(0).records()[0]["schema"], json!({"action":"deleted","previous":one}));
    assert_eq!(server.request("GET", "/aliases/swapped", "").0, 404);
    assert_eq!(undo(&first.stdout).assert_code(0).records()[0]["schema"]["action"], "already");
}

#[test]
fn a_swap_onto_what_is_not_there_ends_the_run() {
    let server = typesense::server();
    let (full, empty) = (filled(server, "full", 1), server.collection("hollow", FIELDS));
    server.request("PUT", "/aliases/kept", format!(r#"{{"collection_name":"{full}"}}"#));
    for (args, expected) in [
        (["kept", "nowhere"], "there is no collection nowhere"),
        (["kept", empty.as_str()], "has 0 documents, fewer than 1 (--min-docs)"),
        (["kept", "kept"], "kept is itself an alias"),
        ([full.as_str(), full.as_str()], "a collection has this name"),
    ] {
        let output = server.tool("ts-schema").arg("swap").args(args).run();
        assert!(output.assert_code(1).stderr.contains(expected), "{}", output.stderr);
        assert!(output.stdout.is_empty());
    }
    assert_eq!(target(server, "kept"), full.as_str());
    let rehearsed =
        server.tool("ts-schema").args(["swap", "kept", &empty, "--min-docs", "0", "--dry-run"]).run();
    let schema =
        json!({"action":"swapped","collection_name":empty,"previous":full,"num_documents":0,"dry_run":true});
    assert_eq!(rehearsed.assert_code(0).records()[0]["schema"], schema);
    assert_eq!(target(server, "kept"), full.as_str());
    // What was only rehearsed is not taken back, even where somebody has done it since.
    server.tool("ts-schema").args(["swap", "kept", &empty, "--min-docs", "0"]).run().assert_code(0);
    let undone = server.tool("ts-schema").args(["swap", "--undo"]).stdin(rehearsed.stdout).run();
    assert_eq!(undone.assert_code(0).records()[0]["schema"]["action"], "already");
    assert_eq!(target(server, "kept"), empty.as_str());
}

#[test]
fn only_swaps_are_taken_back() {
    let server = typesense::server();
    let input = [
        r#"{"kind":"preset","name":"p","schema":{"action":"replaced","collection_name":"c"}}"#,
        r#"{"kind":"alias","name":"a","schema":{"action":"created"}}"#,
        r#"{"kind":"alias","name":"a","schema":{"action":"migrated","collection_name":"c"}}"#,
        r#"{"name":"a"}"#,
        "nonsense",
    ];
    let output = server.tool("ts-schema").args(["swap", "--undo"]).stdin(input.join("\n")).run();
    let kinds: Vec<_> = rejects(output.assert_code(3)).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["bad-record", "bad-record", "bad-record", "bad-record", "bad-line"]);
}
