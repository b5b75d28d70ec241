//! libpq's files: services and passwords ("The Connection Service File" and "The Password File" in its documentation).

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::settings::variable;
use crate::run::Usage;

/// Mode bits of everybody but the owner.
const OTHERS: u32 = 0o077;

/// The settings of a service, from the user's file or the system's.
pub(super) fn service(name: &str) -> Result<Vec<(String, String)>> {
    let user = match variable("PGSERVICEFILE")? {
        Some(path) => Some(PathBuf::from(path)),
        None => home(".pg_service.conf"),
    };
    let system = variable("PGSYSCONFDIR")?.map(|folder| Path::new(&folder).join("pg_service.conf"));
    for path in user.into_iter().chain(system) {
        if let Some(text) = read(&path)?
            && let Some(found) = section(&text, name)
        {
            return Ok(found);
        }
    }
    Err(Usage::Wrong(format!("PGSERVICE: no service {name} in pg_service.conf")).into())
}

fn section(text: &str, name: &str) -> Option<Vec<(String, String)>> {
    let mut found = None;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(heading) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            if found.is_some() {
                break;
            }
            found = (heading == name).then(Vec::new);
        } else if let (Some(found), Some((word, value))) = (&mut found, line.split_once('=')) {
            found.push((word.trim().to_owned(), value.trim().to_owned()));
        }
    }
    found
}

/// The password that a file has for this connection.
pub(super) fn password(config: &Config, file: Option<&str>) -> Result<Option<String>> {
    let Some(path) = file.map(PathBuf::from).or_else(|| home(".pgpass")) else { return Ok(None) };
    let Some(text) = read(&path)? else { return Ok(None) };
    let mode = fs::metadata(&path).map(|meta| meta.mode()).unwrap_or_default();
    if mode & OTHERS != 0 {
        tracing::warn!("{} is not used: others may read it (chmod 600)", path.display());
        return Ok(None);
    }
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        Some(Host::Unix(_)) => "localhost".to_owned(),
        None => config.get_hostaddrs().first().map(ToString::to_string).unwrap_or_default(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432).to_string();
    let wanted =
        [&host, &port, config.get_dbname().unwrap_or_default(), config.get_user().unwrap_or_default()];
    Ok(text.lines().filter(|line| !line.starts_with('#')).find_map(|line| matching(line, wanted)))
}

fn matching(line: &str, wanted: [&str; 4]) -> Option<String> {
    let fields = fields(line);
    let [names @ .., password] = fields.get(..5)? else { return None };
    let fits = names.iter().zip(wanted).all(|(field, wanted)| field == "*" || field == wanted);
    fits.then(|| password.clone())
}

/// The parts between colons; a backslash takes the next character as it is.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        let literal = match character {
            '\\' => characters.next(),
            // The password is the rest of the line but for its escapes.
            ':' if fields.len() < 5 => {
                fields.push(String::new());
                continue;
            }
            other => Some(other),
        };
        if let Some(last) = fields.last_mut() {
            last.extend(literal);
        }
    }
    fields
}

fn read(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn home(name: &str) -> Option<PathBuf> {
    std::env::home_dir().map(|home| home.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_its_own_section_only() {
        let text = "# services\n[a]\nhost=one\n\n[b]\nhost = two\nuser=u=v\n[c]\nhost=three\n";
        let pair = |word: &str, value: &str| (word.to_owned(), value.to_owned());
        assert_eq!(section(text, "b"), Some(vec![pair("host", "two"), pair("user", "u=v")]));
        assert_eq!(section(text, "d"), None);
    }

    #[test]
    fn the_first_line_that_fits_gives_the_password() {
        let wanted = ["h:1", "5432", "d", "u"];
        assert_eq!(matching(r"h\:1:5432:d:u:a\\b\:c", wanted), Some(r"a\b:c".to_owned()));
        assert_eq!(matching("*:*:*:u:p", wanted), Some("p".to_owned()));
        assert_eq!(matching("*:*:*:other:p", wanted), None);
        assert_eq!(matching("*:*:*:u", wanted), None);
    }
}
