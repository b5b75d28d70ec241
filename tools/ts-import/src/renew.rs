//! `--to-new`: a collection beside the one that is searched, and the alias that changes over when it is whole.

use anyhow::{Context, Result, anyhow};
use common::journal::{Entry, Id, Journal};
use common::typesense::{Cluster, Version, path};
use common::{Record, Usage};
use indexmap::IndexMap;
use jiff::Timestamp;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::cli::Cli;
use crate::refused::explained;
use crate::swap::target;

/// What Typesense adds to a schema, and what a new collection has of its own.
const NOT_SCHEMA: [&str; 4] = ["created_at", "name", "num_documents", "num_memory_shards"];
/// From this version on, synonyms and overrides are no part of a collection.
const GLOBAL_SETS: Version = Version { major: 30, minor: 0 };

/// A collection as Typesense describes it.
pub struct Collection {
    /// Its own name, also where it was asked for by an alias.
    pub name: String,
    /// When it was made, in seconds since 1970.
    pub created_at: i64,
    /// How many documents it has.
    pub num_documents: u64,
    described: Record,
}

impl Collection {
    /// Asks for a collection or alias.
    ///
    /// # Errors
    /// There is none, or the key may not see it.
    pub async fn find(cluster: &Cluster, name: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Described {
            name: String,
            created_at: i64,
            num_documents: u64,
        }
        let text = cluster.call(Method::GET, &path(&["collections", name]), None).await.map_err(explained)?;
        let described = Record::parse(text).map_err(|why| anyhow!("collection {name}: {why}"))?;
        let Described { name, created_at, num_documents } =
            described.view().map_err(|why| anyhow!("collection {name}: {why}"))?;
        Ok(Self { name, created_at, num_documents, described })
    }

    /// The schema of a collection like this one, with another name.
    fn schema(&self, name: &str) -> Result<String> {
        let mut schema: IndexMap<&str, &RawValue> = serde_json::from_str(self.described.as_str())?;
        for field in NOT_SCHEMA {
            schema.shift_remove(field);
        }
        let name = serde_json::value::to_raw_value(name)?;
        schema.insert("name", &name);
        Ok(serde_json::to_string(&schema)?)
    }
}

/// A new collection and the alias that is to name it.
pub struct Renewal {
    /// The new collection's name.
    pub collection: String,
    /// The alias.
    pub alias: String,
    /// What the alias named when the first run with this journal began, if there was one.
    pub from: Option<String>,
    /// Whether an earlier run decided on this, and may have made the collection.
    is_earlier: bool,
}

/// What the journal has of a renewal before the collection is made.
#[derive(Deserialize, Serialize)]
struct Intent {
    collection: String,
    from: Option<String>,
}

impl Renewal {
    /// Decides on names, and finds what an earlier run with the same journal decided on.
    ///
    /// # Errors
    /// [`Usage`] where no alias can have the name; what Typesense refuses.
    pub async fn plan(
        cli: &Cli,
        cluster: &Cluster,
        model: &Collection,
        journal: Option<&Journal>,
    ) -> Result<Self> {
        let alias = cli.alias.clone().unwrap_or_else(|| cli.collection.clone());
        if alias == model.name {
            let message = format!(
                "{alias} is a collection, and no alias can have its name: give --alias NAME to point another name at the new collection"
            );
            return Err(Usage::Wrong(message).into());
        }
        if let Some(journal) = journal
            && let Some(Entry::Intent(found) | Entry::Result(found)) = journal.find(id(&alias))?
        {
            let Intent { collection, from } = found.view().map_err(anyhow::Error::msg)?;
            return Ok(Self { collection, alias, from, is_earlier: true });
        }
        let from = target(cluster, &alias).await?;
        let name = format!("{alias}_{}", Timestamp::now().strftime("%Y%m%dT%H%M%SZ"));
        let mut collection = name.clone();
        // Another run may have begun in the same second.
        for number in 2.. {
            if !exists(cluster, &collection).await? {
                break;
            }
            collection = format!("{name}_{number}");
        }
        Ok(Self { collection, alias, from, is_earlier: false })
    }

