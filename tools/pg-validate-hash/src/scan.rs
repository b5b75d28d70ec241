//! Reads one piece of a table, row by row.

pub mod tuple;

use std::collections::HashMap;
use std::pin::pin;

use anyhow::{Result, anyhow};
use common::digest::sketch::{Fingerprint, Sketch};
use common::digest::{DRAWN, Drawn};
use futures_util::TryStreamExt as _;
use tokio_postgres::{Client, Statement};

use crate::board::{Done, Wanted, Work};
use crate::find::{self, Candidate};
use crate::tables::{Column, Leaf, Table};
use crate::worker::Shared;
use tuple::{Tuples, field};

/// Rows that are taken at once under `--rows-per-second`, so that short waits do not cost more than they are.
const STEP: u64 = 256;

/// A piece of work on its connection.
pub struct Scan<'a> {
    /// The connection, in a transaction.
    pub client: &'a Client,
    /// The table.
    pub table: &'a Table,
    /// The leaf of the table that is read.
    pub leaf: &'a Leaf,
    /// Which part of it, and what for.
    pub work: &'a Work,
    /// How.
    pub shared: &'a Shared,
    /// [`SEEN`], prepared on the connection.
    pub seen: &'a Statement,
}

/// What the server says of the reads of a relation in this transaction.
pub const SEEN: &str = "select pg_stat_get_xact_tuples_returned(oid), current_setting('track_counts')::bool,
       pg_relation_filenode(oid) is not distinct from nullif(relfilenode, 0)
  from pg_class where oid = $1";

/// What a piece of work gave.
pub struct Read {
    /// Rows that arrived.
    pub rows: u64,
    /// The result.
    pub done: Done,
    /// Rows that were looked for, whose keys are not known yet.
    pub candidates: HashMap<Fingerprint, Candidate>,
}

/// What the server knows of the reads of this transaction.
pub struct Seen {
    /// Rows of the leaf that its scans have returned.
    pub rows: i64,
    /// Whether it counts them.
    pub is_counting: bool,
    /// Whether the leaf still is in the file in which the snapshot saw it: TRUNCATE and rewriting show other
    /// transactions an empty table ("Caveats" in the chapter "Concurrency Control").
    pub is_same_file: bool,
}

impl Scan<'_> {
    /// Hashes the rows of the piece, or finds those that are wanted.
    ///
    /// # Errors
    /// The server's answer, as [`tokio_postgres::Error`], or a COPY that makes no sense.
    pub async fn rows(&self) -> Result<Read> {
        let finding = self.work.wanted.is_some();
        let columns = i16::try_from(self.table.columns.len() + usize::from(finding))
            .map_err(|_| anyhow!("{} has too many columns", self.table.name))?;
        let mut tuples = Tuples::new(columns);
        let mut hasher = Hasher::new(&self.table.columns, self.shared.portable);
        let mut taken = match &self.work.wanted {
            Some(wanted) => Taken::Found { wanted: wanted.clone(), candidates: HashMap::new() },
            None => Taken::Hashed { sketch: self.shared.capacity.map(Sketch::new) },
        };
        let mut read = Read { rows: 0, done: Done::default(), candidates: HashMap::new() };
        let mut stream = pin!(self.client.copy_out(&self.copy(finding)).await?);
        let mut allowed = 0;
        while let Some(message) = stream.try_next().await? {
            read.done.bytes += message.len() as u64;
            tuples.each(&message, |row| {
                read.rows += 1;
                taken.take(row, &mut hasher, &mut read.done)
            })?;
            if let Some(pace) = &self.shared.pace
                && read.rows > allowed
            {
                pace.turn(STEP as f64).await;
                allowed += STEP;
            }
        }
        tuples.finish()?;
        match taken {
            Taken::Hashed { sketch } => read.done.sketch = sketch,
            Taken::Found { candidates, .. } => read.candidates = candidates,
        }
        Ok(read)
    }

    /// Counts the rows of the piece.
    ///
    /// # Errors
    /// The server's answer.
    pub async fn count(&self) -> Result<Read> {
        let sql = format!("select count(*) from only {}{}", self.leaf.name, self.condition());
        let rows: i64 = self.client.query_one(&sql, &[]).await?.try_get(0)?;
        let rows = u64::try_from(rows)?;
        let mut done = Done::default();
        done.digest.add_unseen(rows);
        Ok(Read { rows, done, candidates: HashMap::new() })
    }

    /// What the server says of the reads so far.
    ///
    /// # Errors
    /// The server's answer.
    pub async fn seen(&self) -> Result<Seen> {
        let row = self.client.query_opt(self.seen, &[&self.leaf.oid]).await?;
        let row = row.ok_or_else(|| anyhow!("{} is not in the catalog", self.leaf.name))?;
        Ok(Seen { rows: row.try_get(0)?, is_counting: row.try_get(1)?, is_same_file: row.try_get(2)? })
    }

    /// Whether the server's count is of the rows that arrive: a condition takes some away after they are counted.
    pub fn is_counted(&self) -> bool {
        self.leaf.is_heap && self.shared.condition.is_none() && !self.shared.only_count
    }

    fn copy(&self, finding: bool) -> String {
        let mut columns: Vec<String> = self.table.columns.iter().map(expression).collect();
        if finding {
            columns.push("ctid".into());
        }
        let columns = columns.join(", ");
        let (leaf, condition) = (&self.leaf.name, self.condition());
        format!("copy (select {columns} from only {leaf}{condition}) to stdout (format binary)")
    }

    fn condition(&self) -> String {
        let (first, end) = match self.work.pages {
            Some((first, end)) => (Some(first), end),
            None => (None, None),
        };
        let conditions = [
            first.map(|page| format!("ctid >= '({page},0)'::tid")),
            end.map(|page| format!("ctid < '({page},0)'::tid")),
            // On lines of its own, so that a comment at its end takes nothing with it.
            self.shared.condition.as_ref().map(|condition| format!("(\n{condition}\n)")),
        ];
        let conditions: Vec<_> = conditions.into_iter().flatten().collect();
        if conditions.is_empty() { String::new() } else { format!(" where {}", conditions.join(" and ")) }
    }
}

