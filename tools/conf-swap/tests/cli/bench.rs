//! What the tests share: secrets and parameters in moto, and a check that waits for the test.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_sdk_secretsmanager::Client as SecretsManager;
use aws_sdk_ssm::Client as Ssm;
use aws_sdk_ssm::types::ParameterType;
use serde_json::Value;
use testkit::fault::Fault;
use testkit::tool::{Output, Tool};
use testkit::{client, moto};

/// The tool against moto.
pub fn tool(args: &[&str]) -> Tool {
    Tool::new("conf-swap").endpoint(moto::endpoint()).args(args)
}

pub fn secrets() -> SecretsManager {
    SecretsManager::new(&client::sdk(moto::endpoint()))
}

pub fn ssm() -> Ssm {
    Ssm::new(&client::sdk(moto::endpoint()))
}

/// A name that no other test of this process has.
pub fn unique(hint: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("/{hint}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A new secret with this content, by its name.
pub async fn secret(content: &str) -> String {
    let name = unique("secret");
    secrets().create_secret().name(&name).secret_string(content).send().await.unwrap();
    name
}

/// Makes this the content of a secret, as somebody else does it.
///
/// Not by a plain PutSecretValue: once AWSCURRENT has been moved, moto leaves it on a second version then.
pub async fn overwrite(name: &str, content: &str) {
    let current = stages(name).await["AWSCURRENT"].clone();
    let put = secrets().put_secret_value().secret_id(name).secret_string(content).version_stages("THEIRS");
    let theirs = put.send().await.unwrap().version_id.unwrap();
    let request = secrets().update_secret_version_stage().secret_id(name);
    let request = request.version_stage("THEIRS").remove_from_version_id(&theirs);
    request.send().await.unwrap();
    let request = secrets().update_secret_version_stage().secret_id(name).version_stage("AWSCURRENT");
    request.remove_from_version_id(current).move_to_version_id(theirs).send().await.unwrap();
}

/// A new parameter with this value, by its name.
pub async fn parameter(value: &str) -> String {
    let name = unique("parameter");
    put(&name, value).await;
    name
}

/// Puts a version of a parameter, and returns its number.
pub async fn put(name: &str, value: &str) -> i64 {
    let put = ssm().put_parameter().name(name).value(value).r#type(ParameterType::String).overwrite(true);
    put.send().await.unwrap().version()
}

/// Labels a version of a parameter.
pub async fn label(name: &str, version: i64, label: &str) {
    let request = ssm().label_parameter_version().name(name).parameter_version(version).labels(label);
    request.send().await.unwrap();
}

/// The version and value of a parameter, by its name or with a label or version behind it.
pub async fn value(selector: &str) -> (i64, String) {
    let answer = ssm().get_parameter().name(selector).with_decryption(true).send().await.unwrap();
    let parameter = answer.parameter.unwrap();
    (parameter.version, parameter.value.unwrap())
}

/// The content of the version with a staging label. moto answers without one as if AWSCURRENT had never moved.
pub async fn content(name: &str, stage: &str) -> String {
    let answer = secrets().get_secret_value().secret_id(name).version_stage(stage).send().await.unwrap();
    answer.secret_string.unwrap()
}

/// The versions of a secret by their staging labels, those without any left out.
pub async fn stages(name: &str) -> BTreeMap<String, String> {
    let answer = secrets().describe_secret().secret_id(name).send().await.unwrap();
    let versions = answer.version_ids_to_stages.unwrap_or_default();
    versions
        .into_iter()
        .flat_map(|(id, stages)| stages.into_iter().map(move |stage| (stage, id.clone())))
        .collect()
}

/// How many versions a secret has, with or without labels.
pub async fn versions(name: &str) -> usize {
    let answer = secrets().list_secret_version_ids().secret_id(name).include_deprecated(true).send().await;
    answer.unwrap().versions().len()
}

/// The field `swap` of the only record of a run that succeeded.
#[track_caller]
pub fn swap(output: &Output) -> Value {
    output.assert_code(0);
    let records = output.records();
    assert_eq!(records.len(), 1, "{}", output.text());
    records[0]["swap"].clone()
}

/// The kind and message of the only reject of a run that wrote nothing else.
#[track_caller]
pub fn rejected(output: &Output) -> (String, String) {
    output.assert_code(3);
    assert!(output.stdout.is_empty(), "{}", output.text());
    let rejects = output.rejects();
    assert_eq!(rejects.len(), 1, "{}", output.stderr);
    let text = |field: &str| rejects[0]["error"][field].as_str().unwrap().to_owned();
    (text("kind"), text("message"))
}

/// Waits until a condition holds; the run-time limit of the tool ends a test that waits in vain.
pub fn until(mut holds: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("waited two minutes in vain");
}

/// The same for a condition that asks a service.
pub async fn until_async(holds: impl AsyncFn() -> bool) {
    for _ in 0..6000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("waited two minutes in vain");
}

/// A request that is carried out, and whose answer does not come while a test runs.
pub fn held() -> Fault {
    Fault::SlowBody(Duration::from_secs(600))
}

/// A check that says it has begun by a file `begun` in its folder, and waits there for a file `go`.
pub fn gate(folder: &Path) -> String {
    let folder = folder.display();
    format!("touch {folder}/begun; until test -e {folder}/go; do sleep 0.05; done")
}

/// Waits until the check of [`gate`] has begun.
pub fn wait_begun(folder: &Path) {
    until(|| folder.join("begun").exists());
}

/// Lets the check of [`gate`] succeed.
pub fn go(folder: &Path) {
    std::fs::write(folder.join("go"), "").unwrap();
}
