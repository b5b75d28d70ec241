//! Collections: made where they are missing, and beside those that differ.

use anyhow::Result;
use common::{Failure, Reject};
use indexmap::IndexMap;
use reqwest::Method;
use serde_json::value::RawValue;

use crate::apply::{Run, differs};
use crate::compare::differences;
use crate::kind::Kind;
use crate::object::Object;
use crate::output::{Action, Outcome};
use crate::secret;
use crate::view::{Standing, failure};

impl Run {
    /// Makes a collection, under its own name or with the suffix that is asked for, unless it is there.
    ///
    /// # Errors
    /// A reject when it differs or cannot be made; nothing else could be done either.
    pub async fn collection(&mut self, object: &Object) -> Result<Outcome, Failure> {
        let Some(suffix) = self.flags.suffix.as_deref().filter(|suffix| !suffix.is_empty()) else {
            return self.collection_itself(object).await;
        };
        let name = format!("{}{suffix}", object.name);
        let other = Object::new(Kind::Collection, None, &renamed(object, &name)?)?;
        let outcome = self.collection_itself(&other).await?;
        self.made.insert(object.name.clone(), name.clone());
        Ok(Outcome { collection: Some(name), ..outcome })
    }

    async fn collection_itself(&mut self, object: &Object) -> Result<Outcome, Failure> {
        match self.view.standing(object, None).await? {
            Standing::Missing => {
                self.refuse_name_of_alias(object).await?;
                self.create(object, &object.name, &object.raw, Action::Created).await
            }
            Standing::Same(found) => {
                Ok(Outcome { collection: elsewhere(object, &found), ..Outcome::new(Action::Already) })
            }
            Standing::Differs(found, _) if self.flags.migrate => self.migrate(object, &found).await,
            Standing::Differs(_, differences) => {
                let remedy = match self.flags.suffix {
                    Some(_) => "; another --suffix makes a new collection beside it",
                    None => "; --migrate makes a new collection beside it",
                };
                Err(differs(object, &differences, remedy).into())
            }
        }
    }

    /// The server would make a collection with the name of an alias, and the alias would stand for nothing.
    async fn refuse_name_of_alias(&mut self, object: &Object) -> Result<(), Failure> {
        let aliases = self.view.list(Kind::Alias, None).await?;
        match aliases.iter().find(|alias| alias.name == object.name) {
            None => Ok(()),
            Some(alias) => {
                let message = format!(
                    "{}: an alias has this name, and its collection {} is not there: make that one, or delete the alias",
                    object.title(),
                    alias.text("collection_name")
                );
                Err(Reject::new("name-taken", message).into())
            }
        }
    }

    async fn create(
        &mut self,
        object: &Object,
        name: &str,
        raw: &str,
        action: Action,
    ) -> Result<Outcome, Failure> {
        let collection = (name != object.name).then(|| name.to_owned());
        let outcome = Outcome { collection, ..Outcome::new(action) };
        if self.flags.dry_run {
            self.made.insert(object.name.clone(), name.to_owned());
            return Ok(outcome);
        }
        let body = secret::filled(object, raw)?;
        let found = match self.view.cluster.call(Method::POST, "/collections", Some(&body)).await {
            Ok(answer) => Object::new(Kind::Collection, None, &answer)?,
            // Its answer was lost and it was posted again, or somebody else has just made it.
            Err(trouble) if trouble.status == Some(409) => {
                self.view.forget(Kind::Collection);
                match self.view.collection(name).await? {
                    Some(found) => found.clone(),
                    None => return Err(failure(trouble)),
                }
            }
            Err(trouble) => return Err(failure(trouble)),
        };
        self.made.insert(object.name.clone(), name.to_owned());
        let ignored = differences(&object.value, &found.value, Kind::Collection.members());
        if ignored.is_empty() {
            return Ok(outcome);
        }
        let message = format!(
            "collection {name}: it is made, but Typesense {} made something else of it: {}",
            self.view.release,
            ignored.join("; ")
        );
        Err(Reject::new("ignored", message).into())
    }

    /// Makes a collection beside one that differs, or finds the one that an earlier run made.
    async fn migrate(&mut self, object: &Object, old: &Object) -> Result<Outcome, Failure> {
        let start = format!("{}_", object.name);
        let is_like = |other: &&Object| {
            let time = other.name.strip_prefix(&start).unwrap_or_default();
            let is_time = time.len() == self.now.len() && time.bytes().all(|byte| byte.is_ascii_digit());
            is_time && differences(&object.value, &other.value, Kind::Collection.members()).is_empty()
        };
        let collections = self.view.list(Kind::Collection, None).await?;
        let earlier = collections.iter().filter(is_like).map(|other| other.name.clone()).max();
        let outcome = match &earlier {
            Some(name) => Outcome { collection: Some(name.clone()), ..Outcome::new(Action::Already) },
            None => {
                let name = format!("{start}{}", self.now);
                let raw = renamed(object, &name)?;
                self.create(object, &name, &raw, Action::Migrated).await?
            }
        };
        let new = outcome.collection.clone().unwrap_or_default();
        if old.name == object.name {
            tracing::warn!(
                "{0} is itself a collection: import into {new}, let searches use another name, and make that an alias",
                object.name
            );
        } else {
            tracing::info!("{0}: import into {new}, then: ts-schema swap {0} {new}", object.name);
        }
        self.made.insert(object.name.clone(), new);
        Ok(outcome)
    }
}

fn elsewhere(object: &Object, found: &Object) -> Option<String> {
    (found.name != object.name).then(|| found.name.clone())
}

fn renamed(object: &Object, name: &str) -> Result<String> {
    let mut members: IndexMap<String, Box<RawValue>> = serde_json::from_str(&object.raw)?;
    members.insert("name".to_owned(), RawValue::from_string(serde_json::to_string(name)?)?);
    Ok(serde_json::to_string(&members)?)
}
