//! API keys: the cluster shows their first characters alone, and their values come from the environment.

use std::borrow::Cow;

use common::{Failure, Reject};
use reqwest::Method;
use serde_json::Value;

use crate::apply::{Run, differs};
use crate::compare::differences;
use crate::kind::Kind;
use crate::object::Object;
use crate::output::{Action, Outcome};
use crate::secret;
use crate::view::{Standing, failure};

/// How many characters of a value the server shows.
const PREFIX: usize = 4;

impl Run {
    /// Makes a key, unless it is there.
    ///
    /// # Errors
    /// A reject without its value, or when it differs or cannot be made; nothing else could be done either.
    pub async fn key(&mut self, object: &Object) -> Result<Outcome, Failure> {
        let standing = self.view.standing(object, None).await?;
        let body = match (with_value(object), &standing) {
            // Without its value it is still to be seen that it is there.
            (Err(_), Standing::Same(_)) if is_shown(object) => return Ok(Outcome::new(Action::Already)),
            (body, _) => body?,
        };
        if self.flags.dry_run {
            return key_outcome(object, standing, Action::Created);
        }
        // Whether a key with this value is there, only the server can say: four characters prove nothing.
        match self.view.cluster.call(Method::POST, "/keys", Some(&body)).await {
            Ok(_) => Ok(Outcome::new(Action::Created)),
            Err(trouble) if trouble.status == Some(409) => self.key_that_is_there(object).await,
            Err(trouble) => Err(failure(trouble)),
        }
    }

    /// A key with this value is there: since long, or because an answer was lost and it was posted again.
    async fn key_that_is_there(&mut self, object: &Object) -> Result<Outcome, Failure> {
        self.view.forget(Kind::Key);
        match self.view.standing(object, None).await? {
            Standing::Missing => {
                let message = format!(
                    "{}: there is a key with this value and another description, or it is the bootstrap key",
                    object.title()
                );
                Err(Reject::new("differs", message).into())
            }
            standing => key_outcome(object, standing, Action::Already),
        }
    }
}

fn key_outcome(object: &Object, standing: Standing, missing: Action) -> Result<Outcome, Failure> {
    match standing {
        Standing::Missing => Ok(Outcome::new(missing)),
        Standing::Same(_) => Ok(Outcome::new(Action::Already)),
        Standing::Differs(_, differences) => {
            Err(differs(object, &differences, "; a key cannot be changed, only deleted and made anew").into())
        }
    }
}

/// The key to post, with its value.
///
/// # Errors
/// A reject when the file names no variable, or the variable is not set.
fn with_value(wanted: &Object) -> Result<String, Reject> {
    if wanted.text("value_env").is_empty() {
        let message =
            format!("{}: value_env does not name the environment variable with its value", wanted.title());
        return Err(Reject::new("no-value", message));
    }
    secret::filled(wanted, &wanted.raw).map(Cow::into_owned)
}

/// Whether the file says how the value begins and the environment does not hold it.
fn is_shown(wanted: &Object) -> bool {
    !wanted.text("value_prefix").is_empty() && value(wanted).is_none()
}

/// The value of the variable that the file names, if it names one and that is set.
fn value(wanted: &Object) -> Option<String> {
    let name = Some(wanted.text("value_env")).filter(|name| !name.is_empty())?;
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The key among these that is the wanted one, as far as can be seen: description and first characters are the same.
///
/// # Errors
/// A reject when the file and the environment speak of different keys.
pub fn find<'a>(keys: &'a [Object], wanted: &Object) -> Result<Option<&'a Object>, Reject> {
    let prefix = prefix(wanted)?;
    let is_it = |key: &&Object| {
        key.name == wanted.name && prefix.as_deref().is_none_or(|prefix| key.text("value_prefix") == prefix)
    };
    let found = keys.iter().filter(is_it);
    Ok(found.min_by_key(|key| differences(&wanted.value, &key.value, wanted.kind.members()).len()))
}

/// The first characters of the value, by the environment or else by the file.
fn prefix(wanted: &Object) -> Result<Option<String>, Reject> {
    let told = wanted.value.get("value_prefix").and_then(Value::as_str);
    let start = value(wanted).map(|value| value.chars().take(PREFIX).collect::<String>());
    match (start, told) {
        (Some(start), Some(told)) if start != told => {
            let message = format!(
                "{}: the value in {} does not start with {told}: it is another key's",
                wanted.title(),
                wanted.text("value_env")
            );
            Err(Reject::new("wrong-value", message))
        }
        (start, told) => Ok(start.or(told.map(str::to_owned))),
    }
}
