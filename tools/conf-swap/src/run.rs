//! The run: one value for one place, or the way back of each record.

use std::io;
use std::iter::once;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Error, Result, bail};
use common::input::{Item, JsonLines};
use common::journal::{Identity, Journal};
use common::pipe::{self, Outcome, Source as Items};
use common::reject::{Failure, Reject};
use common::{Ctx, Record, aws};

use crate::change::Change;
use crate::check::Check;
use crate::cli::{Cli, Job, NOT_KEPT, Source, Target, Work};
use crate::given::Given;
use crate::hidden::Hidden;
use crate::input::{self, Wanted};
use crate::kept::Kept;
use crate::output::{Store, Swap};
use crate::parameter::Parameters;
use crate::pointer::Pointer;
use crate::refuse::{self, NamedBy};
use crate::secret::Secrets;
use crate::secrets_manager::SecretsManager;
use crate::ssm::Ssm;
use crate::undo;

/// Swaps of one place follow one another, and so do their undos.
const ONE: NonZeroUsize = NonZeroUsize::MIN;

/// Its id in the SDK. An undo may need Parameter Store too; its records name ARNs, which tell accounts and regions apart.
const SECRETS_MANAGER: &str = "Secrets Manager";

type Stream = Box<dyn Iterator<Item = io::Result<Item>> + Send>;

/// Swaps, or takes swaps back.
///
/// # Errors
/// What ends a run: see `common::pipe::each`, and a secret or parameter of the command line that is missing or denied.
pub async fn run(cli: Cli, ctx: Ctx) -> Result<()> {
    let Job { work, check, dry_run, journal, rejects, aws } = cli.job()?;
    let rejects = ctx.rejects(&rejects)?;
    let check = check.map(|(command, timeout)| Check { command, timeout, stop: ctx.stop.clone() });
    let connect = async |named_by, service| -> Result<Stores> {
        let config = aws.load().await?;
        let identity = || {
            let identity = Identity::new(&ctx, &ctx.flags.without(&NOT_KEPT));
            aws::target(identity, &config, service)
        };
        let open = |path: &Path| match dry_run {
            true => Journal::read(path, &identity()),
            false => Journal::open(path, &identity()),
        };
        Ok(Stores {
            secrets: Secrets { api: SecretsManager::new(&config), named_by, check: check.clone() },
            parameters: Parameters { api: Ssm::new(&config), named_by, check: check.clone() },
            journal: journal.as_deref().map(open).transpose()?,
            dry_run,
        })
    };
    // A record that carries a value does not name its work in the journal: its number does.
    let numbers = AtomicU64::new(0);
    match work {
        Work::Undo => {
            let items = records()?;
            let stores = Arc::new(connect(NamedBy::Record, SECRETS_MANAGER).await?);
            let undo = |record: Record| {
                let (stores, n) = (Arc::clone(&stores), numbers.fetch_add(1, Relaxed));
                async move { stores.undo(&record, n).await }
            };
            pipe::each(&ctx, items, ONE, &rejects, undo).await
        }
        Work::Swap { target, pointer, source, expect } => {
            let items = match &source {
                Source::Given(_) => no_record()?,
                Source::Records(_) => records()?,
            };
            // A value may have to be waited for on stdin, and must not keep a signal waiting.
            let wish = tokio::select! {
                wish = Wish::read(pointer, source, expect) => wish?,
                () = ctx.stop.cancelled() => bail!("stopped before anything was changed"),
            };
            let service = match &target {
                Target::Secret(_) => SECRETS_MANAGER,
                Target::Parameter { .. } => "SSM",
            };
            let stores = connect(NamedBy::CommandLine, service).await?;
            // A stage before may take an hour, and a wrong name should be told before that.
            stores.probe(&target).await?;
            let swapping = Arc::new((stores, target, wish));
            let swap = |record: Record| {
                let (swapping, n) = (Arc::clone(&swapping), numbers.fetch_add(1, Relaxed));
                async move {
                    let (stores, target, wish) = &*swapping;
                    stores.swap(&record, target, wish, n).await
                }
            };
            pipe::each(&ctx, items, ONE, &rejects, swap).await
        }
    }
}

