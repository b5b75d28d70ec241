//! Rate limits, on servers of their own: they bind everybody.

use serde_json::json;
use testkit::typesense;

use crate::{actions, apply, file, reject, rejects};

const VALUE: &str = "limitedSecretOfAnApp";

#[test]
fn limits_are_made_once_and_told_from_others_by_what_they_limit() {
    let server = typesense::another();
    let file = json!({"limits":[
        {"action":"block","ip_addresses":["10.0.0.2","10.0.0.1"]},
        {"action":"throttle","ip_addresses":["10.0.0.3"],"max_requests_60s":10,"max_requests_1h":100}
    ]});
    let created = ["limit block 10.0.0.2, 10.0.0.1 created", "limit throttle 10.0.0.3 created"];
    assert_eq!(actions(apply(&server, &["-n"], file.to_string()).assert_code(0)), created);
    assert_eq!(server.get("/limits"), json!([]));
    assert_eq!(actions(apply(&server, &[], file.to_string()).assert_code(0)), created);
    let already = ["limit block 10.0.0.2, 10.0.0.1 already", "limit throttle 10.0.0.3 already"];
    assert_eq!(actions(apply(&server, &[], file.to_string()).assert_code(0)), already);

    let other = r#"{"limits":[{"action":"throttle","ip_addresses":["10.0.0.3"],"max_requests_1h":7}]}"#;
    let (kind, message) = reject(&apply(&server, &["--migrate"], other));
    let expected = "max_requests_1h: 7 in the file, 100 in the cluster; this tool does not change it";
    assert!(kind == "differs" && message.contains(expected), "{kind}: {message}");
    let wrong = r#"{"limits":[{"action":"allow"}]}"#;
    assert_eq!(reject(&apply(&server, &[], wrong)).0, "refused");
}

#[test]
fn keys_of_limits_come_from_the_environment_and_are_exported_by_name() {
    let server = typesense::another();
    let content = json!({
        "keys":[{"description":"app","actions":["*"],"collections":["*"],"value_env":"TS_KEY_APP"}],
        "limits":[{"action":"throttle","api_keys_env":["TS_KEY_APP"],"max_requests_1h":7}]
    });
    let file = file(content.to_string());
    let run =
        |command: &str| server.tool("ts-schema").arg(command).arg(&file.path).env("TS_KEY_APP", VALUE).run();
    assert_eq!(
        actions(run("apply").assert_code(0)),
        ["key app created", "limit throttle TS_KEY_APP created"]
    );
    assert_eq!(server.get("/limits")[0]["api_keys"], json!([VALUE]));
    assert_eq!(
        actions(run("apply").assert_code(0)),
        ["key app already", "limit throttle TS_KEY_APP already"]
    );
    run("diff").assert_code(0);
    let without = server.tool("ts-schema").arg("apply").arg(&file.path).run();
    let kinds: Vec<_> = rejects(without.assert_code(3)).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["no-value", "no-value"]);

    let export = server.tool("ts-schema").arg("export").run();
    let exported: serde_json::Value = serde_json::from_str(export.assert_code(0).text()).expect("JSON");
    assert_eq!(exported["limits"], content["limits"]);
    assert_eq!(
        (&exported["keys"][0]["value_env"], &exported["keys"][0]["value_prefix"]),
        (&json!("TS_KEY_APP"), &json!("limi"))
    );
    assert!(!export.text().contains(VALUE));
}
