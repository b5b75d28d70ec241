//! Where to connect, as libpq finds it: what the URL leaves out comes from a service, then from variables, then from
//! defaults ("Parameter Key Words" and "Environment Variables" in the libpq chapter of PostgreSQL's documentation).

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::files;
use crate::run::Usage;

/// Where to connect, and whom to trust there.
pub(super) struct Settings {
    pub(super) config: Config,
    /// What `sslmode` was given, if any: what it means without one depends on the host.
    pub(super) ssl_mode: Option<String>,
    pub(super) ca_file: Option<PathBuf>,
}

/// libpq's words for settings, with the variables that give them.
const VARIABLES: [(&str, &str); 11] = [
    ("host", "PGHOST"),
    ("hostaddr", "PGHOSTADDR"),
    ("port", "PGPORT"),
    ("dbname", "PGDATABASE"),
    ("user", "PGUSER"),
    ("password", "PGPASSWORD"),
    ("passfile", "PGPASSFILE"),
    ("options", "PGOPTIONS"),
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
];

/// Settings of lower rank than the URL, by libpq's word for each.
type Words = HashMap<String, String>;

/// A variable's value; empty is the same as unset, as in libpq.
pub(super) fn variable(name: &str) -> Result<Option<String>> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(wrong(format!("{name} is not UTF-8"))),
    }
}

/// A variable that must be there, with its name.
pub(super) fn required(name: &str) -> Result<(String, String)> {
    let value = variable(name)?;
    value.map(|value| (name.to_owned(), value)).ok_or_else(|| wrong(format!("{name} is not set")))
}

/// Everything that is known, from a URL and the variable it came from, or without one.
pub(super) fn load(url: Option<(String, String)>) -> Result<Settings> {
    let (mut config, mut words) = match &url {
        Some((name, url)) => of_url(url).map_err(|why| wrong(format!("{name}: {why}")))?,
        None => (Config::new(), Words::new()),
    };
    if let Some(service) = variable("PGSERVICE")?.filter(|_| url.is_none()) {
        for (word, value) in files::service(&service)? {
            words.entry(word).or_insert(value);
        }
    }
    for (word, name) in VARIABLES {
        if let Some(value) = variable(name)? {
            words.entry(word.to_owned()).or_insert(value);
        }
    }
    fill(&mut config, &words)?;
    let ca_file = words.remove("sslrootcert").filter(|path| path != "system").map(PathBuf::from);
    Ok(Settings { config, ssl_mode: words.remove("sslmode"), ca_file })
}

/// The driver reads the URL, but for what it has no words for.
fn of_url(url: &str) -> Result<(Config, Words), &'static str> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err("not a URL as in postgres://user@host:5432/name");
    }
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let (mut words, mut rest) = (Words::new(), Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some((word @ ("sslmode" | "sslrootcert"), value)) => {
                let value = percent_encoding::percent_decode_str(value).decode_utf8();
                words.insert(word.to_owned(), value.map_err(|_| "a setting is not UTF-8")?.into_owned());
            }
            _ => rest.push(pair),
        }
    }
    // The driver's own message may quote the URL.
    let query = rest.join("&");
    let url = if query.is_empty() { base.to_owned() } else { format!("{base}?{query}") };
    let config = url.parse().map_err(|_| {
        "the URL cannot be read: percent-encode its special characters, and leave out settings but libpq's"
    })?;
    Ok((config, words))
}

