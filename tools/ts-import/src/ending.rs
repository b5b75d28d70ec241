//! Whether the input was whole: a pipe that ends looks the same whether its source was done or had failed.

use anyhow::{Result, bail};

use crate::source::Trailer;

/// What was read, and what was to be read.
#[derive(Debug)]
pub struct Ending {
    expected: Option<u64>,
    trailer: bool,
    read: u64,
    since: u64,
    ended: bool,
    wrong: Option<String>,
}

impl Ending {
    /// Nothing read yet; `expected` lines are to come, or trailers that count them.
    pub fn new(expected: Option<u64>, trailer: bool) -> Self {
        Self { expected, trailer, read: 0, since: 0, ended: false, wrong: None }
    }

    /// Counts a line that is no trailer.
    pub fn line(&mut self) {
        (self.read, self.since, self.ended) = (self.read + 1, self.since + 1, false);
    }

    /// Compares with what a source says. There are several in the outputs of several sources after one another.
    pub fn trailer(&mut self, trailer: Trailer) {
        let Trailer { rows, complete } = trailer;
        let since = std::mem::take(&mut self.since);
        self.ended = true;
        if !complete {
            self.wrong.get_or_insert(format!("the source says that its {rows} rows are not all"));
        } else if rows != since {
            self.wrong.get_or_insert(format!("the source wrote {rows} rows, and {since} were read"));
        }
    }

    /// # Errors
    /// The input is not what it was to be.
    pub fn check(&self) -> Result<()> {
        let remedy = "what was read is imported; see why the source ended, and run it again";
        match (self.expected, &self.wrong) {
            (Some(expected), _) if expected != self.read => {
                bail!("the input has {} documents, not {expected} (--expect-count): {remedy}", self.read)
            }
            (_, Some(wrong)) if self.trailer => bail!("{wrong} (--expect-trailer): {remedy}"),
            _ if self.trailer && !self.ended => {
                bail!(
                    "the input ends after {} documents without a trailer (--expect-trailer): {remedy}",
                    self.read
                )
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines and trailers in their order.
    fn checked(
        expected: Option<u64>,
        trailer: bool,
        lines: &[Result<(), (u64, bool)>],
    ) -> Result<(), String> {
        let mut ending = Ending::new(expected, trailer);
        for line in lines {
            match *line {
                Ok(()) => ending.line(),
                Err((rows, complete)) => ending.trailer(Trailer { rows, complete }),
            }
        }
        ending.check().map_err(|error| error.to_string())
    }

    #[test]
    fn a_trailer_is_the_last_line_and_counts_those_before_it() {
        let line = Ok(());
        assert_eq!(checked(None, true, &[line, line, Err((2, true))]), Ok(()));
        assert_eq!(
            checked(None, true, &[line, Err((1, true)), Err((0, true)), line, Err((1, true))]),
            Ok(())
        );
        for (lines, words) in [
            (&[line, line][..], "without a trailer"),
            (&[], "after 0 documents without a trailer"),
            (&[line, Err((1, true)), line], "without a trailer"),
            (&[line, Err((2, true))], "wrote 2 rows, and 1 were read"),
            (&[line, Err((2, true)), line, Err((1, true))], "wrote 2 rows"),
            (&[line, Err((1, false))], "not all"),
        ] {
            assert!(checked(None, true, lines).is_err_and(|why| why.contains(words)), "{words}");
            assert_eq!(checked(None, false, lines), Ok(()));
        }
    }

    #[test]
    fn a_count_is_of_documents_alone() {
        let line = Ok(());
        assert_eq!(checked(Some(2), false, &[line, line, Err((9, true))]), Ok(()));
        assert!(checked(Some(2), false, &[line]).is_err_and(|why| why.contains("has 1 documents, not 2")));
        assert!(checked(Some(0), true, &[]).is_err());
    }
}
