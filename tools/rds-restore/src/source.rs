//! The cluster to restore from: one that is there, or what is known of one that was deleted.

use anyhow::{Context, Result, bail};
use aws_sdk_rds::types::{DbCluster, DbClusterAutomatedBackup, DbInstance};

use crate::cli::Cli;
use crate::explain::explained;
use crate::rds::{Rds, writer};
use crate::window::Window;

/// What is known of the source.
pub struct Source {
    /// Its settings. Of a deleted one, those that its automated backup has.
    pub cluster: DbCluster,
    /// Its writer, if it has one.
    pub writer: Option<DbInstance>,
    /// The name it has or had.
    pub id: String,
    pub resource_id: String,
    pub window: Window,
    /// Whether only its automated backups are left.
    pub deleted: bool,
    /// Whether it was asked for by a name that it does not have any more.
    pub by_lost_name: bool,
}

impl Source {
    /// Finds what the command line names.
    ///
    /// # Errors
    /// One line: there is none, or it is none that this tool restores.
    pub async fn find(rds: &Rds, cli: &Cli) -> Result<Self> {
        let source = match (&cli.from, &cli.from_resource_id) {
            (Some(id), _) => match rds.cluster(id).await.map_err(explained)? {
                Some(cluster) => Self::alive(rds, cluster).await?,
                None => Self::lost(rds, id).await?,
            },
            (None, Some(resource_id)) => {
                let backup = rds.backup(resource_id).await.map_err(explained)?;
                let Some(backup) = backup else {
                    bail!(
                        "there are no automated backups of {resource_id}: they were not retained, their retention is \
                         over, or they are in another region or account"
                    );
                };
                if backup.status() != Some("retained")
                    && let Some(id) = backup.db_cluster_identifier()
                {
                    bail!("{resource_id} was not deleted, it is the cluster {id}: give --from {id}");
                }
                Self::deleted(backup, false)?
            }
            (None, None) => bail!("no source was given"),
        };
        source.check(cli)?;
        Ok(source)
    }

    async fn alive(rds: &Rds, cluster: DbCluster) -> Result<Self> {
        let writer = match writer(&cluster) {
            Some(id) => rds.instance(id).await.map_err(explained)?,
            None => None,
        };
        let window = Window::new(cluster.earliest_restorable_time(), cluster.latest_restorable_time());
        Ok(Self {
            id: cluster.db_cluster_identifier().context("a cluster without a name")?.to_owned(),
            resource_id: cluster
                .db_cluster_resource_id()
                .context("a cluster without a resource id")?
                .to_owned(),
            window,
            writer,
            deleted: false,
            by_lost_name: false,
            cluster,
        })
    }

    /// A name that no cluster has. That its cluster was deleted since matters to a run that is repeated.
    async fn lost(rds: &Rds, id: &str) -> Result<Self> {
        let retained = match rds.retained(id).await {
            Ok(retained) => retained,
            Err(trouble) => {
                bail!(
                    "there is no cluster {id}: check --from, --region and --profile; whether it was deleted is not \
                     known ({})",
                    trouble.message
                )
            }
        };
        match <[DbClusterAutomatedBackup; 1]>::try_from(retained) {
            Ok([backup]) => Self::deleted(backup, true),
            Err(backups) if backups.is_empty() => {
                bail!("there is no cluster {id}: check --from, --region and --profile")
            }
            Err(backups) => {
                let ids: Vec<_> =
                    backups.iter().filter_map(|backup| backup.db_cluster_resource_id()).collect();
                bail!(
                    "{id} was deleted more than once: give one of these as --from-resource-id: {}",
                    ids.join(", ")
                )
            }
        }
    }

    fn deleted(backup: DbClusterAutomatedBackup, by_lost_name: bool) -> Result<Self> {
        let window = backup.restore_window();
        Ok(Self {
            id: backup.db_cluster_identifier().unwrap_or("a deleted cluster").to_owned(),
            resource_id: backup
                .db_cluster_resource_id()
                .context("an automated backup without a resource id")?
                .to_owned(),
            window: Window::new(
                window.and_then(|window| window.earliest_time()),
                window.and_then(|window| window.latest_time()),
            ),
            writer: None,
            deleted: true,
            by_lost_name,
            cluster: known(backup),
        })
    }

    fn check(&self, cli: &Cli) -> Result<()> {
        let Self { id, cluster, .. } = self;
        let engine = cluster.engine().unwrap_or_default();
        if !matches!(engine, "aurora-postgresql" | "aurora-mysql") {
            bail!(
                "{id} is of the engine {engine}, and rds-restore restores aurora-postgresql and aurora-mysql"
            );
        }
        if let Some(mode) = text(&cluster.engine_mode).filter(|mode| mode != "provisioned") {
            bail!("{id} is of the engine mode {mode}, and rds-restore restores provisioned");
        }
        if cluster.vpc_networking_enabled() == Some(false) {
            bail!("{id} is outside of any VPC, and rds-restore restores clusters inside of one");
        }
        if cli.connect_env.is_some() && engine != "aurora-postgresql" {
            bail!("{id} is of the engine {engine}, and --connect-env logs in to PostgreSQL: leave it out");
        }
        Ok(())
    }

    /// Refuses to start a restore from a name that is not a cluster's any more.
    ///
    /// # Errors
    /// One line that names what is left.
    pub fn check_name(&self) -> Result<()> {
        if self.by_lost_name {
            let Self { id, resource_id, .. } = self;
            bail!("{id} was deleted and its backups were retained: give --from-resource-id {resource_id}");
        }
        Ok(())
    }
}

/// A word of a description: RDS also writes empty ones where it has nothing to say.
pub fn text(word: &Option<String>) -> Option<String> {
    word.clone().filter(|word| !word.is_empty())
}

/// What the automated backup of a deleted cluster says of its settings. `StorageType` there is not that of Aurora.
fn known(backup: DbClusterAutomatedBackup) -> DbCluster {
    DbCluster::builder()
        .set_engine(backup.engine)
        .set_engine_version(backup.engine_version)
        .set_engine_mode(backup.engine_mode)
        .set_port(backup.port.filter(|port| *port > 0))
        .set_iam_database_authentication_enabled(backup.iam_database_authentication_enabled)
        .set_kms_key_id(backup.kms_key_id)
        .set_backup_retention_period(backup.backup_retention_period)
        .set_preferred_backup_window(backup.preferred_backup_window)
        .set_tag_list(backup.tag_list)
        .build()
}
