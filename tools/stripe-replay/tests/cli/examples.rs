//! Every example of the README and the help runs in bash as it stands.

use tempfile::TempDir;
use testkit::examples::{self, Example};
use testkit::tool::Tool;

use crate::handler::Handler;
use crate::{SECRET, event, events};

/// What stands before an example: events as `stripe-events` writes them, and the handler of the test in place of the
/// one that the example calls.
const BEFORE: &str = r#"
stripe-events() { cat events.jsonl; }
stripe-replay() { command stripe-replay "${@/#https:*/$HANDLER}"; }
"#;

#[test]
fn they_all_run() {
    for Example { page, script } in examples::of("stripe-replay") {
        let handler = Handler::accepting();
        let folder = TempDir::new().expect("a folder");
        let file = |name: &str, text: String| std::fs::write(folder.path().join(name), text).expect("a file");
        file("events.jsonl", events(0..3));
        let error = r#"{"tool":"stripe-replay","kind":"handler-error","message":"m","retryable":true}"#;
        file("failed.jsonl", format!("{{\"error\":{error},\"record\":{}}}\n", event(3, "in_3")));
        file(
            "page.json",
            format!("{{\"object\":\"list\",\"data\":[{}],\"has_more\":false}}", event(4, "in_4")),
        );
        file("whsec", format!("{SECRET}\n"));
        let shell = Tool::bash(&format!("{BEFORE}{script}")).cwd(folder.path());
        let output = shell.env("HANDLER", &handler.url).env("STRIPE_WEBHOOK_SECRET", SECRET).run();
        assert_eq!(output.code, Some(0), "{page}:\n{script}\n{}", output.stderr);
        let sends =
            !script.contains("--print-curl") && !script.lines().all(|line| line.contains("--dry-run"));
        assert_eq!(!handler.state().calls.is_empty(), sends, "{page}:\n{script}");
    }
}
