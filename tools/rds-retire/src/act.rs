//! Step after step, each decided by a look of its own.

use std::time::Duration;

use anyhow::{Result, bail};
use aws_sdk_rds::types::Tag;
use common::aws::Trouble;
use common::retry::Backoff;
use common::wait::Look;

use crate::cluster::World;
use crate::kept::Kept;
use crate::rds::{explained, is_state};
use crate::retire::Run;
use crate::step::{self, Step};

/// Time before another look at what RDS refused because of a state that passes.
const AGAIN: Backoff = Backoff { base: Duration::from_secs(2), cap: Duration::from_secs(20) };

impl Run {
    /// Tells every step that a run would take from here.
    ///
    /// # Errors
    /// As [`step::next`].
    pub fn rehearse(&self, mut world: World) -> Result<()> {
        loop {
            let step = step::next(&world, &self.target)?;
            match step {
                Step::Done => return Ok(()),
                Step::Wait(_) => {}
                _ => tracing::info!("would {step}"),
            }
            world = step::after(world, &step, &self.target);
        }
    }

    /// Takes steps until the cluster is gone. Where that fails, tells what goes on in AWS all the same.
    ///
    /// # Errors
    /// A check or a request failed, the time is over, or a signal came.
    pub async fn carry_out(&mut self, mut world: World) -> Result<()> {
        self.keep_way_back(&world).await?;
        let result = self.steps(&mut world).await;
        if result.is_err() {
            for what in step::going_on(&world, &self.target) {
                tracing::warn!("{what}, and that goes on in AWS");
            }
        }
        result
    }

    /// Writes the way back to a snapshot that is there without it, such as one that somebody made by hand.
    async fn keep_way_back(&self, world: &World) -> Result<()> {
        let snapshot = world.snapshot(&self.target.names.snapshot);
        let arn = snapshot.and_then(|snapshot| snapshot.db_cluster_snapshot_arn());
        if let (Some(arn), None) = (arn, world.stored(&self.target)) {
            self.rds.tag(arn, self.tags()).await.map_err(explained)?;
        }
        Ok(())
    }

    fn tags(&self) -> Vec<Tag> {
        let kept = self.ways.clone().map(|ways| Kept {
            ways,
            instances: self.instances.clone(),
            connections_max: self.connections_max,
        });
        kept.map(|kept| kept.tags()).unwrap_or_default()
    }

    async fn steps(&mut self, world: &mut World) -> Result<()> {
        let mut begun = false;
        let mut refused = 0;
        loop {
            if self.ctx.stop.is_cancelled() {
                bail!("stopped before all was done: run again to go on");
            }
            let step = self.next_step(world).await?;
            if step == Step::Done {
                return Ok(());
            }
            self.check(world).await?;
            // Checks take their time, and what is changed must be what was seen a moment ago.
            if self.next_step(world).await? != step {
                continue;
            }
            if !begun && self.lines.is_closed() {
                bail!("stdout was closed before anything was begun");
            }
            tracing::info!("{step}");
            match self.take(&step).await {
                Ok(()) => {
                    *world = step::after(std::mem::take(world), &step, &self.target);
                    (begun, refused) = (true, 0);
                }
                Err(trouble) if is_state(&trouble) => {
                    tracing::warn!("{}: looking again", trouble.message);
                    AGAIN.pause(refused, self.ctx.stop.cancelled()).await;
                    refused += 1;
                }
                Err(trouble) => return Err(explained(trouble)),
            }
        }
    }

    /// Looks until there is something to do, and leaves the last look in `world`.
    async fn next_step(&self, world: &mut World) -> Result<Step> {
        let look = async || {
            match self.rds.look().await {
                Ok(seen) => *world = seen,
                Err(trouble) if trouble.is_retryable() => return Ok(Look::Missed(trouble.message)),
                Err(trouble) => return Err(explained(trouble)),
            }
            Ok(match step::next(world, &self.target)? {
                Step::Wait(what) => Look::Yet(what),
                step => Look::Done(step),
            })
        };
        self.wait.until(&self.target.cluster, look).await
    }

    async fn take(&self, step: &Step) -> Result<(), Trouble> {
        match step {
            Step::Snapshot(name) => self.rds.make_snapshot(name, self.tags()).await,
            Step::Lift => self.rds.lift_protection().await,
            Step::DeleteInstance { id, .. } => self.rds.delete_instance(id).await,
            Step::DeleteCluster(last) => self.rds.delete_cluster(last).await,
            Step::Wait(_) | Step::Done => Ok(()),
        }
    }
}
