//! Where events are sent.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use reqwest::Url;

/// Bytes of a hash that are kept of a query.
const MARK: usize = 4;

/// The URL of a handler: https, or plain http that stays on this machine.
#[derive(Clone, Debug)]
pub struct Target(Url);

impl Target {
    /// The URL as it is called.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// The URL as it is kept to tell handlers apart: of its query, which may be a token, a mark alone.
    pub fn marked(&self) -> String {
        let Some(query) = self.0.query() else { return self.to_string() };
        // The beginning of a hash is enough to notice another query, and too little to find out this one.
        let hash = digest(&SHA256, query.as_bytes());
        let mark: String = hash.as_ref().iter().take(MARK).map(|byte| format!("{byte:02x}")).collect();
        format!("{self}?({mark})")
    }

    /// Whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for Target {
    type Err = String;

    /// The reason does not repeat the text: it may hold a password.
    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|_| "no URL, as in https://app.example.com/webhooks/stripe")?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err("a handler is at https://HOST/PATH".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a user or password in a URL is seen by everybody on this machine".to_owned());
        }
        if url.fragment().is_some() {
            return Err("what follows # is never sent".to_owned());
        }
        let target = Self(url);
        if target.0.scheme() == "http" && !target.is_loopback() {
            return Err("http is unencrypted and only for handlers on this machine: use https".to_owned());
        }
        Ok(target)
    }
}

/// Without the query, where some handlers expect a token.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.clone();
        shown.set_query(None);
        shown.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for (text, loopback) in [
            ("https://app.example.com/webhooks/stripe", false),
            ("https://localhost/a", true),
            ("http://localhost:3000/a", true),
            ("http://127.0.0.2/a", true),
            ("http://[::1]:3000", true),
        ] {
            assert_eq!(text.parse::<Target>().map(|target| target.is_loopback()), Ok(loopback), "{text}");
        }
        for text in ["http://app.example.com/a", "http://10.0.0.1", "http://localhost.example.com"] {
            assert!(text.parse::<Target>().is_err_and(|why| why.contains("use https")), "{text}");
        }
    }

    #[test]
    fn what_is_no_handler_is_refused_without_its_password() {
        for text in
            ["app.example.com/a", "ftp://a/b", "https://u:hush@a/b", "https://hush@a", "https://a/#b", ""]
        {
            assert!(text.parse::<Target>().is_err_and(|why| !why.contains("hush")), "{text}");
        }
    }

    #[test]
    fn a_query_is_sent_and_not_shown() {
        let target: Target = "https://a/b?token=hush".parse().unwrap();
        assert_eq!((target.url().query(), target.to_string().as_str()), (Some("token=hush"), "https://a/b"));
    }

    #[test]
    fn what_is_kept_of_a_query_tells_it_apart_and_does_not_show_it() {
        let of = |text: &str| text.parse::<Target>().unwrap().marked();
        assert_eq!(of("https://a/b"), "https://a/b");
        let one = of("https://a/b?tenant=x&hush");
        assert!(
            one.starts_with("https://a/b?(") && !one.contains("hush") && !one.contains("tenant"),
            "{one}"
        );
        assert_eq!(of("https://a/b?tenant=x&hush"), one);
        assert_ne!(of("https://a/b?tenant=y&hush"), one);
    }
}
