//! Compares what is wanted with what stands, and changes nothing.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use anyhow::Result;
use common::input::Item;
use common::reject::Rejects;
use common::{Ctx, Failure, Record, Reject, pipe};
use tokio::sync::Mutex;

use crate::apply::{ONE, differs, source};
use crate::cli;
use crate::document;
use crate::export::{Names, collections, exported};
use crate::kind::Kind;
use crate::object::{Object, alone};
use crate::output::{self, Action, Outcome};
use crate::view::{Standing, View};

/// Compares a file with a cluster, and then the cluster with the file.
///
/// # Errors
/// Whatever ends the run: see the tool's exit code 1.
pub async fn diff(flags: cli::Diff, ctx: Ctx) -> Result<()> {
    let document = document::read(&flags.file, &ctx).await?;
    let rejects = ctx.rejects(&flags.rejects)?;
    let view = View::new(flags.cluster.connect(&ctx).await?).await?;
    let run = Arc::new(Mutex::new(Run { view, met: HashSet::new() }));
    let work = |record: Record| {
        let run = Arc::clone(&run);
        async move {
            let object = document::wanted(&record)?;
            run.lock().await.compare(&object).await?;
            Ok(output::record(&object, &Outcome::new(Action::Already))?)
        }
    };
    pipe::each(&ctx, source(document.records), ONE, &rejects, work).await?;
    if ctx.stop.is_cancelled() {
        return Ok(());
    }
    run.lock().await.reject_others(&document.kinds, &ctx, &rejects).await
}

struct Run {
    view: View,
    /// What stands in the cluster and was met by an object of the file.
    met: HashSet<(Kind, Option<String>, String)>,
}

/// What tells one object from another. Of keys that look the same, one is as good as the other.
fn id(object: &Object) -> (Kind, Option<String>, String) {
    let mut value = object.value.clone();
    if let Some(members) = value.as_object_mut().filter(|_| object.kind == Kind::Key) {
        members.remove("id");
    }
    (object.kind, object.collection.clone(), value.to_string())
}

impl Run {
    async fn compare(&mut self, object: &Object) -> Result<(), Failure> {
        let place = match &object.collection {
            Some(name) => self.view.collection(name).await?.map(|collection| collection.name.clone()),
            None => None,
        };
        let collection = place.as_ref().or(object.collection.as_ref());
        match self.view.standing(object, collection.map(String::as_str)).await? {
            Standing::Missing => {
                let message = format!("{}: only in the file", object.title());
                Err(Reject::new("missing", message).into())
            }
            Standing::Same(found) => {
                self.met.insert(id(&found));
                Ok(())
            }
            Standing::Differs(found, differences) => {
                self.met.insert(id(&found));
                Err(differs(object, &differences, "").into())
            }
        }
    }

    /// Rejects what the cluster has beyond the file, of the kinds that the file speaks of.
    async fn reject_others(&mut self, kinds: &BTreeSet<Kind>, ctx: &Ctx, rejects: &Rejects) -> Result<()> {
        let needs_names = kinds.contains(&Kind::Key) || kinds.contains(&Kind::Limit);
        let names = Names::new(if needs_names { self.view.list(Kind::Key, None).await? } else { &[] });
        for &kind in kinds {
            let places = match kind.is_within_collection() {
                true => collections(&mut self.view).await?.into_iter().map(Some).collect(),
                false => vec![None],
            };
            for place in places {
                for object in self.view.list(kind, place.as_deref()).await? {
                    if self.met.contains(&id(object)) {
                        continue;
                    }
                    ctx.counts.read(1);
                    let record = alone(kind, place.as_deref(), &exported(object, &names)?)?;
                    let reject =
                        Reject::new("not-in-file", format!("{}: only in the cluster", object.title()));
                    rejects.write(&reject, &Item::Record(record))?;
                }
            }
        }
        Ok(())
    }
}
