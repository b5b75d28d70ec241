//! How an object of the file differs from the one that the server shows.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::kind::members::{Member, Shape, is_dynamic};

/// The longest value that a difference shows, in bytes.
const SHOWN: usize = 200;

/// What differs, one line of words for each, such as `fields.age.type: int64 in the file, int32 in the cluster`.
///
/// What the file leaves out is no difference where the server has its default; where no default is known, the server may
/// have anything.
pub fn differences(wanted: &Value, found: &Value, members: &[Member]) -> Vec<String> {
    let mut differences = Vec::new();
    object(wanted, found, members, "", &mut differences);
    differences
}

fn object(wanted: &Value, found: &Value, members: &[Member], path: &str, out: &mut Vec<String>) {
    for member in members {
        let path = format!("{path}{}", member.name);
        let default = (member.default)(wanted);
        let (given, shown) = (wanted.get(member.name), found.get(member.name));
        if matches!(member.shape, Shape::Ignored) || matches!(member.shape, Shape::Shown) && shown.is_none() {
            continue;
        }
        match (given.or(default.as_ref()), shown.or(default.as_ref())) {
            (None, _) => {}
            (Some(wanted), None) => {
                out.push(format!("{path}: {} in the file, nothing in the cluster", text(wanted)))
            }
            (Some(wanted), Some(found)) => value(wanted, found, &member.shape, &path, out),
        }
    }
    // Members that only a newer release knows have no shape here, and what the file has is wanted all the same.
    let unknown = wanted.as_object().into_iter().flatten();
    for (name, wanted) in unknown.filter(|(name, _)| members.iter().all(|member| member.name != *name)) {
        let path = format!("{path}{name}");
        match found.get(name) {
            None => out.push(format!("{path}: {} in the file, nothing in the cluster", text(wanted))),
            Some(found) => value(wanted, found, &Shape::Value, &path, out),
        }
    }
}

fn value(wanted: &Value, found: &Value, shape: &Shape, path: &str, out: &mut Vec<String>) {
    let equal = match shape {
        Shape::Object(members) if wanted.is_object() && found.is_object() => {
            return object(wanted, found, members, &format!("{path}."), out);
        }
        Shape::List(identity, members) if wanted.is_array() && found.is_array() => {
            return list(wanted, found, identity, members, path, out);
        }
        Shape::Set | Shape::Secret => as_set(wanted) == as_set(found),
        Shape::Words => words(wanted) == words(found),
        Shape::Only(names) => names.iter().all(|name| {
            wanted.get(name).is_none_or(|wanted| found.get(name).is_some_and(|found| same(wanted, found)))
        }),
        Shape::Loose => holds(found, wanted),
        _ => same(wanted, found),
    };
    match shape {
        _ if equal => {}
        Shape::Secret => out.push(format!("{path}: others in the file than in the cluster")),
        _ => out.push(format!("{path}: {} in the file, {} in the cluster", text(wanted), text(found))),
    }
}

fn list(
    wanted: &Value,
    found: &Value,
    identity: &str,
    members: &[Member],
    path: &str,
    out: &mut Vec<String>,
) {
    let (wanted, found) = (items(wanted), items(found));
    for item in wanted {
        // The server drops a field of this name: every document has it.
        let Some(name) = name(item, identity).filter(|name| (identity, *name) != ("name", "id")) else {
            continue;
        };
        // Two fields may have one name: the pattern `string*`, and what documents made of it.
        let best = found
            .iter()
            .filter(|found| self::name(found, identity) == Some(name))
            .map(|found| {
                let mut differences = Vec::new();
                object(item, found, members, &format!("{path}.{name}."), &mut differences);
                differences
            })
            .min_by_key(Vec::len);
        match best {
            Some(differences) => out.extend(differences),
            None => out.push(format!("{path}.{name}: only in the file")),
        }
    }
    for name in found.iter().filter_map(|item| name(item, identity)) {
        let wants = |item: &Value| self::name(item, identity) == Some(name) || brings(item, name);
        if !wanted.iter().any(wants) {
            out.push(format!("{path}.{name}: only in the cluster"));
        }
    }
}

/// Whether documents can bring a field of this name along under this one: a pattern, or an object with members.
fn brings(field: &Value, name: &str) -> bool {
    let Some(own) = self::name(field, "name") else { return false };
    let is_object = matches!(self::name(field, "type"), Some("object" | "object[]"));
    let below = |name: &str| name.strip_prefix(own).is_some_and(|rest| rest.starts_with('.'));
    let matches = || regex::Regex::new(&format!("^(?:{own})$")).is_ok_and(|pattern| pattern.is_match(name));
    is_object && below(name) || is_dynamic(field) && (below(name) || matches())
}

