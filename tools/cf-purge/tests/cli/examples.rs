//! Every example of the README and the help runs as it stands, in bash, against the fake.

use std::fs;

use tempfile::TempDir;
use testkit::examples::{self, Example};
use testkit::tool::Tool;

use crate::fake::Fake;
use crate::records;

/// What stands before cf-purge in a pipeline, with examples of its own.
const BEFORE: &str = "s3-versions() { cat plan.jsonl; }\ns3-restore() { cat; }\n";

#[test]
fn they_all_run() {
    for Example { page, script } in examples::of("cf-purge") {
        let fake = Fake::start(Some(1));
        let folder = TempDir::new().expect("a folder");
        let record = records(["originals/a.jpg"]);
        for (name, content) in [
            ("plan.jsonl", &record),
            ("restored.jsonl", &record),
            ("keys.txt", &"originals/a.jpg\n".to_owned()),
        ] {
            fs::write(folder.path().join(name), content).expect("a file");
        }
        let output = Tool::bash(&format!("{BEFORE}{script}")).endpoint(fake.url()).cwd(folder.path()).run();
        assert_eq!(output.code, Some(0), "{page}:\n{script}\n--- stderr\n{}", output.stderr);
        let kept = fs::read_to_string(folder.path().join("purged.jsonl")).unwrap_or_default();
        let runs = script.matches("cf-purge --").count();
        assert!(runs > 0, "{page}:\n{script}");
        assert_eq!(output.records().len() + kept.lines().count(), runs, "{page}:\n{script}");
        let rehearsals = script.matches("--dry-run").count();
        assert_eq!(fake.state().made().len(), runs - rehearsals, "{page}:\n{script}");
    }
}