fn fill(config: &mut Config, words: &Words) -> Result<()> {
    let word = |name: &str| words.get(name).map(String::as_str);
    let list = |name: &str| word(name).into_iter().flat_map(|list| list.split(','));
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        for host in list("host") {
            config.host(host);
        }
        for address in list("hostaddr") {
            config
                .hostaddr(address.parse().map_err(|_| wrong(format!("hostaddr: {address} is no address")))?);
        }
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            let socket = Path::new("/var/run/postgresql");
            config.host(if socket.is_dir() { "/var/run/postgresql" } else { "localhost" });
        }
    }
    if config.get_ports().is_empty() {
        for port in list("port") {
            config.port(port.parse().map_err(|_| wrong(format!("port: {port} is no port")))?);
        }
    }
    if config.get_user().is_none() {
        let user = word("user").map(str::to_owned).or_else(|| variable("USER").ok().flatten());
        config.user(user.context("no database user: name one in the URL or in PGUSER")?);
    }
    if config.get_dbname().is_none() {
        let name = word("dbname").or(config.get_user()).unwrap_or_default().to_owned();
        config.dbname(name);
    }
    if let (None, Some(options)) = (config.get_options(), word("options")) {
        config.options(options);
    }
    if let (None, Some(seconds)) = (config.get_connect_timeout(), word("connect_timeout")) {
        let seconds =
            seconds.parse().map_err(|_| wrong(format!("connect_timeout: {seconds} is no number")))?;
        config.connect_timeout(Duration::from_secs(seconds));
    }
    config.ssl_mode(ssl_mode(word("sslmode"), config)?);
    if config.get_password().is_none()
        && let Some(password) =
            word("password").map(str::to_owned).or(files::password(config, word("passfile"))?)
    {
        config.password(password);
    }
    Ok(())
}

/// TLS is verified in full or not used: an encrypted connection to nobody knows whom keeps no secret. So `require`,
/// `verify-ca` and `verify-full` are the same here. What is never sent over a network needs none unless asked for.
pub(super) fn ssl_mode(word: Option<&str>, config: &Config) -> Result<SslMode> {
    Ok(match word {
        Some("disable") => SslMode::Disable,
        Some("allow" | "prefer") => SslMode::Prefer,
        Some("require" | "verify-ca" | "verify-full") => SslMode::Require,
        Some(other) => return Err(wrong(format!("sslmode: no such mode: {other}"))),
        None if is_local(config) => SslMode::Disable,
        None => SslMode::Require,
    })
}

fn is_local(config: &Config) -> bool {
    let loopback = |text: &str| text == "localhost" || text.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    let addresses = config.get_hostaddrs();
    addresses.iter().all(IpAddr::is_loopback)
        && (!addresses.is_empty()
            || config.get_hosts().iter().all(|host| match host {
                Host::Unix(_) => true,
                Host::Tcp(name) => loopback(name),
            }))
}

fn wrong(message: String) -> anyhow::Error {
    Usage::Wrong(message).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_goes_before_the_words_and_the_words_fill_it() {
        let (mut config, mut words) =
            of_url("postgres://ann:a%40b@db.example/app?sslmode=verify-full&sslrootcert=%2Fca.pem").unwrap();
        words.insert("host".into(), "other.example".into());
        words.insert("dbname".into(), "other".into());
        words.insert("options".into(), "-c geqo=off".into());
        fill(&mut config, &words).unwrap();
        assert_eq!(config.get_hosts(), [Host::Tcp("db.example".into())]);
        assert_eq!((config.get_ports(), config.get_options()), (&[5432][..], Some("-c geqo=off")));
        assert_eq!((config.get_user(), config.get_dbname()), (Some("ann"), Some("app")));
        assert_eq!(config.get_password(), Some(&b"a@b"[..]));
        assert_eq!(config.get_ssl_mode(), SslMode::Require);
        assert_eq!(words["sslrootcert"], "/ca.pem");
    }

    #[test]
    fn what_crosses_a_network_is_encrypted_unless_told_otherwise() {
        for (url, mode) in [
            ("postgres://u@db.example/d", SslMode::Require),
            ("postgres://u@db.example/d?sslmode=require", SslMode::Require),
            ("postgres://u@db.example/d?sslmode=disable", SslMode::Disable),
            ("postgres://u@127.0.0.1/d", SslMode::Disable),
            ("postgres://u@localhost,db.example/d", SslMode::Require),
            ("postgres://u@127.0.0.1/d?sslmode=verify-full", SslMode::Require),
            ("postgres://u@%2Ftmp/d", SslMode::Disable),
        ] {
            let (mut config, words) = of_url(url).unwrap();
            fill(&mut config, &words).unwrap();
            assert_eq!(config.get_ssl_mode(), mode, "{url}");
        }
    }

    #[test]
    fn a_url_that_cannot_be_read_is_not_quoted() {
        for url in ["secret", "postgres://u:secret@h:port/d", "postgres://u:secret@h/d?nonsense=1"] {
            let why = of_url(url).err().unwrap();
            assert!(!why.contains("secret"), "{why}");
        }
    }
}
