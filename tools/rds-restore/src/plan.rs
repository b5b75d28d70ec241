//! What the restore will be given, decided before anything is written.

mod cluster;
mod left;
mod writer;

use anyhow::Result;
use aws_sdk_rds::operation::create_db_instance::builders::CreateDbInstanceInputBuilder;
use aws_sdk_rds::operation::restore_db_cluster_to_point_in_time::builders::RestoreDbClusterToPointInTimeInputBuilder;

use crate::choose::{By, Choices, Setting};
use crate::cli::Cli;
use crate::later::Later;
use crate::mark::Mark;
use crate::source::Source;

/// Everything that a run writes, and the record of how it was decided.
pub struct Plan {
    /// RestoreDBClusterToPointInTime.
    pub restore: RestoreDbClusterToPointInTimeInputBuilder,
    /// CreateDBInstance, for the writer.
    pub writer: CreateDbInstanceInputBuilder,
    /// What can only be set when the cluster is there.
    pub later: Later,
    pub settings: Vec<Setting>,
    /// What the source has and the new cluster will not have.
    pub not_carried: Vec<String>,
    /// What neither the source nor a flag tells.
    unknown: Vec<String>,
}

impl Plan {
    /// Decides every setting.
    ///
    /// # Errors
    /// One line: settings that the service would refuse, or refuse only after hours.
    pub fn new(source: &Source, cli: &Cli, mark: &Mark) -> Result<Self> {
        let mut choices = Choices::new(!source.deleted);
        let restore = cluster::input(&mut choices, source, cli, mark)?;
        let later = Later::new(&mut choices, &source.cluster, &cli.overrides);
        let writer = writer::input(&mut choices, source, cli, &restore, mark)?;
        let Choices { settings, unknown, .. } = choices;
        let not_carried = left::behind(source, &cli.overrides);
        Ok(Self { restore, writer, later, settings, not_carried, unknown })
    }

    /// Tells on stderr what will be other than at the source.
    pub fn tell(&self) {
        for setting in &self.settings {
            if let (By::Override, Some(restore)) = (setting.by, &setting.restore)
                && setting.source != setting.restore
            {
                let instead = setting.source.as_ref().map(|source| format!(", not {source}"));
                tracing::info!("{} will be {restore}{}", setting.name, instead.unwrap_or_default());
            }
        }
        if !self.unknown.is_empty() {
            tracing::warn!(
                "not known of the source, so the default of the service: {}",
                self.unknown.join(", ")
            );
        }
        tracing::info!("not carried over: {}", self.not_carried.join("; "));
    }
}
