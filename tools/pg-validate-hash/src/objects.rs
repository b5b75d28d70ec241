//! `--catalog`: what a copy must have besides the rows of its tables.

use std::collections::HashMap;

use anyhow::{Result, anyhow};
use common::pg::describe;
use common::{Record, Reject};
use tokio_postgres::Client;

/// An object of the database.
#[derive(Debug)]
pub struct Object {
    /// What it is: `extension`, `table`, `index`, `constraint` or `sequence`.
    pub kind: String,
    /// Its name as SQL takes it.
    pub name: String,
    /// Its schema.
    pub schema: String,
    /// All of it, as JSON that the server wrote.
    pub record: Record,
}

/// Columns are told in the order of their names, which copies share even where they were added in another order. A
/// sequence that was never used has no last value (`pg_sequence_last_value`).
const OBJECTS: &str = "\
with objects(schema, object) as (
    select n.nspname::text, row_to_json(o)
      from pg_extension e join pg_namespace n on n.oid = e.extnamespace cross join lateral (
        select 'extension' as catalog, quote_ident(e.extname) as name, e.extversion as version) o
    union all
    select n.nspname, row_to_json(o)
      from pg_class c join pg_namespace n on n.oid = c.relnamespace cross join lateral (
        select 'table' as catalog, format('%I.%I', n.nspname, c.relname) as name,
               case c.relkind when 'r' then 'table' when 'p' then 'partitioned table' when 'm' then 'materialized view'
                              when 'v' then 'view' else 'foreign table' end as kind,
               c.relrowsecurity as row_security,
               array(select row_to_json(p)
                       from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
                       cross join lateral (
                         select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as not_null,
                                pg_get_expr(d.adbin, d.adrelid) as default, nullif(a.attgenerated, '') as generated,
                                nullif(a.attidentity, '') as identity) p
                      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                      order by a.attname collate \"C\") as columns) o
     where c.relkind in ('r', 'p', 'm', 'v', 'f')
    union all
    select n.nspname, row_to_json(o)
      from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
      cross join lateral (
        select 'index' as catalog, format('%I.%I', n.nspname, c.relname) as name,
               pg_get_indexdef(i.indexrelid) as definition, i.indisvalid as valid) o
    union all
    select n.nspname, row_to_json(o)
      from pg_constraint c join pg_class t on t.oid = c.conrelid join pg_namespace n on n.oid = t.relnamespace
      cross join lateral (
        select 'constraint' as catalog, format('%I.%I.%I', n.nspname, t.relname, c.conname) as name,
               pg_get_constraintdef(c.oid) as definition, c.convalidated as validated) o
    union all
    select n.nspname, row_to_json(o)
      from pg_sequence s join pg_class c on c.oid = s.seqrelid join pg_namespace n on n.oid = c.relnamespace
      cross join lateral (
        select 'sequence' as catalog, format('%I.%I', n.nspname, c.relname) as name,
               pg_sequence_last_value(c.oid) as last_value, s.seqincrement as increment, s.seqstart as start,
               s.seqmin as min, s.seqmax as max, s.seqcycle as cycle) o
)
select object->>'catalog', object->>'name', schema, object::text from objects
 where schema !~ '^pg_(toast|temp_)'
   and (schema not in ('pg_catalog', 'information_schema') or object->>'catalog' = 'extension')
 order by 1, (object->>'name') collate \"C\"";

/// Every object, by kind and name.
///
/// # Errors
/// The server does not say.
pub async fn read(client: &Client) -> Result<Vec<Object>> {
    let rows = client.query(OBJECTS, &[]).await;
    let rows = rows.map_err(|error| anyhow!("cannot read the catalogs: {}", describe(&error)))?;
    rows.iter()
        .map(|row| {
            Ok(Object {
                kind: row.try_get(0)?,
                name: row.try_get(1)?,
                schema: row.try_get(2)?,
                record: Record::parse(row.try_get(3)?).map_err(anyhow::Error::msg)?,
            })
        })
        .collect()
}

/// The objects of another copy, which are taken away as they are compared.
pub struct Others(HashMap<(String, String), Record>);

impl Others {
    /// The other copy's objects by kind and name.
    pub fn new(objects: HashMap<(String, String), Record>) -> Self {
        // An earlier run may have compared them itself.
        let bare = |record: Record| match record.as_str().strip_suffix(",\"match\":true}") {
            Some(text) => Record::parse(format!("{text}}}")).unwrap_or(record),
            None => record,
        };
        Self(objects.into_iter().map(|(key, record)| (key, bare(record))).collect())
    }

    /// Compares an object with the other copy's.
    ///
    /// # Errors
    /// A reject where it has none, or another.
    pub fn compare(&mut self, object: &Object) -> Result<Record, Reject> {
        let (kind, name) = (&object.kind, &object.name);
        match self.0.remove(&(kind.clone(), name.clone())) {
            Some(other) if other == object.record => object
                .record
                .with("match", &true)
                .map_err(|error| Reject::bad_record(format!("{kind} {name}: {error:#}"))),
            Some(other) => {
                let message = format!("{kind} {name} differs: the other copy has {}", other.as_str());
                Err(Reject::new("differs", message))
            }
            None => Err(Reject::new("only-here", format!("{kind} {name} is not in the other copy"))),
        }
    }

    /// Those that nobody compared, each with the reject that it is missing.
    pub fn left(self) -> impl Iterator<Item = (Record, Reject)> {
        self.0.into_iter().map(|((kind, name), record)| {
            let message = format!("{kind} {name} is missing: the other copy has it");
            (record, Reject::new("missing", message))
        })
    }
}
