//! `--validate`: whether two tables hold the same items, by a parallel scan of both.
//!
//! Each item is hashed in its canonical form, and the hashes are summed, so that neither the order of the items nor the
//! split into segments shows. With `--diff` the first scan also fills a sketch of what the tables do not share, and a
//! second scan of both names it.

mod canonical;
mod difference;
mod meter;
mod number;
mod page;
mod scan;
mod table;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use common::input::Item;
use common::reject::Rejects;
use common::{Ctx, Reject};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::cli;
use crate::clients::Clients;
use scan::{Aim, Read};
use table::Table;

/// What the hash of a table begins with, and its name.
const ALGORITHM: &str = "ddbvh1";
/// How often a long scan tells how far it is.
const PERIOD: Duration = Duration::from_secs(30);

/// What a comparison found.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Whether both tables hold the same items.
    #[serde(rename = "match")]
    pub matches: bool,
    /// The table that was restored from.
    pub from: Side,
    /// The table that was restored to.
    pub to: Side,
    /// How the hashes were made.
    pub algorithm: &'static str,
    /// How long it took.
    pub seconds: f64,
    /// Why a difference is not told by item.
    #[serde(skip)]
    too_many: Option<usize>,
}

/// What one table holds.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// How many items.
    pub items: u64,
    /// The hash over all of them.
    pub hash: String,
    /// The pages in which they came.
    pub pages: u64,
    /// The read capacity units that they took, where the service tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumed_rcu: Option<f64>,
}

impl Outcome {
    /// The reject of tables that are not the same.
    ///
    /// # Errors
    /// The reject, where they are not.
    pub fn checked(&self, from: &str, to: &str) -> Result<(), Reject> {
        if self.matches {
            return Ok(());
        }
        let how = if self.from.items == self.to.items {
            format!("both have {} items, with other contents", self.to.items)
        } else {
            format!("{} items, and {} in {from}", self.to.items, self.from.items)
        };
        let next = match self.too_many {
            Some(max) => format!("more items differ than --max-diff {max} can name"),
            None => "--validate-only --diff names what differs; writes to either table while they are read differ, too"
                .to_owned(),
        };
        Err(Reject::new("differs", format!("{to} differs from {from}: {how}; {next}")))
    }
}

/// Compares the items of two tables of one region. With `--diff` each that differs is a reject.
///
/// # Errors
/// A table cannot be read, or their keys differ; too many rejects; the run was interrupted.
pub async fn validate(
    clients: &Clients,
    from: &str,
    to: &str,
    options: &cli::Validate,
    ctx: &Ctx,
    rejects: &Rejects,
) -> Result<Outcome> {
    let started = Instant::now();
    let table = |name| Table::of(&clients.dynamodb, name, options.concurrency, options.rcu);
    let (from, to) = tokio::try_join!(table(from), table(to))?;
    comparable(&from, &to)?;
    let tables = [from, to];
    // A changed item is one on each side.
    let capacity = options.diff.then(|| options.max_diff.saturating_add(options.max_diff.get()));
    let [mut ours, theirs] = scan(&tables, options, &Aim::Hash(capacity), ctx).await?;
    let side = |read: &Read| Side {
        items: read.digest.count(),
        hash: read.digest.close(ALGORITHM.as_bytes()),
        pages: read.pages,
        consumed_rcu: read.consumed,
    };
    let sides = [side(&ours), side(&theirs)];
    let matches = sides[0].hash == sides[1].hash;
    let mut too_many = None;
    if let (false, Some(mut sketch), Some(other)) = (matches, ours.sketch.take(), theirs.sketch) {
        sketch.merge(&other, true);
        match sketch.left() {
            Some(wanted) => {
                tracing::info!(
                    "{} and {} differ: scanning both again for what differs",
                    tables[0].name,
                    tables[1].name
                );
                let aim = Aim::Find(Arc::new(wanted));
                let [from, to] = scan(&tables, options, &aim, ctx).await?;
                let found = difference::told((&tables[0].name, from.found), (&tables[1].name, to.found))?;
                for (reject, record) in found {
                    rejects.write(&reject, &Item::Record(record))?;
                }
            }
            None => too_many = Some(options.max_diff.get()),
        }
    }
    let [from, to] = sides;
    let seconds = started.elapsed().as_secs_f64();
    Ok(Outcome {
        matches,
        from,
        to,
        algorithm: ALGORITHM,
        seconds: (seconds * 1000.0).round() / 1000.0,
        too_many,
    })
}

/// Tables with different keys can be compared by no item.
fn comparable(from: &Table, to: &Table) -> Result<()> {
    if from.key == to.key {
        return Ok(());
    }
    let told = |table: &Table| {
        let parts: Vec<_> = table.key.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
        format!("{} has ({})", table.name, parts.join(", "))
    };
    bail!("the tables have different keys and cannot be compared: {}, {}", told(from), told(to))
}

/// Scans both tables at once, each with so many readers.
async fn scan(tables: &[Arc<Table>; 2], options: &cli::Validate, aim: &Aim, ctx: &Ctx) -> Result<[Read; 2]> {
    for table in tables {
        table.rewind();
    }
    let mut tasks = JoinSet::new();
    for _ in 0..options.concurrency.get() {
        for (side, table) in tables.iter().enumerate() {
            let (table, aim) = (Arc::clone(table), aim.clone());
            tasks.spawn(async move { Ok((side, scan::read(table, aim).await?)) });
        }
    }
    let mut reads = [Read::default(), Read::default()];
    let mut period = tokio::time::interval_at(tokio::time::Instant::now() + PERIOD, PERIOD);
    let result: Result<()> = loop {
        tokio::select! {
            biased;
            () = ctx.stop.cancelled() => break Err(anyhow!("interrupted while the tables were compared")),
            joined = tasks.join_next() => match joined {
                None => break Ok(()),
                Some(Ok(Ok((side, read)))) => reads[side].add(read),
                Some(Ok(Err(error))) => break Err(error),
                Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Some(Err(error)) => break Err(error.into()),
            },
            _ = period.tick() => {
                let [from, to] = tables.each_ref().map(|table| (&table.name, table.items.load(Relaxed)));
                tracing::info!("compared so far: {} items of {}, {} of {}", from.1, from.0, to.1, to.0);
            }
        }
    };
    tasks.shutdown().await;
    result.map(|()| reads)
}