fn records() -> Result<Items<Stream>> {
    pipe::stdin(|stdin| Box::new(JsonLines::new(stdin)) as Stream)
}

/// What a value without a record is written into: a record that leaves with the field `swap` alone.
fn no_record() -> Result<Items<Stream>> {
    let record = Record::parse("{}".to_owned()).map_err(Error::msg)?;
    Ok(Items::file(Box::new(once(Ok(Item::Record(record))))))
}

/// The change that is wanted, as far as it is known before a record comes.
struct Wish {
    pointer: Option<Pointer>,
    value: Value,
    expect: Option<Hidden>,
}

enum Value {
    Given(Hidden),
    /// In this field of each record, and the same in all of them.
    Records(Pointer, Mutex<Option<Hidden>>),
}

impl Wish {
    async fn read(pointer: Option<Pointer>, source: Source, expect: Option<Given>) -> Result<Self> {
        let value = match source {
            Source::Given(given) => Value::Given(given.read().await?),
            Source::Records(field) => Value::Records(field, Mutex::default()),
        };
        let expect = match expect {
            Some(expect) => Some(expect.read().await?),
            None => None,
        };
        Ok(Self { pointer, value, expect })
    }

    /// The change that a record asks for, and whether it is to be rehearsed.
    fn of(&self, record: &Record) -> Result<(Change, bool), Reject> {
        let (value, rehearsed) = match &self.value {
            Value::Given(value) => (value.clone(), false),
            Value::Records(field, first) => {
                let Wanted { value, rehearsed } = input::wanted(record, field)?;
                let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
                if *first.get_or_insert_with(|| value.clone()) != value {
                    let message = "an earlier record brought another value, and one run writes one value";
                    return Err(Reject::new("second-value", message));
                }
                (value, rehearsed)
            }
        };
        Ok((Change { pointer: self.pointer.clone(), value, expect: self.expect.clone() }, rehearsed))
    }
}

/// Both services, of which a swap needs one and an undo may need both, and what keeps their results.
struct Stores {
    secrets: Secrets,
    parameters: Parameters,
    journal: Option<Journal>,
    dry_run: bool,
}

impl Stores {
    async fn probe(&self, target: &Target) -> Result<()> {
        let probed = match target {
            Target::Secret(id) => self.secrets.api.probe(id).await,
            Target::Parameter { name, .. } => self.parameters.api.probe(name).await,
        };
        probed.map_err(refuse::explained)
    }

    async fn swap(&self, record: &Record, target: &Target, wish: &Wish, n: u64) -> Result<Outcome, Failure> {
        let (change, rehearsed) = wish.of(record)?;
        let dry_run = self.dry_run || rehearsed;
        let kept = Kept::swap(self.journal.as_ref(), target, change.pointer.as_ref(), n);
        let swap = match target {
            Target::Secret(id) => self.secrets.swap(id, &change, &kept, dry_run).await?,
            Target::Parameter { name, label } => {
                self.parameters.swap(name, label.as_deref(), &change, &kept, dry_run).await?
            }
        };
        finished(record, &swap, &kept).await
    }

    async fn undo(&self, record: &Record, n: u64) -> Result<Outcome, Failure> {
        let Some(swap) = undo::change(record)? else {
            tracing::info!("a record tells of no change: nothing to undo");
            return Ok(record.clone().into());
        };
        let kept = Kept::undo(self.journal.as_ref(), &swap, n);
        let undone: Swap = match swap.store {
            Store::SecretsManager => self.secrets.undo(&swap, &kept, self.dry_run).await?,
            Store::Ssm => self.parameters.undo(&swap, &kept, self.dry_run).await?,
        };
        finished(record, &undone, &kept).await
    }
}

/// The record that leaves, once the journal has the result or has failed to take it.
async fn finished(record: &Record, swap: &Swap, kept: &Kept<'_>) -> Result<Outcome, Failure> {
    let unjournaled = if swap.is_news() { kept.commit(swap).await.err() } else { None };
    Ok(Outcome { record: record.with("swap", swap)?, unjournaled })
}
