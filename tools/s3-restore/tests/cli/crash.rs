//! A run that is killed at a known point, and the next one with the same journal.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use testkit::fault::{Fault, Plan, Proxy, Rule};
use testkit::s3::Server;
use testkit::tool::Output;

use crate::bench::{lines, tool};

/// A journal, and an endpoint whose faults are met by the run that is killed alone.
pub struct Crash {
    proxy: Proxy,
    armed: Arc<AtomicBool>,
    folder: TempDir,
}

impl Crash {
    /// With faults for the run that is killed.
    pub fn new(server: &Server, rules: impl IntoIterator<Item = Rule>) -> Self {
        let armed = Arc::new(AtomicBool::new(true));
        let plan = rules.into_iter().fold(Plan::new(1), |plan, rule| {
            let armed = Arc::clone(&armed);
            plan.rule(rule.matching(move |_| armed.load(Ordering::Relaxed)))
        });
        let proxy = Proxy::start(server.url(), plan);
        Self { proxy, armed, folder: TempDir::new().unwrap() }
    }

    /// Where its journal is.
    pub fn journal(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    /// Runs the tool until something is true, and kills it then.
    pub fn kill(&self, args: &[&str], records: &[Value], is_there: impl Fn() -> bool) {
        let tool = tool(self.proxy.url()).args(args).arg("--journal").arg(self.journal());
        let mut running = tool.stdin(lines(records)).spawn();
        while !is_there() {
            assert!(!running.has_ended(), "{}", running.wait().stderr);
            std::thread::yield_now();
        }
        running.signal("KILL");
        assert_eq!(running.wait().signal, Some(9));
        self.armed.store(false, Ordering::Relaxed);
    }

    /// The same line again.
    pub fn again(&self, args: &[&str], records: &[Value]) -> Output {
        let tool = tool(self.proxy.url()).args(args).arg("--journal").arg(self.journal());
        tool.stdin(lines(records)).run()
    }

    /// Whether a fault was met.
    pub fn met(&self, fault: &str) -> bool {
        self.proxy.count(fault) > 0
    }
}

/// The answer is carried out and never comes.
pub fn silence() -> Fault {
    Fault::SlowBody(Duration::from_secs(3600))
}

/// DeleteObject is carried out n times. The last answer is lost, and the next try waits for ever.
pub fn deleted_without_an_answer(n: u64) -> [Rule; 2] {
    let lost = Rule::new(Fault::ResetAfter).operation("DeleteObject").nth(n);
    // Those that the first rule lets pass: n - 1 of them before the lost one.
    [lost, Rule::new(Fault::Hang).operation("DeleteObject").nth(n)]
}

/// Undoes the output of a run, without a journal.
pub fn undo(server: &Server, output: &Output) {
    tool(server.url()).arg("--undo").stdin(output.stdout.clone()).run().assert_code(0);
}
