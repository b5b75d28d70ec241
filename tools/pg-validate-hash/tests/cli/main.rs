//! The real binary against real PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod catalog;
mod compare;
mod connect;
mod contract;
mod diff;
mod examples;
mod faults;
mod hash;
mod same;
mod select;
mod vector;

use std::collections::BTreeMap;

use serde_json::Value;
use testkit::tool::{Output, Tool};

/// The tool on the database of a URL.
fn tool(url: &str) -> Tool {
    Tool::new("pg-validate-hash").env("DB_URL", url)
}

/// Runs the tool on the database of a URL.
fn run(url: &str, args: &[&str]) -> Output {
    tool(url).args(args).run()
}

/// Runs the tool on the database of a URL, compared with another.
fn against(url: &str, other: &str, args: &[&str]) -> Output {
    tool(url).env("OTHER", other).args(["--against-env", "OTHER"]).args(args).run()
}

/// The records of tables by their names.
fn tables(output: &Output) -> BTreeMap<String, Value> {
    let tables = output.records().into_iter().filter(|record| record["hash"].is_string());
    tables.map(|record| (text(&record["table"]), record)).collect()
}

/// The hashes by table.
fn hashes(output: &Output) -> BTreeMap<String, String> {
    tables(output).into_iter().map(|(table, record)| (table, text(&record["hash"]))).collect()
}

/// The kinds of rejects by the table or object that they are about.
fn rejected(output: &Output) -> BTreeMap<String, String> {
    let name = |reject: &Value| {
        let name = ["table", "name"].into_iter().find_map(|field| reject["record"][field].as_str());
        name.unwrap_or_default().to_owned()
    };
    output.rejects().iter().map(|reject| (name(reject), text(&reject["error"]["kind"]))).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// One expected entry of [`rejected`] or [`hashes`].
fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}
