//! The PostgreSQL that a machine may have of its own.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder with `initdb` and `postgres` of this major version.
pub(super) fn binaries(major: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&path).collect();
    folders.extend(from_pg_config());
    folders.push(Path::new("/usr/lib/postgresql").join(major).join("bin"));
    let found = folders.into_iter().find(|folder| is_version(&folder.join("postgres"), major))?;
    // A link on PATH does not lie beside the other programs.
    found.join("postgres").canonicalize().ok()?.parent().map(Path::to_owned)
}

fn from_pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().into())
}

/// It says `postgres (PostgreSQL) 15.14 (Debian ...)`.
fn is_version(program: &Path, major: &str) -> bool {
    let Ok(output) = Command::new(program).arg("--version").output() else { return false };
    let version = String::from_utf8_lossy(&output.stdout);
    version.split(' ').nth(2).and_then(|version| version.split('.').next()) == Some(major)
}
