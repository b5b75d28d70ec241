//! Step after step, each decided by a look of its own.

use std::time::Duration;

use anyhow::{Result, bail};
use common::aws::Trouble;
use common::retry::Backoff;
use common::wait::Look;

use crate::dynamodb::{explained, is_state};
use crate::retire::Run;
use crate::step::{self, Step};
use crate::world::World;

/// Time before another look at what DynamoDB refused because of a state that passes.
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

    /// Takes steps until the table is gone, and leaves the last look at its archive in `world`. Where that fails, tells what
    /// goes on in AWS all the same.
    ///
    /// # Errors
    /// A check or a request failed, the time is over, or a signal came.
    pub async fn carry_out(&mut self, world: &mut World) -> Result<()> {
        let result = self.steps(world).await;
        if result.is_err() {
            for what in step::going_on(world, &self.target) {
                tracing::warn!("{what}, and that goes on in AWS");
            }
        }
        result
    }

    async fn steps(&mut self, world: &mut World) -> Result<()> {
        let mut begun = false;
        let mut refused = 0;
        loop {
            let step = self.next_step(world).await?;
            if step == Step::Done {
                return Ok(());
            }
            self.check(world).await?;
            // Checks take their time, and what is changed must be what was seen a moment ago.
            if self.next_step(world).await? != step {
                continue;
            }
            if self.ctx.stop.is_cancelled() {
                bail!("stopped before all was done: run again to go on");
            }
            if !begun && self.lines.is_closed() {
                bail!("stdout was closed before anything was begun");
            }
            if !begun {
                self.intend().await?;
            }
            tracing::info!("{step}");
            match self.take(&step, world).await {
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
            match self.dynamodb.look(self.archive_arn.as_deref()).await {
                Ok(seen) => *world = seen,
                Err(trouble) if trouble.is_retryable() => return Ok(Look::Missed(trouble.message)),
                Err(trouble) => return Err(explained(trouble)),
            }
            Ok(match step::next(world, &self.target)? {
                Step::Wait(what) => Look::Yet(what),
                step => Look::Done(step),
            })
        };
        self.wait.until(&self.target.table, look).await
    }

    async fn take(&mut self, step: &Step, world: &World) -> Result<(), Trouble> {
        match (step, world.standing()) {
            (Step::Archive(_), Some(table)) => {
                self.archive_arn = self.dynamodb.archive(&self.target, table).await?;
            }
            (Step::Lift, _) => self.dynamodb.lift_protection().await?,
            (Step::Delete, _) => {
                self.keep_settings();
                self.dynamodb.delete().await?;
            }
            _ => {}
        }
        Ok(())
    }

    /// What is there, in the journal before the first change.
    async fn intend(&mut self) -> Result<()> {
        let Some(kept) = &mut self.kept else { return Ok(()) };
        kept.units = self.units.or(kept.units);
        match &self.page {
            Some(page) => page.intend(kept).await,
            None => Ok(()),
        }
    }

    /// A run that dies between the deletion and its record has told at least this.
    fn keep_settings(&self) {
        if let Some(commands) = self.kept.as_ref().and_then(|kept| kept.set_again.as_ref()) {
            tracing::info!("to set again what no archive keeps: {commands}");
        }
    }
}
