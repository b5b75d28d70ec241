//! DynamoDB's tables, as far as the service's own states matter: moto behind a front that adds what moto lacks.
//!
//! A table has a `TableId`, stays for some looks while it is deleted, takes no change for some looks after one, a backup is
//! made in some looks, and exports are found again by table and client token (API reference, ExportTableToPointInTime).
//! Everything else is moto's.

mod export;

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Map, Value, json};

use crate::answering::{Answer, Server};

/// What happens to a request instead of what should.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// It is refused with this status and code, and does nothing.
    Refuse(u16, &'static str),
    /// It is done, and the answer is an error of the server.
    Lose,
    /// It is never done nor answered.
    HangBefore,
    /// It is done and never answered.
    HangAfter,
}

/// A request that came in.
#[derive(Clone, Debug)]
pub struct Logged {
    /// Such as `DeleteTable`.
    pub operation: String,
    /// Its input.
    pub request: Value,
    /// Whether a fault kept it from being done, or moto refused it.
    pub refused: bool,
}

/// All that the front knows, to be set up, looked at or changed.
pub struct State {
    upstream: String,
    /// Every request so far.
    pub log: Vec<Logged>,
    /// What happens to the next requests of an operation, one after the other.
    pub faults: HashMap<String, VecDeque<Fault>>,
    /// Members that a table is shown with, by its name.
    pub shown: HashMap<String, Map<String, Value>>,
    /// The same from the look on that is numbered from 1.
    pub shown_later: HashMap<String, (usize, Map<String, Value>)>,
    /// Looks at a backup before it is AVAILABLE.
    pub backup_looks: usize,
    /// Looks at an export before it ends.
    pub export_looks: usize,
    /// The code and message that every export fails with, begun from now on.
    pub export_failure: Option<(&'static str, &'static str)>,
    /// Looks at a table that is being deleted before it is gone.
    pub deletion_looks: usize,
    /// What DynamoDB keeps by itself of tables that were deleted.
    pub system_backups: Vec<Value>,
    /// Looks at a table before it is ACTIVE again after an UpdateTable.
    pub update_looks: usize,
    /// The looks that are left of these, by table.
    updating: HashMap<String, usize>,
    /// Looks at each table, backup and export so far.
    looks: HashMap<String, usize>,
    /// How a table that is being deleted was, and the looks at it since.
    deleting: HashMap<String, (Value, usize)>,
    exports: Vec<Value>,
}

/// A running front. It ends when it is dropped; what moto holds stays.
pub struct Front(Server<State>);

impl Front {
    /// Starts a front before the moto at `upstream`.
    ///
    /// # Panics
    /// If the system gives no port or thread, or `upstream` is no `http://` URL.
    pub fn start(upstream: &str) -> Self {
        let upstream = upstream.strip_prefix("http://").expect("an http:// URL").to_owned();
        let state = State {
            upstream,
            log: Vec::new(),
            faults: HashMap::new(),
            shown: HashMap::new(),
            shown_later: HashMap::new(),
            backup_looks: 0,
            export_looks: 0,
            export_failure: None,
            deletion_looks: 0,
            system_backups: Vec::new(),
            update_looks: 0,
            updating: HashMap::new(),
            looks: HashMap::new(),
            deleting: HashMap::new(),
            exports: Vec::new(),
        };
        Self(Server::start(state, |state, head, body| {
            let target = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
            let operation = target.and_then(|target| target.rsplit('.').next()).unwrap_or_default();
            state.answer(operation, serde_json::from_slice(body).unwrap_or_default())
        }))
    }

    /// Where it listens: for `AWS_ENDPOINT_URL_DYNAMODB`.
    pub fn url(&self) -> &str {
        self.0.url()
    }

