//! The checks that come before every change, and what is told beside them.

use anyhow::{Result, bail};
use aws_sdk_dynamodb::types::TableDescription;
use common::aws::Trouble;
use common::dynamodb::{self, stream_arn};
use jiff::Timestamp;

use crate::archive::Method;
use crate::dynamodb::explained;
use crate::left::{self, Left};
use crate::obstacle;
use crate::quiet::{self, Requests, Span};
use crate::retire::Run;
use crate::world::World;

impl Run {
    /// Tells what goes with the table and comes back with no archive, and finds what is left behind. That is no reason to
    /// end the run, and neither is a permission to look for it that is missing.
    pub async fn tell(&self, table: &TableDescription) -> Left {
        if let Some(stream) = stream_arn(table) {
            tracing::warn!(
                "the stream goes with the table: what reads {stream}, such as a Lambda event source mapping, gets no more \
                 records, and a restored table has another"
            );
        }
        if self.recovery.is_none() {
            tracing::warn!("it has no point-in-time recovery: only the archive will bring it back");
        }
        if matches!(self.target.method, Method::Export(_)) && !table.local_secondary_indexes().is_empty() {
            tracing::warn!("it has local secondary indexes, and an import makes none: a backup keeps them");
        }
        let alarms = left::alarms(&self.cloudwatch, &self.target.table).await;
        let targets = left::scalable_targets(&self.autoscaling, table).await;
        let known = |found: std::result::Result<Vec<String>, Trouble>| {
            found.unwrap_or_else(|trouble| {
                tracing::warn!("{}: what it would tell is not known", trouble.message);
                Vec::new()
            })
        };
        let left = Left { alarms: known(alarms), scalable_targets: known(targets) };
        for (what, names) in [("alarms", &left.alarms), ("autoscaling", &left.scalable_targets)] {
            if !names.is_empty() {
                tracing::warn!(
                    "{what} of the table stay behind and are to be deleted by hand: {}",
                    names.join(", ")
                );
            }
        }
        left
    }

    /// Ends the run where something stands in the way, with all that does.
    ///
    /// # Errors
    /// Why the table is not retired, or a request that failed.
    pub async fn check(&mut self, world: &World) -> Result<()> {
        let Some(table) = world.standing() else { return Ok(()) };
        let mut reasons = obstacle::of(table, self.cli.lift_protection);
        if matches!(self.target.method, Method::Export(_))
            && self.recovery.is_none()
            && world.archive.is_none()
        {
            reasons
                .push("an export needs point-in-time recovery, and that is off: archive by a backup".into());
        }
        if let Some(name) = &self.cli.restored {
            let found = dynamodb::table(&self.dynamodb.client, name).await.map_err(explained)?;
            let recovery = match &found {
                Some(_) => dynamodb::recovery(&self.dynamodb.client, name).await.map_err(explained)?,
                None => None,
            };
            reasons.extend(obstacle::of_replacement(
                name,
                found.as_ref(),
                recovery.is_some(),
                self.recovery.is_some(),
            ));
        }
        let busy = self.requests(table, world).await?;
        if self.cli.allow_requests {
            busy.iter().for_each(|reason| tracing::warn!("{reason} (--allow-requests)"));
        } else if !busy.is_empty() {
            reasons.extend(busy);
            reasons.push("if that is as it should be, say --allow-requests".into());
        }
        if !reasons.is_empty() {
            bail!("{} is not retired: {}", self.target.table, reasons.join("; "));
        }
        Ok(())
    }

    /// Why the table is not quiet.
    async fn requests(&mut self, table: &TableDescription, world: &World) -> Result<Vec<String>> {
        let now = Timestamp::now().as_second();
        let quiet_s = i64::try_from(self.cli.quiet_for.as_secs()).unwrap_or(i64::MAX);
        let archived = world.archive.as_ref().and_then(|archive| archive.instant);
        let span = Span { since: now.saturating_sub(quiet_s), archived, now };
        match quiet::requests(&self.cloudwatch, table, span).await {
            Ok(Requests { units, reasons }) => {
                self.units = Some(units);
                Ok(reasons)
            }
            Err(trouble) if self.cli.allow_requests => Ok(vec![trouble.message]),
            Err(trouble) => Err(explained(trouble)),
        }
    }
}
