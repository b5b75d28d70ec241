//! What PostgreSQL's catalogs say of the chosen tables: their leaves, columns and keys.

use std::collections::HashMap;

use anyhow::{Context, Result, anyhow};
use common::pg::describe;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Row};

use crate::session;
use crate::shape::Shape;

/// A relation that can be named.
#[derive(Clone, Debug)]
pub struct Relation {
    /// Its object id.
    pub oid: u32,
    /// Schema and name as they are, joined by a dot.
    pub plain: String,
    /// Schema and name as SQL takes them.
    pub quoted: String,
    /// Its schema.
    pub schema: String,
    /// What it is.
    pub kind: Kind,
    /// Whether it is a part of another table.
    pub is_partition: bool,
}

/// What a relation is, as far as it matters for hashing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A table, a partitioned table or a materialized view, with data that a restore brings back.
    Data,
    /// Unlogged or temporary: empty after a restore.
    Unlogged,
    /// A materialized view without data.
    Unpopulated,
    /// A view or a foreign table: no data of its own.
    NoData,
}

/// A table to be hashed.
#[derive(Clone, Debug)]
pub struct Table {
    /// Schema and name as SQL takes them.
    pub name: String,
    /// Where its rows are: its partitions, or itself.
    pub leaves: Vec<Leaf>,
    /// Its columns by name, in the order of the bytes of their names.
    pub columns: Vec<Column>,
    /// The names of the columns of its primary key, as SQL takes them.
    pub key: Vec<String>,
}

/// A relation that holds rows.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// Its object id.
    pub oid: u32,
    /// Schema and name as SQL takes them.
    pub name: String,
    /// How many pages it has.
    pub pages: u64,
    /// Whether its rows are in PostgreSQL's own table access method.
    pub is_heap: bool,
}

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name as it is.
    pub name: String,
    /// Its name as SQL takes it.
    pub quoted: String,
    /// Its type with modifiers.
    pub kind: String,
    /// Whether values are compared as text, since their type has no binary form.
    pub is_text: bool,
    /// Where ids of types are inside its values.
    pub shape: Shape,
}

const RELATIONS: &str = "\
select c.oid, n.nspname::text, c.relname::text, format('%I.%I', n.nspname, c.relname) collate \"C\",
       case when c.relkind in ('v', 'f') then 'n' when c.relpersistence <> 'p' then 'u'
            when not c.relispopulated then 'e' else 'd' end,
       c.relispartition
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'm', 'v', 'f')
   and n.nspname !~ '^pg_(catalog$|toast|temp_)' and n.nspname <> 'information_schema'
 order by 4";

/// `PAGES` stands for how many pages the leaf has.
const LEAVES: &str = "\
select root.oid, c.oid, format('%I.%I', n.nspname, c.relname) collate \"C\",
       PAGES,
       coalesce(am.amname = 'heap', false), c.relkind = 'f'
  from unnest($1::oid[]) root(oid)
  left join lateral (select relid from pg_partition_tree(root.oid) where isleaf) part on true
  join pg_class c on c.oid = coalesce(part.relid::oid, root.oid)
  join pg_namespace n on n.oid = c.relnamespace
  left join pg_am am on am.oid = c.relam
 order by 1, 3";

const EXACT_PAGES: &str = "coalesce(pg_relation_size(c.oid), 0) / current_setting('block_size')::int";
/// As the last vacuum or analyze saw it. The split of the work need not be exact.
const RECENT_PAGES: &str = "greatest(c.relpages, 0)::int8";

const COLUMNS: &str = "\
select a.attrelid, a.attname::text, quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), a.atttypid,
       coalesce(i.indkey::int2[] @> array[a.attnum], false)
  from pg_attribute a left join pg_index i on i.indrelid = a.attrelid and i.indisprimary
 where a.attrelid = any($1::oid[]) and a.attnum > 0 and not a.attisdropped
 order by a.attrelid, a.attname collate \"C\"";

/// Every type that the columns are made of, and what it is made of itself.
const TYPES: &str = "\
with recursive used(oid) as (
    select distinct atttypid from pg_attribute
     where attrelid = any($1::oid[]) and attnum > 0 and not attisdropped
    union
    select part.oid from used join pg_type t on t.oid = used.oid
      cross join lateral (
        select t.typelem where t.typsend = 'array_send'::regproc
        union all select t.typbasetype where t.typtype = 'd'
        union all select rngsubtype from pg_range where rngtypid = t.oid
        union all select rngtypid from pg_range where rngmultitypid = t.oid
        union all select atttypid from pg_attribute
                   where attrelid = t.typrelid and t.typtype = 'c' and attnum > 0 and not attisdropped
      ) part(oid)
)
select t.oid,
       case when t.typtype = 'd' then 'd' when t.typsend = 'array_send'::regproc then 'a'
            when t.typtype in ('c', 'r', 'm') then t.typtype::text else 'b' end,
       t.typsend::oid <> 0,
       t.typtype = 'b' and t.typname ~ '^reg' and t.typnamespace = 'pg_catalog'::regnamespace,
       case when t.typtype = 'd' then array[t.typbasetype]
            when t.typsend = 'array_send'::regproc then array[t.typelem]
            when t.typtype = 'r' then array(select rngsubtype from pg_range where rngtypid = t.oid)
            when t.typtype = 'm' then array(select rngtypid from pg_range where rngmultitypid = t.oid)
            when t.typtype = 'c' then array(select atttypid from pg_attribute
                 where attrelid = t.typrelid and attnum > 0 and not attisdropped order by attnum)
            else '{}' end
  from used join pg_type t on t.oid = used.oid";

