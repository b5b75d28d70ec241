//! Keys: values come from the environment and are shown nowhere.

use serde_json::json;
use testkit::tool::Output;
use testkit::typesense::{self, KEY};

use crate::{actions, file, reject, rejects};

const VALUE: &str = "abcdSecretOfTheSearchKey";

fn key(description: &str) -> serde_json::Value {
    json!({"description":description,"actions":["documents:search"],"collections":["*"],"value_env":"TS_SEARCH_KEY"})
}

fn apply(value: Option<&str>, flags: &[&str], key: &serde_json::Value) -> Output {
    let file = file(json!({"keys":[key]}).to_string());
    let tool = typesense::server().tool("ts-schema").arg("apply").args(flags).arg(&file.path).arg("-vv");
    let output = match value {
        Some(value) => tool.env("TS_SEARCH_KEY", value).run(),
        None => tool.run(),
    };
    for secret in [KEY].into_iter().chain(value.filter(|value| !value.is_empty())) {
        assert!(
            !output.stderr.contains(secret) && !output.text().contains(secret),
            "{secret}: {}",
            output.stderr
        );
    }
    output
}

#[test]
fn a_key_is_made_once_and_its_value_is_nowhere() {
    let key = key("made once");
    assert_eq!(actions(apply(Some(VALUE), &["-n"], &key).assert_code(0)), ["key made once created"]);
    assert_eq!(actions(apply(Some(VALUE), &[], &key).assert_code(0)), ["key made once created"]);
    assert_eq!(actions(apply(Some(VALUE), &[], &key).assert_code(0)), ["key made once already"]);
    assert_eq!(actions(apply(Some(VALUE), &["-n"], &key).assert_code(0)), ["key made once already"]);
    // It works: 404 is for whom may ask.
    let tool = typesense::server().tool("ts-schema").args(["export"]).env("TS_KEY", VALUE);
    assert!(tool.run().assert_code(1).stderr.contains("the key must be right and allow debug:list"));

    let mut other = key.clone();
    other["actions"] = json!(["documents:get"]);
    for flags in [&[][..], &["-n"]] {
        let (kind, message) = reject(&apply(Some(VALUE), flags, &other));
        let expected = r#"actions: ["documents:get"] in the file, ["documents:search"] in the cluster"#;
        assert!(kind == "differs" && message.contains(expected), "{kind}: {message}");
    }
    let mut renamed = key;
    renamed["description"] = "renamed".into();
    let (kind, message) = reject(&apply(Some(VALUE), &[], &renamed));
    assert!(kind == "differs" && message.contains("another description"), "{message}");
}

#[test]
fn keys_whose_values_begin_alike_are_told_apart_by_the_server() {
    let key = key("alike");
    for (value, action) in [("alikeOne", "created"), ("alikeTwo", "created"), ("alikeOne", "already")] {
        assert_eq!(actions(apply(Some(value), &[], &key).assert_code(0)), [format!("key alike {action}")]);
    }
}

#[test]
fn without_its_value_a_key_is_rejected_unless_it_is_seen() {
    let mut key = key("valueless");
    let (kind, message) = reject(&apply(None, &[], &key));
    assert!(kind == "no-value" && message.contains("TS_SEARCH_KEY is not set"), "{kind}: {message}");
    let (kind, _) = reject(&apply(Some(""), &[], &key));
    assert_eq!(kind, "no-value");
    key["value_prefix"] = "valu".into();
    assert_eq!(reject(&apply(None, &[], &key)).0, "no-value");
    apply(Some("valuelessSecret"), &[], &key).assert_code(0);
    assert_eq!(actions(apply(None, &[], &key).assert_code(0)), ["key valueless already"]);
    let (kind, message) = reject(&apply(Some("anotherSecret"), &[], &key));
    assert!(kind == "wrong-value" && message.contains("does not start with valu"), "{kind}: {message}");
    key.as_object_mut().expect("an object").remove("value_env");
    key["description"] = "nameless".into();
    let (kind, message) = reject(&apply(None, &[], &key));
    assert!(kind == "no-value" && message.contains("value_env does not name"), "{kind}: {message}");
}

#[test]
fn a_value_in_the_file_is_refused_and_not_repeated() {
    for (section, secret) in [
        (json!({"keys":[{"description":"d","actions":["*"],"collections":["*"],"value":VALUE}]}), "value"),
        (json!({"limits":[{"action":"throttle","api_keys":[VALUE],"max_requests_1h":1}]}), "api_keys"),
    ] {
        let file = file(section.to_string());
        for command in ["apply", "diff"] {
            let output = typesense::server().tool("ts-schema").arg(command).arg(&file.path).run();
            assert!(
                output.assert_code(2).stderr.contains(&format!("name that as {secret}_env")),
                "{}",
                output.stderr
            );
            assert!(!output.stderr.contains(VALUE), "{}", output.stderr);
        }
    }
}

#[test]
fn the_bootstrap_key_is_not_made_again() {
    let file = file(json!({"keys":[key("bootstrap")]}).to_string());
    let tool = typesense::server().tool("ts-schema").arg("apply").arg(&file.path);
    let output = tool.env("TS_SEARCH_KEY", KEY).run();
    let rejects = rejects(output.assert_code(3));
    assert!(rejects[0].1.contains("bootstrap key") && !output.stderr.contains(KEY), "{rejects:?}");
}