    /// The new collection, if an earlier run has made it.
    ///
    /// # Errors
    /// What Typesense refuses.
    pub async fn made(&self, cluster: &Cluster) -> Result<Option<Collection>> {
        match self.is_earlier && exists(cluster, &self.collection).await? {
            true => Collection::find(cluster, &self.collection).await.map(Some),
            false => Ok(None),
        }
    }

    /// Makes the collection, unless an earlier run did, with the synonyms and overrides of its model.
    ///
    /// # Errors
    /// What Typesense refuses, or a journal that cannot be written.
    pub async fn make(
        &self,
        cluster: &Cluster,
        model: &Collection,
        journal: Option<&Journal>,
    ) -> Result<Collection> {
        if let Some(journal) = journal.filter(|_| !self.is_earlier) {
            let intent = Intent { collection: self.collection.clone(), from: self.from.clone() };
            // Before the collection is made, or a run that was killed in between would leave one behind.
            journal.intend(id(&self.alias), &Record::from_value(&intent)?).await?;
        }
        match self.made(cluster).await? {
            Some(_) => tracing::info!("going on with collection {}", self.collection),
            None => {
                let schema = model.schema(&self.collection)?;
                cluster.call(Method::POST, "/collections", Some(&schema)).await.map_err(explained)?;
                tracing::info!("made collection {} like {}", self.collection, model.name);
            }
        }
        let version =
            cluster.version().await.context("cannot tell the server's version (needs debug:list)")?;
        if version < GLOBAL_SETS {
            for kind in ["synonyms", "overrides"] {
                copy(cluster, &model.name, &self.collection, kind).await?;
            }
        }
        Collection::find(cluster, &self.collection).await
    }
}

async fn exists(cluster: &Cluster, collection: &str) -> Result<bool> {
    match cluster.call(Method::GET, &path(&["collections", collection]), None).await {
        Ok(_) => Ok(true),
        Err(trouble) if trouble.status == Some(404) => Ok(false),
        Err(trouble) => Err(explained(trouble)),
    }
}

fn id(alias: &str) -> Id {
    Id::of(&["ts-import", "to-new", alias])
}

/// Copies what belongs to a collection before version 30: its `synonyms`, its `overrides`.
async fn copy(cluster: &Cluster, from: &str, to: &str, kind: &str) -> Result<()> {
    #[derive(Deserialize)]
    struct Member {
        id: String,
    }
    let text =
        cluster.call(Method::GET, &path(&["collections", from, kind]), None).await.map_err(explained)?;
    let lists: IndexMap<String, Vec<Box<RawValue>>> =
        serde_json::from_str(&text).with_context(|| format!("the {kind} of {from} cannot be read"))?;
    let members = lists.get(kind).map(Vec::as_slice).unwrap_or_default();
    for member in members {
        let Member { id } = serde_json::from_str(member.get())?;
        let path = path(&["collections", to, kind, &id]);
        cluster.call(Method::PUT, &path, Some(member.get())).await.map_err(explained)?;
    }
    if !members.is_empty() {
        tracing::info!("{kind} copied: {}", members.len());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_copied_byte_for_byte_without_what_is_the_collections_own() {
        let described = r#"{"created_at":17,"fields":[{"name":"n","type":"float","x":1.10}],"name":"people_1","num_documents":3,"symbols_to_index":["+"]}"#;
        let model = Collection {
            name: "people_1".to_owned(),
            created_at: 17,
            num_documents: 3,
            described: Record::parse(described.to_owned()).unwrap(),
        };
        let expected =
            r#"{"fields":[{"name":"n","type":"float","x":1.10}],"symbols_to_index":["+"],"name":"people_2"}"#;
        assert_eq!(model.schema("people_2").unwrap(), expected);
    }
}
