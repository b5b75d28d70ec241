//! `--to-new`: another collection, and the alias only when it is whole.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::fault::{Fault, Plan, Proxy, Rule};
use testkit::tool::{Output, Tool};
use testkit::typesense::{self, Server};

use crate::{assert_holds, assert_secret, documents, people};

/// An alias of a new collection, with its two names.
fn alias() -> (&'static Server, String, String) {
    let (server, people) = people();
    let alias = format!("alias-of-{people}");
    point(server, &alias, &people);
    (server, alias, people)
}

fn point(server: &Server, alias: &str, collection: &str) {
    let body = json!({"collection_name": collection}).to_string();
    assert_eq!(server.request("PUT", &format!("/aliases/{alias}"), body).0, 200);
}

fn target(server: &Server, alias: &str) -> Value {
    server.get(&format!("/aliases/{alias}"))["collection_name"].clone()
}

/// The collection that the run says it has made.
#[track_caller]
fn made(output: &Output) -> String {
    let line =
        output.stderr.lines().find_map(|line| line.split_once("made collection ")).unwrap_or_default().1;
    line.split(' ').next().unwrap_or_default().to_owned()
}

#[test]
fn the_alias_names_a_new_collection_with_all_that_the_old_one_had() {
    let (server, alias, old) = alias();
    server.tool("ts-import").arg(&old).stdin(documents(0..3)).run().assert_code(0);
    let synonym = json!({"root": "smart phone", "synonyms": ["iphone", "android"]});
    let set = |path: &str, body: &Value| {
        assert_eq!(server.request("PUT", &format!("/collections/{old}/{path}"), body.to_string()).0, 200);
    };
    set("synonyms/s%201", &synonym);
    set("synonyms/two", &json!({"synonyms": ["a", "b"]}));
    set(
        "overrides/o1",
        &json!({"rule": {"query": "x", "match": "exact"}, "includes": [{"id": "00001", "position": 1}]}),
    );
    let output = server.tool("ts-import").args(["--to-new", &alias]).stdin(documents(5..30)).run();
    assert_secret(output.assert_code(0));
    let new = made(&output);
    assert!(new.starts_with(&format!("{alias}_2")), "{new}");
    assert_eq!(target(server, &alias), new.as_str());
    assert_holds(server, &alias, 5..30);
    assert_holds(server, &old, 0..3);
    let schema = |name: &str| {
        let described = server.get(&format!("/collections/{name}"));
        (described["fields"].clone(), described["token_separators"].clone())
    };
    assert_eq!(schema(&new), schema(&old));
    for kind in ["synonyms", "overrides"] {
        let of = |name: &str| server.get(&format!("/collections/{name}/{kind}"));
        assert_eq!(of(&new), of(&old), "{kind}");
        assert!(of(&new)[kind].as_array().is_some_and(|members| !members.is_empty()));
    }
    let last = output.records().pop().unwrap_or_default();
    let expected = json!({"alias": alias, "collection": new, "previous": old, "num_documents": 25});
    assert_eq!(last, expected);
    let way_back = output.stderr.lines().find_map(|line| line.split_once("curl ")).unwrap_or_default().1;
    let shell =
        testkit::tool::Tool::bash(&format!("curl --silent --fail {way_back}")).env("TS_KEY", typesense::KEY);
    shell.run().assert_code(0);
    assert_eq!(target(server, &alias), old.as_str());
}

#[test]
fn without_the_flag_an_alias_is_followed_once() {
    let (server, alias, old) = alias();
    let output = server.tool("ts-import").arg(&alias).stdin(documents(0..3)).run();
    assert_eq!(output.assert_code(0).records()[0]["collection"], old.as_str());
    assert!(
        output.stderr.contains(&format!("importing into {old}, which {alias} names")),
        "{}",
        output.stderr
    );
    assert_holds(server, &old, 0..3);
}

#[test]
fn a_collection_needs_another_name_as_its_alias() {
    let (server, people) = people();
    let without = server.tool("ts-import").args(["--to-new", &people]).stdin(documents(0..3)).run();
    assert!(without.assert_code(2).stderr.contains("--alias NAME"), "{}", without.stderr);
    let alias = format!("new-{people}");
    let flags = ["--to-new", "--alias", &alias, &people];
    let output = server.tool("ts-import").args(flags).stdin(documents(0..3)).run();
    output.assert_code(0);
    assert_eq!(target(server, &alias), made(&output).as_str());
    assert!(output.stderr.contains("it is new"), "{}", output.stderr);
    assert_holds(server, &alias, 0..3);
    assert_eq!(server.count(&people), 0);
}