    /// What it knows; nothing is answered meanwhile.
    pub fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state()
    }

    /// Waits until a request has brought this about.
    ///
    /// # Panics
    /// If none has within two minutes.
    pub fn wait_until(&self, is_reached: impl FnMut(&State) -> bool) {
        assert!(self.0.wait_until(is_reached), "not reached within two minutes");
    }

    /// Meets the next requests of an operation with these faults, one after the other.
    pub fn fault(&self, operation: &str, faults: impl IntoIterator<Item = Fault>) {
        self.state().faults.entry(operation.to_owned()).or_default().extend(faults);
    }

    /// Shows a table with this member.
    pub fn show(&self, table: &str, member: &str, value: Value) {
        self.state().shown.entry(table.to_owned()).or_default().insert(member.to_owned(), value);
    }

    /// Makes a request of moto by itself, past all faults, and gives the answer.
    ///
    /// # Panics
    /// If moto refuses.
    pub fn call(&self, operation: &str, request: &Value) -> Value {
        let (status, answer) = self.state().call(operation, request);
        assert_eq!(status, 200, "{operation}: {answer}");
        answer
    }

    /// What moto has of a table, past all that is shown instead.
    pub fn table(&self, name: &str) -> Option<Value> {
        let (status, mut answer) = self.state().call("DescribeTable", &json!({ "TableName": name }));
        (status == 200).then(|| answer["Table"].take())
    }

    /// The `TableId` that a table is shown with.
    pub fn id(&self, name: &str) -> Option<String> {
        self.table(name).map(|table| table_id(name, &table["CreationDateTime"]))
    }

    /// How many requests of an operation came in.
    pub fn count(&self, operation: &str) -> usize {
        self.state().sent(operation).len()
    }
}

impl State {
    /// The inputs of all requests of an operation.
    pub fn sent(&self, operation: &str) -> Vec<&Value> {
        let sent = self.log.iter().filter(|logged| logged.operation == operation);
        sent.map(|logged| &logged.request).collect()
    }

    fn answer(&mut self, operation: &str, request: Value) -> Answer {
        let fault = self.faults.get_mut(operation).and_then(VecDeque::pop_front);
        let (status, answer) = match fault {
            Some(Fault::Refuse(status, code)) => (status, error(code, "not now")),
            Some(Fault::HangBefore) => (503, Value::Null),
            _ => self.carry_out(operation, &request),
        };
        self.log.push(Logged { operation: operation.to_owned(), request, refused: status != 200 });
        match fault {
            Some(Fault::HangBefore | Fault::HangAfter) => Answer::never(),
            Some(Fault::Lose) => json_answer(500, &error("InternalServerError", "the answer was lost")),
            _ => json_answer(status, &answer),
        }
    }

    fn carry_out(&mut self, operation: &str, request: &Value) -> (u16, Value) {
        match operation {
            "DescribeTable" => self.describe_table(request),
            "DeleteTable" => self.delete_table(request),
            "UpdateTable" => self.update_table(request),
            "ListBackups" => self.list_backups(request),
            "DescribeBackup" => self.describe_backup(request),
            "ExportTableToPointInTime" => self.export(request),
            "ListExports" => self.list_exports(request),
            "DescribeExport" => self.describe_export(request),
            _ => self.call(operation, request),
        }
    }

    /// How often this was looked at, with this time.
    fn look(&mut self, at: &str) -> usize {
        let looks = self.looks.entry(at.to_owned()).or_default();
        *looks += 1;
        *looks
    }

    fn describe_table(&mut self, request: &Value) -> (u16, Value) {
        let name = name_of(request);
        let looks = self.look(&name);
        if let Some((table, taken)) = self.deleting.get_mut(&name) {
            *taken += 1;
            if *taken <= self.deletion_looks {
                return (200, json!({ "Table": table }));
            }
            self.deleting.remove(&name);
        }
        let (status, mut answer) = self.call("DescribeTable", request);
        if status == 200 {
            if let Some(left) = self.updating.get_mut(&name).filter(|left| **left > 0) {
                *left -= 1;
                answer["Table"]["TableStatus"] = "UPDATING".into();
            }
            self.decorate(&name, looks, &mut answer["Table"]);
        }
        (status, answer)
    }

