//! Makes what is wanted and not there.

mod collection;

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::{Context, Result};
use common::input::Item;
use common::pipe::{self, Source};
use common::typesense::path;
use common::{Ctx, Failure, Record, Reject};
use jiff::{Timestamp, tz::TimeZone};
use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::Mutex;

use crate::cli::Apply;
use crate::document::{self, Document};
use crate::kept::{Kept, Overwritten};
use crate::kind::Kind;
use crate::object::Object;
use crate::output::{self, Action, Outcome, Previous};
use crate::secret;
use crate::view::{Standing, View, failure};

/// Objects are made one after the other: most need what comes before them.
pub const ONE: NonZeroUsize = NonZeroUsize::new(1).unwrap();

/// Applies a file.
///
/// # Errors
/// Whatever ends the run: see the tool's exit code 1.
pub async fn apply(flags: Apply, ctx: Ctx) -> Result<()> {
    let document = document::read(&flags.file, &ctx).await?;
    // Before the file of the rejects: where the journal is that of another run, nothing is made.
    let kept = Kept::of_apply(&flags, &ctx)?;
    let rejects = ctx.rejects(&flags.rejects)?;
    let view = View::new(flags.cluster.connect(&ctx).await?).await?;
    let (records, later) = records(document, flags.aliases);
    let now = Timestamp::now().to_zoned(TimeZone::UTC).strftime("%Y%m%d%H%M%S").to_string();
    let run = Arc::new(Mutex::new(Run { view, kept, flags, now, made: HashMap::new() }));
    let work = |record: Record| {
        let run = Arc::clone(&run);
        async move {
            let object = document::wanted(&record)?;
            let mut outcome = run.lock().await.make(&object).await?;
            let unjournaled = outcome.unjournaled.take();
            Ok(pipe::Outcome { record: output::record(&object, &outcome)?, unjournaled })
        }
    };
    pipe::each(&ctx, source(records), ONE, &rejects, work).await?;
    if later > 0 {
        tracing::info!(
            "aliases that wait for --aliases: {later}; give it when their collections hold the documents"
        );
    }
    Ok(())
}

/// The records to work on, and how many aliases are left out.
fn records(document: Document, aliases: bool) -> (Vec<Record>, usize) {
    let is_alias = |record: &Record| document::wanted(record).is_ok_and(|object| object.kind == Kind::Alias);
    let (wait, now): (Vec<_>, Vec<_>) =
        document.records.into_iter().partition(|record| !aliases && is_alias(record));
    (now, wait.len())
}

/// Records as a source of items.
pub fn source(records: Vec<Record>) -> Source<impl Iterator<Item = std::io::Result<Item>> + Send + 'static> {
    Source::file(records.into_iter().map(|record| Ok(Item::Record(record))))
}

/// A reject that shows how an object differs.
pub fn differs(object: &Object, differences: &[String], remedy: &str) -> Reject {
    Reject::new("differs", format!("{} differs: {}{remedy}", object.title(), differences.join("; ")))
}

/// What one run knows.
pub struct Run {
    /// What stands.
    pub view: View,
    /// What earlier runs overwrote.
    pub kept: Kept,
    /// What the command line says.
    pub flags: Apply,
    /// The start of the run, as it ends the names of new collections.
    pub now: String,
    /// Collections that were made, or would be in earnest; where one differs, that which was made in its place.
    pub made: HashMap<String, String>,
}

impl Run {
    async fn make(&mut self, object: &Object) -> Result<Outcome, Failure> {
        let outcome = match object.kind {
            Kind::Collection => self.collection(object).await,
            Kind::Key => self.key(object).await,
            Kind::Alias => self.alias(object).await,
            _ => self.plain(object).await,
        };
        Ok(Outcome { dry_run: self.flags.dry_run, ..outcome? })
    }

    async fn plain(&mut self, object: &Object) -> Result<Outcome, Failure> {
        let collection = self.place(object).await?;
        let place = collection.as_deref();
        match self.view.standing(object, place).await? {
            Standing::Same(_) => self.same(object, place).await,
            Standing::Missing => {
                self.write(object, place).await?;
                Ok(Outcome::new(Action::Created))
            }
            Standing::Differs(found, _) if self.flags.migrate && is_overwritten(object.kind) => {
                let previous =
                    RawValue::from_string(found.raw).context("what the server showed is no JSON")?;
                self.overwrite(object, place, previous).await
            }
            Standing::Differs(_, differences) => {
                let remedy = match object.kind {
                    kind if is_overwritten(kind) => "; --migrate overwrites it",
                    _ => "; this tool does not change it",
                };
                Err(differs(object, &differences, remedy).into())
            }
        }
    }

