//! Every example of the README and the help runs as it stands, in bash.

use anyhow::Result;
use testkit::examples::Example;
use testkit::rds::{automated_backup, cluster};
use testkit::tool::Tool;
use testkit::{examples, postgres};

use crate::production;

#[test]
fn they_all_run() -> Result<()> {
    let database = postgres::database();
    let address = database.rsplit_once('@').and_then(|(_, rest)| rest.split('/').next()).unwrap();
    let (host, port) = address.split_once(':').unwrap();
    for Example { page, script } in examples::of("rds-restore") {
        let server = production();
        {
            let mut state = server.state();
            state.endpoint = Some(host.to_owned());
            state.cluster_mut("app-prod").unwrap().fields.set("Port", port);
            state.backups.push(automated_backup(&cluster("app-gone")));
        }
        let folder = tempfile::TempDir::new()?;
        let output =
            Tool::bash(&script).endpoint(server.url()).env("DB_URL", &database).cwd(folder.path()).run();
        assert_eq!(output.code, Some(0), "{page}: {script}: {}", output.stderr);
        let written = std::fs::read(folder.path().join("restored.jsonl")).unwrap_or(output.stdout);
        assert_eq!(written.iter().filter(|byte| **byte == b'\n').count(), 1, "{page}: {script}");
    }
    Ok(())
}
