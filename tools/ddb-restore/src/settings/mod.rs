//! What a restore leaves behind: the settings of the source that the new table has to be given again.
//!
//! Each setting has a file that compares the two tables and says what is to be done; [`Plan`] does it.

pub mod capacity;

mod alarms;
mod change;
mod insights;
mod kinesis;
mod policy;
mod recovery;
mod scaling;
mod table;
mod tags;
mod ttl;

use std::collections::BTreeSet;
use std::fmt;

use anyhow::Result;
use aws_sdk_dynamodb::types::TableDescription;
use clap::ValueEnum;
use common::aws::Trouble;
use serde::Serialize;
use serde_json::Value;

use crate::clients::Clients;
use crate::explain::{explained, remedy};
use crate::overrides::Overrides;
use crate::ready::Ready;
use change::Change;

/// A setting, named as in the record and after `--skip`. They are set in this order.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Setting {
    /// Billing mode, provisioned units and on-demand maximum, of the table and its indexes
    Capacity,
    /// STANDARD or STANDARD_INFREQUENT_ACCESS
    TableClass,
    /// Scalable targets, scaling policies and scheduled actions
    Autoscaling,
    Tags,
    /// The table's stream; the new one has another ARN
    Stream,
    /// Destinations in Kinesis Data Streams
    Kinesis,
    /// CloudWatch Contributor Insights, of the table and its indexes
    ContributorInsights,
    /// CloudWatch alarms on the table
    Alarms,
    /// Point-in-time recovery and its days
    Pitr,
    /// The resource-based policy of the table
    ResourcePolicy,
    DeletionProtection,
    /// Time to live: after the comparison, since it deletes
    Ttl,
}

/// When a setting is set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// As soon as the table is there.
    First,
    /// After the tables were compared.
    Last,
}

impl Setting {
    fn phase(self) -> Phase {
        if self == Self::Ttl { Phase::Last } else { Phase::First }
    }
}

/// One thing to be set, as the record shows it.
#[derive(Debug, Serialize)]
pub struct Step {
    pub setting: Setting,
    /// Which of several: an index, an alarm, a policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// What the new table has; null while it is not there.
    pub found: Value,
    /// What the source has, in the new table's names.
    pub wanted: Value,
    pub action: Action,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(skip)]
    change: Option<Change>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// This run set it.
    Set,
    /// It was as it should be.
    Already,
    /// It could not be read or set.
    Refused,
    /// `--skip` names it.
    Skipped,
    /// It is to be set.
    ToSet,
}

impl Step {
    /// Something that is to be changed, or nothing where it is as it should be.
    fn new(setting: Setting, of: Option<&str>, found: Value, wanted: Value, change: Option<Change>) -> Self {
        let action = if change.is_some() { Action::ToSet } else { Action::Already };
        Self { setting, of: of.map(str::to_owned), found, wanted, action, message: None, change }
    }

    fn refused(setting: Setting, of: Option<&str>, message: String) -> Self {
        let mut step = Self::new(setting, of, Value::Null, Value::Null, None);
        step.refuse(message);
        step
    }

    fn refuse(&mut self, message: String) {
        (self.action, self.message) = (Action::Refused, Some(message));
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.setting.to_possible_value();
        f.write_str(name.as_ref().map_or("", |name| name.get_name()))?;
        if let Some(of) = &self.of {
            write!(f, " of {of}")?;
        }
        write!(f, " {}", self.wanted)
    }
}

/// Both tables, and what the new one is to be.
#[derive(Clone, Copy)]
pub struct Pair<'a> {
    pub clients: &'a Clients,
    pub source: &'a TableDescription,
    /// The new table, where it is there already.
    pub target: Option<&'a TableDescription>,
    /// The name of the new table.
    pub to: &'a str,
    pub overrides: &'a Overrides,
}

