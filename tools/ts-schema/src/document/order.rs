//! The order in which objects must be made.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use common::Usage;
use serde_json::Value;

use crate::kind::Kind;
use crate::object::Object;

/// Without objects that are there twice, as they are in the rejects of two runs.
///
/// # Errors
/// [`Usage::Wrong`] for two different objects of one name.
pub fn unique(objects: Vec<Object>) -> Result<Vec<Object>, Usage> {
    let mut unique: Vec<Object> = Vec::with_capacity(objects.len());
    let mut known = HashMap::new();
    for object in objects {
        if object.kind.identity().is_none() {
            if unique.iter().all(|other| other.kind != object.kind || other.value != object.value) {
                unique.push(object);
            }
            continue;
        }
        match known.entry((object.kind, object.collection.clone(), object.name.clone())) {
            Entry::Vacant(entry) => {
                entry.insert(unique.len());
                unique.push(object);
            }
            Entry::Occupied(entry) if unique[*entry.get()].value == object.value => {}
            Entry::Occupied(_) => {
                return Err(Usage::Wrong(format!("{}: there are two of this name", object.title())));
            }
        }
    }
    Ok(unique)
}

/// Kinds in the order of making them; a collection behind those that its fields refer to.
pub fn ordered(mut objects: Vec<Object>) -> Vec<Object> {
    objects.sort_by_key(|object| object.kind);
    let mut done = Vec::with_capacity(objects.len());
    let mut left: Vec<_> = objects.into_iter().map(Some).collect();
    for index in 0..left.len() {
        take(index, &mut left, &mut done);
    }
    done
}

fn take(index: usize, left: &mut [Option<Object>], done: &mut Vec<Object>) {
    // Taken before those that it refers to, so that a circle of references ends.
    let Some(object) = left[index].take() else { return };
    for name in referred(&object) {
        let is_it = |other: &Option<Object>| {
            other.as_ref().is_some_and(|other| other.kind == Kind::Collection && other.name == name)
        };
        if let Some(index) = left.iter().position(is_it) {
            take(index, left, done);
        }
    }
    done.push(object);
}

/// The collections that fields of a collection refer to, as in `"reference":"authors.id"`.
fn referred(object: &Object) -> Vec<String> {
    let fields = object.value.get("fields").and_then(Value::as_array).into_iter().flatten();
    let references = fields.filter_map(|field| field.get("reference")?.as_str()?.split_once('.'));
    references.map(|(collection, _)| collection.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collection_comes_behind_those_that_it_refers_to() {
        let collection = |name: &str, reference: &str| {
            format!(r#"{{"name":"{name}","fields":[{{"name":"f","reference":"{reference}.id"}}]}}"#)
        };
        let objects = [("books", "authors"), ("authors", "cities"), ("cities", "books"), ("z", "z")].map(
            |(name, reference)| Object::new(Kind::Collection, None, &collection(name, reference)).unwrap(),
        );
        let names: Vec<_> = ordered(objects.into()).into_iter().map(|object| object.name).collect();
        assert_eq!(names, ["cities", "authors", "books", "z"]);
    }
}
