//! Moves an alias, and leaves the way back.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use common::input::JsonLines;
use common::pipe;
use common::typesense::Cluster;
use common::{Ctx, Failure, Record, Reject};
use serde::{Deserialize, Serialize};

use crate::alias;
use crate::apply::{ONE, source};
use crate::cli;
use crate::kept::{Kept, Move};
use crate::output::{self, Action, Outcome, Previous};

/// Moves the alias of the command line, or takes back what the records on stdin did.
///
/// # Errors
/// Whatever ends the run: see the tool's exit code 1.
pub async fn swap(flags: cli::Swap, ctx: Ctx) -> Result<()> {
    // Before the file of the rejects: where the journal is that of another run, nothing is made.
    let kept = Kept::of_swap(&flags, &ctx)?;
    let rejects = ctx.rejects(&flags.rejects)?;
    let cluster = flags.cluster.connect(&ctx).await?;
    let aliases = Arc::new(Aliases { cluster, kept, least: flags.min_docs, dry_run: flags.dry_run });
    if let (Some(name), Some(collection_name)) = (flags.alias, flags.collection) {
        let asked = Record::from_value(&Asked { name, collection_name })?;
        let work = |record: Record| {
            let aliases = Arc::clone(&aliases);
            async move { aliases.point(&record).await.map_err(fatal) }
        };
        return pipe::each(&ctx, source(vec![asked]), ONE, &rejects, work).await;
    }
    let work = |record: Record| {
        let aliases = Arc::clone(&aliases);
        async move { aliases.undo(&record).await }
    };
    pipe::each(&ctx, pipe::stdin(JsonLines::new)?, ONE, &rejects, work).await
}

/// What the command line asks for.
#[derive(Deserialize, Serialize)]
struct Asked {
    name: String,
    collection_name: String,
}

/// What the command line names is wrong as a whole.
fn fatal(failure: Failure) -> Failure {
    match failure {
        Failure::Reject(reject) => Failure::Fatal(anyhow!(reject.message)),
        fatal => fatal,
    }
}

struct Aliases {
    cluster: Cluster,
    kept: Kept,
    /// The fewest documents that a target may have.
    least: u64,
    dry_run: bool,
}

/// The record of a swap, as far as it must be known to take it back.
#[derive(Deserialize)]
struct Swapped {
    kind: String,
    name: String,
    schema: Did,
}

#[derive(Deserialize)]
struct Did {
    action: Action,
    collection_name: Option<String>,
    previous: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

impl Aliases {
    async fn point(&self, asked: &Record) -> Result<pipe::Outcome, Failure> {
        let Asked { name, collection_name } = asked.view().map_err(Reject::bad_record)?;
        let now = alias::target(&self.cluster, &name).await?;
        let mut outcome = self.move_from(&name, now, &collection_name).await?;
        let unjournaled = outcome.unjournaled.take();
        Ok(pipe::Outcome { record: output::alias(&name, &outcome)?, unjournaled })
    }

    async fn move_from(&self, name: &str, now: Option<String>, target: &str) -> Result<Outcome, Failure> {
        let documents = alias::check(&self.cluster, name, target, self.least).await?;
        let Way { previous, is_made, replayed } = self.way(name, now, Some(target))?;
        let action = match &previous {
            Some(previous) if previous == target => Action::Already,
            Some(_) => Action::Swapped,
            None => Action::Created,
        };
        let mut unjournaled = None;
        if action != Action::Already && !self.dry_run && !replayed {
            let a_move = a_move(name, Some(target), previous.as_deref());
            if !is_made {
                self.kept.intend(&a_move).await?;
                alias::point(&self.cluster, name, target).await?;
            }
            unjournaled = self.kept.commit(&a_move).await.err();
            let back = match &previous {
                Some(previous) => format!("ts-schema swap {name} {previous}"),
                None => "ts-schema swap --undo with the record of this".to_owned(),
            };
            tracing::info!(
                "{name} points to {target}, which has {documents} documents; the way back: {back}"
            );
        }
        let previous = (action != Action::Already).then_some(Previous::Target(previous));
        let num_documents = Some(documents);
        let outcome = self.outcome(action, Some(target));
        Ok(Outcome { previous, num_documents, replayed, unjournaled, ..outcome })
    }

