//! `--journal`: wherever a run ended between intent, write and result, it is resumed, and only its own bytes are cut.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use testkit::s3::{Options, Put, Server};
use testkit::tool::Tool;

use super::gate::{Files, Gate, assert_refused, sorted, whole};
use super::parallel_faults::thirty_pages;
use super::{put, server_with, tool};

/// A few keys of a few versions on pages of three, of which some have nothing that is wanted.
fn few_pages() -> Server {
    let server = server_with(Options { max_page: 3, ..Options::default() });
    for (key, versions) in [("a", 1), ("b", 2), ("c", 4), ("k1", 3), ("k2", 2), ("m", 3), ("x", 1), ("z", 2)]
    {
        for n in 0..versions {
            put(&server, key, &"x".repeat(n), "10:00:00");
        }
    }
    server
}

/// What a run left behind.
struct Left {
    journal: Vec<u8>,
    written: Vec<u8>,
}

/// A run of one worker to its end.
fn finished(files: &Files, line: impl Fn() -> Tool) -> Left {
    files.appending(line().args(["--concurrency", "1"])).run().assert_code(0);
    Left { journal: fs::read(files.journal()).unwrap(), written: fs::read(files.written()).unwrap() }
}

/// The run that a line of the journal is of and the end of its piece, by the line's kind.
fn piece(line: &[u8], kind: &str) -> Option<(u64, usize)> {
    let line: Value = serde_json::from_slice(line).ok()?;
    let piece = line.get(kind)?.get("piece")?;
    let end = piece["at"].as_u64()? + piece["length"].as_u64()?;
    Some((piece["run"].as_u64()?, usize::try_from(end).ok()?))
}

/// What the files can be when a run ends after so many of its lines.
fn states(Left { journal, written }: &Left, lines: usize) -> Vec<Left> {
    let parts: Vec<_> = journal.split_inclusive(|&byte| byte == b'\n').collect();
    let pieces = |kind| parts[..lines].iter().filter_map(move |line| piece(line, kind));
    let noted = pieces("result").map(|(_, end)| end).max().unwrap_or(0);
    let run = pieces("result").chain(pieces("intent")).map(|(run, _)| run).max();
    // What an earlier run intended was cut when this one began.
    let intended = pieces("intent").filter(|&(of, _)| Some(of) == run).map(|(_, end)| end);
    let intended = intended.max().unwrap_or(0).max(noted);
    let torn = parts.get(lines).map_or(&[][..], |next| &next[..next.len() / 2]);
    let mut states = Vec::new();
    let mut lengths = vec![noted, noted + 1, (noted + intended) / 2, intended.saturating_sub(1), intended];
    lengths.retain(|length| (noted..=intended).contains(length));
    lengths.dedup();
    for length in lengths {
        for tail in [&[][..], torn] {
            let journal = [&parts[..lines].concat(), tail].concat();
            states.push(Left { journal, written: written[..length].to_vec() });
        }
    }
    states
}

fn lines_of(left: &Left) -> usize {
    left.journal.iter().filter(|&&byte| byte == b'\n').count()
}

impl Left {
    fn put_into(&self, files: &Files) {
        fs::write(files.journal(), &self.journal).unwrap();
        fs::write(files.written(), &self.written).unwrap();
    }
}

#[test]
fn a_run_is_resumed_wherever_it_ended() {
    let server = few_pages();
    for view in [&[][..], &["--regex", "[kz]"], &["--latest", "--ordered"]] {
        let line = || tool(&server).arg("s3://photos").args(view);
        let whole = sorted(line().run().text());
        let files = Files::new();
        let left = finished(&files, line);
        for lines in 1..=lines_of(&left) {
            for state in states(&left, lines) {
                state.put_into(&files);
                files.appending(line()).run().assert_code(0);
                assert_eq!(files.sorted(), whole, "{view:?}: {lines} lines, {} bytes", state.written.len());
                let journal = fs::read_to_string(files.journal()).unwrap();
                assert_eq!(journal.matches("\"complete\"").count(), 1, "{view:?}: {lines} lines");
            }
        }
    }
}

#[test]
fn a_run_that_resumed_and_ended_is_resumed_again() {
    let server = few_pages();
    let line = || tool(&server).arg("s3://photos");
    let whole = sorted(line().run().text());
    let files = Files::new();
    let left = finished(&files, line);
    let half = states(&left, lines_of(&left) / 2).pop().unwrap();
    half.put_into(&files);
    let second = finished(&files, line);
    for lines in lines_of(&half) + 1..=lines_of(&second) {
        for state in states(&second, lines) {
            state.put_into(&files);
            files.appending(line()).run().assert_code(0);
            assert_eq!(files.sorted(), whole, "{lines} lines, {} bytes", state.written.len());
        }
    }
}

#[test]
fn nothing_of_others_is_cut() {
    let server = few_pages();
    let line = || tool(&server).arg("s3://photos");
    let files = Files::new();
    let left = finished(&files, line);
    let start = b"{\"bucket\":\"photos\",\"key\":\"".to_vec();
    // From the first intent on, and but for the last two lines, after which nothing is left to list.
    for lines in 3..lines_of(&left) - 1 {
        for state in states(&left, lines) {
            let torn = !state.written.is_empty() && !state.written.ends_with(b"\n");
            for more in [&b"\n"[..], b"note", b"{\"bucket\":\"photos\"}\n", &[&start[..], b"b\"}\n"].concat()]
            {
                let written = [&state.written, more].concat();
                // What has no line end on a line that has none cannot be told from the rest of that line.
                if torn && (left.written.starts_with(&written) || !more.ends_with(b"\n")) {
                    continue;
                }
                let changed = Left { journal: state.journal.clone(), written };
                changed.put_into(&files);
                let output = files.appending(line()).run();
                assert_refused(&output, &["not this listing's", "nothing was cut", &files.written()]);
                assert_eq!(fs::read(files.written()).unwrap(), changed.written);
            }
        }
    }
}

