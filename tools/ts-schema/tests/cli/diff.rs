//! `diff`: what is the same is a record, what is not a reject.

use serde_json::json;
use testkit::typesense;

use crate::{actions, file, rejects};

#[test]
fn differences_in_both_directions_are_rejects_and_nothing_is_changed() {
    let server = typesense::another();
    for (path, body) in [
        ("/presets/same", json!({"value":{"q":"*"}})),
        ("/presets/other", json!({"value":{"q":"*"}})),
        ("/presets/more", json!({"value":{"q":"*"}})),
    ] {
        server.request("PUT", path, body.to_string());
    }
    let collection = server.collection("c", r#"[{"name":"a","type":"string"}]"#);
    server.request("PUT", "/aliases/c", format!(r#"{{"collection_name":"{collection}"}}"#));
    server.request("PUT", &format!("/collections/{collection}/synonyms/met"), r#"{"synonyms":["a","b"]}"#);
    server.request("PUT", &format!("/collections/{collection}/synonyms/more"), r#"{"synonyms":["a","b"]}"#);
    let file = file(
        json!({
            "presets": [{"name":"same","value":{"q":"*"}},{"name":"other","value":{"q":"a"}},{"name":"less","value":{}}],
            "synonyms": {"c": [{"id":"met","synonyms":["a","b"]}]}
        })
        .to_string(),
    );
    let output = server.tool("ts-schema").arg("diff").arg(&file.path).run();
    assert_eq!(actions(output.assert_code(3)), ["synonym met already", "preset same already"]);
    let expected = [
        (
            "differs",
            r#"preset other differs: value: {"q":"a"} in the file, {"q":"*"} in the cluster"#.to_owned(),
        ),
        ("missing", "preset less: only in the file".to_owned()),
        ("not-in-file", format!("synonym more of {collection}: only in the cluster")),
        ("not-in-file", "preset more: only in the cluster".to_owned()),
    ];
    let told = rejects(&output);
    assert_eq!(told, expected.map(|(kind, message)| (kind.to_owned(), message)));
    // What the cluster has beyond the file can be added to it as it is rejected.
    assert_eq!(output.rejects()[3]["record"], json!({"presets":[{"name":"more","value":{"q":"*"}}]}));
    assert_eq!(server.get("/presets")["presets"].as_array().map(Vec::len), Some(3));
}

#[test]
fn a_section_that_the_file_lacks_is_not_compared() {
    let server = typesense::another();
    server.request("PUT", "/presets/p", r#"{"value":{"q":"*"}}"#);
    let file = file("[]");
    let output = server.tool("ts-schema").arg("diff").arg(&file.path).run();
    assert_eq!(output.assert_code(0).stderr.lines().last().map(|line| line.contains("read 0")), Some(true));
}
