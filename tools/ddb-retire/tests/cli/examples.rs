//! Every example of the README and the help runs as it stands.

use testkit::examples::{self, Example};
use testkit::moto;
use testkit::tool::Tool;

use crate::Incident;

#[test]
fn they_all_run() {
    let incident = Incident::named("rate_limits".into());
    for Example { page, script } in examples::of("ddb-retire") {
        if incident.is_gone() {
            incident.create("rate_limits");
        }
        incident.recover("rate_limits");
        incident.recover("rate_limits_1120");
        incident.front.state().log.clear();
        let folder = tempfile::TempDir::new().expect("a folder");
        let output = Tool::bash(&script)
            .endpoint(moto::endpoint())
            .env("AWS_ENDPOINT_URL_DYNAMODB", incident.front.url())
            .env("AWS_ENDPOINT_URL_CLOUDWATCH", incident.cloudwatch.url())
            .cwd(folder.path())
            .run();
        assert_eq!(output.code, Some(0), "{page}: {script}: {}", output.stderr);
        assert_eq!(incident.is_gone(), !script.contains("--dry-run"), "{page}: {script}");
    }
}
