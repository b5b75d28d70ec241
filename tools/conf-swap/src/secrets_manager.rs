//! Secrets Manager's calls, as far as a swap needs them.

use std::collections::HashMap;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_types::SdkConfig;
use common::aws::Trouble;
use jiff::Timestamp;

use crate::hidden::Hidden;

/// The staging label of the version that readers get.
pub const CURRENT: &str = "AWSCURRENT";
/// The staging label of the version that was current before: Secrets Manager moves it by itself.
pub const PREVIOUS: &str = "AWSPREVIOUS";
/// The staging label of the version that a rotation prepares.
pub const PENDING: &str = "AWSPENDING";
/// The staging label of the version that a swap prepares. It is not Secrets Manager's own AWSPENDING, which would look
/// like a rotation.
pub const STAGED: &str = "DRKIT-PENDING";

/// A secret and where its staging labels are.
#[derive(Clone, Debug)]
pub struct Secret {
    pub arn: String,
    pub name: String,
    /// The staging labels of each version that has any.
    stages: HashMap<String, Vec<String>>,
}

impl Secret {
    /// The version that has this staging label.
    pub fn version(&self, stage: &str) -> Option<&str> {
        let has = |stages: &Vec<String>| stages.iter().any(|label| label == stage);
        self.stages.iter().find(|(_, stages)| has(stages)).map(|(version, _)| version.as_str())
    }
}

impl std::fmt::Display for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "secret {}", self.name)
    }
}

/// A client. What its calls return as an error is a request that failed after all its tries.
#[derive(Clone, Debug)]
pub struct SecretsManager {
    client: Client,
}

impl SecretsManager {
    /// Makes no request.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    /// Proves that the service is there and the secret may be seen.
    pub async fn probe(&self, id: &str) -> Result<(), Trouble> {
        let answer = self.client.describe_secret().secret_id(id).send().await;
        answer.map(drop).map_err(|error| Trouble::new(&format!("DescribeSecret {id}"), &error))
    }

    /// The secret by name or ARN.
    pub async fn describe(&self, id: &str) -> Result<Secret, Trouble> {
        let answer = self.client.describe_secret().secret_id(id).send().await;
        let answer = answer.map_err(|error| Trouble::new(&format!("DescribeSecret {id}"), &error))?;
        let DescribeSecretOutput { arn, name, version_ids_to_stages, .. } = answer;
        Ok(Secret {
            arn: arn.unwrap_or_else(|| id.to_owned()),
            name: name.unwrap_or_else(|| id.to_owned()),
            stages: version_ids_to_stages.unwrap_or_default(),
        })
    }

    /// The content of a version; nothing where it is binary.
    pub async fn content(&self, secret: &Secret, version: &str) -> Result<Option<Hidden>, Trouble> {
        let request = self.client.get_secret_value().secret_id(&secret.arn).version_id(version);
        let answer = request.send().await;
        let what = || format!("GetSecretValue {}, version {version}", secret.name);
        let answer = answer.map_err(|error| Trouble::new(&what(), &error))?;
        Ok(answer.secret_string.map(Hidden::from))
    }

    /// When a version was made.
    pub async fn made(&self, secret: &Secret, version: &str) -> Result<Option<Timestamp>, Trouble> {
        let request = self.client.get_secret_value().secret_id(&secret.arn).version_id(version);
        let answer = request.send().await;
        let what = || format!("GetSecretValue {}, version {version}", secret.name);
        let answer = answer.map_err(|error| Trouble::new(&what(), &error))?;
        Ok(answer.created_date.and_then(|made| Timestamp::from_second(made.secs()).ok()))
    }

    /// Makes a version with this id and the staging label [`STAGED`], or finds the one that has the id and content.
    pub async fn stage(&self, secret: &Secret, version: &str, content: &Hidden) -> Result<(), Trouble> {
        let request = self.client.put_secret_value().secret_id(&secret.arn).client_request_token(version);
        let answer = request.secret_string(content.reveal()).version_stages(STAGED).send().await;
        answer.map(drop).map_err(|error| Trouble::new(&format!("PutSecretValue {}", secret.name), &error))
    }

    /// Moves AWSCURRENT, if it is where it is to be moved from.
    pub async fn make_current(&self, secret: &Secret, from: &str, to: &str) -> Result<(), Trouble> {
        let request = self.client.update_secret_version_stage().secret_id(&secret.arn).version_stage(CURRENT);
        let answer = request.remove_from_version_id(from).move_to_version_id(to).send().await;
        let what = || format!("UpdateSecretVersionStage {}, {CURRENT} from {from} to {to}", secret.name);
        answer.map(drop).map_err(|error| Trouble::new(&what(), &error))
    }

    /// Takes a staging label off a version.
    pub async fn take_off(&self, secret: &Secret, stage: &str, version: &str) -> Result<(), Trouble> {
        let request = self.client.update_secret_version_stage().secret_id(&secret.arn).version_stage(stage);
        let answer = request.remove_from_version_id(version).send().await;
        let what = || format!("UpdateSecretVersionStage {}, {stage} off {version}", secret.name);
        answer.map(drop).map_err(|error| Trouble::new(&what(), &error))
    }
}
