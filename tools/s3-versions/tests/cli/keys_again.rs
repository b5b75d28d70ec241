//! `--keys-from`: what was rejected is read again as what it was, in every form.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use testkit::s3::Server;
use testkit::tool::Output;

use super::{put, server, texts, tool};

/// Keys that are there once they are put, as a file of each form names them, with a line that no key can be read from.
const FORMS: [(&str, &[u8], &[u8]); 3] = [
    ("json", b"{\"key\":\"a {b}\"}\n{\"key\":\"{\\\"key\\\":1}\"}\ncaf\xe9\n", b"caf\xe9"),
    ("csv", b"key,more\na {b},1\n\"{\"\"key\"\":1}\",2\ncaf\xe9,3\n", b"caf\xe9,3"),
    ("plain", b"a {b}\n{\"key\":1}\ncaf\xe9\n", b"caf\xe9"),
];
const KEYS: [&str; 2] = ["a {b}", "{\"key\":1}"];

struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Looks up the keys that one file names, and has the rejects appended to another one.
    fn look_up(&self, server: &Server, keys: &str, form: Option<&str>, rejects: &str) -> Output {
        let form = form.map(|form| format!("--keys-format={form}"));
        let (keys, rejects) = (self.path(keys), self.path(rejects));
        let line = ["--bucket", "photos", "--concurrency", "1", "--keys-from", &keys, "--rejects", &rejects];
        let output = tool(server).args(line).args(form).run();
        output.assert_code(3);
        output
    }

    /// What is in a file of rejects: each input, a line that is no UTF-8 as it was.
    fn rejected(&self, name: &str) -> Vec<Vec<u8>> {
        let text = fs::read_to_string(self.path(name)).unwrap();
        let input = |line: &str| {
            let reject: Value = serde_json::from_str(line).unwrap();
            match reject.get("line_base64") {
                Some(line) => STANDARD.decode(line.as_str().unwrap()).unwrap(),
                None => reject["record"]["key"].as_str().unwrap().as_bytes().to_vec(),
            }
        };
        text.lines().map(input).collect()
    }
}

#[test]
fn rejects_of_every_form_are_what_was_rejected() {
    for (form, input, bad) in FORMS {
        let server = server();
        let files = Files { folder: tempfile::tempdir().unwrap() };
        fs::write(files.path("keys"), input).unwrap();
        assert_eq!(files.look_up(&server, "keys", Some(form), "first").records().len(), 0);
        let expected = [KEYS[0].as_bytes(), KEYS[1].as_bytes(), bad];
        assert_eq!(files.rejected("first"), expected, "{form}");
        // As they are, and as the form that their inputs had.
        for (again, read_as) in [("second", None), ("third", Some(form))] {
            assert_eq!(files.look_up(&server, "first", read_as, again).records().len(), 0);
            assert_eq!(files.rejected(again), expected, "{form} {again}");
        }
        for key in KEYS {
            put(&server, key, "x", "10:00:00");
        }
        for (again, read_as) in [("fourth", None), ("fifth", Some(form))] {
            let output = files.look_up(&server, "second", read_as, again);
            assert_eq!(texts(&output.records(), "key"), KEYS, "{form} {again}");
            assert_eq!(files.rejected(again), [bad], "{form} {again}");
        }
    }
}

#[test]
fn rejects_among_plain_keys_are_unwrapped() {
    let server = server();
    let files = Files { folder: tempfile::tempdir().unwrap() };
    fs::write(files.path("keys"), "a {b}\n").unwrap();
    files.look_up(&server, "keys", None, "first");
    let rejects = fs::read(files.path("first")).unwrap();
    fs::write(files.path("keys"), [b"other\n", &rejects[..]].concat()).unwrap();
    put(&server, "a {b}", "x", "10:00:00");
    let output = files.look_up(&server, "keys", None, "second");
    assert_eq!(texts(&output.records(), "key"), ["a {b}"]);
    assert_eq!(files.rejected("second"), [b"other"]);
}