/// Every relation of the database that is not the system's own, by name.
///
/// # Errors
/// The server does not say.
pub async fn relations(client: &Client) -> Result<Vec<Relation>> {
    let rows = query(client, RELATIONS, &[]).await?;
    rows.iter()
        .map(|row| {
            let (schema, name): (String, String) = (row.try_get(1)?, row.try_get(2)?);
            Ok(Relation {
                oid: row.try_get(0)?,
                plain: format!("{schema}.{name}"),
                quoted: row.try_get(3)?,
                schema,
                kind: match row.try_get(4)? {
                    "d" => Kind::Data,
                    "u" => Kind::Unlogged,
                    "e" => Kind::Unpopulated,
                    _ => Kind::NoData,
                },
                is_partition: row.try_get(5)?,
            })
        })
        .collect()
}

/// What hashing needs to know of these relations; one that is gone by now is left out. With `portable`, types that
/// hold ids of objects are compared as text.
///
/// # Errors
/// The server does not say.
pub async fn tables(client: &Client, relations: &[Relation], portable: bool) -> Result<Vec<Table>> {
    let oids: Vec<u32> = relations.iter().map(|relation| relation.oid).collect();
    let mut leaves: HashMap<u32, Vec<Leaf>> = HashMap::new();
    for row in leaf_rows(client, &oids).await? {
        let name: String = row.try_get(2)?;
        if row.try_get(5)? {
            tracing::warn!("{name} is a foreign table: its rows are not hashed with those of its parent");
            continue;
        }
        let pages: i64 = row.try_get(3)?;
        leaves.entry(row.try_get(0)?).or_default().push(Leaf {
            oid: row.try_get(1)?,
            name,
            pages: u64::try_from(pages).unwrap_or_default(),
            is_heap: row.try_get(4)?,
        });
    }
    let types = Types::load(client, &oids).await?;
    let mut columns: HashMap<u32, (Vec<Column>, Vec<String>)> = HashMap::new();
    for row in query(client, COLUMNS, &[&oids]).await? {
        let (columns, key) = columns.entry(row.try_get(0)?).or_default();
        let quoted: String = row.try_get(2)?;
        if row.try_get(5)? {
            key.push(quoted.clone());
        }
        let kind = row.try_get(4)?;
        columns.push(Column {
            name: row.try_get(1)?,
            quoted,
            kind: row.try_get(3)?,
            is_text: !types.all(kind, &|one| one.is_sendable && !(portable && one.is_reg)),
            shape: types.shape(kind),
        });
    }
    let tables = relations.iter().filter_map(|relation| {
        let (columns, key) = columns.remove(&relation.oid).unwrap_or_default();
        let leaves = leaves.remove(&relation.oid)?;
        Some(Table { name: relation.quoted.clone(), leaves, columns, key })
    });
    Ok(tables.collect())
}

/// The size of a relation cannot be asked for while another session has locked it.
async fn leaf_rows(client: &Client, oids: &[u32]) -> Result<Vec<Row>> {
    session::mark(client).await?;
    match client.query(&LEAVES.replace("PAGES", EXACT_PAGES), &[&oids]).await {
        Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
            session::back(client).await?;
            query(client, &LEAVES.replace("PAGES", RECENT_PAGES), &[&oids]).await
        }
        rows => told(rows),
    }
}

struct Type {
    kind: String,
    is_sendable: bool,
    is_reg: bool,
    parts: Vec<u32>,
}

struct Types(HashMap<u32, Type>);

impl Types {
    async fn load(client: &Client, relations: &[u32]) -> Result<Self> {
        let rows = query(client, TYPES, &[&relations]).await?;
        let types = rows.iter().map(|row| {
            let one = Type {
                kind: row.try_get(1)?,
                is_sendable: row.try_get(2)?,
                is_reg: row.try_get(3)?,
                parts: row.try_get(4)?,
            };
            Ok((row.try_get(0)?, one))
        });
        Ok(Self(types.collect::<Result<_>>()?))
    }

    /// Whether a type and all that it is made of are so.
    fn all(&self, oid: u32, so: &impl Fn(&Type) -> bool) -> bool {
        self.0.get(&oid).is_none_or(|one| so(one) && one.parts.iter().all(|&part| self.all(part, so)))
    }

    fn shape(&self, oid: u32) -> Shape {
        let Some(one) = self.0.get(&oid) else { return Shape::Plain };
        let part = || Box::new(one.parts.first().map_or(Shape::Plain, |&part| self.shape(part)));
        match one.kind.as_str() {
            "d" => *part(),
            "a" => Shape::Array(part()),
            "r" => Shape::Range(part()),
            "m" => Shape::Multirange(part()),
            "c" => Shape::Composite(one.parts.iter().map(|&part| self.shape(part)).collect()),
            _ => Shape::Plain,
        }
    }
}

async fn query(
    client: &Client,
    sql: &str,
    parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)],
) -> Result<Vec<Row>> {
    told(client.query(sql, parameters).await)
}

fn told(rows: Result<Vec<Row>, tokio_postgres::Error>) -> Result<Vec<Row>> {
    rows.map_err(|error| anyhow!("{}", describe(&error))).context("cannot read the catalogs")
}