    /// Adds what moto lacks, and what a test wants to be shown.
    fn decorate(&self, name: &str, looks: usize, table: &mut Value) {
        table["TableId"] = table_id(name, &table["CreationDateTime"]).into();
        let later = self.shown_later.get(name).filter(|(from, _)| looks >= *from).map(|(_, members)| members);
        for (member, value) in self.shown.get(name).into_iter().chain(later).flatten() {
            table[member] = value.clone();
        }
    }

    fn delete_table(&mut self, request: &Value) -> (u16, Value) {
        let name = name_of(request);
        let (_, mut before) = self.call("DescribeTable", request);
        let (status, answer) = self.call("DeleteTable", request);
        if status == 200 {
            self.decorate(&name, 0, &mut before["Table"]);
            before["Table"]["TableStatus"] = "DELETING".into();
            self.deleting.insert(name, (before["Table"].take(), 0));
        }
        (status, answer)
    }

    /// A table takes one change at a time (API reference, UpdateTable).
    fn update_table(&mut self, request: &Value) -> (u16, Value) {
        let name = name_of(request);
        if self.updating.get(&name).is_some_and(|left| *left > 0) {
            return (
                400,
                error("ResourceInUseException", "Attempt to change a resource which is still in use"),
            );
        }
        let (status, answer) = self.call("UpdateTable", request);
        if status == 200 {
            self.updating.insert(name, self.update_looks);
        }
        (status, answer)
    }

    fn list_backups(&mut self, request: &Value) -> (u16, Value) {
        if request["BackupType"] == "SYSTEM" {
            return (200, json!({ "BackupSummaries": self.system_backups }));
        }
        let (status, mut answer) = self.call("ListBackups", request);
        for backup in answer["BackupSummaries"].as_array_mut().into_iter().flatten() {
            let (_, described) = self.call("DescribeBackup", &json!({ "BackupArn": backup["BackupArn"] }));
            let source = &described["BackupDescription"]["SourceTableDetails"];
            backup["TableId"] = id_of_source(source).into();
        }
        (status, answer)
    }

    fn describe_backup(&mut self, request: &Value) -> (u16, Value) {
        let (status, mut answer) = self.call("DescribeBackup", request);
        let looks = self.look(request["BackupArn"].as_str().unwrap_or_default());
        if status == 200 {
            let described = &mut answer["BackupDescription"];
            described["SourceTableDetails"]["TableId"] =
                id_of_source(&described["SourceTableDetails"]).into();
            if looks <= self.backup_looks {
                described["BackupDetails"]["BackupStatus"] = "CREATING".into();
            }
        }
        (status, answer)
    }

    /// Asks moto.
    fn call(&self, operation: &str, request: &Value) -> (u16, Value) {
        let body = request.to_string();
        let head = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nX-Amz-Target: DynamoDB_20120810.{operation}\r\n\
             Content-Type: application/x-amz-json-1.0\r\nAuthorization: AWS4-HMAC-SHA256 \
             Credential=test/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0\r\n\
             Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            self.upstream,
            body.len()
        );
        let mut stream = TcpStream::connect(&self.upstream).expect("moto listens");
        stream.write_all(head.as_bytes()).expect("moto reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("moto answers");
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
        (status, serde_json::from_str(body).unwrap_or_default())
    }
}

fn json_answer(status: u16, answer: &Value) -> Answer {
    Answer::new(status, &[("content-type", "application/x-amz-json-1.0")], answer.to_string())
}

fn error(code: &str, message: &str) -> Value {
    json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": message })
}

/// The name in a request, which may be an ARN.
fn name_of(request: &Value) -> String {
    let name = request["TableName"].as_str().unwrap_or_default();
    name.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Another one for each table that ever has a name.
fn table_id(name: &str, created: &Value) -> String {
    let mut hasher = DefaultHasher::new();
    (name, created.to_string()).hash(&mut hasher);
    let hash = hasher.finish();
    format!("{:08x}-{:04x}-4000-8000-{:012x}", hash >> 32, (hash >> 16) & 0xffff, hash & 0xffff_ffff_ffff)
}

fn id_of_source(source: &Value) -> String {
    table_id(source["TableName"].as_str().unwrap_or_default(), &source["TableCreationDateTime"])
}
