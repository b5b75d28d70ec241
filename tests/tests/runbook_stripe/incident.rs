//! What a run of the runbook starts from: Stripe with events, and a handler in a process of its own.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::stripe::{Stripe, ago, event};
use testkit::tool::{Output, Tool};

pub const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/runbooks/rb-n-06-stripe-replay.sh");
pub const SECRET: &str = "whsec_hush-hush";
/// As many objects share the events of an incident.
const OBJECTS: i64 = 7;

/// A running handler. It ends when it is dropped.
struct Handler(Child);

impl Drop for Handler {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // It fails only for one that has ended already.
        let _ = self.0.wait();
    }
}

pub struct Incident {
    pub stripe: Stripe,
    /// The second of the last event.
    pub last: i64,
    handler: Option<Handler>,
    port: String,
    folder: tempfile::TempDir,
}

impl Incident {
    /// `evt_0` was processed; `evt_1` to `evt_N` came while the handler was down. It is up again.
    pub fn new(count: i64) -> Self {
        let (stripe, last) = (Stripe::start(), ago(1000));
        for n in 0..=count {
            let kind = if n % 3 == 0 { "charge.refunded" } else { "invoice.paid" };
            let text = event(&format!("evt_{n}"), last - (count - n) / 2, kind);
            stripe.add(text.replace("\"in_1\"", &format!("\"in_{}\"", n % OBJECTS)));
        }
        let folder = tempfile::tempdir().expect("a folder");
        let mut incident = Self { stripe, last, handler: None, port: "0".to_owned(), folder };
        incident.start_handler();
        incident
    }

    /// Starts the handler, on the port that it had before.
    pub fn start_handler(&mut self) {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        // Waits for one that another process is making, and does nothing where it is ready.
        let made = Command::new(root.join("scripts/sandbox")).arg("venv").status();
        assert!(made.is_ok_and(|status| status.success()), "`scripts/sandbox venv` failed");
        let mut child = Command::new(root.join("target/sandbox/venv/bin/python"))
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/runbook_stripe/handler.py"))
            .args([&self.port, SECRET])
            .arg(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the sandbox's python");
        let mut port = String::new();
        let said = BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut port);
        assert!(said.is_ok_and(|length| length > 0), "the handler did not start");
        self.port = port.trim().to_owned();
        self.handler = Some(Handler(child));
    }

    /// Ends the handler: nobody listens on its port then.
    pub fn stop_handler(&mut self) {
        self.handler = None;
    }

    /// The handler answers this many events, and holds those after them.
    pub fn hold_after(&self, count: usize) {
        self.write("hold.part", &count.to_string());
        fs::rename(self.path("hold.part"), self.path("hold")).expect("a file");
    }

    /// The handler answers again.
    pub fn release(&self) {
        fs::remove_file(self.path("hold")).expect("it holds");
    }

    /// Writes a file beside the evidence: `fail` has the events that the handler answers with a 500.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file");
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn handler_url(&self) -> String {
        format!("http://127.0.0.1:{}/webhooks/stripe", self.port)
    }

    /// bash with the environment of the runbook.
    pub fn tool(&self, command: &str) -> Tool {
        Tool::bash(command)
            .env("LAST", "evt_0")
            .env("HANDLER", self.handler_url())
            .env("STRIPE_API_KEY", testkit::stripe::TEST_KEY)
            .env("STRIPE_API_BASE", self.stripe.url())
            .env("STRIPE_WEBHOOK_SECRET", SECRET)
            .env("EVIDENCE", self.path("incident"))
            .cwd(self.folder.path())
    }

    pub fn script(&self, args: &str) -> Tool {
        self.tool(&format!("bash '{SCRIPT}' {args}"))
    }

    pub fn run(&self, args: &str) -> Output {
        self.script(args).run()
    }

    /// The runbook as a job of a shell with job control, to which this is done once that is so.
    pub fn job(&self, args: &str, until: &str, then: &str) -> Output {
        let job = format!(
            "set -m
            bash '{SCRIPT}' {args} &
            until {until}; do sleep 0.05; done
            {then}
            wait $!"
        );
        self.tool(&job).run()
    }

    pub fn text(&self, name: &str) -> String {
        let path = self.path("incident").join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The ids of a file of events, receipts or rejects of the evidence, in its order.
    pub fn ids(&self, name: &str) -> Vec<String> {
        let id = |line: &str| {
            let value: Value = serde_json::from_str(line).expect("a record");
            let event = if value["record"].is_null() { &value } else { &value["record"] };
            event["id"].as_str().expect("an event").to_owned()
        };
        self.text(name).lines().map(id).collect()
    }

    /// The ids of the events that the journal has.
    pub fn journaled(&self) -> Vec<String> {
        let text = self.text("journal.jsonl");
        // A kill may have cut the last line, which does not count then.
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let entry = |line| serde_json::from_str::<Value>(line).expect("an entry");
        let receipt = |entry: &Value| entry["result"]["id"].as_str().map(str::to_owned);
        // The others say what the journal is about, and what was intended.
        whole.filter_map(|line| receipt(&entry(line))).collect()
    }

    /// Waits until the log has this text.
    pub fn wait_for_log(&self, text: &str) {
        let limit = Instant::now() + Duration::from_secs(100);
        while !fs::read_to_string(self.path("incident/log")).is_ok_and(|log| log.contains(text)) {
            assert!(Instant::now() < limit, "no {text:?} in the log");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What the handler did, in order: `done evt_1`.
    pub fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("calls")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The handler has done all of `evt_1` to `evt_N`, each once, those of an object in their order.
    #[track_caller]
    pub fn assert_done(&self, count: i64) {
        let mut done: Vec<i64> = self.calls().iter().filter_map(|call| number(call, "done evt_")).collect();
        for object in 0..OBJECTS {
            let of: Vec<_> = done.iter().filter(|n| **n % OBJECTS == object).collect();
            assert!(of.is_sorted(), "{of:?}");
        }
        done.sort_unstable();
        assert_eq!(done, (1..=count).collect::<Vec<_>>());
    }
}

fn number(text: &str, before: &str) -> Option<i64> {
    text.strip_prefix(before)?.parse().ok()
}

/// `evt_A` to `evt_B`.
pub fn names(range: std::ops::RangeInclusive<i64>) -> Vec<String> {
    range.map(|n| format!("evt_{n}")).collect()
}
