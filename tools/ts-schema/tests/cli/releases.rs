//! What newer releases have beyond 0.24.1, against the fake.

use anyhow::Result;
use serde_json::{Value, json};

use crate::fake::Fake;
use crate::{actions, file, rejects};

fn newest() -> Value {
    json!({
        "collections": [{"name":"people","synonym_sets":["s"],"curation_sets":["c"],"metadata":{"free":[1]},"fields":[
            {"name":"a","type":"string","stem_dictionary":"plurals","store":false},
            {"name":"v","type":"float[]","embed":{"from":["a"],
                "model_config":{"model_name":"openai/m","api_key_env":"OPENAI_API_KEY"}}}
        ]}],
        "synonym_sets": [{"name":"s","items":[{"id":"coats","synonyms":["coat","jacket"]}]}],
        "curation_sets": [{"name":"c","items":[{"id":"top","rule":{"query":"apple","match":"exact"},"includes":[{"id":"1","position":1}]}]}],
        "stemming_dictionaries": [{"id":"plurals","words":[{"word":"people","root":"person"},{"word":"mice","root":"mouse"}]}],
        "stopwords": [{"id":"places","stopwords":["Germany","United States"],"locale":"en"}],
        "analytics_rules": [{"name":"popular","type":"popular_queries","collection":"people","event_type":"search","params":{"limit":10}}]
    })
}

#[test]
fn release_30_gets_its_sets_before_its_collections() {
    let fake = Fake::start("30.2");
    let file = file(newest().to_string());
    let run = |args: &[&str]| fake.tool().args(args).arg(&file.path).env("OPENAI_API_KEY", "sk-secret").run();
    let created = [
        "stemming_dictionary plurals created",
        "synonym_set s created",
        "curation_set c created",
        "collection people created",
        "stopwords places created",
        "preset",
        "analytics_rule popular created",
    ];
    let created: Vec<_> = created.into_iter().filter(|line| *line != "preset").collect();
    assert_eq!(actions(run(&["apply"]).assert_code(0)), created);
    let changes = [
        "POST /stemming/dictionaries/import",
        "PUT /synonym_sets/s",
        "PUT /curation_sets/c",
        "POST /collections",
        "PUT /stopwords/places",
        "PUT /analytics/rules/popular",
    ];
    assert_eq!(fake.state().changes, changes);
    let already: Vec<_> = created.iter().map(|line| line.replace("created", "already")).collect();
    assert_eq!(actions(run(&["apply"]).assert_code(0)), already);
    assert_eq!(actions(run(&["diff"]).assert_code(0)), already);
    assert_eq!(fake.state().changes, changes);
}

#[test]
fn an_export_of_release_30_is_the_same_file_again() -> Result<()> {
    let (old, new) = (Fake::start("30.2"), Fake::start("30.2"));
    let input = file(newest().to_string());
    let secret = ("OPENAI_API_KEY", "sk-secret");
    old.tool().arg("apply").arg(&input.path).env(secret.0, secret.1).run().assert_code(0);
    let exported = old.tool().arg("export").run();
    assert!(!exported.assert_code(0).text().contains("sk-s"), "{}", exported.text());
    let document: Value = serde_json::from_str(exported.text())?;
    assert_eq!(document["collections"][0]["fields"][1]["embed"]["model_config"]["api_key_env"], secret.0);
    assert!(document.get("synonyms").is_none() && document["typesense_version"] == "30.2");
    let again = file(exported.text());
    new.tool().arg("apply").arg(&again.path).env(secret.0, secret.1).run().assert_code(0);
    assert_eq!(new.tool().arg("export").run().text(), exported.text());
    Ok(())
}

#[test]
fn what_a_release_has_not_yet_or_no_longer_is_told() {
    let mut file_ = newest();
    file_["synonyms"] = json!({"people":[{"id":"s","synonyms":["a","b"]}]});
    file_["overrides"] = json!({"people":[{"id":"o","rule":{"query":"a","match":"exact"},"excludes":[]}]});
    let file = file(file_.to_string());
    for (version, expected) in [
        (
            "30.2",
            &[
                "synonym: after Typesense 29 they are part of synonym_sets",
                "override: after Typesense 29 they are part of curation_sets",
            ][..],
        ),
        (
            "27.1",
            &[
                "stemming dictionary: Typesense has them since 28, this server is 27.1",
                "synonym set: Typesense has them since 30",
                "curation set: Typesense has them since 30",
                "fields.a.stem_dictionary came with 28; synonym_sets came with 30",
                "synonym s of people: there is no such collection",
                "override o of people: there is no such collection",
                "collection came with 30",
            ],
        ),
    ] {
        let fake = Fake::start(version);
        let output = fake.tool().arg("apply").arg(&file.path).env("OPENAI_API_KEY", "sk-secret").run();
        let rejects = rejects(output.assert_code(3));
        assert_eq!(rejects.len(), expected.len(), "{rejects:?}");
        for ((_, message), expected) in rejects.iter().zip(expected) {
            assert!(message.contains(expected), "{message}");
        }
    }
}

#[test]
fn rules_of_release_29_are_listed_in_an_object() {
    let fake = Fake::start("29.0");
    let file =
        file(r#"{"analytics_rules":[{"name":"popular","type":"popular_queries","params":{"limit":10}}]}"#);
    let run = || fake.tool().arg("apply").arg(&file.path).run();
    assert_eq!(actions(run().assert_code(0)), ["analytics_rule popular created"]);
    assert_eq!(actions(run().assert_code(0)), ["analytics_rule popular already"]);
}

#[test]
fn a_release_after_those_is_taken_at_its_word() {
    let fake = Fake::start("31.0");
    let file = file(r#"[{"name":"c","brand_new":{"a":1},"fields":[]}]"#);
    let run = || fake.tool().arg("apply").arg(&file.path).run();
    assert_eq!(actions(run().assert_code(0)), ["collection c created"]);
    assert_eq!(actions(run().assert_code(0)), ["collection c already"]);
}

#[test]
fn a_dictionary_that_differs_is_not_changed() {
    let fake = Fake::start("28.0");
    let dictionary = |root: &str| {
        json!({"stemming_dictionaries":[{"id":"d","words":[{"word":"mice","root":root}]}]}).to_string()
    };
    let run = |content: String| {
        let file = file(content);
        fake.tool().args(["apply", "--migrate"]).arg(&file.path).run()
    };
    run(dictionary("mouse")).assert_code(0);
    let (kind, message) = crate::reject(&run(dictionary("mice")));
    assert!(kind == "differs" && message.contains("this tool does not change it"), "{kind}: {message}");
}
