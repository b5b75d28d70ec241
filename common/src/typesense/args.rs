//! Which cluster, and who asks: flags and the variables that Typesense's own examples use.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use reqwest::Url;
use reqwest::header::HeaderValue;

use super::cluster::Cluster;
use crate::http::Trouble;
use crate::run::{Ctx, Usage};
use crate::secret;

/// Where Typesense is and who asks.
#[derive(Args, Clone, Debug, Default)]
pub struct TypesenseArgs {
    /// The nodes of the cluster, as URLs with commas between them
    ///
    /// Without this flag they are in TS_NODES, or one is in TS_HOST, TS_PORT (8108) and TS_PROTOCOL (http).
    #[arg(long, value_name = "URL,...", value_delimiter = ',', value_parser = node, display_order = 700)]
    pub nodes: Vec<String>,

    /// Read the API key from the first line of FILE instead of taking it from TS_KEY
    #[arg(long, value_name = "FILE", display_order = 701)]
    pub key_file: Option<PathBuf>,
}

impl TypesenseArgs {
    /// The cluster, after at least one of its nodes has answered. Its requests are tried for `patience` each, and not
    /// after the run's stop signal.
    ///
    /// # Errors
    /// [`Usage`] for nodes or a key that are missing or cannot be read; no node answers.
    pub async fn connect(&self, ctx: &Ctx, patience: Duration) -> Result<Cluster, anyhow::Error> {
        let cluster = Cluster::new(self.addresses()?, self.key()?, patience, ctx.stop.clone())?;
        cluster.answers().await.map_err(|Trouble { message, .. }| {
            anyhow::anyhow!("no Typesense node answers: {message}; check --nodes or TS_NODES")
        })?;
        Ok(cluster)
    }

    /// The URLs of the nodes, in the order in which they are given.
    ///
    /// # Errors
    /// [`Usage`] for nodes that are missing or cannot be read.
    pub fn addresses(&self) -> Result<Vec<String>, Usage> {
        match &self.nodes[..] {
            [] => nodes_of(&variable),
            nodes => Ok(nodes.to_vec()),
        }
    }

    fn key(&self) -> Result<HeaderValue> {
        let Some(text) = secret::given(self.key_file.as_deref(), "TS_KEY")? else {
            let message = "no Typesense API key: set TS_KEY or give --key-file";
            return Err(Usage::Wrong(message.to_owned()).into());
        };
        let mut key = HeaderValue::from_str(&text)
            .map_err(|_| Usage::Wrong("the Typesense API key has characters that no key has".to_owned()))?;
        key.set_sensitive(true);
        Ok(key)
    }
}

/// A variable that is set and not empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn nodes_of(variable: &dyn Fn(&str) -> Option<String>) -> Result<Vec<String>, Usage> {
    if let Some(nodes) = variable("TS_NODES") {
        let nodes: Result<_, _> = nodes.split(',').map(|url| node(url.trim())).collect();
        return nodes.map_err(|why| Usage::Wrong(format!("TS_NODES: {why}")));
    }
    let missing = || Usage::Wrong("no Typesense node: give --nodes, or set TS_NODES or TS_HOST".to_owned());
    let host = variable("TS_HOST").ok_or_else(missing)?;
    let protocol = variable("TS_PROTOCOL").unwrap_or_else(|| "http".to_owned());
    let port = variable("TS_PORT").unwrap_or_else(|| "8108".to_owned());
    let url = node(&format!("{protocol}://{host}:{port}"));
    url.map(|url| vec![url]).map_err(|why| Usage::Wrong(format!("TS_PROTOCOL, TS_HOST, TS_PORT: {why}")))
}

/// The URL of a node as requests are built on it: without a slash at its end.
fn node(text: &str) -> Result<String, String> {
    let url = Url::parse(text).map_err(|_| format!("{text:?} is no URL, as in http://search-1:8108"))?;
    let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let usable = matches!(url.scheme(), "http" | "https") && url.has_host() && plain;
    let text = text.trim_end_matches('/');
    usable
        .then(|| text.to_owned())
        .ok_or_else(|| "a node is http://HOST:PORT or https://HOST:PORT".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(variables: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let lookup = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        nodes_of(&lookup).map_err(|usage| usage.to_string())
    }

    #[test]
    fn nodes_come_from_one_variable_or_from_three() {
        let both = [("TS_NODES", "http://a:1/, https://b/ts"), ("TS_HOST", "c")];
        assert_eq!(nodes(&both).unwrap(), ["http://a:1", "https://b/ts"]);
        assert_eq!(nodes(&[("TS_HOST", "c")]).unwrap(), ["http://c:8108"]);
        let three = [("TS_HOST", "c"), ("TS_PORT", "443"), ("TS_PROTOCOL", "https")];
        assert_eq!(nodes(&three).unwrap(), ["https://c:443"]);
        assert!(nodes(&[]).unwrap_err().contains("TS_HOST"));
    }

    #[test]
    fn what_is_no_node_is_refused_without_its_password() {
        for wrong in ["a:1", "ftp://a", "http://u:secret@a", "http://a?x-typesense-api-key=secret", ""] {
            let why = nodes(&[("TS_NODES", wrong)]);
            assert!(wrong.is_empty() || why.is_err_and(|why| !why.contains("secret")), "{wrong}");
        }
    }
}
