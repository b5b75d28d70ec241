//! `swap --journal`: the way back outlives the run that was killed.

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::tool::{Output, Tool};
use testkit::typesense::{self, Server};

const FIELDS: &str = r#"[{"name":"title","type":"string"}]"#;

/// An alias of the first of two collections with a document each, and a folder.
struct Incident {
    server: &'static Server,
    folder: TempDir,
    alias: &'static str,
    one: String,
    two: String,
}

impl Incident {
    fn new(alias: &'static str) -> Self {
        let server = typesense::server();
        let filled = |hint: &str| {
            let name = server.collection(hint, FIELDS);
            let document = json!({"title": "x"}).to_string();
            assert_eq!(server.request("POST", &format!("/collections/{name}/documents"), document).0, 201);
            name
        };
        let (one, two) = (filled("kept-one"), filled("kept-two"));
        let incident = Self { server, folder: TempDir::new().expect("a folder"), alias, one, two };
        incident.point(&incident.one);
        incident
    }

    fn point(&self, collection: &str) {
        let body = json!({"collection_name": collection}).to_string();
        assert_eq!(self.server.request("PUT", &format!("/aliases/{}", self.alias), body).0, 200);
    }

    fn tool(&self) -> Tool {
        self.server.tool("ts-schema").args(["swap", "--journal", "j"]).cwd(self.folder.path())
    }

    fn swap(&self, flags: &[&str]) -> Output {
        self.tool().args(flags).args([self.alias, &self.two]).run()
    }
}

#[track_caller]
fn schema(output: &Output) -> Value {
    output.assert_code(0).records()[0]["schema"].clone()
}

#[test]
fn what_was_done_is_repeated_with_its_way_back_while_it_holds() {
    let incident = Incident::new("repeated");
    let first = schema(&incident.swap(&[]));
    assert_eq!((&first["action"], &first["previous"]), (&"swapped".into(), &incident.one.as_str().into()));
    let mut again = incident.swap(&[]);
    assert_eq!(schema(&again)["replayed"], true);
    let undone = incident.server.tool("ts-schema").args(["swap", "--undo"]).stdin(again.stdout.clone()).run();
    assert_eq!(schema(&undone)["collection_name"], incident.one.as_str());

    again = incident.swap(&[]);
    let told = &again.assert_code(1).stderr;
    assert!(told.contains("look who moved it; another --journal FILE does it again"), "{told}");
    let now = incident.server.get("/aliases/repeated");
    assert_eq!(now["collection_name"], incident.one.as_str(), "what somebody took back stays so");
}

#[test]
fn a_dry_run_makes_no_journal_and_marks_what_it_repeats() {
    let incident = Incident::new("rehearsed");
    assert_eq!(schema(&incident.swap(&["-n"]))["dry_run"], true);
    assert!(!incident.folder.path().join("j").exists());
    incident.swap(&[]).assert_code(0);
    let again = schema(&incident.swap(&["-n"]));
    assert_eq!((&again["dry_run"], &again["replayed"]), (&true.into(), &true.into()));
}

#[test]
fn the_journal_of_another_swap_is_refused() {
    let incident = Incident::new("refused");
    incident.swap(&[]).assert_code(0);
    let other = incident.tool().args(["refused", &incident.one]).run();
    assert!(other.assert_code(2).stderr.contains("its collection is"), "{}", other.stderr);
    let undo = incident.tool().arg("--undo").stdin("").run();
    assert!(undo.assert_code(2).stderr.contains("is of another run"), "{}", undo.stderr);
}

#[test]
fn an_undo_is_repeated_as_what_it_was() {
    let incident = Incident::new("back");
    let swapped = incident.swap(&[]);
    let undo = || {
        let tool = incident.server.tool("ts-schema").args(["swap", "--undo", "--journal", "undo.j"]);
        schema(&tool.cwd(incident.folder.path()).stdin(swapped.stdout.clone()).run())
    };
    let first = undo();
    assert_eq!((&first["action"], &first["previous"]), (&"swapped".into(), &incident.two.as_str().into()));
    let mut again = undo();
    assert_eq!(again.as_object_mut().expect("an object").remove("replayed"), Some(true.into()));
    assert_eq!(again, first);
}
