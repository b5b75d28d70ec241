//! The database to rehearse on, as `scripts/rehearsal.sql` makes it.

use super::execute;

const SCRIPT: &str = include_str!("../../../scripts/rehearsal.sql");

/// Makes the schemas `rehearsal`, `Odd Names` and `search` in an empty database, with the script's numbers of rows.
///
/// # Panics
/// If the server refuses.
#[track_caller]
pub fn rehearse(url: &str) {
    execute(url, SCRIPT);
}

/// As [`rehearse`], with so many people, studios and pieces of work to search for.
///
/// # Panics
/// If the server refuses.
#[track_caller]
pub fn rehearse_with(url: &str, people: u32, studios: u32, work: u32) {
    let sizes = format!(
        "set rehearsal.people = {people}; set rehearsal.studios = {studios}; set rehearsal.work = {work};"
    );
    execute(url, &format!("{sizes}{SCRIPT}"));
}
