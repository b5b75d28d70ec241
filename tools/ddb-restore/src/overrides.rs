//! Flags that make the new table otherwise than the source is.

use anyhow::{Result, bail};
use aws_sdk_dynamodb::operation::restore_table_to_point_in_time::builders::RestoreTableToPointInTimeInputBuilder;
use aws_sdk_dynamodb::types::{
    self, GlobalSecondaryIndex, ProvisionedThroughput, SseSpecification, SseType, TableDescription,
};
use clap::{Args, ValueEnum};
use common::Usage;
use serde::Serialize;

use crate::settings::capacity::Capacity;

/// What the restore itself is told.
#[derive(Args, Clone, Debug, Default, Serialize)]
#[command(next_help_heading = "Settings that differ from the source")]
pub struct Overrides {
    /// Restore without any secondary index, which is quicker; local ones can never be added later
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub without_indexes: bool,

    /// The billing mode
    #[arg(long, value_enum, value_name = "MODE", ignore_case = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing_mode: Option<BillingMode>,

    /// The provisioned read capacity units of the table, and of its indexes where they had none
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..), requires = "write_capacity")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_capacity: Option<i64>,

    /// The same of write capacity units
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..), requires = "read_capacity")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_capacity: Option<i64>,

    /// Encrypt with this KMS key: its id, ARN or alias/..., or aws-owned for the key of DynamoDB
    #[arg(long, value_name = "KEY", value_parser = key)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<Key>,
}

/// As the API spells it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ValueEnum)]
pub enum BillingMode {
    /// On demand
    #[value(name = "PAY_PER_REQUEST")]
    #[serde(rename = "PAY_PER_REQUEST")]
    PayPerRequest,
    /// By capacity units
    #[value(name = "PROVISIONED")]
    #[serde(rename = "PROVISIONED")]
    Provisioned,
}

impl From<BillingMode> for types::BillingMode {
    fn from(mode: BillingMode) -> Self {
        match mode {
            BillingMode::PayPerRequest => Self::PayPerRequest,
            BillingMode::Provisioned => Self::Provisioned,
        }
    }
}

/// What a table is encrypted with.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub enum Key {
    /// The key of DynamoDB itself.
    #[serde(rename = "aws-owned")]
    AwsOwned,
    /// A key of KMS.
    #[serde(untagged)]
    Kms(String),
}

fn key(text: &str) -> Result<Key, String> {
    match text {
        "" => Err("an empty key: give an id, an ARN, alias/... or aws-owned".into()),
        "aws-owned" => Ok(Key::AwsOwned),
        key => Ok(Key::Kms(key.to_owned())),
    }
}

impl Key {
    /// The key of AWS's own choice in this account is asked for without a name (API reference, SSESpecification).
    fn specification(&self) -> SseSpecification {
        match self {
            Self::AwsOwned => SseSpecification::builder().enabled(false).build(),
            Self::Kms(key) => {
                let named = Some(key).filter(|key| !key.ends_with("alias/aws/dynamodb")).cloned();
                let on = SseSpecification::builder().enabled(true).sse_type(SseType::Kms);
                on.set_kms_master_key_id(named).build()
            }
        }
    }
}

impl Overrides {
    /// Refuses flags that do not go together.
    ///
    /// # Errors
    /// [`Usage`].
    pub fn check(&self) -> Result<()> {
        if self.billing_mode == Some(BillingMode::PayPerRequest) && self.read_capacity.is_some() {
            let wrong = "--read-capacity and --write-capacity are for --billing-mode PROVISIONED";
            return Err(Usage::Wrong(wrong.into()).into());
        }
        Ok(())
    }

    /// The provisioned units, where they are given.
    pub fn units(&self) -> Option<(i64, i64)> {
        self.read_capacity.zip(self.write_capacity)
    }

    /// The request to restore this source, so far without names and time.
    ///
    /// # Errors
    /// One line: the flags do not fit the source.
    pub fn request(&self, source: &TableDescription) -> Result<RestoreTableToPointInTimeInputBuilder> {
        let name = source.table_name().unwrap_or_default();
        let here = Capacity::of(source);
        let becomes_provisioned =
            self.billing_mode == Some(BillingMode::Provisioned) && !here.is_provisioned();
        if becomes_provisioned && self.units().is_none() {
            bail!(
                "{name} is on demand: --billing-mode PROVISIONED needs --read-capacity and --write-capacity"
            );
        }
        if self.units().is_some() && !becomes_provisioned && !here.is_provisioned() {
            bail!(
                "{name} is on demand: --read-capacity and --write-capacity need --billing-mode PROVISIONED"
            );
        }
        let units = self.units().map(provisioned).transpose()?;
        let mut input = RestoreTableToPointInTimeInputBuilder::default()
            .set_billing_mode_override(self.billing_mode.map(Into::into))
            .set_provisioned_throughput_override(units.clone())
            .set_sse_specification_override(self.kms_key.as_ref().map(Key::specification));
        if self.without_indexes {
            let global = (!source.global_secondary_indexes().is_empty()).then(Vec::new);
            let local = (!source.local_secondary_indexes().is_empty()).then(Vec::new);
            let vector = (!source.vector_indexes().is_empty()).then(Vec::new);
            input = input
                .set_global_secondary_index_override(global)
                .set_local_secondary_index_override(local)
                .set_vector_index_override(vector);
        } else if becomes_provisioned && !source.global_secondary_indexes().is_empty() {
            // Without units of its own an index cannot be provisioned.
            let indexes = source.global_secondary_indexes().iter().map(|index| {
                GlobalSecondaryIndex::builder()
                    .set_index_name(index.index_name.clone())
                    .set_key_schema(index.key_schema.clone())
                    .set_projection(index.projection.clone())
                    .set_provisioned_throughput(units.clone())
                    .build()
            });
            input = input.set_global_secondary_index_override(Some(indexes.collect::<Result<_, _>>()?));
        }
        Ok(input)
    }
}

/// So many units, as the API has them.
///
/// # Errors
/// None: both are there.
pub fn provisioned((read, write): (i64, i64)) -> Result<ProvisionedThroughput> {
    let units = ProvisionedThroughput::builder().read_capacity_units(read).write_capacity_units(write);
    Ok(units.build()?)
}
