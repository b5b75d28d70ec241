//! What stands in the cluster, and how what is wanted compares to it.

use std::collections::HashMap;

use anyhow::{Context, Result};
use common::http::Trouble;
use common::typesense::{Cluster, passes, path};
use common::{Failure, Reject};
use indexmap::IndexMap;
use reqwest::Method;
use serde_json::value::RawValue;

use crate::compare::differences;
use crate::key;
use crate::kind::Kind;
use crate::kind::known::unknown;
use crate::kind::release::Release;
use crate::limit;
use crate::object::Object;
use crate::secret;

/// How an object that is wanted stands in the cluster.
pub enum Standing {
    /// It is not there.
    Missing,
    /// It is there as it is wanted.
    Same(Object),
    /// It is there, and not as it is wanted.
    Differs(Object, Vec<String>),
}

/// A cluster as it is seen by one run: each list is asked for once.
pub struct View {
    /// The cluster itself.
    pub cluster: Cluster,
    /// What it runs.
    pub release: Release,
    lists: HashMap<(Kind, Option<String>), Vec<Object>>,
}

impl View {
    /// Finds out which release the cluster runs.
    ///
    /// # Errors
    /// It does not tell.
    pub async fn new(cluster: Cluster) -> Result<Self> {
        let release = cluster.version().await.map(Release::from).context(
            "cannot find out the server's version, for which the key must be right and allow debug:list",
        )?;
        tracing::debug!("{} runs Typesense {release}", cluster.node());
        Ok(Self { cluster, release, lists: HashMap::new() })
    }

    /// All objects of a kind, or those of one collection; none of a kind that the release does not have.
    ///
    /// # Errors
    /// The cluster does not tell.
    pub async fn list(&mut self, kind: Kind, collection: Option<&str>) -> Result<&[Object]> {
        let id = (kind, collection.map(str::to_owned));
        if !self.lists.contains_key(&id) {
            let list = if kind.is_in(self.release) { self.ask(kind, collection).await? } else { Vec::new() };
            self.lists.insert(id.clone(), list);
        }
        Ok(self.lists.get(&id).map(Vec::as_slice).unwrap_or_default())
    }

    /// Forgets a list of the whole cluster that is not as it was.
    pub fn forget(&mut self, kind: Kind) {
        self.lists.remove(&(kind, None));
    }

    async fn ask(&self, kind: Kind, collection: Option<&str>) -> Result<Vec<Object>> {
        let (path, member) = listing(kind, collection);
        let answer = match self.cluster.call(Method::GET, &path, None).await {
            Ok(answer) => answer,
            // A collection that is still to be made has nothing.
            Err(Trouble { status: Some(404), .. }) if collection.is_some() => return Ok(Vec::new()),
            Err(trouble) => return Err(explained(trouble)),
        };
        let understood = || format!("{path}: the answer is not understood");
        let list = items(&answer, member).with_context(understood)?;
        let mut objects = Vec::with_capacity(list.len());
        for item in list {
            let raw = match kind {
                Kind::StemmingDictionary => self.dictionary(item.get()).await?,
                Kind::Limit => limit::as_posted(item.get(), self.release).with_context(understood)?,
                _ => item.get().to_owned(),
            };
            let object = Object::new(kind, collection, &raw);
            objects.push(object.map_err(|reject| anyhow::anyhow!(reject.message)).with_context(understood)?);
        }
        Ok(objects)
    }

    /// The list of dictionaries has their ids alone.
    async fn dictionary(&self, id: &str) -> Result<String> {
        let id: String = serde_json::from_str(id).context("a stemming dictionary's id is no text")?;
        let path = path(&["stemming", "dictionaries", &id]);
        self.cluster.call(Method::GET, &path, None).await.map_err(explained)
    }

    /// The collection that a name stands for: itself, or what an alias of that name points to.
    ///
    /// # Errors
    /// The cluster does not tell.
    pub async fn collection(&mut self, name: &str) -> Result<Option<&Object>> {
        let target = match find(self.list(Kind::Collection, None).await?, name) {
            Some(_) => name.to_owned(),
            None => match find(self.list(Kind::Alias, None).await?, name) {
                Some(alias) => alias.text("collection_name").to_owned(),
                None => return Ok(None),
            },
        };
        Ok(find(self.list(Kind::Collection, None).await?, &target))
    }

