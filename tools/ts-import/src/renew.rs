//! `--to-new`: a collection beside the one that is searched, and the alias that changes over when it is whole.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use common::journal::{Entry, Id, Journal};
use common::typesense::{Cluster, Version, path};
use common::{Record, Usage};
use indexmap::IndexMap;
use jiff::Timestamp;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::cli::Cli;
use crate::send::explained;

/// How long the nodes may take to show the last documents that one of them has accepted.
const SETTLE: Duration = Duration::from_secs(10);
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
    num_documents: u64,
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
    alias: String,
    /// What the alias named before, if there was one.
    from: Option<String>,
}

/// What the journal remembers of a renewal.
#[derive(Deserialize, Serialize)]
struct Remembered {
    collection: String,
    from: Option<String>,
}

/// The record on stdout when the alias was changed.
#[derive(Serialize)]
pub struct Swapped<'a> {
    alias: &'a str,
    collection: &'a str,
    previous: Option<&'a str>,
    num_documents: u64,
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
            && let Some(Entry::Result(found)) = journal.find(remembered(&alias))?
        {
            let Remembered { collection, from } = found.view().map_err(anyhow::Error::msg)?;
            return Ok(Self { collection, alias, from });
        }
        let from = target(cluster, &alias).await?;
        let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
        Ok(Self { collection: format!("{alias}_{time}"), alias, from })
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
        if let Some(journal) = journal {
            let known = Remembered { collection: self.collection.clone(), from: self.from.clone() };
            // Before the collection is made, or a run that was killed in between would leave one behind.
            journal.commit(remembered(&self.alias), &Record::from_value(&known)?).await?;
        }
        let new = path(&["collections", &self.collection]);
        let there = cluster.call(Method::GET, &new, None).await;
        match there {
            Ok(_) => tracing::info!("going on with collection {}", self.collection),
            Err(trouble) if trouble.status == Some(404) => {
                let schema = model.schema(&self.collection)?;
                cluster.call(Method::POST, "/collections", Some(&schema)).await.map_err(explained)?;
                tracing::info!("made collection {} like {}", self.collection, model.name);
            }
            Err(trouble) => return Err(explained(trouble)),
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

    /// Points the alias at the new collection, which must have this many documents.
    ///
    /// # Errors
    /// It has another number; what Typesense refuses.
    pub async fn swap(&self, cluster: &Cluster, accepted: u64) -> Result<Swapped<'_>> {
        let Self { collection, alias, from } = self;
        let deadline = Instant::now() + SETTLE;
        let num_documents = loop {
            let found = Collection::find(cluster, collection).await?.num_documents;
            if found == accepted || Instant::now() > deadline {
                break found;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        };
        if num_documents != accepted {
            bail!(
                "the alias {alias} is not changed: {accepted} documents were imported, and {collection} has {num_documents} (did an id come twice?); {}",
                self.by_hand(cluster)
            );
        }
        let body = serde_json::to_string(&IndexMap::from([("collection_name", collection)]))?;
        let aliases = path(&["aliases", alias]);
        cluster.call(Method::PUT, &aliases, Some(&body)).await.map_err(explained)?;
        match from.as_ref().filter(|from| *from != collection) {
            Some(from) => {
                tracing::info!(
                    "alias {alias} now names {collection}, with {num_documents} documents; the way back:"
                );
                tracing::info!("{}", put(cluster, alias, from));
            }
            None => {
                tracing::info!(
                    "alias {alias} now names {collection}, with {num_documents} documents; it is new"
                );
            }
        }
        Ok(Swapped { alias, collection, previous: from.as_deref(), num_documents })
    }

    /// Tells what became of the new collection when the alias was not changed.
    pub fn tell_unchanged(&self, cluster: &Cluster, why: &str) {
        tracing::warn!("{why}: the alias {} is not changed; {}", self.alias, self.by_hand(cluster));
    }

    fn by_hand(&self, cluster: &Cluster) -> String {
        format!("to change it all the same: {}", put(cluster, &self.alias, &self.collection))
    }
}

/// What to run to point an alias at a collection.
fn put(cluster: &Cluster, alias: &str, collection: &str) -> String {
    let (node, alias) = (cluster.node(), path(&["aliases", alias]));
    format!(
        "curl -X PUT '{node}{alias}' -H \"X-TYPESENSE-API-KEY: $TS_KEY\" -d '{{\"collection_name\":\"{collection}\"}}'"
    )
}

fn remembered(alias: &str) -> Id {
    Id::of(&["ts-import", "to-new", alias])
}

/// The collection that an alias names.
async fn target(cluster: &Cluster, alias: &str) -> Result<Option<String>> {
    #[derive(Deserialize)]
    struct Alias {
        collection_name: String,
    }
    match cluster.call(Method::GET, &path(&["aliases", alias]), None).await {
        Ok(text) => {
            let alias: Alias = serde_json::from_str(&text).context("an alias without a collection")?;
            Ok(Some(alias.collection_name))
        }
        Err(trouble) if trouble.status == Some(404) => Ok(None),
        Err(trouble) => Err(explained(trouble)),
    }
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
