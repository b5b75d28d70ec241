//! What objects may have, since when, and what the server fills in where it is left out.
//!
//! Sources: the API references of 0.24.1 to 30.2 (collections, synonyms, curation, stopwords, stemming, api-keys,
//! analytics), and for the form in which objects are shown the server's `get_summary_json` and `to_json` of each release.

use serde_json::{Value, json};

use crate::kind::release::Line;

/// One member of an object.
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// The first release line that knows it.
    pub since: Line,
    /// How two of its values are compared.
    pub shape: Shape,
    /// What the server makes of it where it is left out, given the object that leaves it out.
    pub default: fn(&Value) -> Option<Value>,
}

/// How a value is compared.
pub enum Shape {
    /// Equal as JSON: members of objects in any order, `1` and `1.0` the same.
    Value,
    /// A list whose order says nothing.
    Set,
    /// A list of words that the server cuts and lowers, in any order.
    Words,
    /// An object with these members.
    Object(&'static [Member]),
    /// A list of objects that this member names, in any order.
    List(&'static str, &'static [Member]),
    /// As a value, but only where the server shows it.
    Shown,
    /// As a set, and never shown to anybody.
    Secret,
    /// An object of which only these members say what it is.
    Only(&'static [&'static str]),
    /// As a value, but the server may have members of objects in it that the file lacks.
    Loose,
    /// Not compared.
    Ignored,
}

const fn member(
    name: &'static str,
    since: Line,
    shape: Shape,
    default: fn(&Value) -> Option<Value>,
) -> Member {
    Member { name, since, shape, default }
}

/// What is left out is not compared.
fn none(_: &Value) -> Option<Value> {
    None
}

fn off(_: &Value) -> Option<Value> {
    Some(false.into())
}

fn on(_: &Value) -> Option<Value> {
    Some(true.into())
}

fn blank(_: &Value) -> Option<Value> {
    Some("".into())
}

fn empty(_: &Value) -> Option<Value> {
    Some(json!([]))
}

fn no_members(_: &Value) -> Option<Value> {
    Some(json!({}))
}

fn never(_: &Value) -> Option<Value> {
    Some(64_723_363_199_u64.into())
}

fn cosine(_: &Value) -> Option<Value> {
    Some("cosine".into())
}

fn zero(_: &Value) -> Option<Value> {
    Some(0.into())
}

/// An override that filters takes the words of its rule off the query.
fn with_filter(rule: &Value) -> Option<Value> {
    Some(rule.get("filter_by").is_some().into())
}

/// Numbers and places can be sorted by unless that is switched off.
fn sortable(field: &Value) -> Option<Value> {
    const SORTED: [&str; 7] = ["int32", "int64", "float", "bool", "geopoint", "geopoint[]", "geopolygon"];
    Some(SORTED.contains(&text(field, "type")).into())
}

/// Fields that are found in documents can be missing in others.
fn found_in_documents(field: &Value) -> Option<Value> {
    Some(is_dynamic(field).into())
}

/// With an embedding model, the model gives the number of dimensions.
fn dimensions(field: &Value) -> Option<Value> {
    field.get("embed").is_none().then(|| 0.into())
}

fn text<'a>(object: &'a Value, member: &str) -> &'a str {
    object.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// Whether a field of a schema stands for fields that documents bring along.
pub fn is_dynamic(field: &Value) -> bool {
    text(field, "name").contains(".*") || matches!(text(field, "type"), "auto" | "string*")
}

/// `collections`
pub const COLLECTION: &[Member] = &[
    // Not compared: an alias may stand for the name, and a migrated collection has another.
    member("name", 0, Shape::Ignored, none),
    member("fields", 0, Shape::List("name", FIELD), none),
    member("default_sorting_field", 0, Shape::Value, blank),
    member("enable_nested_fields", 0, Shape::Value, off),
    member("token_separators", 0, Shape::Set, empty),
    member("symbols_to_index", 0, Shape::Set, empty),
    member("metadata", 26, Shape::Value, no_members),
    member("voice_query_model", 26, Shape::Only(&["model_name"]), none),
    member("synonym_sets", 30, Shape::Value, empty),
    member("curation_sets", 30, Shape::Value, empty),
    member("created_at", 0, Shape::Ignored, none),
    member("num_documents", 0, Shape::Ignored, none),
    member("num_memory_shards", 0, Shape::Ignored, none),
];

const FIELD: &[Member] = &[
    member("name", 0, Shape::Value, none),
    member("type", 0, Shape::Value, none),
    member("facet", 0, Shape::Value, off),
    member("optional", 0, Shape::Value, found_in_documents),
    member("index", 0, Shape::Value, on),
    member("sort", 0, Shape::Value, sortable),
    member("infix", 0, Shape::Value, off),
    member("locale", 0, Shape::Value, blank),
    member("num_dim", 0, Shape::Value, dimensions),
    member("vec_dist", 0, Shape::Shown, cosine),
    member("reference", 25, Shape::Value, blank),
    member("embed", 25, Shape::Object(EMBED), none),
    member("store", 26, Shape::Value, on),
    member("range_index", 26, Shape::Value, off),
    member("stem", 26, Shape::Value, off),
    member("hnsw_params", 26, Shape::Only(&["M", "ef_construction"]), none),
    member("async_reference", 27, Shape::Value, off),
    member("stem_dictionary", 28, Shape::Value, blank),
    member("token_separators", 28, Shape::Set, empty),
    member("symbols_to_index", 28, Shape::Set, empty),
    member("truncate_len", 30, Shape::Shown, none),
];

