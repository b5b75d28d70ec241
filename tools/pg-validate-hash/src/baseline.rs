//! `--baseline`: what an earlier run wrote.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::num::NonZeroUsize;
use std::path::Path;

use anyhow::{Result, anyhow};
use common::input::{Item, JsonLines};
use common::pipe::{self, Items};
use common::reject::Rejects;
use common::{Ctx, Record, Reject, Usage};
use serde::Deserialize;

use crate::record::TableRecord;
use crate::select::Pattern;

/// Lines that are read ahead.
const AHEAD: NonZeroUsize = NonZeroUsize::new(64).unwrap();

/// Records of an earlier run, by what they are about.
#[derive(Debug, Default)]
pub struct Baseline {
    /// Those of tables, in their order.
    pub tables: Vec<TableRecord>,
    /// Those of other objects, by kind and name.
    pub objects: HashMap<(String, String), Record>,
}

#[derive(Deserialize)]
struct Object {
    catalog: String,
    name: String,
}

#[derive(Deserialize)]
struct Named {
    table: String,
}

impl Baseline {
    /// Reads a file, or stdin where it is `-`.
    ///
    /// # Errors
    /// No such file, or a line that is no record of such a run: a baseline is whole or it is none.
    pub async fn read(path: &Path) -> Result<Self> {
        let mut baseline = Self::default();
        let mut items = if path == Path::new("-") {
            Items::read(pipe::stdin(JsonLines::new)?, AHEAD)?
        } else {
            let file = File::open(path)
                .map_err(|error| Usage::Wrong(format!("--baseline {}: {error}", path.display())))?;
            let lines: Box<dyn std::io::BufRead + Send> = Box::new(BufReader::new(file));
            Items::read(pipe::Source::file(JsonLines::new(lines)), AHEAD)?
        };
        while let Some(item) = items.next().await {
            let why = match item? {
                Item::Line(bad) => bad.message,
                Item::Record(record) => match baseline.add(record) {
                    Ok(()) => continue,
                    Err(why) => why,
                },
            };
            return Err(anyhow!("{} is no baseline: {why}", path.display()));
        }
        Ok(baseline)
    }

    fn add(&mut self, record: Record) -> Result<(), String> {
        if let Ok(object) = record.view::<Object>() {
            self.objects.insert((object.catalog, object.name), record);
            return Ok(());
        }
        let table: TableRecord = record.view()?;
        if self.tables.iter().any(|earlier| earlier.table == table.table) {
            return Err(format!("{} is in it twice", table.table));
        }
        self.tables.push(table);
        Ok(())
    }
}

/// The tables that records on stdin name, by name or by pattern; what names none is rejected.
///
/// # Errors
/// stdin cannot be read, or a reject cannot be written.
pub async fn names(ctx: &Ctx, rejects: &Rejects) -> Result<Vec<Pattern>> {
    let mut items = Items::read(pipe::stdin(JsonLines::new)?, AHEAD)?;
    let mut names = Vec::new();
    while let Some(item) = items.next().await {
        let item = item?;
        let reject = match &item {
            Item::Line(bad) => Reject::from(bad),
            Item::Record(record) => match record.view::<Named>().and_then(|named| named.table.parse()) {
                Ok(name) => {
                    names.push(name);
                    continue;
                }
                Err(why) => Reject::bad_record(why),
            },
        };
        ctx.counts.read(1);
        rejects.write(&reject, &item)?;
    }
    Ok(names)
}
