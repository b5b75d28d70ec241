//! A listing that ends where a test wants it to, and the files that it leaves.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread::yield_now;

use tempfile::TempDir;
use testkit::fault::{Fault, Plan, Proxy, Rule};
use testkit::s3::Server;
use testkit::tool::{Output, Tool};

use super::parallel_faults::{denied, listing};
use super::tool;

/// A journal and a file that all runs append to.
pub struct Files {
    folder: TempDir,
}

impl Files {
    pub fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub fn journal(&self) -> String {
        self.folder.path().join("journal").to_str().unwrap().to_owned()
    }

    pub fn written(&self) -> String {
        self.folder.path().join("versions.jsonl").to_str().unwrap().to_owned()
    }

    pub fn sorted(&self) -> Vec<String> {
        sorted(&fs::read_to_string(self.written()).unwrap())
    }

    /// Both files.
    pub fn content(&self) -> [Vec<u8>; 2] {
        [self.written(), self.journal()].map(|path| fs::read(path).unwrap_or_default())
    }

    /// How many pieces the journal says are written.
    pub fn noted(&self) -> usize {
        fs::read_to_string(self.journal()).unwrap_or_default().matches("\"result\":{\"piece\"").count()
    }

    /// The tool with the journal, appending to the file.
    pub fn appending(&self, tool: Tool) -> Tool {
        tool.args(["--journal", &self.journal()]).stdout_to(self.written())
    }
}

pub fn sorted(text: &str) -> Vec<String> {
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

/// Refused as a usage error of one line, which has each of these.
pub fn assert_refused(output: &Output, words: &[&str]) {
    assert_eq!(output.code, Some(2), "{}", output.stderr);
    assert_eq!(output.stderr.matches("error:").count(), 1, "{}", output.stderr);
    for word in words {
        assert!(output.stderr.contains(word), "{word}: {}", output.stderr);
    }
}

#[derive(Default)]
struct State {
    /// Listings that are still answered before the gate closes.
    held: Counter,
    /// The same before they are refused.
    refused: Counter,
}

/// Counts down to zero and stays there.
struct Counter(AtomicU64);

impl Default for Counter {
    fn default() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }
}

impl Counter {
    fn is_over(&self) -> bool {
        let down = |left: u64| if left == u64::MAX { Some(left) } else { left.checked_sub(1) };
        self.0.fetch_update(SeqCst, SeqCst, down).is_err()
    }
}

/// One address before a server, which a listing that is resumed must see again.
pub struct Gate {
    proxy: Proxy,
    state: Arc<State>,
}

impl Gate {
    pub fn new(server: &Server) -> Self {
        Self::with(server, 1, [])
    }

    /// With faults of their own for what it lets through.
    pub fn with(server: &Server, seed: u64, rules: impl IntoIterator<Item = Rule>) -> Self {
        let state = Arc::new(State::default());
        let (held, refused) = (Arc::clone(&state), Arc::clone(&state));
        let plan = Plan::new(seed)
            .rule(listing(Fault::Hang).matching(move |_| held.held.is_over()))
            .rule(listing(denied()).matching(move |_| refused.refused.is_over()));
        Self { proxy: Proxy::start(server.url(), rules.into_iter().fold(plan, Plan::rule)), state }
    }

    pub fn url(&self) -> &str {
        self.proxy.url()
    }

    /// The tool, before this server.
    pub fn tool(&self) -> Tool {
        Tool::new("s3-versions").endpoint(self.url())
    }

    /// Holds all listings behind so many answers.
    pub fn hold_after(&self, answered: u64) {
        self.state.held.0.store(answered, SeqCst);
    }

    /// Refuses them.
    pub fn refuse_after(&self, answered: u64) {
        self.state.refused.0.store(answered, SeqCst);
    }

    /// Answers all from now on.
    pub fn open(&self) {
        self.hold_after(u64::MAX);
        self.refuse_after(u64::MAX);
    }

    fn held(&self) -> usize {
        self.proxy.count("Hang")
    }

    /// Starts a tool and waits until one of its listings is held, or it has ended.
    pub fn run_until_held(&self, tool: Tool, answered: u64) -> (testkit::tool::Running, bool) {
        let before = self.held();
        self.hold_after(answered);
        let mut running = tool.endpoint(self.url()).spawn();
        while self.held() == before && !running.has_ended() {
            yield_now();
        }
        let is_held = self.held() > before;
        (running, is_held)
    }

    /// Kills the tool behind so many answers, and is open again; nothing when the tool came to its end before.
    pub fn kill(&self, tool: Tool, answered: u64) -> Option<Output> {
        let (running, is_held) = self.run_until_held(tool, answered);
        if is_held {
            running.signal("KILL");
        }
        let output = running.wait();
        self.open();
        if is_held {
            assert_eq!(output.signal, Some(9));
            return None;
        }
        Some(output)
    }

    /// A listing that is refused behind so many answers.
    pub fn interrupt(&self, files: &Files, args: &[&str], answered: u64) {
        self.refuse_after(answered);
        files.appending(self.tool().args(args)).run().assert_code(1);
        self.open();
    }
}

/// The lines of an undisturbed listing.
pub fn whole(server: &Server, args: &[&str]) -> Vec<String> {
    let output = tool(server).args(args).run();
    output.assert_code(0);
    sorted(output.text())
}
