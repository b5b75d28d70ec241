//! One value, in Secrets Manager and in Parameter Store.

use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_secretsmanager::Client as SecretsManager;
use aws_sdk_ssm::Client as Ssm;
use aws_sdk_ssm::types::ParameterType;
use serde_json::{Value, json};
use testkit::crash::{Case, World, check, plain};
use testkit::{client, moto};

use crate::wait;

const BEFORE: &str = r#"{"host":"old.example","port":5432,"password":"x"}"#;

fn unique(hint: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("{hint}-{}q", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn secrets() -> SecretsManager {
    SecretsManager::new(&client::sdk(moto::endpoint()))
}

fn ssm() -> Ssm {
    Ssm::new(&client::sdk(moto::endpoint()))
}

/// Versions by stage. moto says without one what was current first.
async fn staged(name: &str) -> Value {
    let described = secrets().describe_secret().secret_id(name).send().await.expect("a secret");
    let mut staged = json!({});
    for (id, stages) in described.version_ids_to_stages.unwrap_or_default() {
        for stage in stages {
            let got = secrets().get_secret_value().secret_id(name).version_id(&id).version_stage(&stage);
            staged[stage] = got.send().await.expect("a version").secret_string.into();
        }
    }
    staged
}

/// Each version by the stage that it has.
async fn ids(name: &str) -> Vec<(String, String)> {
    let described = secrets().describe_secret().secret_id(name).send().await.expect("a secret");
    let ids = described.version_ids_to_stages.unwrap_or_default();
    ids.into_iter().map(|(id, stages)| (id, stages.first().cloned().unwrap_or_default())).collect()
}

/// A secret with a host in it, which pages call `prod/db`.
pub fn secret() -> World {
    let name = unique("secret");
    wait(async {
        let made = secrets().create_secret().name(&name).secret_string(BEFORE).send().await;
        made.expect("moto makes a secret");
    });
    let (of_state, of_current, of_names) = (name.clone(), name.clone(), name.clone());
    World::new(move || wait(staged(&of_state)))
        .current(move || wait(staged(&of_current))["AWSCURRENT"].take())
        .names(move || wait(ids(&of_names)))
        .service("AWS_ENDPOINT_URL_SECRETS_MANAGER", moto::endpoint())
        .word("prod/db", &name)
        .file("login-test.sh", "test -n \"$1\"\n")
        .file("restored.jsonl", "{\"cluster\":\"app-restore-1120\",\"endpoint\":\"new.example\"}\n")
}

async fn history(name: &str) -> Value {
    let answer =
        ssm().get_parameter_history().name(name).with_decryption(true).send().await.expect("a history");
    answer
        .parameters()
        .iter()
        .map(|version| json!([version.version, version.value, version.labels]))
        .collect()
}

async fn parameter_value(name: &str) -> Value {
    let answer = ssm().get_parameter().name(name).send().await.expect("a parameter");
    answer.parameter.and_then(|parameter| parameter.value).into()
}

/// A parameter, which pages call `/app/global_readonly`.
pub fn parameter() -> World {
    let name = unique("/parameter");
    wait(async {
        let put = ssm().put_parameter().name(&name).value("false").r#type(ParameterType::String);
        put.send().await.expect("moto makes a parameter");
    });
    let (of_state, of_current) = (name.clone(), name.clone());
    World::new(move || wait(history(&of_state)))
        .current(move || wait(parameter_value(&of_current)))
        .service("AWS_ENDPOINT_URL_SSM", moto::endpoint())
        .word("/app/global_readonly", &name)
}

/// The secret's random ending is in its ARN.
pub fn of_swap(record: &mut Value) {
    if let Some(swap) = record.pointer_mut("/swap") {
        plain::hidden(swap, &["arn"]);
    }
}

pub const UNDO: &str = "conf-swap --undo < undo.jsonl";

#[test]
fn conf_swap_secret() {
    check(&Case {
        plain: of_swap,
        undo: Some(UNDO),
        seeds: 8,
        ..Case::new(
            "conf-swap-secret",
            "conf-swap --secret prod/db --pointer /host --value-from endpoint --journal swap.journal \
             < restored.jsonl > swap.jsonl",
            secret,
        )
    });
}

#[test]
fn conf_swap_parameter() {
    check(&Case {
        plain: of_swap,
        undo: Some(UNDO),
        seeds: 8,
        ..Case::new(
            "conf-swap-parameter",
            "conf-swap --ssm /app/global_readonly --value true --journal swap.journal > freeze.jsonl",
            parameter,
        )
    });
}
