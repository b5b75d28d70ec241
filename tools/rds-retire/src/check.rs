//! The checks that come before every change.

use anyhow::{Result, bail};
use jiff::Timestamp;

use crate::cluster::{World, id};
use crate::obstacle;
use crate::quiet::{self, Connections};
use crate::rds::explained;
use crate::retire::Run;

impl Run {
    /// Tells what goes with the cluster and comes back with no snapshot.
    pub fn tell(&self, world: &World) {
        let endpoints = world.cluster.as_ref().map(|cluster| cluster.custom_endpoints()).unwrap_or_default();
        if !endpoints.is_empty() {
            tracing::warn!("custom endpoints go with the cluster: {}", endpoints.join(", "));
        }
    }

    /// Ends the run where something stands in the way, with all that does.
    ///
    /// # Errors
    /// Why the cluster is not retired, or a request that failed.
    pub async fn check(&mut self, world: &World) -> Result<()> {
        let Some(cluster) = &world.cluster else { return Ok(()) };
        let mut reasons = obstacle::of(cluster, self.cli.lift_protection);
        if let Some(name) = &self.cli.restored {
            let found = self.rds.cluster(name).await.map_err(explained)?;
            reasons.extend(obstacle::of_replacement(name, found.as_ref()));
        }
        let Connections { max, reasons: busy } = self.connections(world).await?;
        self.connections_max = self.connections_max.max(max);
        if self.cli.allow_connections {
            busy.iter().for_each(|reason| tracing::warn!("{reason} (--allow-connections)"));
        } else if !busy.is_empty() {
            reasons.extend(busy);
            reasons.push("if that is as it should be, say --allow-connections".into());
        }
        if !reasons.is_empty() {
            bail!("{} is not retired: {}", self.target.cluster, reasons.join("; "));
        }
        Ok(())
    }

    /// Connections to the DB instances that nobody deletes yet.
    async fn connections(&self, world: &World) -> Result<Connections> {
        let standing: Vec<_> = world.standing().into_iter().map(id).collect();
        let quiet_for = self.cli.quiet_for;
        match quiet::connections(&self.cloudwatch, &standing, Timestamp::now(), quiet_for).await {
            Err(trouble) if self.cli.allow_connections => {
                Ok(Connections { max: None, reasons: vec![trouble.message] })
            }
            asked => asked.map_err(explained),
        }
    }
}
