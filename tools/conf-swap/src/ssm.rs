//! Parameter Store's calls, as far as a swap needs them.

use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::{ParameterMetadata, ParameterStringFilter, ParameterType};
use aws_types::SdkConfig;
use common::aws::Trouble;

use crate::hidden::Hidden;

/// One version of a parameter.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub name: String,
    pub arn: Option<String>,
    pub version: i64,
    pub value: Hidden,
    kind: Option<ParameterType>,
}

impl std::fmt::Display for Parameter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "parameter {}", self.name)
    }
}

/// A client. What its calls return as an error is a request that failed after all its tries.
#[derive(Clone, Debug)]
pub struct Ssm {
    client: Client,
}

impl Ssm {
    /// Makes no request.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    /// Proves that the service is there and the parameter may be read.
    pub async fn probe(&self, name: &str) -> Result<(), Trouble> {
        let answer = self.client.get_parameter().name(name).send().await;
        answer.map(drop).map_err(|error| Trouble::new(&format!("GetParameter {name}"), &error))
    }

    /// The latest version of `name`, or the one of `name:version` or `name:label`.
    pub async fn get(&self, selector: &str) -> Result<Parameter, Trouble> {
        let what = format!("GetParameter {selector}");
        let answer = self.client.get_parameter().name(selector).with_decryption(true).send().await;
        let answer = answer.map_err(|error| Trouble::new(&what, &error))?;
        let found = answer.parameter.ok_or_else(|| incomplete(&what))?;
        Ok(Parameter {
            name: found.name.ok_or_else(|| incomplete(&what))?,
            arn: found.arn,
            version: found.version,
            value: found.value.ok_or_else(|| incomplete(&what))?.into(),
            kind: found.r#type,
        })
    }

    /// Puts a new version with everything but the value as its metadata say, and returns its number.
    ///
    /// What PutParameter is not given, it sets to a default: the account's KMS key and tier, the data type `text` (API
    /// reference, PutParameter).
    pub async fn put(
        &self,
        parameter: &Parameter,
        metadata: ParameterMetadata,
        value: &Hidden,
    ) -> Result<i64, Trouble> {
        let key_id = metadata.key_id.filter(|_| parameter.kind == Some(ParameterType::SecureString));
        let answer = self
            .client
            .put_parameter()
            .name(&parameter.name)
            .value(value.reveal())
            .overwrite(true)
            .set_type(parameter.kind.clone())
            .set_key_id(key_id)
            .set_tier(metadata.tier)
            .set_description(metadata.description)
            .set_allowed_pattern(metadata.allowed_pattern)
            .set_data_type(metadata.data_type)
            .send()
            .await;
        let what = || format!("PutParameter {}", parameter.name);
        answer.map(|answer| answer.version).map_err(|error| Trouble::new(&what(), &error))
    }

    /// Moves a label to a version.
    pub async fn label(&self, parameter: &Parameter, label: &str, version: i64) -> Result<(), Trouble> {
        let request = self.client.label_parameter_version().name(&parameter.name).parameter_version(version);
        let what = || format!("LabelParameterVersion {}, {label} to version {version}", parameter.name);
        let answer = request.labels(label).send().await;
        answer.map(drop).map_err(|error| Trouble::new(&what(), &error))
    }

    /// What the latest version of a parameter has besides its value.
    pub async fn metadata(&self, name: &str) -> Result<ParameterMetadata, Trouble> {
        let what = format!("DescribeParameters {name}");
        let filter = ParameterStringFilter::builder().key("Name").option("Equals").values(name).build();
        let filter = filter.map_err(|_| incomplete(&what))?;
        let mut pages = self.client.describe_parameters().parameter_filters(filter).into_paginator().send();
        // A page may be empty and not the last (API reference, DescribeParameters).
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| Trouble::new(&what, &error))?;
            let named = |found: &ParameterMetadata| found.name.as_deref() == Some(name);
            if let Some(found) = page.parameters.unwrap_or_default().into_iter().find(named) {
                return Ok(found);
            }
        }
        Err(incomplete(&what))
    }
}

fn incomplete(what: &str) -> Trouble {
    Trouble {
        code: "Incomplete".into(),
        message: format!("{what}: the answer lacks what was asked for"),
        status: Some(200),
    }
}