#[test]
fn the_alias_stays_where_something_is_not_as_it_should_be() {
    let (server, alias, old) = alias();
    let bad = "{\"id\":\"x\"}\n";
    let twice = documents(0..3) + &documents(0..1);
    for (flags, input, code, words) in [
        (&[][..], documents(0..3) + bad, 3, "documents rejected: 1"),
        (&["--expect-count", "4"], documents(0..3), 1, "the import is not whole"),
        (&["--expect-trailer"], documents(0..3), 1, "the import is not whole"),
        (&["--max-rejects", "1"], documents(0..3) + bad + bad, 1, "the import is not whole"),
        (&[], twice, 1, "4 documents were imported, and "),
    ] {
        let output = server.tool("ts-import").arg("--to-new").args(flags).arg(&alias).stdin(input).run();
        output.assert_code(code);
        assert!(
            output.stderr.contains(words) && output.stderr.contains("is not changed"),
            "{}",
            output.stderr
        );
        assert!(output.stderr.contains("to change it all the same: curl"), "{}", output.stderr);
        assert_eq!(target(server, &alias), old.as_str(), "{words}");
        assert_eq!(server.count(&made(&output)), 3, "{words}");
        delete(server, &made(&output));
    }
    let tolerant = ["--to-new", "--max-rejects", "1", &alias];
    let output = server.tool("ts-import").args(tolerant).stdin(documents(0..3) + bad).run();
    output.assert_code(3);
    assert_eq!(target(server, &alias), made(&output).as_str());
}

/// Its name has the second in it.
fn delete(server: &Server, collection: &str) {
    assert_eq!(server.request("DELETE", &format!("/collections/{collection}"), "").0, 200);
}

#[test]
fn a_rehearsal_makes_nothing() {
    let (server, alias, old) = alias();
    let output = server.tool("ts-import").args(["-n", "--to-new", &alias]).stdin(documents(0..3)).run();
    assert!(output.assert_code(0).stderr.contains("would make collection"), "{}", output.stderr);
    let all = server.get("/collections");
    let names =
        all.as_array().map(|all| all.iter().filter_map(|one| one["name"].as_str()).collect::<Vec<_>>());
    assert!(names.is_some_and(|names| !names.iter().any(|name| name.starts_with(&format!("{alias}_")))));
    assert_eq!(target(server, &alias), old.as_str());
}

#[test]
fn with_a_journal_a_run_that_was_killed_goes_on_with_the_same_collection() {
    let (server, alias, old) = alias();
    let folder = TempDir::new().expect("a folder");
    let journal = folder.path().join("journal");
    let hang = Rule::new(Fault::Hang).target("/documents/import").nth(2);
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(hang));
    let flags = ["--batch-docs", "10", "--to-new", &alias, "--journal"];
    let tool = typesense::tool("ts-import", proxy.url()).args(flags).arg(&journal);
    let mut running = tool.stdin(documents(0..30)).spawn();
    let made = running.wait_stderr("made collection");
    assert!(running.line().is_some());
    while proxy.count("Hang") == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    running.signal("KILL");
    running.wait();
    assert_eq!(target(server, &alias), old.as_str());
    let run =
        || typesense::tool("ts-import", proxy.url()).args(flags).arg(&journal).stdin(documents(0..30)).run();
    for _ in 0..2 {
        let again = run();
        again.assert_code(0);
        assert!(again.stderr.contains("going on with collection"), "{}", again.stderr);
        let named = target(server, &alias);
        assert!(made.contains(named.as_str().unwrap_or("nothing")), "{made}");
        assert!(again.stderr.contains(&format!("\"collection_name\":\"{old}\"")), "{}", again.stderr);
        assert_holds(server, &alias, 0..30);
    }
}

#[test]
fn a_swap_that_is_refused_leaves_everything_as_it_is() {
    let (server, alias, old) = alias();
    let refusal = Fault::Answer { status: 401, body: "{\"message\": \"Forbidden\"}".to_owned() };
    let proxy =
        Proxy::start(server.url(), Plan::new(1).rule(Rule::new(refusal).method("PUT").target("/aliases/")));
    let tool = typesense::tool("ts-import", proxy.url()).args(["--to-new", &alias]);
    let output = tool.stdin(documents(0..3)).run();
    assert!(output.assert_code(1).stderr.contains("Forbidden"), "{}", output.stderr);
    assert_eq!(target(server, &alias), old.as_str());
    assert_eq!(server.count(&made(&output)), 3);
}

