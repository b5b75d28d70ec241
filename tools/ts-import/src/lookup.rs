//! Documents that are there, by their ids, many in one request.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use common::http::Trouble;
use common::typesense::{Cluster, path};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::refused::explained;

/// Ids in one search: Typesense gives no more hits.
const HITS: usize = 250;
/// Searches in one request: Typesense takes no more.
const SEARCHES: usize = 50;
const FOUND: &str = "finding documents by their ids";

/// What is wanted of a document that is there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wanted {
    /// Only that it is.
    Id,
    /// All of it.
    Whole,
}

/// Finds documents of one collection.
#[derive(Clone)]
pub struct Lookup {
    /// Where.
    pub cluster: Arc<Cluster>,
    /// The collection's own name.
    pub collection: String,
}

#[derive(Serialize)]
struct Search<'a> {
    collection: &'a str,
    q: &'a str,
    filter_by: String,
    per_page: usize,
    /// What a curator has hidden is there all the same.
    enable_overrides: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    include_fields: Option<&'a str>,
}

#[derive(Serialize)]
struct Searches<'a> {
    searches: Vec<Search<'a>>,
}

#[derive(Deserialize)]
struct Answer {
    results: Vec<Found>,
}

#[derive(Deserialize)]
struct Found {
    error: Option<String>,
    #[serde(default)]
    hits: Vec<Hit>,
}

#[derive(Deserialize)]
struct Hit {
    document: Value,
}

impl Lookup {
    /// The documents with these ids that are there, by id.
    ///
    /// # Errors
    /// What Typesense refuses: the key may not search, for one.
    pub async fn find(&self, ids: &[String], wanted: Wanted) -> Result<HashMap<String, Value>> {
        let (plain, odd): (Vec<_>, Vec<_>) = ids.iter().partition(|id| is_plain(id));
        let mut found = HashMap::new();
        for ids in plain.chunks(HITS * SEARCHES) {
            let searches = ids.chunks(HITS).map(|ids| self.search(ids, wanted)).collect();
            let body = serde_json::to_string(&Searches { searches })?;
            let text =
                self.cluster.call(Method::POST, "/multi_search", Some(&body)).await.map_err(not_seen)?;
            let Answer { results } = serde_json::from_str(&text).context(FOUND)?;
            for Found { error, hits } in results {
                if let Some(error) = error {
                    bail!("{FOUND} in {}: {error}", self.collection);
                }
                found.extend(hits.into_iter().filter_map(|Hit { document }| by_id(document)));
            }
        }
        for id in odd {
            found.extend(self.get(id).await?);
        }
        Ok(found)
    }

    fn search(&self, ids: &[&String], wanted: Wanted) -> Search<'_> {
        let ids: Vec<_> = ids.iter().map(|id| format!("`{id}`")).collect();
        Search {
            collection: &self.collection,
            q: "*",
            filter_by: format!("id:[{}]", ids.join(",")),
            per_page: HITS,
            enable_overrides: false,
            include_fields: (wanted == Wanted::Id).then_some("id"),
        }
    }

    async fn get(&self, id: &str) -> Result<Option<(String, Value)>> {
        let document = path(&["collections", &self.collection, "documents", id]);
        match self.cluster.call(Method::GET, &document, None).await {
            Ok(text) => Ok(by_id(serde_json::from_str(&text).context(FOUND)?)),
            Err(trouble) if trouble.status == Some(404) => Ok(None),
            Err(trouble) => Err(not_seen(trouble)),
        }
    }
}

fn by_id(document: Value) -> Option<(String, Value)> {
    Some((document.get("id")?.as_str()?.to_owned(), document))
}

/// Whether an id can stand in a filter, between backticks. Of white space at its ends nothing would be left, and a
/// backslash may take the end from it.
fn is_plain(id: &str) -> bool {
    !id.contains(['`', '\\', '[', ']']) && id.trim() == id && !id.chars().any(char::is_control)
}

fn not_seen(trouble: Trouble) -> anyhow::Error {
    match trouble.status {
        Some(401 | 403) => anyhow!(
            "{}; to find out what an earlier run has imported, the key needs documents:search and documents:get",
            trouble.message
        ),
        _ => explained(trouble),
    }
}

/// Whether a document that was sent is what is there: numbers and layout may be written in another way.
pub fn is_same(sent: &str, there: &Value) -> bool {
    serde_json::from_str::<Value>(sent).is_ok_and(|sent| sent == *there)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_in_which_a_document_is_written_makes_no_other_one() {
        let there = serde_json::json!({"id": "1", "n": 1.1, "o": {"a": [1, 1000.0], "b": null}});
        assert!(is_same(r#"{ "o":{"b":null,"a":[1,1e3]},"n":1.10,"\u0069d":"1"}"#, &there));
        for other in [
            r#"{"id":"1","n":1.1}"#,
            r#"{"id":"1","n":1.2,"o":{"a":[1,1000.0],"b":null}}"#,
            r#"{"id":"1","n":"1.1","o":{"a":[1,1000.0],"b":null}}"#,
        ] {
            assert!(!is_same(other, &there), "{other}");
        }
    }

    #[test]
    fn an_id_that_a_filter_would_change_is_asked_for_alone() {
        assert!(["1", "a,b", "é x", "\"q\"", "a/b?c=d&e", "(x)"].iter().all(|id| is_plain(id)));
        assert!(!["a`b", " a", "a ", "a\nb", "f]g", "a\\"].iter().any(|id| is_plain(id)));
    }
}