    /// An object that is as it is wanted: perhaps since an earlier run overwrote it.
    async fn same(&self, object: &Object, place: Option<&str>) -> Result<Outcome, Failure> {
        let Some(was) = self.kept.overwritten(object, place)? else {
            return Ok(Outcome::new(Action::Already));
        };
        let unjournaled = match was.is_done || self.flags.dry_run {
            true => None,
            false => self.kept.replaced(object, place, &was).await.err(),
        };
        let previous = Some(Previous::Object(was.previous));
        Ok(Outcome { previous, replayed: was.is_done, unjournaled, ..Outcome::new(Action::Replaced) })
    }

    async fn overwrite(
        &mut self,
        object: &Object,
        place: Option<&str>,
        previous: Box<RawValue>,
    ) -> Result<Outcome, Failure> {
        if self.kept.overwritten(object, place)?.is_some_and(|was| was.is_done) {
            let message = format!(
                "{}: the earlier run of this journal had overwritten it, and it differs again: look who changed it; \
                 another --journal FILE does it again",
                object.title()
            );
            return Err(Reject::new("superseded", message).into());
        }
        let was = Overwritten { object: object.title(), previous, is_done: false };
        let mut unjournaled = None;
        if !self.flags.dry_run {
            self.kept.overwrite(object, place, &was).await?;
            self.write(object, place).await?;
            unjournaled = self.kept.replaced(object, place, &was).await.err();
        }
        let previous = Some(Previous::Object(was.previous));
        Ok(Outcome { previous, unjournaled, ..Outcome::new(Action::Replaced) })
    }

    /// The collection that an object is made in, if it belongs to one.
    async fn place(&mut self, object: &Object) -> Result<Option<String>, Failure> {
        let Some(name) = &object.collection else { return Ok(None) };
        if let Some(made) = self.made.get(name) {
            return Ok(Some(made.clone()));
        }
        match self.view.collection(name).await? {
            Some(found) => Ok(Some(found.name.clone())),
            None => {
                Err(Reject::new("no-collection", format!("{}: there is no such collection", object.title()))
                    .into())
            }
        }
    }

    async fn write(&mut self, object: &Object, collection: Option<&str>) -> Result<(), Failure> {
        if self.flags.dry_run {
            return Ok(());
        }
        let (method, path) = route(object, collection);
        let body = match object.kind {
            Kind::StemmingDictionary => lines_of(object)?,
            _ => secret::filled(object, &object.raw)?.into_owned(),
        };
        match self.view.cluster.call(method, &path, Some(&body)).await {
            Ok(_) => Ok(()),
            // The answer to a rule that was taken may have been lost, and the same rule is refused then.
            Err(trouble) if object.kind == Kind::Limit && trouble.status == Some(400) => {
                self.view.forget(Kind::Limit);
                match self.view.standing(object, collection).await? {
                    Standing::Same(_) => Ok(()),
                    _ => Err(failure(trouble)),
                }
            }
            Err(trouble) => Err(failure(trouble)),
        }
    }
}

/// Whether a second PUT of another content is how an object is changed.
fn is_overwritten(kind: Kind) -> bool {
    !matches!(kind, Kind::StemmingDictionary | Kind::Limit)
}

/// How an object is made that has a route of its own.
fn route(object: &Object, collection: Option<&str>) -> (Method, String) {
    let name = object.name.as_str();
    let within = |rest| path(&["collections", collection.unwrap_or_default(), rest, name]);
    match object.kind {
        Kind::Synonym => (Method::PUT, within("synonyms")),
        Kind::Override => (Method::PUT, within("overrides")),
        Kind::AnalyticsRule => (Method::PUT, path(&["analytics", "rules", name])),
        Kind::StemmingDictionary => {
            let id = path(&[name]);
            (Method::POST, format!("/stemming/dictionaries/import?id={}", &id[1..]))
        }
        Kind::Limit => (Method::POST, "/limits".into()),
        kind => (Method::PUT, path(&[kind.section(), name])),
    }
}

/// A dictionary is imported as lines.
fn lines_of(dictionary: &Object) -> Result<String, Failure> {
    #[derive(Deserialize)]
    struct Dictionary<'a> {
        #[serde(borrow)]
        words: Vec<&'a RawValue>,
    }
    let Dictionary { words } =
        serde_json::from_str(&dictionary.raw).map_err(|error| Reject::bad_record(error.to_string()))?;
    Ok(words.iter().map(|word| format!("{word}\n")).collect())
}
