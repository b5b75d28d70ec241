//! The proof that the end of a file is what a listing was writing when it ended.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::line::Piece;

/// Bytes of a line's BLAKE3 that an intent has of it.
const MARK: usize = 4;

/// The marks of whole lines, and how many lines they are.
pub fn marks(lines: &[u8]) -> (String, u64) {
    let mut records = 0;
    let marks: Vec<u8> =
        lines.split_inclusive(|&byte| byte == b'\n').inspect(|_| records += 1).flat_map(mark).collect();
    (STANDARD_NO_PAD.encode(marks), records)
}

fn mark(line: &[u8]) -> [u8; MARK] {
    let mut mark = [0; MARK];
    blake3::Hasher::new().update(line).finalize_xof().fill(&mut mark);
    mark
}

/// How many of the bytes between `from` and the end of a file, at `to`, are not those of these pieces: 0 where there are
/// whole lines of theirs, in order, and then at most the beginning of the next one. Every line begins with `start`.
///
/// # Errors
/// When the file cannot be read.
pub fn foreign<'a>(
    file: &File,
    (from, to): (u64, u64),
    pieces: impl Iterator<Item = &'a Piece>,
    start: &[u8],
) -> io::Result<u64> {
    let mut file = file;
    file.seek(SeekFrom::Start(from))?;
    let mut reader = BufReader::new(file.take(to - from));
    let mut at = from;
    for piece in pieces {
        let marks = STANDARD_NO_PAD.decode(&piece.marks).unwrap_or_default();
        if at == to || piece.at != at {
            break;
        }
        for mark_of_line in marks.chunks(MARK) {
            let left = piece.end().saturating_sub(at);
            let mut line = Vec::new();
            reader.by_ref().take(left).read_until(b'\n', &mut line)?;
            let length = line.len() as u64;
            if !line.ends_with(b"\n") {
                let begins = line.starts_with(start) || start.starts_with(&line);
                let is_ours = at + length == to && length < left && begins;
                return Ok(if is_ours { 0 } else { to - at });
            }
            if mark(&line) != mark_of_line {
                return Ok(to - at);
            }
            at += length;
        }
    }
    Ok(to - at)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const START: &[u8] = b"{\"bucket\":\"b\",";

    fn line(n: u32) -> Vec<u8> {
        [START, format!("\"key\":\"{n}\"}}\n").as_bytes()].concat()
    }

    fn piece(at: u64, lines: &[Vec<u8>]) -> Piece {
        let lines = lines.concat();
        let (marks, records) = marks(&lines);
        Piece { run: 1, at, length: lines.len() as u64, records, keys: None, marks }
    }

    /// Behind six bytes of another.
    fn foreign_of(content: &[u8], pieces: &[Piece]) -> u64 {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"other\n").unwrap();
        file.write_all(content).unwrap();
        foreign(&file, (6, 6 + content.len() as u64), pieces.iter(), START).unwrap()
    }

    #[test]
    fn only_lines_of_the_pieces_in_their_order_are_ours() {
        let lines: Vec<_> = (0..5).map(line).collect();
        let first = piece(6, &lines[..2]);
        let pieces = [first.clone(), piece(first.end(), &lines[2..4])];
        let whole = lines[..4].concat();
        for length in 0..=whole.len() {
            assert_eq!(foreign_of(&whole[..length], &pieces), 0, "cut after {length}");
        }
        let len = lines[0].len() as u64;
        for (content, expected) in [
            // More than was intended, another line in a line's place, and lines in another order.
            (lines.concat(), len),
            ([&lines[0], &b"notes\n".to_vec()].map(Vec::as_slice).concat(), 6),
            ([&lines[1], &lines[0]].map(Vec::as_slice).concat(), 2 * len),
            ([&whole, &b"x".to_vec()].map(Vec::as_slice).concat(), 1),
            // What has no line end and begins as no line of ours does, or has more behind it.
            ([&lines[0], &b"secret".to_vec()].map(Vec::as_slice).concat(), 6),
            ([&lines[0], &lines[1][..9], b"\n"].concat(), 10),
        ] {
            assert_eq!(foreign_of(&content, &pieces), expected, "{}", String::from_utf8_lossy(&content));
        }
        assert_eq!(foreign_of(&whole, &[]), whole.len() as u64);
        assert_eq!(foreign_of(&whole, &pieces[1..]), whole.len() as u64);
    }

    #[test]
    fn a_beginning_is_shorter_than_the_lines_that_were_intended() {
        let lines = [line(1)];
        let long = [START, &[b'x'; 100]].concat();
        assert_eq!(foreign_of(&long, &[piece(6, &lines)]), long.len() as u64);
    }
}
