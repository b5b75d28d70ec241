//! One database of a run: its snapshot, the tables that are meant, and what else is asked of its catalogs.

use anyhow::Result;
use common::pg::Database;
use tokio_postgres::Client;

use crate::objects::{self, Object};
use crate::session;
use crate::tables::{self, Relation, Table};

/// A database whose state at one instant is held by a connection.
pub struct Held<'a> {
    /// The connection that holds it.
    pub client: &'a Client,
    /// The database.
    pub database: Database,
    /// What others adopt the state by; nothing where each connection sees its own.
    pub snapshot: Option<String>,
    /// Every relation that can be named.
    pub relations: Vec<Relation>,
}

impl<'a> Held<'a> {
    /// Takes the snapshot on a new connection; `shared` for others to see the same.
    ///
    /// # Errors
    /// The server refuses, or does not say what relations there are.
    pub async fn new(client: &'a Client, database: Database, shared: bool) -> Result<Self> {
        session::settle(client, false).await?;
        session::begin(client, None).await?;
        let snapshot = if shared { Some(session::export(client).await?) } else { None };
        let relations = tables::relations(client).await?;
        Ok(Self { client, database, snapshot, relations })
    }

    /// The relation of this name, as SQL takes it.
    pub fn relation(&self, quoted: &str) -> Option<&Relation> {
        self.relations.iter().find(|relation| relation.quoted == quoted)
    }

    /// What hashing needs to know of these relations.
    ///
    /// # Errors
    /// The server does not say.
    pub async fn tables(&self, relations: &[Relation], portable: bool) -> Result<Vec<Table>> {
        tables::tables(self.client, relations, portable).await
    }

    /// Everything but tables' rows that a copy must have.
    ///
    /// # Errors
    /// The server does not say.
    pub async fn objects(&self) -> Result<Vec<Object>> {
        objects::read(self.client).await
    }
}
