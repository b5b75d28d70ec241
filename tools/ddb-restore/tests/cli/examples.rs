//! Every example of the README and the help runs as it stands.

use testkit::examples::{self, Example};
use testkit::moto;
use testkit::tool::Tool;

use crate::{Incident, hour_ago};

#[test]
fn they_all_run() {
    let incident = Incident::named("rate_limits".into());
    incident.replicate("ACTIVE");
    incident.lag(1, 100.0);
    let folder = tempfile::TempDir::new().unwrap();
    for Example { page, script } in examples::of("ddb-restore") {
        let output = Tool::bash(&script)
            .endpoint(moto::endpoint())
            .env("AWS_ENDPOINT_URL_DYNAMODB", incident.front.url())
            .env("AWS_ENDPOINT_URL_CLOUDWATCH", incident.cloudwatch.url())
            .env("AT", hour_ago().to_string())
            .cwd(folder.path())
            .run();
        assert_eq!(output.code, Some(0), "{page}: {script}: {}", output.stderr);
    }
    for restored in ["rate_limits_1120", "rate_limits_latest"] {
        assert!(incident.front.table(restored).is_some(), "{restored}");
    }
}