impl Pair<'_> {
    fn from(&self) -> &str {
        self.source.table_name().unwrap_or_default()
    }

    /// The ARN that the new table has or will have.
    fn to_arn(self) -> String {
        let arn = self.source.table_arn().unwrap_or_default();
        let place = arn.rsplit_once('/').map_or("", |(place, _)| place);
        format!("{place}/{}", self.to)
    }

    /// The global secondary indexes of the source that the new table has or will have.
    fn indexes(&self) -> BTreeSet<&str> {
        let names = |table: &'_ TableDescription| -> BTreeSet<String> {
            table.global_secondary_indexes().iter().filter_map(|index| index.index_name.clone()).collect()
        };
        let there = self.target.map(names);
        let all = self.source.global_secondary_indexes().iter().filter_map(|index| index.index_name());
        all.filter(|name| match &there {
            Some(there) => there.contains(*name),
            None => !self.overrides.without_indexes,
        })
        .collect()
    }
}

/// Everything that has to be set, in order.
pub struct Plan {
    steps: Vec<Step>,
}

impl Plan {
    /// Compares the tables. What cannot be read is a refused step.
    ///
    /// # Errors
    /// No other request can succeed either.
    pub async fn new(pair: Pair<'_>, skip: &[Setting]) -> Result<Self> {
        let mut steps = Vec::new();
        for &setting in Setting::value_variants() {
            if skip.contains(&setting) {
                steps.push(Step {
                    action: Action::Skipped,
                    ..Step::new(setting, None, Value::Null, Value::Null, None)
                });
                continue;
            }
            match Box::pin(compare(setting, pair)).await {
                Ok(mut found) => steps.append(&mut found),
                Err(trouble) if trouble.is_fatal() => return Err(explained(trouble)),
                Err(trouble) => steps.push(Step::refused(setting, None, told(trouble))),
            }
        }
        Ok(Self { steps })
    }

    /// One for each thing that the source has.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Those that could not be read or set.
    pub fn refused(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.action == Action::Refused)
    }

    /// Says what is to be set.
    pub fn tell(&self) {
        for step in self.steps.iter().filter(|step| step.action == Action::ToSet) {
            tracing::info!("to be set: {step}");
        }
    }

    /// Whether nothing is left to set.
    pub fn is_done(&self) -> bool {
        self.steps.iter().all(|step| matches!(step.action, Action::Already | Action::Skipped))
    }

    /// Sets what is to be set in this phase. What is refused is told, and the next is set.
    ///
    /// # Errors
    /// The table is gone, the run was stopped, or no other request can succeed either.
    pub async fn carry_out(&mut self, clients: &Clients, ready: &Ready<'_>, phase: Phase) -> Result<()> {
        let mut has_changed = false;
        for step in self.steps.iter_mut().filter(|step| step.setting.phase() == phase) {
            let Some(change) = step.change.take() else { continue };
            match change.make(clients, ready).await? {
                Ok(()) => {
                    step.action = Action::Set;
                    tracing::info!("set: {step}");
                }
                Err(trouble) if trouble.is_fatal() => return Err(explained(trouble)),
                Err(trouble) => step.refuse(told(trouble)),
            }
            has_changed = true;
        }
        if has_changed {
            ready.table().await?;
        }
        Ok(())
    }
}

async fn compare(setting: Setting, pair: Pair<'_>) -> Result<Vec<Step>, Trouble> {
    match setting {
        Setting::Capacity => capacity::steps(pair).await,
        Setting::TableClass => Ok(table::class(pair)),
        Setting::Autoscaling => scaling::steps(pair).await,
        Setting::Tags => tags::steps(pair).await,
        Setting::Stream => Ok(table::stream(pair)),
        Setting::Kinesis => kinesis::steps(pair).await,
        Setting::ContributorInsights => insights::steps(pair).await,
        Setting::Alarms => alarms::steps(pair).await,
        Setting::Pitr => recovery::steps(pair).await,
        Setting::ResourcePolicy => policy::steps(pair).await,
        Setting::DeletionProtection => Ok(table::protection(pair)),
        Setting::Ttl => ttl::steps(pair).await,
    }
}

fn told(trouble: Trouble) -> String {
    match remedy(&trouble.code) {
        Some(remedy) => format!("{} ({remedy})", trouble.message),
        None => trouble.message,
    }
}