/// What is done with a change of the alias until the tool is dead.
enum Held {
    /// It is not carried out.
    Before,
    /// It is.
    After,
}

/// A load into a new collection, killed when it changes the alias, and then run again.
struct Killed {
    proxy: Proxy,
    folder: TempDir,
    alias: String,
    old: String,
}

impl Killed {
    fn at_the_swap(held: &Held) -> Self {
        let (server, alias, old) = alias();
        let fault = match held {
            Held::Before => Fault::Hang,
            Held::After => Fault::SlowBody(Duration::from_secs(100)),
        };
        let rule = Rule::new(fault).method("PUT").target("/aliases/").nth(1);
        let proxy = Proxy::start(server.url(), Plan::new(1).rule(rule));
        let killed = Self { proxy, folder: TempDir::new().expect("a folder"), alias, old };
        let running = killed.tool().stdin(documents(0..30)).spawn();
        let is_held = || match held {
            Held::Before => killed.proxy.count("Hang") == 1,
            Held::After => target(server, &killed.alias) != killed.old.as_str(),
        };
        while !is_held() {
            std::thread::sleep(Duration::from_millis(5));
        }
        running.signal("KILL");
        let output = running.wait();
        assert_eq!((output.signal, output.text().contains("previous")), (Some(9), false));
        killed
    }

    fn tool(&self) -> Tool {
        let tool =
            typesense::tool("ts-import", self.proxy.url()).args(["--to-new", &self.alias, "--journal"]);
        tool.arg(self.folder.path().join("journal"))
    }

    fn again(&self) -> Output {
        self.tool().stdin(documents(0..30)).run()
    }
}

#[test]
fn a_run_that_was_killed_when_it_changed_the_alias_still_knows_the_way_back() {
    for held in [Held::Before, Held::After] {
        let killed = Killed::at_the_swap(&held);
        let output = killed.again();
        let record = output.assert_code(0).records().pop().unwrap_or_default();
        let named = target(typesense::server(), &killed.alias);
        let expected =
            json!({"alias": killed.alias, "collection": named, "previous": killed.old, "num_documents": 30});
        assert_eq!(record, expected);
        assert_ne!(named, killed.old.as_str());
        let way_back = format!("\"collection_name\":\"{}\"", killed.old);
        assert!(output.stderr.contains(&way_back), "{}", output.stderr);
        // And once more, when all is done.
        let mut replayed = expected;
        replayed["replayed"] = true.into();
        let output = killed.again();
        assert_eq!(output.assert_code(0).records().pop().unwrap_or_default(), replayed);
        assert!(output.stderr.contains(&way_back), "{}", output.stderr);
    }
}

#[test]
fn an_alias_that_somebody_has_changed_since_is_left_alone_and_named() {
    let server = typesense::server();
    // Between the kill and the next run: then that is what the alias named before.
    let killed = Killed::at_the_swap(&Held::Before);
    let (_, third) = people();
    point(server, &killed.alias, &third);
    let record = killed.again().assert_code(0).records().pop().unwrap_or_default();
    assert_eq!(record["previous"], third.as_str());
    // After all was done: somebody has taken the way back.
    point(server, &killed.alias, &killed.old);
    let output = killed.again();
    assert!(
        output.assert_code(1).stderr.contains(&format!("and it names {} now", killed.old)),
        "{}",
        output.stderr
    );
    assert!(output.stderr.contains("to change it all the same: curl"), "{}", output.stderr);
    assert_eq!(target(server, &killed.alias), killed.old.as_str());
}

#[test]
fn what_the_alias_named_before_is_what_it_named_last() {
    let (server, alias, _) = alias();
    let (_, third) = people();
    let mut running = server.tool("ts-import").args(["--to-new", &alias]).spawn();
    running.wait_stderr("made collection");
    point(server, &alias, &third);
    running.write(documents(0..3));
    let record = running.wait().assert_code(0).records().pop().unwrap_or_default();
    assert_eq!(record["previous"], third.as_str());
}

#[test]
fn two_runs_of_one_second_make_two_collections() {
    let (server, alias, old) = alias();
    let made: std::collections::BTreeSet<_> = (0..6)
        .map(|_| {
            let output = server.tool("ts-import").args(["--to-new", &alias]).stdin(documents(0..3)).run();
            made(output.assert_code(0))
        })
        .collect();
    assert!(made.len() == 6 && !made.contains(&old), "{made:?}");
}
