//! The run: connects, chooses the tables, and tells what comes of each.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use common::digest::sketch::Sketch;
use common::input::Item;
use common::pace::Pace;
use common::pg::Database;
use common::pipe::{Lines, Out};
use common::reject::Rejects;
use common::{Ctx, Record, Reject};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::board::{Board, Finished, Wanted};
use crate::choose::{Asked, Chosen};
use crate::cli::Cli;
use crate::compare;
use crate::objects::{Object, Others};
use crate::record::{How, TableRecord};
use crate::side::Held;
use crate::worker::{self, Shared, TOOL};

/// Finished tables that wait to be told.
const QUEUE: usize = 16;
/// Tables that are worked on at once. Those that are compared row by row hold more memory.
const WINDOW: usize = 64;
const WINDOW_OF_ROWS: usize = 8;
/// The longest wait for queries that are being cancelled.
const PATIENCE: Duration = Duration::from_secs(5);

/// Hashes what the command line asks for.
///
/// # Errors
/// Whatever ends the run: see the tool's exit code 1.
pub async fn run(cli: Cli, ctx: Ctx) -> Result<()> {
    let rejects = ctx.rejects(&cli.rejects)?;
    let asked = Asked::of(&cli, &ctx, &rejects).await?;
    let database = Database::of(&cli.pg, &cli.aws).await?;
    let other = match &cli.against_env {
        Some(name) => Some(Database::of_variable(name, &cli.pg, &cli.aws).await?),
        None => None,
    };
    let out = Out::start()?;
    let stop = CancellationToken::new();
    let run = Run { ctx: ctx.clone(), rejects, lines: out.lines().clone(), stop: stop.clone(), cli };
    let limit = run.cli.max_duration;
    let worked = {
        let mut work = pin!(run.connect(database, other, asked));
        let halted = tokio::select! {
            biased;
            worked = &mut work => Err(worked),
            () = ctx.stop.cancelled() => Ok(Ok(())),
            () = out.lines().closed() => Ok(Ok(())),
            () = elapsed(limit) => Ok(Err(anyhow!(
                "not all tables are hashed after {:?} (--max-duration)", limit.unwrap_or_default()
            ))),
        };
        match halted {
            Err(worked) => worked,
            Ok(halted) => {
                stop.cancel();
                // What it ends with now is only that it was halted.
                let _ = tokio::time::timeout(PATIENCE, work).await;
                halted
            }
        }
    };
    drop(run);
    out.end(worked).await
}

async fn elapsed(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}

struct Run {
    ctx: Ctx,
    rejects: Rejects,
    lines: Lines,
    stop: CancellationToken,
    cli: Cli,
}

impl Run {
    /// One or two connections hold the snapshots while others work on them.
    async fn connect(&self, database: Database, other: Option<Database>, asked: Asked) -> Result<()> {
        let shared = self.cli.concurrency.get() > 1;
        let hold = async |client: &tokio_postgres::Client| {
            let ours = Held::new(client, database.clone(), shared).await?;
            let Some(other) = other else { return self.work(vec![ours], asked).await };
            let hold = async |client: &tokio_postgres::Client| {
                let theirs = Held::new(client, other.clone(), shared).await?;
                self.work(vec![ours, theirs], asked).await
            };
            other.connected(TOOL, hold).await
        };
        Box::pin(database.connected(TOOL, hold)).await
    }

    async fn work(&self, sides: Vec<Held<'_>>, asked: Asked) -> Result<()> {
        let Chosen { tables, rejected } = asked.choose(&self.cli, &sides).await?;
        for (record, reject) in rejected {
            self.ctx.counts.read(1);
            self.rejects.write(&reject, &Item::Record(record))?;
        }
        if self.cli.catalog {
            self.objects(&asked, &sides).await?;
        }
        let (finished, queue) = mpsc::channel(QUEUE);
        let capacity = self.cli.diff.then(|| {
            // A changed row is one on each side.
            self.cli.max_diff.saturating_add(self.cli.max_diff.get())
        });
        let window = if capacity.is_some() { WINDOW_OF_ROWS } else { WINDOW };
        let split = self.cli.concurrency.get() > 1 && !self.cli.counts;
        let shared = Arc::new(Shared {
            board: Board::new(tables, window, split),
            finished,
            stop: self.stop.child_token(),
            pace: self.cli.rows_per_second.map(|limit| Pace::new(limit, sides.len())),
            condition: self.cli.r#where.clone(),
            portable: self.cli.portable,
            only_count: self.cli.counts,
            capacity,
        });
        let mut tasks = JoinSet::new();
        for (number, side) in sides.iter().enumerate() {
            for _ in 0..self.cli.concurrency.get().min(shared.board.len()) {
                let (database, snapshot) = (side.database.clone(), side.snapshot.clone());
                tasks.spawn(worker::work(database, number, snapshot, Arc::clone(&shared)));
            }
        }
        let told = Teller { run: self, shared: &shared, asked: &asked, looked: HashMap::new() };
        told.tell(tasks, queue).await
    }

