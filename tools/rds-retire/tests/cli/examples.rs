//! Every example of the README and the help runs as it stands.

use testkit::examples::{self, Example};
use testkit::tool::Tool;

use crate::Incident;

#[test]
fn they_all_run() {
    for Example { page, script } in examples::of("rds-retire") {
        let incident = Incident::new();
        let folder = tempfile::TempDir::new().expect("a folder");
        let output = Tool::bash(&script)
            .env("AWS_ENDPOINT_URL_RDS", incident.rds.url())
            .env("AWS_ENDPOINT_URL_CLOUDWATCH", incident.cloudwatch.url())
            .cwd(folder.path())
            .run();
        assert_eq!(output.code, Some(0), "{page}: {script}: {}", output.stderr);
        assert_eq!(incident.changes().is_empty(), script.contains("--dry-run"), "{page}: {script}");
    }
}