const EMBED: &[Member] = &[
    member("from", 25, Shape::Value, none),
    member("mapping", 29, Shape::Value, none),
    // Credentials are shown masked.
    member("model_config", 25, Shape::Only(&["model_name", "indexing_prefix", "query_prefix"]), none),
];

/// `synonyms` of a collection, and the items of a synonym set.
pub const SYNONYM: &[Member] = &[
    member("id", 0, Shape::Value, none),
    member("root", 0, Shape::Value, blank),
    member("synonyms", 0, Shape::Value, empty),
    member("locale", 0, Shape::Value, blank),
    member("symbols_to_index", 0, Shape::Set, empty),
];

/// `overrides` of a collection, and the items of a curation set.
pub const OVERRIDE: &[Member] = &[
    member("id", 0, Shape::Value, none),
    member("rule", 0, Shape::Object(RULE), none),
    member("includes", 0, Shape::Value, empty),
    member("excludes", 0, Shape::Value, empty),
    member("filter_by", 0, Shape::Value, blank),
    member("sort_by", 0, Shape::Value, blank),
    member("replace_query", 0, Shape::Value, blank),
    member("remove_matched_tokens", 0, Shape::Value, with_filter),
    member("filter_curated_hits", 0, Shape::Value, off),
    member("stop_processing", 0, Shape::Value, on),
    member("effective_from_ts", 0, Shape::Value, none),
    member("effective_to_ts", 0, Shape::Value, none),
    member("metadata", 26, Shape::Value, no_members),
    member("diversity", 30, Shape::Value, none),
];

const RULE: &[Member] = &[
    member("query", 0, Shape::Value, none),
    member("match", 0, Shape::Value, none),
    member("filter_by", 0, Shape::Value, none),
    member("tags", 25, Shape::Set, empty),
    member("synonyms", 30, Shape::Value, off),
    member("stem", 30, Shape::Value, off),
];

/// `synonym_sets`
pub const SYNONYM_SET: &[Member] =
    &[member("name", 0, Shape::Value, none), member("items", 0, Shape::List("id", SYNONYM), empty)];

/// `curation_sets`
pub const CURATION_SET: &[Member] = &[
    member("name", 0, Shape::Value, none),
    member("items", 0, Shape::List("id", OVERRIDE), empty),
    member("description", 0, Shape::Shown, none),
];

/// `stopwords`
pub const STOPWORDS: &[Member] = &[
    member("id", 0, Shape::Value, none),
    member("stopwords", 0, Shape::Words, none),
    member("locale", 0, Shape::Value, blank),
];

/// `presets`
pub const PRESET: &[Member] =
    &[member("name", 0, Shape::Value, none), member("value", 0, Shape::Value, none)];

/// `stemming_dictionaries`
pub const STEMMING_DICTIONARY: &[Member] =
    &[member("id", 0, Shape::Value, none), member("words", 0, Shape::Set, empty)];

/// `analytics_rules`
pub const ANALYTICS_RULE: &[Member] = &[
    member("name", 0, Shape::Value, none),
    member("type", 0, Shape::Value, none),
    // The server adds defaults of its own to them.
    member("params", 0, Shape::Loose, none),
    member("collection", 30, Shape::Value, none),
    member("event_type", 30, Shape::Value, none),
    member("rule_tag", 30, Shape::Value, blank),
];

/// `keys`
pub const KEY: &[Member] = &[
    member("description", 0, Shape::Value, none),
    member("actions", 0, Shape::Set, none),
    member("collections", 0, Shape::Set, none),
    member("expires_at", 0, Shape::Value, never),
    member("autodelete", 26, Shape::Value, off),
    member("value_prefix", 0, Shape::Value, none),
    member("value_env", 0, Shape::Ignored, none),
    member("id", 0, Shape::Ignored, none),
];

/// `limits`, in the form in which they are posted: the server shows them in another.
pub const LIMIT: &[Member] = &[
    member("action", 0, Shape::Value, none),
    member("api_keys", 0, Shape::Secret, empty),
    member("api_keys_env", 0, Shape::Ignored, none),
    member("ip_addresses", 0, Shape::Set, empty),
    member("max_requests_60s", 0, Shape::Value, none),
    member("max_requests_1m", 25, Shape::Value, none),
    member("max_requests_1h", 0, Shape::Value, none),
    member("auto_ban_threshold_num", 0, Shape::Value, none),
    member("auto_ban_num_days", 0, Shape::Value, none),
    member("auto_ban_1m_threshold", 25, Shape::Value, none),
    member("auto_ban_1m_duration_hours", 25, Shape::Value, none),
    member("priority", 25, Shape::Value, zero),
    member("apply_limit_per_entity", 25, Shape::Shown, none),
];

/// `aliases`
pub const ALIAS: &[Member] =
    &[member("name", 0, Shape::Value, none), member("collection_name", 0, Shape::Value, none)];