    /// Definitions, indexes, constraints, sequences and extensions.
    async fn objects(&self, asked: &Asked, sides: &[Held<'_>]) -> Result<()> {
        let mut others = match sides.get(1) {
            Some(side) => {
                let objects = side.objects().await?.into_iter().filter(|object| asked.covers(object));
                let by_name = |Object { kind, name, record, .. }| ((kind, name), record);
                Some(Others::new(objects.map(by_name).collect()))
            }
            None => asked.objects().map(Others::new),
        };
        let Some(ours) = sides.first() else { return Ok(()) };
        for object in ours.objects().await?.into_iter().filter(|object| asked.covers(object)) {
            self.ctx.counts.read(1);
            let compared = match &mut others {
                Some(others) => others.compare(&object),
                None => Ok(object.record.clone()),
            };
            self.put(object.record, compared).await?;
        }
        for (record, reject) in others.into_iter().flat_map(Others::left) {
            self.ctx.counts.read(1);
            self.rejects.write(&reject, &Item::Record(record))?;
        }
        Ok(())
    }

    /// Writes a result, or turns its input away.
    async fn put(&self, input: Record, result: Result<Record, Reject>) -> Result<()> {
        match result {
            Ok(record) => {
                self.ctx.counts.done(1);
                self.send(record).await;
                Ok(())
            }
            Err(reject) => self.rejects.write(&reject, &Item::Record(input)),
        }
    }

    async fn send(&self, record: Record) {
        // Whoever left is seen by the run as a whole, which ends then.
        let _ = self.lines.send(record.into_line()).await;
    }
}

/// Tells what came of each table.
struct Teller<'a> {
    run: &'a Run,
    shared: &'a Shared,
    asked: &'a Asked,
    /// Tables that differ and are scanned again, with what is looked for.
    looked: HashMap<usize, (TableRecord, Reject, Wanted)>,
}

impl Teller<'_> {
    async fn tell(
        mut self,
        mut tasks: JoinSet<Result<()>>,
        mut queue: mpsc::Receiver<Finished>,
    ) -> Result<()> {
        let mut result = Ok(());
        while !tasks.is_empty() {
            let step = tokio::select! {
                biased;
                Some(finished) = queue.recv() => self.one(finished).await,
                Some(ended) = tasks.join_next() => match ended {
                    Ok(ended) => ended,
                    Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                    Err(error) => Err(error.into()),
                },
            };
            if let Err(error) = step
                && result.is_ok()
            {
                result = Err(error);
                self.shared.board.stop();
                self.shared.stop.cancel();
            }
        }
        result
    }

    async fn one(&mut self, finished: Finished) -> Result<()> {
        let number = finished.table;
        let Some(table) = self.shared.board.table(0, number) else { return Ok(()) };
        if let Some((record, reject, wanted)) = self.looked.remove(&number) {
            if finished.reject.is_none() {
                for row in compare::rows(table, finished, &wanted)? {
                    self.run.send(row).await;
                }
            }
            self.shared.board.close(number);
            return self.run.put(Record::from_value(&record)?, Err(reject)).await;
        }
        self.run.ctx.counts.read(1);
        let how = How {
            counts: self.shared.only_count,
            condition: self.shared.condition.clone(),
            portable: self.shared.portable,
        };
        if let Some(reject) = finished.reject {
            self.shared.board.close(number);
            let input = Record::from_value(&serde_json::json!({ "table": table.name }))?;
            return self.run.put(input, Err(reject)).await;
        }
        let records: Vec<_> = finished.sides.iter().map(|side| TableRecord::new(table, side, &how)).collect();
        let Some(mut ours) = records.first().cloned() else { return Ok(()) };
        let theirs = records.get(1).or_else(|| self.asked.baseline_of(&table.name));
        let compared = match theirs {
            Some(theirs) => compare::tables(&mut ours, theirs),
            None if self.asked.has_baseline() => {
                Err(Reject::new("only-here", format!("{} is not in the baseline", table.name)))
            }
            None => Ok(()),
        };
        match (compared, finished.sketch.map(Sketch::left)) {
            (Err(reject), Some(Some(rows))) => {
                let wanted = Arc::new(rows);
                self.looked.insert(number, (ours, reject, Arc::clone(&wanted)));
                self.shared.board.again(number, wanted);
                Ok(())
            }
            (Err(mut reject), too_many) => {
                if too_many.is_some() {
                    reject.message = format!(
                        "{}; more rows differ than --max-diff {} can name",
                        reject.message, self.run.cli.max_diff
                    );
                }
                self.shared.board.close(number);
                self.run.put(Record::from_value(&ours)?, Err(reject)).await
            }
            (Ok(()), _) => {
                self.shared.board.close(number);
                let record = Record::from_value(&ours)?;
                self.run.put(record.clone(), Ok(record)).await
            }
        }
    }
}