fn expression(column: &Column) -> String {
    if column.is_text { format!("{}::text", column.quoted) } else { column.quoted.clone() }
}

/// What is made of each row.
enum Taken {
    Hashed { sketch: Option<Sketch> },
    Found { wanted: Wanted, candidates: HashMap<Fingerprint, Candidate> },
}

impl Taken {
    fn take(&mut self, row: &[u8], hasher: &mut Hasher, done: &mut Done) -> Result<()> {
        match self {
            Self::Hashed { sketch } => {
                let drawn = hasher.draw::<DRAWN>(row)?;
                done.digest.add(drawn);
                if let Some(sketch) = sketch {
                    sketch.add(Fingerprint::of(drawn));
                }
            }
            Self::Found { wanted, candidates } => {
                let (row, place) = find::split(row).ok_or_else(|| anyhow!("a row came without its ctid"))?;
                let drawn = hasher.draw::<{ Fingerprint::DRAWN }>(&row)?;
                let fingerprint = Fingerprint::of(drawn);
                if wanted.contains_key(&fingerprint) {
                    let candidate =
                        candidates.entry(fingerprint).or_insert_with(|| Candidate::new(place, &row));
                    candidate.count += 1;
                }
            }
        }
        Ok(())
    }
}

/// Hashes rows, with ids of types erased where that is asked for.
struct Hasher {
    columns: Vec<Column>,
    drawn: Box<Drawn>,
    erased: Vec<u8>,
}

impl Hasher {
    fn new(columns: &[Column], portable: bool) -> Self {
        let has_ids = portable && columns.iter().any(|column| column.shape.has_ids());
        let columns = if has_ids { columns.to_vec() } else { Vec::new() };
        Self { columns, drawn: Box::new([0; DRAWN]), erased: Vec::new() }
    }

    /// The first `N` bytes of what is drawn from the row's hash; the rest is what earlier rows left.
    fn draw<const N: usize>(&mut self, row: &[u8]) -> Result<&Drawn> {
        let mut hasher = blake3::Hasher::new();
        if self.columns.is_empty() {
            hasher.update(row);
        } else {
            self.erase(row)?;
            hasher.update(&self.erased);
        }
        hasher.finalize_xof().fill(&mut self.drawn[..N]);
        Ok(&self.drawn)
    }

    fn erase(&mut self, row: &[u8]) -> Result<()> {
        self.erased.clear();
        self.erased.extend_from_slice(row);
        let mut at = 2;
        for column in &self.columns {
            let unreadable = || anyhow!("a value of {} ({}) cannot be read", column.name, column.kind);
            let (value, next) = field(row, at).ok_or_else(unreadable)?;
            if value.is_some() && !column.is_text {
                column.shape.erase(&mut self.erased[at + 4..next]).ok_or_else(unreadable)?;
            }
            at = next;
        }
        Ok(())
    }
}
