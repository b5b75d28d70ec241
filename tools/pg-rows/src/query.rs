//! The query, made into one that gives each row as a JSON object.

use std::collections::HashSet;
use std::fs;

use anyhow::{Result, anyhow};
use common::{Usage, pg};
use tokio_postgres::error::ErrorPosition;
use tokio_postgres::{Client, Statement};

use crate::cli::Cli;

/// The text of a query, without what may be left out at its end.
#[derive(Debug)]
pub struct Query(String);

impl Query {
    /// The query of the command line or of its file.
    ///
    /// # Errors
    /// [`Usage`] when the file cannot be read or there is nothing in it.
    pub fn open(cli: &Cli) -> Result<Self> {
        let text = match &cli.query_file {
            Some(path) => fs::read_to_string(path)
                .map_err(|err| Usage::Wrong(format!("cannot read --query-file {}: {err}", path.display())))?,
            None => cli.query.clone().unwrap_or_default(),
        };
        let text = text.trim_end_matches(|end: char| end == ';' || end.is_whitespace());
        if text.trim_start().is_empty() {
            return Err(Usage::Wrong("the query is empty".into()).into());
        }
        Ok(Self(text.to_owned()))
    }

    /// The statement to run. It has this many parameters.
    ///
    /// # Errors
    /// What is wrong with the query, in the server's words and with the place; [`Usage`] when the parameters are more or
    /// fewer, or a record could not hold its columns.
    pub async fn prepare(&self, client: &Client, params: usize) -> Result<Statement> {
        // Alone first: what the server says of it is about the text that the user wrote.
        let alone = client.prepare(&self.0).await.map_err(|error| self.refused(error))?;
        if alone.params().len() != params {
            let (wanted, s) = (alone.params().len(), if alone.params().len() == 1 { "" } else { "s" });
            return Err(
                Usage::Wrong(format!("the query has {wanted} parameter{s}, and {params} are given")).into()
            );
        }
        let mut names = HashSet::new();
        if let Some(twice) = alone.columns().iter().find(|column| !names.insert(column.name())) {
            let name = twice.name();
            let message = format!("two columns are named {name:?}: give one another name (AS other_name)");
            return Err(Usage::Wrong(message).into());
        }
        client.prepare(&self.as_json()).await.map_err(|error| {
            let words = pg::describe(&error);
            anyhow!("the query cannot stand in parentheses, as SELECT, VALUES, TABLE and WITH can: {words}")
        })
    }

    /// The star makes it the whole row even where a column has the alias's name; the line end closes a comment.
    fn as_json(&self) -> String {
        format!("select pg_catalog.row_to_json(pg_rows.*) from (\n{}\n) pg_rows", self.0)
    }

    /// With the place in the text where that is at fault (class 42 of the SQLSTATEs), and not a lock, say.
    fn refused(&self, error: tokio_postgres::Error) -> anyhow::Error {
        let answer = error.as_db_error().filter(|answer| answer.code().code().starts_with("42"));
        let Some(&ErrorPosition::Original(position)) = answer.and_then(|answer| answer.position()) else {
            return error.into();
        };
        let (line, column) = place(&self.0, position as usize);
        anyhow!("the query is wrong at line {line}, column {column}: {}", pg::describe(&error))
    }
}

/// Line and column, both from 1, of a character counted from 1.
fn place(text: &str, position: usize) -> (usize, usize) {
    let before: String = text.chars().take(position.saturating_sub(1)).collect();
    let column = before.chars().rev().take_while(|&char| char != '\n').count() + 1;
    (before.matches('\n').count() + 1, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_characters() {
        let text = "é\n東x\n";
        assert_eq!(
            [1, 2, 3, 4, 5].map(|position| place(text, position)),
            [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3)]
        );
    }
}
