//! Which tables a run is about, on one database or on two.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use common::reject::Rejects;
use common::{Ctx, Record, Reject};

use crate::baseline::{self, Baseline};
use crate::cli::Cli;
use crate::objects::Object;
use crate::record::TableRecord;
use crate::select::{Pattern, Select};
use crate::side::Held;
use crate::tables::{Relation, Table};

/// What the user asked for, before any database was seen.
pub struct Asked {
    what: What,
    select: Select,
    baseline: Option<Baseline>,
}

enum What {
    All,
    Named(Vec<Pattern>),
    Baseline,
}

/// The tables of each side, in the same order, and what was turned away.
pub struct Chosen {
    /// For each side its tables.
    pub tables: Vec<Vec<Table>>,
    /// What names no table, or one that cannot be compared.
    pub rejected: Vec<(Record, Reject)>,
}

impl Asked {
    /// Reads what flags and stdin say.
    ///
    /// # Errors
    /// A baseline that cannot be read, or names on stdin that cannot.
    pub async fn of(cli: &Cli, ctx: &Ctx, rejects: &Rejects) -> Result<Self> {
        let baseline = match &cli.baseline {
            Some(path) => Some(Baseline::read(path).await?),
            None => None,
        };
        let what = if cli.all {
            What::All
        } else if !cli.tables.is_empty() {
            What::Named(cli.tables.clone())
        } else if baseline.is_some() {
            What::Baseline
        } else if !cli.schema.is_empty() {
            What::All
        } else {
            let names = baseline::names(ctx, rejects).await?;
            What::Named(names)
        };
        let select = Select { schemas: cli.schema.clone(), excluded: cli.exclude.clone() };
        Ok(Self { what, select, baseline })
    }

    /// Whether there is a baseline.
    pub fn has_baseline(&self) -> bool {
        self.baseline.is_some()
    }

    /// What the baseline has of a table.
    pub fn baseline_of(&self, table: &str) -> Option<&TableRecord> {
        self.baseline.as_ref()?.tables.iter().find(|record| record.table == table)
    }

    /// What the baseline has of other objects.
    pub fn objects(&self) -> Option<HashMap<(String, String), Record>> {
        self.baseline.as_ref().map(|baseline| baseline.objects.clone())
    }

    /// Whether an object is in a schema that is asked for.
    pub fn covers(&self, object: &Object) -> bool {
        self.select.covers(&object.schema)
    }

    /// Chooses on the first side, and finds the same tables on the second.
    ///
    /// # Errors
    /// A server does not say what tables it has.
    pub async fn choose(&self, cli: &Cli, sides: &[Held<'_>]) -> Result<Chosen> {
        let mut rejected = Vec::new();
        let Some(ours) = sides.first() else { return Ok(Chosen { tables: Vec::new(), rejected }) };
        let mut relations = self.relations(&ours.relations, &mut rejected)?;
        let mut twice = HashSet::new();
        relations.retain(|relation| twice.insert(relation.oid));
        if matches!(self.what, What::All) {
            self.missing(&relations, sides, &mut rejected)?;
        }
        let mut tables = vec![ours.tables(&relations, cli.portable).await?];
        narrow(&mut tables[0], &cli.columns, &mut rejected)?;
        if let Some(theirs) = sides.get(1) {
            let pairs = tables[0].iter().filter_map(|table| theirs.relation(&table.name)).cloned();
            let mut others = theirs.tables(&pairs.collect::<Vec<_>>(), cli.portable).await?;
            narrow(&mut others, &cli.columns, &mut Vec::new())?;
            let mut others: HashMap<_, _> =
                others.into_iter().map(|table| (table.name.clone(), table)).collect();
            let mut paired = (Vec::new(), Vec::new());
            for table in std::mem::take(&mut tables[0]) {
                match pair(&table, others.remove(&table.name)) {
                    Ok(other) => {
                        paired.0.push(table);
                        paired.1.push(other);
                    }
                    Err(reject) => rejected.push((named(&table.name)?, reject)),
                }
            }
            tables = vec![paired.0, paired.1];
        }
        Ok(Chosen { tables, rejected })
    }

    fn relations(
        &self,
        relations: &[Relation],
        rejected: &mut Vec<(Record, Reject)>,
    ) -> Result<Vec<Relation>> {
        let mut chosen = Vec::new();
        match &self.what {
            What::All => chosen = self.select.all(relations),
            What::Named(patterns) => {
                for pattern in patterns {
                    match self.select.named(pattern, relations) {
                        Ok(found) => chosen.extend(found),
                        Err(reject) => rejected.push((named(pattern.text())?, reject)),
                    }
                }
            }
            What::Baseline => {
                for record in self.baseline.iter().flat_map(|baseline| &baseline.tables) {
                    if !self.select.allows_name(&record.table) {
                        continue;
                    }
                    match relations.iter().find(|relation| relation.quoted == record.table) {
                        Some(relation) => chosen.push(relation.clone()),
                        None => rejected.push((Record::from_value(record)?, missing(&record.table))),
                    }
                }
            }
        }
        Ok(chosen)
    }

    /// Tables of the other copy that this one should have.
    fn missing(
        &self,
        chosen: &[Relation],
        sides: &[Held<'_>],
        rejected: &mut Vec<(Record, Reject)>,
    ) -> Result<()> {
        let here: HashSet<_> = chosen.iter().map(|relation| relation.quoted.as_str()).collect();
        if let Some(theirs) = sides.get(1) {
            for relation in self.select.all(&theirs.relations) {
                if !here.contains(relation.quoted.as_str()) {
                    rejected.push((named(&relation.quoted)?, missing(&relation.quoted)));
                }
            }
        }
        for record in self.baseline.iter().flat_map(|baseline| &baseline.tables) {
            if !here.contains(record.table.as_str()) && self.select.allows_name(&record.table) {
                rejected.push((Record::from_value(record)?, missing(&record.table)));
            }
        }
        Ok(())
    }
}

fn missing(table: &str) -> Reject {
    Reject::new("missing", format!("{table} is missing: the other copy has it"))
}

fn named(table: &str) -> Result<Record> {
    Record::from_value(&serde_json::json!({ "table": table }))
}

/// Leaves the wanted columns; a table that lacks one is turned away.
fn narrow(tables: &mut Vec<Table>, wanted: &[String], rejected: &mut Vec<(Record, Reject)>) -> Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let mut kept = Vec::new();
    for mut table in std::mem::take(tables) {
        let has = |name: &&String| table.columns.iter().any(|column| column.name == **name);
        if let Some(lacking) = wanted.iter().find(|name| !has(name)) {
            let message = format!("{} has no column {lacking}", table.name);
            rejected.push((named(&table.name)?, Reject::new("no-such-column", message)));
            continue;
        }
        table.columns.retain(|column| wanted.contains(&column.name));
        kept.push(table);
    }
    *tables = kept;
    Ok(())
}

fn pair(ours: &Table, theirs: Option<Table>) -> Result<Table, Reject> {
    let name = &ours.name;
    let Some(theirs) = theirs else {
        return Err(Reject::new("only-here", format!("{name} is not in the other copy")));
    };
    let columns = |table: &Table| {
        let columns = table.columns.iter().map(|column| format!("{} {}", column.quoted, column.kind));
        columns.collect::<Vec<_>>().join(", ")
    };
    let (here, there) = (columns(ours), columns(&theirs));
    if here != there {
        let message = format!("{name} has other columns: ({here}), and ({there}) in the other copy");
        return Err(Reject::new("columns-differ", message));
    }
    Ok(theirs)
}
