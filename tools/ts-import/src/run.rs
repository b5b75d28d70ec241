//! The run: finds the collection, imports, and swaps the alias where that is wanted.

use std::num::NonZeroUsize;
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
use crate::pressure::Pressure;
use crate::renew::{Collection, Renewal};
use crate::resume::Resume;
use crate::send::Sender;
use crate::shape::Shape;
use crate::source::Chunks;

/// Chunks of 64 KiB that are read ahead.
const AHEAD: NonZeroUsize = NonZeroUsize::new(4).unwrap();

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
    let rejects = ctx.rejects(&cli.rejects)?;
    let identity = Identity::new(&ctx, &ctx.flags);
    let open = |path| match cli.dry_run {
        true => Journal::read(path, &identity),
        false => Journal::open(path, &identity),
    };
    let journal = cli.journal.as_deref().map(open).transpose()?;
    // Also an error of its own ends the waits of this run.
    let mut within = ctx.clone();
    within.stop = ctx.stop.child_token();
    let cluster = Arc::new(cli.typesense.connect(&within, cli.timeout).await?);
    let model = Collection::find(&cluster, &cli.collection).await?;
    let renewal = match cli.to_new {
        true => Some(Renewal::plan(&cli, &cluster, &model, journal.as_ref()).await?),
        false => None,
    };
    let collection = match &renewal {
        Some(renewal) if cli.dry_run => {
            tracing::info!("would make collection {} like {}", renewal.collection, model.name);
            model
        }
        Some(renewal) => renewal.make(&cluster, &model, journal.as_ref()).await?,
        None => {
            // An alias that changes during the import must not split it.
            if model.name != cli.collection {
                tracing::info!("importing into {}, which {} names", model.name, cli.collection);
            }
            model
        }
    };
    let path = import_path(&cli, &collection.name);
    let resume = journal.map(|journal| Resume::new(journal, &path, collection.created_at)).transpose()?;
    let out = Out::start()?;
    let receipts = Receipts::new(ctx, out.lines().clone());
    let sender = Sender {
        pressure: Pressure::new(cli.max_queued_writes, &cluster),
        cluster: Arc::clone(&cluster),
        path,
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
        receipts: receipts.clone(),
        rejects,
        ctx: within,
    };
    let start = Instant::now();
    let result = import.run(Items::read(source, AHEAD)?).await;
    if let Ok(totals) = &result
        && !cli.dry_run
    {
        totals.tell(start.elapsed());
    }
    let result = match renewal.filter(|_| !cli.dry_run) {
        Some(renewal) => change_over(&renewal, &cli, &cluster, result, &receipts).await,
        None => result.map(drop),
    };
    drop(receipts);
    out.end(result).await
}

/// Points the alias at the new collection if everything is there, or says why not.
async fn change_over(
    renewal: &Renewal,
    cli: &Cli,
    cluster: &Cluster,
    result: Result<Totals>,
    receipts: &Receipts,
) -> Result<()> {
    let totals = result.inspect_err(|_| renewal.tell_unchanged(cluster, "the import is not whole"))?;
    if !totals.is_whole {
        renewal.tell_unchanged(cluster, "the import was stopped");
        return Ok(());
    }
    if totals.rejected > 0 && cli.rejects.max_rejects.is_none() {
        let why = format!("documents rejected: {}; --max-rejects allows some", totals.rejected);
        renewal.tell_unchanged(cluster, &why);
        return Ok(());
    }
    let swapped = renewal.swap(cluster, totals.accepted).await?;
    receipts.write(&[swapped]).await
}

fn import_path(cli: &Cli, collection: &str) -> String {
    let dirty_values = cli.dirty_values.map(|mode| format!("&dirty_values={mode}")).unwrap_or_default();
    format!(
        "{}?action={}{dirty_values}",
        path(&["collections", collection, "documents", "import"]),
        cli.action
    )
}
