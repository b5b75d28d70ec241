//! The steps of a restore. Each looks at what is there and does only what is missing, so that a run can begin anywhere.

use std::time::Duration;

use anyhow::{Result, bail};
use aws_sdk_rds::types::DbCluster;
use common::Ctx;
use common::aws::Trouble;
use common::pipe::Lines;
use common::retry::Backoff;
use common::wait::{Look, Wait};
use tokio::time::Instant;

use crate::cli::Cli;
use crate::explain::{explained, missed};
use crate::mark::Mark;
use crate::plan::Plan;
use crate::rds::{Rds, writer};
use crate::record::Timings;
use crate::states::{self, AVAILABLE};

/// Codes of a cluster that was available a moment ago and is busy now.
const BUSY: [&str; 3] = ["InvalidDBClusterStateFault", "InvalidDBInstanceState", "InvalidResourceStateFault"];
/// How often a request is made of a cluster that is busy whenever it is asked.
const TRIES: u32 = 8;
/// Time between these.
const AGAIN: Backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(20) };

/// What the steps work with.
pub struct Steps<'a> {
    pub cli: &'a Cli,
    pub ctx: &'a Ctx,
    pub rds: &'a Rds,
    pub plan: &'a Plan,
    pub mark: &'a Mark,
    pub wait: &'a Wait,
    pub lines: &'a Lines,
}