#[test]
fn a_damaged_line_makes_no_record_come_twice() {
    let server = few_pages();
    let line = || tool(&server).arg("s3://photos");
    let whole = sorted(line().run().text());
    let files = Files::new();
    let left = finished(&files, line);
    let (mut resumed, mut refused) = (0, 0);
    let state = states(&left, lines_of(&left) - 2).swap_remove(0);
    for damaged in 1..lines_of(&state) {
        let mut lines: Vec<_> =
            state.journal.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
        let middle = lines[damaged].len() / 2;
        lines[damaged][middle] ^= 1;
        let changed = Left { journal: lines.concat(), written: state.written.clone() };
        changed.put_into(&files);
        let output = files.appending(line()).run();
        assert!(output.stderr.contains(&format!("line {} of the journal", damaged + 1)), "{}", output.stderr);
        if output.code == Some(0) {
            assert_eq!(files.sorted(), whole, "line {}", damaged + 1);
            resumed += 1;
        } else {
            assert_refused(&output, &["begin anew"]);
            assert_eq!(fs::read(files.written()).unwrap(), changed.written);
            refused += 1;
        }
    }
    // All but the first line, which says where the records are.
    assert_eq!((resumed, refused), (lines_of(&state) - 2, 1));
}

/// Two listings, each with a journal of its own, into one file.
struct Two {
    server: Server,
    gate: Gate,
    files: Files,
    /// How long the file was when each had run.
    lengths: BTreeMap<&'static str, usize>,
}

impl Two {
    /// Of 300 and of 60 entries, with ten on a page.
    fn new() -> Self {
        let server = thirty_pages();
        server.create_bucket("other");
        for n in 0..60 {
            server.put("other", &format!("{n:02}"), Put::bytes("x"));
        }
        let gate = Gate::new(&server);
        Self { server, gate, files: Files::new(), lengths: BTreeMap::new() }
    }

    fn journal(&self, bucket: &str) -> String {
        format!("{}.{bucket}", self.files.journal())
    }

    fn written(&self) -> String {
        fs::read_to_string(self.files.written()).unwrap_or_default()
    }

    /// Whether a run must be refused now.
    fn must_be_refused(&self, bucket: &'static str) -> bool {
        let journal = fs::read_to_string(self.journal(bucket)).unwrap_or_default();
        let written = self.written();
        match self.lengths.get(bucket).filter(|_| journal.contains("\"intent\"")) {
            Some(&length) => written.len() > length && !journal.contains("\"complete\""),
            // It has written nothing: it begins, or begins again.
            None => !written.is_empty() && !written.ends_with('\n'),
        }
    }

    /// Runs the listing of a bucket, to its end or until it is killed behind so many answers.
    fn run(&mut self, bucket: &'static str, answered: Option<u64>) {
        let (before, refused) = (self.written(), self.must_be_refused(bucket));
        let url = format!("s3://{bucket}");
        let line = self.gate.tool().args([&url, "--journal", &self.journal(bucket)]);
        let line = line.stdout_to(self.files.written());
        let output = match answered {
            Some(answered) => self.gate.kill(line, answered),
            None => Some(line.run()),
        };
        let after = self.written();
        if refused {
            assert_refused(&output.unwrap(), &[&self.files.written()]);
            assert_eq!(after, before);
            return;
        }
        let stands = before.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
        let rival = if bucket == "photos" { "other" } else { "photos" };
        assert!(
            !before[stands..].contains(&format!("\"bucket\":\"{rival}\"")),
            "{bucket} cut off what is not its own"
        );
        self.lengths.insert(bucket, after.len());
        if let Some(output) = output {
            output.assert_code(0);
            let mine = |line: &&str| line.contains(&format!("\"bucket\":\"{bucket}\""));
            let mine: String = after.lines().filter(mine).map(|line| format!("{line}\n")).collect();
            assert_eq!(sorted(&mine), whole(&self.server, &[&url]));
        }
    }
}

#[test]
fn two_listings_in_one_file_do_not_cut_each_other() {
    const A: &str = "photos";
    const B: &str = "other";
    for order in [[A, A, B, B], [A, B, A, B], [A, B, B, A], [B, A, A, B], [B, A, B, A], [B, B, A, A]] {
        for answered in [1, 3, 8] {
            let mut two = Two::new();
            for bucket in order {
                two.run(bucket, Some(answered));
            }
            for bucket in [order[0], order[3], A, B] {
                two.run(bucket, None);
            }
        }
    }
}

#[test]
fn a_listing_behind_which_another_wrote_is_left_alone() {
    let mut two = Two::new();
    two.run("photos", Some(9));
    let first = two.written();
    assert!(!first.is_empty());
    // Whole lines, so that the other one begins.
    let whole = first.rfind('\n').map_or("", |end| &first[..=end]);
    fs::write(two.files.written(), whole).unwrap();
    two.run("other", None);
    assert!(two.must_be_refused("photos"));
    two.run("photos", None);
    assert!(two.written().starts_with(whole));
}
