//! The run: finds the collection, imports, and swaps the alias where that is wanted.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use common::journal::{Identity, Journal};
use common::pipe::{self, Items, Out};
use common::receipts::Receipts;
use common::typesense::{Cluster, path};
use common::{Ctx, Usage};
use tokio::time::Instant;

use crate::batch::Limits;
use crate::cli::{Action, Cli};
use crate::ending::Ending;
use crate::import::{Import, Totals};
use crate::lookup::Lookup;
use crate::pressure::Pressure;
use crate::renew::{Collection, Renewal};
use crate::resume::Resume;
use crate::send::Sender;
use crate::shape::Shape;
use crate::source::Chunks;

/// Chunks of 64 KiB that are read ahead.
const AHEAD: NonZeroUsize = NonZeroUsize::new(4).unwrap();

/// Flags that say how documents are sent and when that is enough, but change none of them. The nodes and the collection
/// are the target.
const HOW: &[&str] = &[
    "collection",
    "nodes",
    "key_file",
    "batch_docs",
    "batch_bytes",
    "max_queued_writes",
    "timeout",
    "expect_count",
    "expect_trailer",
];

/// Imports the documents on stdin.
///
/// # Errors
/// Whatever ends the run: see the tool's exit code 1.
pub async fn run(cli: Cli, ctx: Ctx) -> Result<()> {
    let shape = Shape::new(&cli)?;
    if cli.to_new && cli.action == Action::Update {
        let message = "--action update finds nothing to change in the new collection of --to-new";
        return Err(Usage::Wrong(message.to_owned()).into());
    }
    let source = pipe::stdin(|stdin| Chunks::new(stdin, shape))?;
    // Before the file of the rejects: where the journal is another file, nothing is made.
    let journal = cli.journal.as_deref().map(|path| journal(path, &cli, &ctx)).transpose()?;
    let rejects = ctx.rejects(&cli.rejects)?;
    // Also an error of its own ends the waits of this run.
    let mut within = ctx.clone();
    within.stop = ctx.stop.child_token();
    let cluster = Arc::new(cli.typesense.connect(&within, cli.timeout).await?);
    let model = Collection::find(&cluster, &cli.collection).await?;
    let renewal = match cli.to_new {
        true => Some(Renewal::plan(&cli, &cluster, &model, journal.as_deref()).await?),
        false => None,
    };
    let collection = match &renewal {
        Some(renewal) if cli.dry_run => match renewal.made(&cluster).await? {
            Some(made) => made,
            None => {
                tracing::info!("would make collection {} like {}", renewal.collection, model.name);
                model
            }
        },
        Some(renewal) => renewal.make(&cluster, &model, journal.as_deref()).await?,
        None => {
            // An alias that changes during the import must not split it.
            if model.name != cli.collection {
                tracing::info!("importing into {}, which {} names", model.name, cli.collection);
            }
            model
        }
    };
    let path = import_path(&cli, &collection.name);
    let resume = |journal| Resume::new(journal, &path, collection.created_at, cli.check_replayed);
    let resume = journal.clone().map(resume).transpose()?;
    let lookup = Lookup { cluster: Arc::clone(&cluster), collection: collection.name.clone() };
    let out = Out::start()?;
    let receipts = Receipts::new(ctx, out.lines().clone());
    let sender = Sender {
        pressure: Pressure::new(cli.max_queued_writes, &cluster),
        cluster: Arc::clone(&cluster),
        path,
        lookup: lookup.clone(),
        patience: cli.timeout,
        rejects: rejects.clone(),
        ctx: within.clone(),
    };
    let import = Import {
        collection: collection.name,
        sender: (!cli.dry_run).then_some(sender),
        limits: Limits::new(cli.batch_docs.get(), cli.batch_bytes.get()),
        ending: Ending::new(cli.expect_count, cli.expect_trailer),
        resume,
        check: cli.check_replayed.then_some(lookup),
        receipts: receipts.clone(),
        rejects,
        ctx: within,
    };
    let start = Instant::now();
    let result = import.run(Items::read(source, AHEAD)?).await;
    if let Ok(totals) = &result
        && !cli.dry_run
    {
        totals.report(start.elapsed());
    }
    let result = match renewal.filter(|_| !cli.dry_run) {
        Some(renewal) => {
            let change =
                Change { renewal: &renewal, made: collection.created_at, journal: journal.as_deref() };
            change.over(&cli, &cluster, result, &receipts).await
        }
        None => result.map(drop),
    };
    drop(receipts);
    out.end(result).await
}

/// What is known when an alias is to be changed.
struct Change<'a> {
    renewal: &'a Renewal,
    /// When the new collection was made.
    made: i64,
    journal: Option<&'a Journal>,
}

impl Change<'_> {
    /// Points the alias at the new collection if everything is there, or says why not.
    async fn over(
        &self,
        cli: &Cli,
        cluster: &Cluster,
        result: Result<Totals>,
        receipts: &Receipts,
    ) -> Result<()> {
        let unchanged = |why: &str| self.renewal.report_unchanged(cluster, why);
        let totals = result.inspect_err(|_| unchanged("the import is not whole"))?;
        if !totals.is_whole {
            unchanged("the import was stopped");
            return Ok(());
        }
        if totals.rejected > 0 && cli.rejects.max_rejects.is_none() {
            unchanged(&format!("documents rejected: {}; --max-rejects allows some", totals.rejected));
            return Ok(());
        }
        let (swapped, stored) = self.renewal.swap(cluster, self.made, totals.accepted, self.journal).await?;
        // What the journal did not take was done all the same.
        receipts.write(&[swapped]).await.and(stored)
    }
}

/// The journal of this import; for a dry run, without making or changing it.
fn journal(path: &Path, cli: &Cli, ctx: &Ctx) -> Result<Arc<Journal>> {
    // The order in which nodes take over from one another is not what the cluster is.
    let mut nodes = cli.typesense.addresses()?;
    nodes.sort_unstable();
    nodes.dedup();
    let identity = Identity::new(ctx, &ctx.flags.without(HOW))
        .target("nodes", nodes.join(","))
        .target("collection", cli.collection.clone());
    let journal = match cli.dry_run {
        true => Journal::read(path, &identity)?,
        false => Journal::open(path, &identity)?,
    };
    Ok(Arc::new(journal))
}

fn import_path(cli: &Cli, collection: &str) -> String {
    let dirty_values = cli.dirty_values.map(|mode| format!("&dirty_values={mode}")).unwrap_or_default();
    format!(
        "{}?action={}{dirty_values}",
        path(&["collections", collection, "documents", "import"]),
        cli.action
    )
}
