//! Buckets with keys of every kind, behind stores of every kind.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use testkit::s3::{Options, Put, Server};

use super::{clock, server_with};

/// Keys of one kind each. Splitting an interval must not rest on what is between two keys.
const KINDS: [&str; 13] = [
    "[ -~]{1,6}",
    "[0-9]{1,4}",
    "[0-9a-f]{8}",
    "2026/1[0-2]/[0-2][0-9]/[0-9]{2}\\.jpg",
    // Keys that begin others.
    "[ab]{1,7}",
    "[+%&=#?/ ~]{1,3}",
    // Long prefixes in common, of which two differ only where a character ends.
    "x{200}[0-9a-c]{1,3}",
    "(é{450}|é{449}ê)[a-z]{1,4}",
    "[一-龥]{1,4}",
    "[😀-🙏\u{10000}\u{10ffff}]{1,3}",
    "[\u{0}-\u{1f}\u{7f}]{1,3}",
    // The first and last characters of each length in UTF-8, and the neighbours of the surrogates.
    "[\u{7f}\u{80}\u{7ff}\u{800}\u{d7ff}\u{e000}\u{fffd}\u{ffff}\u{10000}\u{10ffff}]{1,4}",
    "(?s:.{1,5})",
];

/// One write to a key.
#[derive(Clone, Debug)]
pub struct Write {
    marker: bool,
    /// Seconds since the write before.
    step: u32,
    /// Written while versioning was suspended.
    null: bool,
}

/// A bucket, and how its store answers.
#[derive(Clone, Debug)]
pub struct Case {
    /// The writes to each key, oldest first.
    content: BTreeMap<String, Vec<Write>>,
    options: Options,
    /// What the listing is limited to.
    pub prefix: String,
    /// The instant that `--at` goes back to.
    pub at: String,
    /// `--concurrency`, or its default.
    workers: Option<usize>,
}

fn write() -> impl Strategy<Value = Write> {
    (any::<bool>(), 0u32..3, prop::bool::weighted(0.1)).prop_map(|(marker, step, null)| Write {
        marker,
        step,
        null,
    })
}

/// Keys of one kind, or of all of them.
fn content() -> impl Strategy<Value = BTreeMap<String, Vec<Write>>> {
    let kinds =
        prop_oneof![3 => (0..KINDS.len()).prop_map(|kind| vec![kind]), 1 => Just((0..KINDS.len()).collect())];
    let keys = kinds.prop_flat_map(|kinds: Vec<usize>| {
        let key = prop::sample::select(kinds).prop_flat_map(|kind| KINDS[kind]);
        prop::collection::btree_map(key, prop::collection::vec(write(), 1..4), 0..40)
    });
    let fat = prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(write(), 20..70)];
    (keys, fat, any::<prop::sample::Index>()).prop_map(|(mut keys, fat, which)| {
        let count = keys.len().max(1);
        if let Some(history) = keys.values_mut().nth(which.index(count)) {
            history.extend(fat);
        }
        keys
    })
}

fn options() -> impl Strategy<Value = Options> {
    let rare = || prop::bool::weighted(0.3);
    (1usize..=20, rare(), rare(), rare(), rare()).prop_map(|(max_page, late, split, raw, inclusive)| {
        Options {
            // A page that repeats its marker and has no second entry would lead nowhere.
            max_page: if inclusive { max_page.max(2) } else { max_page },
            late_markers: late,
            split_lists: split,
            no_encoding_type: raw,
            inclusive_markers: inclusive,
            latency: Duration::from_millis(1),
            ..Options::default()
        }
    })
}

/// Any bucket behind any store.
pub fn case() -> impl Strategy<Value = Case> {
    let workers = prop::option::weighted(0.7, 1usize..=16);
    let place = any::<prop::sample::Index>;
    (content(), options(), workers, (place(), place()), 0u32..60).prop_map(
        |(mut content, options, workers, (key, end), second)| {
            if options.no_encoding_type {
                content.retain(|key, _| key.chars().all(xml_carries));
            }
            let prefix = prefix(&content, key, end);
            Case { content, options, prefix, at: time(second), workers }
        },
    )
}

/// Half of the time nothing, else the beginning of one of the keys.
fn prefix(
    content: &BTreeMap<String, Vec<Write>>,
    key: prop::sample::Index,
    end: prop::sample::Index,
) -> String {
    let place = key.index(2 * content.len() + 1);
    let key = content.keys().nth(place).map_or("", String::as_str);
    let prefix: String = key.chars().take(end.index(key.chars().count() + 1)).collect();
    // No argument of a command line holds a NUL.
    if prefix.contains('\0') { String::new() } else { prefix }
}

/// The characters of XML 1.0.
fn xml_carries(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => true,
        other => other >= ' ' && !matches!(other, '\u{fffe}' | '\u{ffff}'),
    }
}

fn time(second: u32) -> String {
    clock(&format!("10:{:02}:{:02}", second / 60, second % 60))
}

impl Case {
    /// The same, with pages of at least this many entries.
    pub fn with_pages_from(mut self, least: usize) -> Self {
        self.options.max_page = self.options.max_page.max(least);
        self
    }

    /// A server with the bucket `photos`.
    pub fn server(&self) -> Server {
        let server = server_with(self.options.clone());
        for (key, history) in &self.content {
            let mut second = 0;
            for (size, write) in history.iter().enumerate() {
                second += write.step;
                let put = if write.marker { Put::marker() } else { Put::bytes(vec![b'x'; size]) };
                let put = put.at(&time(second));
                server.put("photos", key, if write.null { put.version_id("null") } else { put });
            }
        }
        server
    }

    /// The arguments that name the bucket and the prefix.
    pub fn place(&self) -> Vec<String> {
        vec!["--bucket=photos".to_owned(), format!("--prefix={}", self.prefix)]
    }

    /// The argument that sets the number of workers, if any.
    pub fn workers(&self) -> Vec<String> {
        self.workers.map(|count| format!("--concurrency={count}")).into_iter().collect()
    }
}