impl Steps<'_> {
    /// Whether nothing is left to do.
    ///
    /// # Errors
    /// A request that failed.
    pub async fn are_done(&self, there: &DbCluster) -> Result<bool> {
        let later = &self.plan.later;
        let settled = later.change(there).is_none() && !later.wants_http_endpoint(there);
        let restorable = self.cli.no_wait_restorable || is_restorable(there);
        let Some(writer) = writer(there) else { return Ok(false) };
        if there.status() != Some(AVAILABLE) || !settled || !restorable {
            return Ok(false);
        }
        let writer = self.rds.instance(writer).await.map_err(explained)?;
        Ok(writer.is_some_and(|writer| writer.db_instance_status() == Some(AVAILABLE)))
    }

    /// Refuses a name for the writer that an instance elsewhere has: the service would say so hours later.
    ///
    /// # Errors
    /// One line, or a request that failed.
    pub async fn check_writer_id(&self) -> Result<()> {
        let Cli { to, .. } = self.cli;
        let id = self.cli.writer_id();
        let there = self.rds.instance(&id).await.map_err(explained)?;
        if there.is_some_and(|there| there.db_cluster_identifier() != Some(to)) {
            bail!("the DB instance {id} is there already, and not in {to}: give another --writer-id");
        }
        Ok(())
    }

    /// Does all that is missing, and returns the cluster as it is then.
    ///
    /// # Errors
    /// Whatever ends the run.
    pub async fn carry_out(
        &self,
        there: Option<DbCluster>,
        timings: &mut Timings,
        not_carried: &mut Vec<String>,
    ) -> Result<DbCluster> {
        let began = Instant::now();
        if there.is_none() {
            self.start().await?;
        }
        self.available().await?;
        timings.cluster = Some(began.elapsed());
        let began = Instant::now();
        self.create_writer().await?;
        self.writer_available().await?;
        timings.writer = Some(began.elapsed());
        let began = Instant::now();
        self.settle(not_carried).await?;
        timings.settings = Some(began.elapsed());
        if self.cli.no_wait_restorable {
            return self.available().await;
        }
        let began = Instant::now();
        let lacks = |there: &DbCluster| {
            let done = is_restorable(there) && there.status() == Some(AVAILABLE);
            (!done).then(|| format!("{}, not restorable yet", states::shown(there)))
        };
        let cluster = self.cluster(lacks).await?;
        timings.restorable = Some(began.elapsed());
        Ok(cluster)
    }

    /// Waits, but not for a reader who has left.
    ///
    /// # Errors
    /// As [`Wait::until`], and a closed stdout.
    pub async fn until<T>(&self, what: &str, look: impl AsyncFnMut() -> Result<Look<T>>) -> Result<T> {
        tokio::select! {
            waited = self.wait.until(what, look) => waited,
            () = self.lines.closed() => {
                bail!("stdout was closed; what was started goes on in AWS: the same command again takes it up")
            }
        }
    }

    async fn start(&self) -> Result<()> {
        let Cli { to, .. } = self.cli;
        match self.rds.restore(to, self.plan.restore.clone()).await {
            Ok(()) => tracing::info!("{to}: the restore was started"),
            Err(trouble) if trouble.code == "DBClusterAlreadyExistsFault" => {
                // An answer that was lost, or a run of the same command beside this one.
                match self.rds.cluster(to).await.map_err(explained)? {
                    Some(there) => self.mark.check(&there, to)?,
                    None => return Err(explained(trouble)),
                }
            }
            Err(trouble) => return Err(explained(trouble)),
        }
        Ok(())
    }

    async fn available(&self) -> Result<DbCluster> {
        let lacks = |there: &DbCluster| (there.status() != Some(AVAILABLE)).then(|| states::shown(there));
        self.cluster(lacks).await
    }

    /// Waits for a cluster that lacks nothing; what it lacks is its state in words.
    async fn cluster(&self, lacks: impl Fn(&DbCluster) -> Option<String>) -> Result<DbCluster> {
        let to = &self.cli.to;
        let mut seen = false;
        let look = async || {
            let there = match self.rds.cluster(to).await {
                Ok(Some(there)) => there,
                Ok(None) if seen => bail!("{to} is gone: somebody deleted it"),
                Ok(None) => return Ok(Look::Yet("not there yet".into())),
                Err(trouble) => return missed(trouble),
            };
            seen = true;
            states::check("cluster", to, there.status().unwrap_or_default())?;
            Ok(match lacks(&there) {
                Some(state) => Look::Yet(state),
                None => Look::Done(there),
            })
        };
        self.until(to, look).await
    }

    /// Creates the writer, unless the cluster has any instance: what was created later or failed over is left alone.
    async fn create_writer(&self) -> Result<()> {
        let id = self.cli.writer_id();
        let create = async |there: &DbCluster| match there.db_cluster_members() {
            [] => self.rds.create(&id, self.plan.writer.clone()).await,
            _ => Ok(()),
        };
        match self.when_available(create).await? {
            // An answer that was lost, or a run of the same command beside this one.
            Err(trouble) if trouble.code == "DBInstanceAlreadyExists" => self.check_writer_id().await,
            created => created.map_err(explained),
        }
    }

    async fn writer_available(&self) -> Result<()> {
        let Cli { to, .. } = self.cli;
        let id = self.cli.writer_id();
        let look = async || {
            let there = match self.rds.cluster(to).await {
                Ok(Some(there)) => there,
                Ok(None) => bail!("{to} is gone: somebody deleted it"),
                Err(trouble) => return missed(trouble),
            };
            states::check("cluster", to, there.status().unwrap_or_default())?;
            let writer = writer(&there);
            let instance = match self.rds.instance(writer.unwrap_or(&id)).await {
                Ok(instance) => instance,
                Err(trouble) => return missed(trouble),
            };
            let status =
                instance.as_ref().and_then(|one| one.db_instance_status()).unwrap_or("not there yet");
            states::check("DB instance", writer.unwrap_or(&id), status)?;
            Ok(match (status, writer) {
                (AVAILABLE, Some(_)) => Look::Done(()),
                (AVAILABLE, None) => Look::Yet("available, not the writer yet".into()),
                _ => Look::Yet(status.to_owned()),
            })
        };
        self.until(&id, look).await
    }

    /// Sets what a restore cannot be given. None of it is worth a recovery: what is refused is told, and the run goes on.
    async fn settle(&self, not_carried: &mut Vec<String>) -> Result<()> {
        let later = &self.plan.later;
        let to = &self.cli.to;
        let change = async |there: &DbCluster| match later.change(there) {
            Some(change) => self.rds.modify(to, change).await,
            None => Ok(()),
        };
        let changed = self.when_available(change).await?;
        let enable = async |there: &DbCluster| match there.db_cluster_arn() {
            Some(arn) if later.wants_http_endpoint(there) => self.rds.enable_http_endpoint(arn).await,
            _ => Ok(()),
        };
        let enabled = self.when_available(enable).await?;
        for refused in [changed, enabled].into_iter().filter_map(Result::err) {
            tracing::warn!("not set, and to be set by hand: {}", refused.message);
            not_carried.push(refused.message);
        }
        Ok(())
    }

    /// Makes a request of the cluster when it is available, and again when it was busy after all.
    async fn when_available(
        &self,
        request: impl AsyncFn(&DbCluster) -> Result<(), Trouble>,
    ) -> Result<Result<(), Trouble>> {
        let mut tried = 0;
        loop {
            let there = self.available().await?;
            match request(&there).await {
                Err(trouble) if BUSY.contains(&trouble.code.as_str()) && tried < TRIES => {
                    tracing::debug!("{}", trouble.message);
                    AGAIN.pause(tried, self.ctx.stop.cancelled()).await;
                }
                answered => return Ok(answered),
            }
            tried += 1;
        }
    }
}

fn is_restorable(cluster: &DbCluster) -> bool {
    cluster.earliest_restorable_time().is_some() && cluster.latest_restorable_time().is_some()
}
