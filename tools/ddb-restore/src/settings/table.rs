//! What a table has in its own description: class, stream, deletion protection.

use aws_sdk_dynamodb::operation::update_table::builders::UpdateTableInputBuilder;
use aws_sdk_dynamodb::types::{StreamSpecification, TableClass, TableDescription};
use serde_json::json;

use super::change::Change;
use super::{Pair, Setting, Step};

fn update(pair: Pair<'_>) -> UpdateTableInputBuilder {
    UpdateTableInputBuilder::default().table_name(pair.to)
}

/// STANDARD is the class of a table that names none, and where both have it there is nothing to be set.
pub fn class(pair: Pair<'_>) -> Vec<Step> {
    let of = |table: &TableDescription| {
        let summary = table.table_class_summary();
        summary.and_then(|summary| summary.table_class.clone()).unwrap_or(TableClass::Standard)
    };
    let wanted = of(pair.source);
    let found = pair.target.map(of);
    if wanted == TableClass::Standard && found.as_ref().is_none_or(|found| *found == wanted) {
        return Vec::new();
    }
    let change = (found.as_ref() != Some(&wanted))
        .then(|| Change::Table(Box::new(update(pair).table_class(wanted.clone()))));
    let found = json!(found.as_ref().map(TableClass::as_str));
    vec![Step::new(Setting::TableClass, None, found, json!(wanted.as_str()), change)]
}

/// A stream by the same view of the items.
pub fn stream(pair: Pair<'_>) -> Vec<Step> {
    let of = |table: &TableDescription| -> Option<StreamSpecification> {
        table.stream_specification.clone().filter(StreamSpecification::stream_enabled)
    };
    let Some(wanted) = of(pair.source) else { return Vec::new() };
    let found = pair.target.and_then(of);
    let change = (found.as_ref() != Some(&wanted))
        .then(|| Change::Table(Box::new(update(pair).stream_specification(wanted.clone()))));
    let shown = |stream: &StreamSpecification| json!(stream.stream_view_type().map(|view| view.as_str()));
    let found = found.as_ref().map_or(json!(null), shown);
    vec![Step::new(Setting::Stream, None, found, shown(&wanted), change)]
}

/// On, where the source has it on.
pub fn protection(pair: Pair<'_>) -> Vec<Step> {
    if pair.source.deletion_protection_enabled() != Some(true) {
        return Vec::new();
    }
    let found = pair.target.map(|table| table.deletion_protection_enabled() == Some(true));
    let change = (found != Some(true))
        .then(|| Change::Table(Box::new(update(pair).deletion_protection_enabled(true))));
    vec![Step::new(Setting::DeletionProtection, None, json!(found), json!(true), change)]
}