fn items(list: &Value) -> &[Value] {
    list.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn name<'a>(item: &'a Value, identity: &str) -> Option<&'a str> {
    item.get(identity).and_then(Value::as_str)
}

fn as_set(list: &Value) -> BTreeSet<String> {
    items(list).iter().map(Value::to_string).collect()
}

fn words(list: &Value) -> BTreeSet<String> {
    let texts = items(list).iter().filter_map(Value::as_str);
    texts.flat_map(str::split_whitespace).map(str::to_lowercase).collect()
}

/// Equal as JSON, where serde_json tells the number 1 from 1.0.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

/// Whether a value is there, with more members in its objects or not.
fn holds(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            wanted.iter().all(|(name, wanted)| found.get(name).is_some_and(|found| holds(found, wanted)))
        }
        _ => same(found, wanted),
    }
}

fn text(value: &Value) -> String {
    let text = match value {
        Value::String(text) if !text.is_empty() => text.clone(),
        value => value.to_string(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;
    use proptest::prelude::*;
    use serde_json::json;

    /// As 0.24.1 answers for a collection that was posted with names and types alone.
    fn shown() -> Value {
        json!({
            "created_at": 1_795_573_454, "default_sorting_field": "", "enable_nested_fields": true,
            "fields": [
                {"facet":false,"index":true,"infix":false,"locale":"","name":"name","optional":false,"sort":false,"type":"string"},
                {"facet":false,"index":true,"infix":false,"locale":"","name":"age","optional":false,"sort":true,"type":"int32"},
                {"facet":false,"index":true,"infix":false,"locale":"","name":"x_.*","optional":true,"sort":false,"type":"auto"},
                {"facet":false,"index":true,"infix":false,"locale":"","name":"addr","optional":false,"sort":false,"type":"object"},
                {"facet":false,"index":true,"infix":false,"locale":"","name":"vec","num_dim":4,"optional":false,"sort":false,"type":"float[]"}
            ],
            "name": "people_2026", "num_documents": 7, "symbols_to_index": [], "token_separators": []
        })
    }

    fn short() -> Value {
        json!({"name": "people", "enable_nested_fields": true, "fields": [
            {"name":"vec","type":"float[]","num_dim":4}, {"name":"addr","type":"object"}, {"name":"x_.*","type":"auto"},
            {"name":"age","type":"int32"}, {"name":"name","type":"string"}, {"name":"id","type":"string"}
        ]})
    }

    fn collections(wanted: &Value, found: &Value) -> Vec<String> {
        differences(wanted, found, Kind::Collection.members())
    }

    #[test]
    fn what_the_server_fills_in_is_no_difference() {
        assert_eq!(collections(&short(), &shown()), [""; 0]);
        assert_eq!(collections(&shown(), &shown()), [""; 0]);
    }

    #[test]
    fn each_default_that_is_not_there_is_one() {
        for (member, value, expected) in [
            ("facet", json!(true), "fields.name.facet: false in the file, true in the cluster"),
            ("optional", json!(true), "fields.name.optional: false in the file, true in the cluster"),
            ("sort", json!(true), "fields.name.sort: false in the file, true in the cluster"),
            ("locale", json!("de"), "fields.name.locale: \"\" in the file, de in the cluster"),
            ("store", json!(false), "fields.name.store: true in the file, false in the cluster"),
            ("type", json!("string[]"), "fields.name.type: string in the file, string[] in the cluster"),
        ] {
            let mut found = shown();
            found["fields"][0][member] = value;
            assert_eq!(collections(&short(), &found), [expected]);
        }
        let mut found = shown();
        found["token_separators"] = json!(["-"]);
        assert_eq!(
            collections(&short(), &found),
            ["token_separators: [] in the file, [\"-\"] in the cluster"]
        );
    }

    #[test]
    fn fields_are_missed_and_found_by_name() {
        let mut wanted = short();
        wanted["fields"][4] = json!({"name":"title","type":"string"});
        assert_eq!(
            collections(&wanted, &shown()),
            ["fields.title: only in the file", "fields.name: only in the cluster"]
        );
    }

    #[test]
    fn what_documents_brought_along_is_no_difference() {
        let mut found = shown();
        let fields = found["fields"].as_array_mut().unwrap();
        for name in ["x_color", "addr.city"] {
            fields.push(json!({"name":name,"type":"string","optional":true}));
        }
        assert_eq!(collections(&short(), &found), [""; 0]);
        found["fields"].as_array_mut().unwrap().push(json!({"name":"address","type":"string"}));
        assert_eq!(collections(&short(), &found), ["fields.address: only in the cluster"]);
    }

    #[test]
    fn a_pattern_and_what_it_made_share_a_name() {
        let field = |kind: &str| json!({"name":"d","type":kind,"optional":true});
        let wanted = json!({"fields":[field("string*")]});
        let found = json!({"fields":[field("string"), field("string*")]});
        assert_eq!(collections(&wanted, &found), [""; 0]);
    }

    #[test]
    fn members_of_a_newer_server_are_wanted_as_they_stand() {
        let wanted = json!({"fields":[], "brand_new": {"a": 1}});
        assert_eq!(
            collections(&wanted, &json!({"fields":[]})),
            ["brand_new: {\"a\":1} in the file, nothing in the cluster"]
        );
        assert_eq!(collections(&wanted, &json!({"fields":[], "brand_new": {"a": 1.0}})), [""; 0]);
    }

    #[test]
    fn an_embedding_model_gives_the_dimensions_and_hides_its_key() {
        let embed = |model: Value| json!({"from":["a"],"model_config":model});
        let wanted = json!({"fields":[{"name":"v","type":"float[]","embed":embed(json!({"model_name":"o/m","api_key_env":"K"}))}]});
        let mut found = json!({"fields":[{"name":"v","type":"float[]","num_dim":384,
            "embed":embed(json!({"model_name":"o/m","api_key":"sk-a***"}))}]});
        assert_eq!(collections(&wanted, &found), [""; 0]);
        found["fields"][0]["embed"]["model_config"]["model_name"] = "o/n".into();
        assert_eq!(collections(&wanted, &found).len(), 1);
    }

    #[test]
    fn words_that_the_server_cuts_and_lowers_are_the_same() {
        let wanted = json!({"id":"s","stopwords":["Germany","United States"]});
        let found = json!({"id":"s","stopwords":["states","germany","united"],"locale":""});
        assert_eq!(differences(&wanted, &found, Kind::Stopwords.members()), [""; 0]);
    }

    #[test]
    fn items_of_a_set_have_their_own_defaults() {
        let wanted = json!({"name":"s","items":[{"id":"b","synonyms":["x"]},{"id":"a","synonyms":["y"]}]});
        let found = json!({"name":"s","items":[{"id":"a","root":"","synonyms":["y"]},{"id":"b","root":"","synonyms":["z"]}]});
        let expected = ["items.b.synonyms: [\"x\"] in the file, [\"z\"] in the cluster"];
        assert_eq!(differences(&wanted, &found, Kind::SynonymSet.members()), expected);
    }

    #[test]
    fn parameters_may_have_more_of_the_servers_own() {
        let rule = |params: Value| json!({"name":"r","type":"popular_queries","params":params});
        let found = rule(json!({"limit":1000,"source":{"collections":["c"]},"expand_query":false}));
        let members = Kind::AnalyticsRule.members();
        assert_eq!(differences(&rule(json!({"source":{"collections":["c"]}})), &found, members), [""; 0]);
        assert_eq!(differences(&rule(json!({"source":{"collections":["d"]}})), &found, members).len(), 1);
        assert_eq!(differences(&rule(json!({"weight":1})), &found, members).len(), 1);
    }

    #[test]
    fn secrets_are_compared_and_not_shown() {
        let limit = |key: &str| json!({"action":"throttle","api_keys":[key],"max_requests_1h":1});
        let told = differences(&limit("s3cret"), &limit("other"), Kind::Limit.members());
        assert_eq!(told, ["api_keys: others in the file than in the cluster"]);
    }

    proptest! {
        #[test]
        fn an_object_does_not_differ_from_itself_in_another_order(seed: u64) {
            let mut shuffled = shown();
            fastrand::Rng::with_seed(seed).shuffle(shuffled["fields"].as_array_mut().unwrap());
            prop_assert_eq!(collections(&shown(), &shuffled), [""; 0]);
            prop_assert_eq!(collections(&short(), &shuffled), [""; 0]);
        }
    }
}
