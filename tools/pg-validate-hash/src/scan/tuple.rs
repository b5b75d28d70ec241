//! The rows inside a binary COPY ("File Formats, Binary Format" on PostgreSQL's page of COPY).

use anyhow::{Result, bail};

/// What every binary COPY begins with; 4 bytes of flags and 4 of the length of an extension follow.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// Takes a binary COPY apart, message by message, and proves that it is whole.
#[derive(Debug)]
pub struct Tuples {
    columns: i16,
    begun: bool,
    ended: bool,
}

impl Tuples {
    /// A COPY of this many columns.
    pub fn new(columns: i16) -> Self {
        Self { columns, begun: false, ended: false }
    }

    /// Gives each tuple of a message to `row`, with the field count that it begins with.
    ///
    /// # Errors
    /// The bytes are not what such a COPY has, or `row` fails.
    pub fn each(&mut self, message: &[u8], mut row: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut rest = message;
        if !self.begun {
            rest = head(rest)?;
            self.begun = true;
        }
        while !rest.is_empty() {
            if self.ended {
                bail!("the server sent {} bytes behind the end of its COPY", rest.len());
            }
            let Some(length) = self.tuple(rest) else {
                bail!("the server sent a row that is not of {} columns", self.columns)
            };
            let (tuple, next) = rest.split_at(length);
            if !self.ended {
                row(tuple)?;
            }
            rest = next;
        }
        Ok(())
    }

    /// The length of the tuple or trailer that begins here.
    fn tuple(&mut self, bytes: &[u8]) -> Option<usize> {
        let count = i16::from_be_bytes(*bytes.first_chunk()?);
        self.ended = count == -1;
        if self.ended {
            return Some(2);
        }
        (count == self.columns).then_some(())?;
        let mut end = 2;
        for _ in 0..count {
            end = field(bytes, end)?.1;
        }
        Some(end)
    }

    /// Proves that the COPY came to its own end.
    ///
    /// # Errors
    /// It did not.
    pub fn finish(&self) -> Result<()> {
        if !self.ended {
            bail!("the server's COPY ended without its trailer");
        }
        Ok(())
    }
}

fn head(bytes: &[u8]) -> Result<&[u8]> {
    let rest = bytes.strip_prefix(SIGNATURE).and_then(|rest| rest.split_at_checked(4));
    let rest = rest.and_then(|(_, rest)| rest.split_first_chunk::<4>());
    let rest = rest.and_then(|(length, rest)| rest.get(usize::try_from(u32::from_be_bytes(*length)).ok()?..));
    match rest {
        Some(rest) => Ok(rest),
        None => bail!("the server's COPY does not begin as one"),
    }
}

/// The bytes of the field whose length stands at `at` (nothing for a null), and where the next one begins.
pub fn field(tuple: &[u8], at: usize) -> Option<(Option<&[u8]>, usize)> {
    let length = i32::from_be_bytes(*tuple.get(at..)?.first_chunk()?);
    match usize::try_from(length) {
        Ok(length) => {
            let end = (at + 4).checked_add(length)?;
            Some((Some(tuple.get(at + 4..end)?), end))
        }
        Err(_) if length == -1 => Some((None, at + 4)),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

    fn run(columns: i16, messages: &[&[u8]]) -> Result<Vec<Vec<u8>>> {
        let mut tuples = Tuples::new(columns);
        let mut rows = Vec::new();
        for message in messages {
            tuples.each(message, |row| {
                rows.push(row.to_vec());
                Ok(())
            })?;
        }
        tuples.finish()?;
        Ok(rows)
    }

    #[test]
    fn rows_come_out_whatever_messages_hold_them() {
        let (one, two) = (b"\0\x02\0\0\0\x01a\xff\xff\xff\xff", b"\0\x02\0\0\0\0\0\0\0\x02bc");
        let wanted = vec![one.to_vec(), two.to_vec()];
        let split = run(2, &[HEAD, one, two, b"\xff\xff"]).unwrap();
        let joined = run(2, &[&[HEAD, one, two, b"\xff\xff"].concat()]).unwrap();
        assert_eq!((split, joined), (wanted.clone(), wanted));
        assert_eq!(run(0, &[HEAD, b"\0\0", b"\0\0\xff\xff"]).unwrap().len(), 2);
    }

    #[test]
    fn a_copy_that_is_not_whole_is_an_error() {
        let row: &[u8] = b"\0\x01\0\0\0\x01a";
        for (messages, says) in [
            (vec![HEAD, row], "without its trailer"),
            (vec![HEAD, b"\xff\xff", row], "behind the end"),
            (vec![HEAD, &row[..5], b"\xff\xff"], "not of 1 columns"),
            (vec![HEAD, b"\0\x02\0\0\0\x01a\0\0\0\0", b"\xff\xff"], "not of 1 columns"),
            (vec![&HEAD[..12]], "does not begin"),
        ] {
            let error = run(1, &messages).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
