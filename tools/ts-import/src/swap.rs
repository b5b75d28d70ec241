//! The change of an alias to the collection that was made for it, and the way back.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use common::journal::{Entry, Id, Journal};
use common::typesense::{Cluster, path};
use common::{Record, writes};
use indexmap::IndexMap;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::refused::explained;
use crate::renew::{Collection, Renewal};

/// How long the nodes may take to show the last documents that one of them has accepted.
const SETTLE: Duration = Duration::from_secs(10);

/// The record on stdout when the alias was changed.
#[derive(Deserialize, Serialize)]
pub struct Swapped {
    alias: String,
    collection: String,
    /// What the alias named before.
    previous: Option<String>,
    num_documents: u64,
    /// An earlier run did it.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    replayed: bool,
}

/// What the journal has before the alias is changed: what it names until then.
#[derive(Deserialize, Serialize)]
struct Intent {
    previous: Option<String>,
}

impl Renewal {
    /// Points the alias at the new collection, which was made at this time and must have this many documents. With the
    /// record comes why the journal did not take it, if it did not.
    ///
    /// # Errors
    /// It has another number; somebody has changed the alias since an earlier run did this; what Typesense refuses.
    pub async fn swap(
        &self,
        cluster: &Cluster,
        made: i64,
        accepted: u64,
        journal: Option<&Journal>,
    ) -> Result<(Swapped, Result<()>)> {
        let Self { collection, alias, .. } = self;
        let id = Id::of(&["ts-import", "swap", alias, collection, &made.to_string()]);
        let earlier = journal.map(|journal| journal.find(id)).transpose()?.flatten();
        let now = target(cluster, alias).await?;
        let is_there = now.as_ref() == Some(collection);
        if let Some(Entry::Result(found)) = &earlier {
            let swapped: Swapped = found.view().map_err(anyhow::Error::msg)?;
            if !is_there {
                bail!(
                    "an earlier run pointed the alias {alias} at {collection}, and it names {} now: it is not changed again; {}",
                    now.as_deref().unwrap_or("nothing"),
                    self.by_hand(cluster)
                );
            }
            swapped.report(cluster);
            return Ok((Swapped { replayed: true, ..swapped }, Ok(())));
        }
        let num_documents = self.count(cluster, accepted).await?;
        let previous = match &earlier {
            _ if !is_there => now,
            // It was changed, and then that run ended.
            Some(Entry::Intent(found)) => found.view::<Intent>().map_err(anyhow::Error::msg)?.previous,
            _ => self.from.clone(),
        };
        // A signal waits until it is known what became of the alias.
        let _open = writes::begin();
        if !is_there {
            if let Some(journal) = journal {
                let intent = Intent { previous: previous.clone() };
                journal.intend(id, &Record::from_value(&intent)?).await?;
            }
            let body = serde_json::to_string(&IndexMap::from([("collection_name", collection)]))?;
            let aliases = path(&["aliases", alias]);
            cluster.call(Method::PUT, &aliases, Some(&body)).await.map_err(explained)?;
        }
        let (alias, collection) = (alias.clone(), collection.clone());
        let swapped = Swapped { alias, collection, previous, num_documents, replayed: false };
        swapped.report(cluster);
        let stored = match journal {
            Some(journal) => journal.commit(id, &Record::from_value(&swapped)?).await,
            None => Ok(()),
        };
        Ok((swapped, stored))
    }

    /// Waits until the collection has as many documents as were accepted.
    async fn count(&self, cluster: &Cluster, accepted: u64) -> Result<u64> {
        let Self { collection, alias, .. } = self;
        let deadline = Instant::now() + SETTLE;
        loop {
            let found = Collection::find(cluster, collection).await?.num_documents;
            if found == accepted {
                return Ok(found);
            }
            if Instant::now() > deadline {
                bail!(
                    "the alias {alias} is not changed: {accepted} documents were imported, and {collection} has {found} (did an id come twice?); {}",
                    self.by_hand(cluster)
                );
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Says what became of the new collection when the alias was not changed.
    pub fn report_unchanged(&self, cluster: &Cluster, why: &str) {
        tracing::warn!("{why}: the alias {} is not changed; {}", self.alias, self.by_hand(cluster));
    }

    fn by_hand(&self, cluster: &Cluster) -> String {
        format!("to change it all the same: {}", put(cluster, &self.alias, &self.collection))
    }
}

impl Swapped {
    fn report(&self, cluster: &Cluster) {
        let Self { alias, collection, num_documents, .. } = self;
        match &self.previous {
            Some(previous) => {
                tracing::info!(
                    "alias {alias} now names {collection}, with {num_documents} documents; the way back:"
                );
                tracing::info!("{}", put(cluster, alias, previous));
            }
            None => tracing::info!(
                "alias {alias} now names {collection}, with {num_documents} documents; it is new"
            ),
        }
    }
}

/// What to run to point an alias at a collection.
fn put(cluster: &Cluster, alias: &str, collection: &str) -> String {
    let (node, alias) = (cluster.node(), path(&["aliases", alias]));
    format!(
        "curl -X PUT '{node}{alias}' -H \"X-TYPESENSE-API-KEY: $TS_KEY\" -d '{{\"collection_name\":\"{collection}\"}}'"
    )
}

/// The collection that an alias names.
///
/// # Errors
/// What Typesense refuses.
pub async fn target(cluster: &Cluster, alias: &str) -> Result<Option<String>> {
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
