//! `--migrate`: nothing that differs is altered or dropped, something new stands beside it.

use serde_json::json;
use testkit::typesense;

use crate::{actions, apply, reject};

fn schema(name: &str, kind: &str) -> String {
    json!({
        "collections": [{"name":name,"fields":[{"name":"a","type":kind}]}],
        "synonyms": {name: [{"id":"s","synonyms":["x","y"]}]}
    })
    .to_string()
}

#[test]
fn a_collection_behind_an_alias_is_made_anew_once_and_found_again() {
    let server = typesense::server();
    let old = server.collection("moved-old", r#"[{"name":"a","type":"int32"}]"#);
    server.request("PUT", "/aliases/moved", format!(r#"{{"collection_name":"{old}"}}"#));
    let same = apply(server, &[], schema("moved", "int32"));
    assert_eq!(same.assert_code(0).records()[0]["schema"], json!({"action":"already","collection":old}));

    let first = apply(server, &["--migrate"], schema("moved", "int64"));
    assert_eq!(actions(first.assert_code(0)), ["collection moved migrated", "synonym s created"]);
    let new = first.records()[0]["schema"]["collection"].as_str().expect("a name").to_owned();
    let time = new.strip_prefix("moved_").expect("the name and the time");
    assert!(time.len() == 14 && time.bytes().all(|byte| byte.is_ascii_digit()), "{new}");
    assert!(first.stderr.contains(&format!("then: ts-schema swap moved {new}")), "{}", first.stderr);
    assert_eq!(server.get(&format!("/collections/{new}"))["fields"][0]["type"], "int64");
    assert_eq!(
        server.get(&format!("/collections/{new}/synonyms"))["synonyms"].as_array().map(Vec::len),
        Some(1)
    );
    // The old collection is as it was.
    assert_eq!(server.get(&format!("/collections/{old}"))["fields"][0]["type"], "int32");
    assert_eq!(server.get("/aliases/moved")["collection_name"], old.as_str());

    let second = apply(server, &["--migrate"], schema("moved", "int64"));
    assert_eq!(actions(second.assert_code(0)), ["collection moved already", "synonym s already"]);
    assert_eq!(second.records()[0]["schema"]["collection"], new.as_str());

    let (kind, _) = reject(&apply(
        server,
        &[],
        format!("[{}]", json!({"name":"moved","fields":[{"name":"a","type":"int64"}]})),
    ));
    assert_eq!(kind, "differs");
    server.tool("ts-schema").args(["swap", "moved", &new, "--min-docs", "0"]).run().assert_code(0);
    let swapped = apply(server, &[], schema("moved", "int64"));
    assert_eq!(actions(swapped.assert_code(0)), ["collection moved already", "synonym s already"]);
}

#[test]
fn a_collection_without_alias_is_made_anew_with_a_warning() {
    let server = typesense::server();
    let name = server.collection("bare", r#"[{"name":"a","type":"int32"}]"#);
    let output = apply(server, &["--migrate"], schema(&name, "int64"));
    assert_eq!(actions(output.assert_code(0))[0], format!("collection {name} migrated"));
    assert!(output.stderr.contains(&format!("{name} is itself a collection")), "{}", output.stderr);
}

#[test]
fn a_suffix_makes_a_second_set_beside_the_first_and_finds_it_again() {
    let server = typesense::server();
    apply(server, &[], schema("doubled", "int32")).assert_code(0);
    let second =
        |flags: &[&str], kind| apply(server, &[&["--suffix", "_2"], flags].concat(), schema("doubled", kind));
    for (flags, action, synonyms) in
        [(&["-n"][..], "created", 404), (&[], "created", 200), (&[], "already", 200)]
    {
        let output = second(flags, "int64");
        let expected = [format!("collection doubled {action}"), format!("synonym s {action}")];
        assert_eq!(actions(output.assert_code(0)), expected);
        assert_eq!(output.records()[0]["schema"]["collection"], "doubled_2");
        assert_eq!(server.request("GET", "/collections/doubled_2/synonyms/s", "").0, synonyms);
    }
    let type_of = |name: &str| server.get(&format!("/collections/{name}"))["fields"][0]["type"].clone();
    assert_eq!((type_of("doubled"), type_of("doubled_2")), (json!("int32"), json!("int64")));
    let output = second(&[], "int32");
    let (kind, message) = reject(&output);
    assert!(kind == "differs" && message.contains("another --suffix"), "{kind}: {message}");
    apply(server, &["--suffix", ""], schema("doubled", "int32")).assert_code(0);
    assert_eq!(second(&["--migrate"], "int32").code, Some(2));
    assert_eq!(second(&["--aliases"], "int32").code, Some(2));
}

#[test]
fn a_rehearsed_migration_makes_nothing() {
    let server = typesense::server();
    let name = server.collection("rehearsed-move", r#"[{"name":"a","type":"int32"}]"#);
    let output = apply(server, &["--migrate", "-n"], schema(&name, "int64"));
    assert_eq!(actions(output.assert_code(0))[0], format!("collection {name} migrated"));
    let new = output.records()[0]["schema"]["collection"].as_str().expect("a name").to_owned();
    assert_eq!(server.request("GET", &format!("/collections/{new}"), "").0, 404);
}

#[test]
fn what_is_put_is_overwritten_and_the_record_has_what_was_there() {
    let server = typesense::server();
    server.request("PUT", "/presets/overwritten", r#"{"value":{"q":"old"}}"#);
    let file = r#"{"presets":[{"name":"overwritten","value":{"q":"new"}}]}"#;
    let output = apply(server, &["--migrate"], file);
    let previous = json!({"name":"overwritten","value":{"q":"old"}});
    assert_eq!(
        output.assert_code(0).records()[0]["schema"],
        json!({"action":"replaced","previous":previous})
    );
    assert!(server.get("/presets").to_string().contains(r#"{"name":"overwritten","value":{"q":"new"}}"#));
    assert_eq!(actions(&apply(server, &["--migrate"], file)), ["preset overwritten already"]);
}
