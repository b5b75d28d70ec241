//! What a run of the runbook starts from: a database, an empty Typesense, and the files that it reads.
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::postgres::{self, Session};
use testkit::tool::{Output, Tool};
use testkit::typesense::{self, KEY, Server};

pub const SCRIPT: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/runbooks/rb-n-04-typesense-reindex.sh");
pub const LANES: [&str; 3] = ["people", "studios", "work"];

/// Waits in the middle of all work, once rows enough to fill the server's own buffer have been sent, for as long as
/// somebody holds the advisory lock 7. A table would not do: the query sees the snapshot that it began with.
const GATE: &str = "
    create function search.gate() returns text language plpgsql as $$
    begin
        while exists (select from pg_locks where locktype = 'advisory' and objid = 7) loop
            perform pg_sleep(0.02);
        end loop;
        return '';
    end $$;
    create or replace function search.work_all() returns table (
        id text, title text, person_id text, studio_id text, year int, keywords text[], details jsonb
    ) language sql stable begin atomic
        select w.id::text, w.title || case when w.id = 200 then search.gate() else '' end, w.person::text,
            w.studio::text, w.year, w.keywords, w.details
        from search.work w order by w.id;
    end;";

pub struct Incident {
    pub typesense: Server,
    pub database: String,
    pub folder: tempfile::TempDir,
}

impl Incident {
    pub fn new() -> Self {
        Self::of(typesense::another(), 40)
    }

    pub fn of(typesense: Server, work: u32) -> Self {
        let database = postgres::database();
        postgres::rehearse_with(&database, 120, 10, work);
        let incident = Self { typesense, database, folder: tempfile::tempdir().expect("a folder") };
        incident.file("hot.txt", "london\nmodel\n");
        incident.file("collections.json", schema().to_string());
        incident
    }

    /// An incident with a gate in the middle of its work, and who holds it closed.
    pub fn gated(typesense: Server) -> (Self, Session) {
        let incident = Self::of(typesense, 300);
        postgres::execute(&incident.database, GATE);
        let holder = Session::open(&incident.database).expect("a session");
        holder.query("select pg_advisory_lock(7)").expect("the lock");
        (incident, holder)
    }

    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.folder.path().join(name), content).expect("a file");
    }

    pub fn evidence(&self) -> PathBuf {
        self.folder.path().join("incident")
    }

    pub fn text(&self, name: &str) -> String {
        let path = self.evidence().join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub fn records(&self, name: &str) -> Vec<Value> {
        self.text(name).lines().map(|line| serde_json::from_str(line).expect("a record")).collect()
    }

    pub fn tool(&self, command: &str) -> Tool {
        Tool::bash(command)
            .env("DB_URL", &self.database)
            .env("TS_NODES", self.typesense.urls().join(","))
            .env("TS_KEY", KEY)
            .env("SCHEMA", self.folder.path().join("collections.json"))
            .env("HOT", self.folder.path().join("hot.txt"))
            .env("EVIDENCE", self.evidence())
    }

    pub fn script(&self, args: &str) -> Tool {
        self.tool(&format!("bash '{SCRIPT}' {args}"))
    }

    pub fn run(&self, args: &str) -> Output {
        self.script(args).run()
    }

    /// What to do with the script in a process group of its own, as a job of a terminal has it, once this succeeds.
    pub fn job(&self, until: &str, then: &str) -> Output {
        let job = format!(
            "set -m
            bash '{SCRIPT}' --yes -- --batch-docs 20 &
            until {until} 2>/dev/null; do sleep 0.1; done
            {then}
            wait $!"
        );
        self.tool(&job).run()
    }

    /// Waits until some work was imported; the gate keeps the rest of it.
    pub fn wait_for_work(&self) {
        let part = self.evidence().join("work.jsonl.part");
        let limit = Instant::now() + Duration::from_secs(100);
        while fs::metadata(&part).map_or(0, |part| part.len()) == 0 {
            assert!(Instant::now() < limit, "no work was imported");
            thread::sleep(Duration::from_millis(50));
        }
        assert!(!self.evidence().join("work.jsonl").exists(), "the gate was open");
    }

    /// The documents that an alias leads to are the rows that the database has, and nothing else.
    #[track_caller]
    pub fn assert_whole(&self) {
        for lane in LANES {
            let rows = postgres::query(
                &self.database,
                &format!("select row_to_json(t)::text from search.{lane}_all() t"),
            );
            let row = |row: &Vec<Option<String>>| {
                serde_json::from_str::<Value>(row[0].as_deref().unwrap_or_default()).expect("JSON")
            };
            let mut rows: Vec<_> = rows.iter().map(row).map(without_nulls).collect();
            rows.sort_by_key(|row| row["id"].to_string());
            let documents: Vec<_> = self.typesense.documents(lane).into_iter().map(without_nulls).collect();
            assert!(!rows.is_empty() && documents == rows, "{lane}: {documents:?}\n{rows:?}");
        }
    }

    pub fn target(&self, alias: &str) -> Option<String> {
        let (status, body) = self.typesense.request("GET", &format!("/aliases/{alias}"), "");
        let alias: Value = serde_json::from_str(&body).expect("JSON");
        (status == 200).then(|| alias["collection_name"].as_str().expect("a name").to_owned())
    }

    pub fn collections(&self) -> usize {
        self.typesense.get("/collections").as_array().expect("an array").len()
    }

    /// Old collections with a document that the database does not have, and the aliases on them.
    pub fn old(&self) {
        for lane in LANES {
            let name = format!("{lane}_old");
            let collection = json!({"name":name,"fields":[{"name":"old","type":"string"}]});
            assert_eq!(self.typesense.request("POST", "/collections", collection.to_string()).0, 201);
            let path = format!("/collections/{name}/documents");
            assert_eq!(self.typesense.request("POST", &path, r#"{"id":"gone","old":"x"}"#).0, 201);
            let alias = json!({"collection_name":name}).to_string();
            assert_eq!(self.typesense.request("PUT", &format!("/aliases/{lane}"), alias).0, 200);
        }
    }

    #[track_caller]
    pub fn assert_old(&self) {
        for lane in LANES {
            assert_eq!(self.target(lane), Some(format!("{lane}_old")));
            assert_eq!(self.typesense.count(lane), 1);
        }
    }
}

fn without_nulls(mut document: Value) -> Value {
    if let Some(members) = document.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    document
}

pub fn schema() -> Value {
    let field = |name: &str, kind: &str| json!({"name":name,"type":kind});
    let optional = |name: &str, kind: &str| json!({"name":name,"type":kind,"optional":true});
    json!({
        "collections": [
            {"name":"people","fields":[
                field("name", "string"), field("city", "string"), field("role", "string"), field("skills", "string[]"),
                optional("rating", "float"), field("followers", "int64"), optional("location", "geopoint"),
                optional("bio", "string"), field("updated_at", "int64")]},
            {"name":"studios","fields":[
                field("name", "string"), field("city", "string"), optional("capacity", "int32"),
                field("day_rate", "float")]},
            {"name":"work","fields":[
                field("title", "string"), field("person_id", "string"), field("year", "int32"),
                field("keywords", "string[]")]}],
        "synonyms": {"people": [{"id":"coats","synonyms":["photographer","fotograf"]}]}
    })
}

pub fn sum(records: &[Value], member: &str) -> u64 {
    records.iter().map(|record| record[member].as_u64().expect("a number")).sum()
}
