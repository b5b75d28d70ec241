//! Aliases. The server lets one point at a collection that does not exist, so that the target is looked at first.

use anyhow::{Context, Result, anyhow};
use common::http::Trouble;
use common::typesense::{Cluster, path};
use common::{Failure, Reject};
use reqwest::Method;
use serde::{Deserialize, Serialize};

use crate::apply::{Run, differs};
use crate::object::Object;
use crate::output::{Action, Outcome};
use crate::view::{Standing, failure};

#[derive(Deserialize, Serialize)]
struct Alias {
    collection_name: String,
}

#[derive(Deserialize)]
struct Collection {
    name: String,
    num_documents: u64,
}

impl Run {
    /// Makes an alias, unless it is there.
    ///
    /// # Errors
    /// A reject when it points elsewhere or must not point where it should; nothing else could be done either.
    pub async fn alias(&mut self, object: &Object) -> Result<Outcome, Failure> {
        let target = object.text("collection_name");
        if target.is_empty() {
            return Err(Reject::bad_record(format!("{}: it has no collection_name", object.title())).into());
        }
        let standing = self.view.standing(object, None).await?;
        if !matches!(standing, Standing::Differs(..)) {
            check(&self.view.cluster, &object.name, target, self.flags.min_docs).await?;
        }
        let action = match standing {
            Standing::Same(_) => Action::Already,
            Standing::Differs(_, differences) => {
                let remedy = format!("; to move it: ts-schema swap {} {target}", object.name);
                return Err(differs(object, &differences, &remedy).into());
            }
            Standing::Missing => {
                if !self.flags.dry_run {
                    point(&self.view.cluster, &object.name, target).await?;
                }
                Action::Created
            }
        };
        Ok(Outcome { collection_name: Some(target.to_owned()), ..Outcome::new(action) })
    }
}

/// The collection that an alias points to, if there is an alias.
///
/// # Errors
/// The cluster does not tell.
pub async fn target(cluster: &Cluster, name: &str) -> Result<Option<String>, Failure> {
    let answer = look(cluster, &path(&["aliases", name])).await?;
    let alias = answer.map(|text| serde_json::from_str::<Alias>(&text)).transpose();
    Ok(alias
        .with_context(|| format!("alias {name}: the answer is not understood"))?
        .map(|alias| alias.collection_name))
}

/// Checks that an alias may point to a collection, and says how many documents that has.
///
/// # Errors
/// A reject when a collection has the alias's name, or the target is missing, is an alias itself or holds too little.
pub async fn check(cluster: &Cluster, name: &str, target: &str, least: u64) -> Result<u64, Failure> {
    if collection(cluster, name).await?.is_some_and(|found| found.name == name) {
        let message = format!(
            "alias {name}: a collection has this name, and no alias can have it too: \
             let searches use another name, or drop that collection first"
        );
        return Err(Reject::new("name-taken", message).into());
    }
    let Some(found) = collection(cluster, target).await? else {
        return Err(Reject::new("no-target", format!("alias {name}: there is no collection {target}")).into());
    };
    if found.name != target {
        let message = format!("alias {name}: {target} is itself an alias, of {}", found.name);
        return Err(Reject::new("no-target", message).into());
    }
    if found.num_documents < least {
        let message = format!(
            "alias {name}: {target} has {} documents, fewer than {least} (--min-docs)",
            found.num_documents
        );
        return Err(Reject::retryable("too-few-documents", message).into());
    }
    Ok(found.num_documents)
}

/// Lets an alias point to a collection.
///
/// # Errors
/// The cluster refuses.
pub async fn point(cluster: &Cluster, name: &str, target: &str) -> Result<(), Failure> {
    let body = serde_json::to_string(&Alias { collection_name: target.to_owned() })
        .map_err(|error| Failure::Fatal(anyhow!(error)))?;
    let path = path(&["aliases", name]);
    cluster.call(Method::PUT, &path, Some(&body)).await.map(drop).map_err(failure)
}

/// Takes an alias away.
///
/// # Errors
/// The cluster refuses.
pub async fn remove(cluster: &Cluster, name: &str) -> Result<(), Failure> {
    let path = path(&["aliases", name]);
    match cluster.call(Method::DELETE, &path, None).await {
        // An answer was lost, and it was gone at the second try.
        Ok(_) | Err(Trouble { status: Some(404), .. }) => Ok(()),
        Err(trouble) => Err(failure(trouble)),
    }
}

/// A collection by its name or by that of an alias.
async fn collection(cluster: &Cluster, name: &str) -> Result<Option<Collection>, Failure> {
    let answer = look(cluster, &path(&["collections", name])).await?;
    let found = answer.map(|text| serde_json::from_str(&text)).transpose();
    Ok(found.with_context(|| format!("collection {name}: the answer is not understood"))?)
}

async fn look(cluster: &Cluster, path: &str) -> Result<Option<String>, Failure> {
    match cluster.call(Method::GET, path, None).await {
        Ok(answer) => Ok(Some(answer)),
        Err(Trouble { status: Some(404), .. }) => Ok(None),
        Err(trouble) => Err(failure(trouble)),
    }
}