    /// Where an alias pointed before it points to its target, if need be from the journal of an earlier run.
    fn way(&self, name: &str, now: Option<String>, target: Option<&str>) -> Result<Way, Failure> {
        let is_there = now.as_deref() == target;
        Ok(match self.kept.earlier(name, target)? {
            Some(earlier) if is_there => {
                Way { previous: earlier.previous, is_made: true, replayed: earlier.is_done }
            }
            Some(Move { is_done: true, .. }) => {
                let text = |place: Option<&str>| place.unwrap_or("nothing").to_owned();
                let (target, now) = (text(target), text(now.as_deref()));
                let message = format!(
                    "alias {name}: the earlier run of this journal let it point to {target}, and it points to {now} now: \
                     look who moved it; another --journal FILE does it again"
                );
                return Err(Reject::new("superseded", message).into());
            }
            _ => Way { previous: now, is_made: is_there, replayed: false },
        })
    }

    fn outcome(&self, action: Action, target: Option<&str>) -> Outcome {
        Outcome { collection_name: target.map(str::to_owned), dry_run: self.dry_run, ..Outcome::new(action) }
    }

    /// Takes back what a record says was done, unless the alias was moved on since.
    async fn undo(&self, record: &Record) -> Result<pipe::Outcome, Failure> {
        let swapped: Swapped = record.view().map_err(Reject::bad_record)?;
        let Swapped { kind, name, schema: Did { action, collection_name: Some(made), previous, dry_run } } =
            swapped
        else {
            return Err(Reject::bad_record("no record of a swap: it has no schema.collection_name").into());
        };
        if kind != "alias" {
            return Err(Reject::bad_record(format!("{kind}: only aliases can be taken back")).into());
        }
        let mut outcome = match (action, previous) {
            _ if dry_run => self.outcome(Action::Already, Some(&made)),
            (Action::Swapped, Some(previous)) => self.back(&name, &made, Some(previous)).await?,
            (Action::Created, _) => self.back(&name, &made, None).await?,
            (Action::Already, _) => self.outcome(Action::Already, Some(&made)),
            _ => return Err(Reject::bad_record("no record of a swap that can be taken back").into()),
        };
        let unjournaled = outcome.unjournaled.take();
        Ok(pipe::Outcome { record: record.with("schema", &outcome)?, unjournaled })
    }

    async fn back(&self, name: &str, made: &str, previous: Option<String>) -> Result<Outcome, Failure> {
        let now = alias::target(&self.cluster, name).await?;
        let earlier = self.kept.earlier(name, previous.as_deref())?;
        if now == previous && earlier.is_none() {
            return Ok(self.outcome(Action::Already, previous.as_deref()));
        }
        if now != previous && now.as_deref() != Some(made) {
            let now = now.as_deref().unwrap_or("nothing");
            let message =
                format!("alias {name}: it points to {now}, not to {made}: somebody has moved it since");
            return Err(Reject::new("moved-since", message).into());
        }
        match previous {
            Some(previous) => self.move_from(name, now, &previous).await,
            None => self.delete(name, now).await,
        }
    }

    /// Takes an alias away that was not there before.
    async fn delete(&self, name: &str, now: Option<String>) -> Result<Outcome, Failure> {
        let Way { previous, is_made, replayed } = self.way(name, now, None)?;
        let mut unjournaled = None;
        if !self.dry_run && !replayed {
            let a_move = a_move(name, None, previous.as_deref());
            if !is_made {
                self.kept.intend(&a_move).await?;
                alias::remove(&self.cluster, name).await?;
            }
            unjournaled = self.kept.commit(&a_move).await.err();
        }
        let previous = Some(Previous::Target(previous));
        Ok(Outcome { previous, replayed, unjournaled, ..self.outcome(Action::Deleted, None) })
    }
}

/// How an alias came, or comes, to its target.
struct Way {
    previous: Option<String>,
    /// Whether it is there.
    is_made: bool,
    /// Whether an earlier run has said so.
    replayed: bool,
}

fn a_move(name: &str, to: Option<&str>, previous: Option<&str>) -> Move {
    let owned = |text: &str| text.to_owned();
    Move { alias: owned(name), to: to.map(owned), previous: previous.map(owned), is_done: false }
}