    /// How an object stands, in the collection of this name if it belongs to one.
    ///
    /// # Errors
    /// A reject for what the release does not have; the cluster does not tell.
    pub async fn standing(&mut self, wanted: &Object, collection: Option<&str>) -> Result<Standing, Failure> {
        if !wanted.kind.is_in(self.release) {
            return Err(Reject::new("unsupported", wanted.kind.absence(self.release)).into());
        }
        let unknown = unknown(wanted.kind, &wanted.value, self.release);
        if !unknown.is_empty() {
            let message =
                format!("{}: to Typesense {}, {}", wanted.title(), self.release, unknown.join("; "));
            return Err(Reject::new("unknown-member", message).into());
        }
        if wanted.kind == Kind::Limit {
            // Rules are known by what they limit, and keys among that are secrets.
            let filled = Object::new(Kind::Limit, None, &secret::filled(wanted, &wanted.raw)?)?;
            let rule = limit::find(self.list(Kind::Limit, None).await?, &filled);
            return Ok(rule.map_or(Standing::Missing, |rule| compared(&filled, rule)));
        }
        let found = match wanted.kind {
            Kind::Collection => self.collection(&wanted.name).await?,
            Kind::Key => key::find(self.list(Kind::Key, None).await?, wanted)?,
            kind => find(self.list(kind, collection).await?, &wanted.name),
        };
        Ok(found.map_or(Standing::Missing, |found| compared(wanted, found)))
    }
}

fn compared(wanted: &Object, found: &Object) -> Standing {
    let differences = differences(&wanted.value, &found.value, wanted.kind.members());
    if differences.is_empty() {
        Standing::Same(found.clone())
    } else {
        Standing::Differs(found.clone(), differences)
    }
}

fn find<'a>(objects: &'a [Object], name: &str) -> Option<&'a Object> {
    objects.iter().find(|object| object.name == name)
}

/// Where the objects of a kind are listed, and the member of the answer that has the list, if it is no array itself.
fn listing(kind: Kind, collection: Option<&str>) -> (String, &'static str) {
    let within = |rest| path(&["collections", collection.unwrap_or_default(), rest]);
    match kind {
        Kind::Synonym => (within("synonyms"), "synonyms"),
        Kind::Override => (within("overrides"), "overrides"),
        Kind::StemmingDictionary => ("/stemming/dictionaries".into(), "dictionaries"),
        Kind::AnalyticsRule => ("/analytics/rules".into(), "rules"),
        kind => (format!("/{}", kind.section()), kind.section()),
    }
}

fn items<'a>(answer: &'a str, member: &str) -> Result<Vec<&'a RawValue>> {
    match answer.trim_ascii_start().as_bytes().first() {
        Some(b'[') => Ok(serde_json::from_str(answer)?),
        // What a cluster without a single one may say.
        Some(b'n') => Ok(Vec::new()),
        _ => {
            let members: IndexMap<&str, &RawValue> = serde_json::from_str(answer)?;
            let list = members.get(member).with_context(|| format!("no {member}"))?;
            Ok(serde_json::from_str(list.get())?)
        }
    }
}

/// Why a request failed, with what to do.
pub fn explained(trouble: Trouble) -> anyhow::Error {
    let remedy = match trouble.status {
        Some(401 | 403) => "; the key must be right and allow this (TS_KEY or --key-file)",
        _ if trouble.is_retryable() => "; give a longer --timeout or look at the cluster",
        _ => "",
    };
    anyhow::anyhow!("{}{remedy}", trouble.message)
}

/// What a refused request means: the end of the run where nothing else could succeed either, or a reject.
///
/// 422 is a node that runs out of disk or memory (`Rejecting write`) or was told to take none (`Skipping writes`).
pub fn failure(trouble: Trouble) -> Failure {
    let is_full = trouble.status == Some(422)
        && ["Rejecting", "Skipping"].iter().any(|word| trouble.words.contains(word));
    if passes(&trouble) || is_full || matches!(trouble.status, Some(401 | 403)) {
        return Failure::Fatal(explained(trouble));
    }
    Reject::new("refused", trouble.message).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_as_arrays_in_objects_and_not_at_all() {
        for (answer, count) in
            [(r#"[{"a":1},{}]"#, 2), (r#"{"keys":[{}],"x":1}"#, 1), (r#"{"keys":[]}"#, 0), ("null", 0)]
        {
            assert_eq!(items(answer, "keys").unwrap().len(), count, "{answer}");
        }
        assert!(items(r#"{"key":[]}"#, "keys").is_err());
    }
}
