//! The runbooks, as an operator starts them.
#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::fs;
use std::path::Path;

use serde_json::Value;
use testkit::s3::{Options, Put, Server};
use testkit::tool::{Output, Tool};
use testkit::{cloudfront, moto};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/runbooks/rb-n-03-s3-restore.sh");
const AT: &str = "2026-11-20T10:00:00Z";

fn damaged() -> Server {
    let server = Server::start(Options::default());
    server.create_bucket("photos");
    for n in 0..20 {
        let key = format!("originals/{n} é.jpg");
        server.put("photos", &key, Put::bytes(format!("good {n}")).at("2026-11-20T09:00:00Z"));
        let damage = if n % 2 == 0 { Put::marker() } else { Put::bytes("bad") };
        server.put("photos", &key, damage.at("2026-11-20T10:00:01Z"));
    }
    server.put("photos", "originals/new.jpg", Put::bytes("new").at("2026-11-20T10:00:01Z"));
    server
}

struct Incident {
    server: Server,
    distribution: String,
    evidence: tempfile::TempDir,
}

impl Incident {
    async fn new() -> Self {
        let evidence = tempfile::tempdir().expect("a folder");
        Self { server: damaged(), distribution: cloudfront::distribution().await, evidence }
    }

    fn run(&self, args: &str) -> Output {
        self.bash(&format!("bash '{SCRIPT}' {args}"))
    }

    fn bash(&self, command: &str) -> Output {
        Tool::bash(command)
            .env("BUCKET", "photos")
            .env("PREFIX", "originals/")
            .env("AT", AT)
            .env("DISTRIBUTION_ID", &self.distribution)
            .env("EVIDENCE", self.evidence.path().join("incident"))
            .env("AWS_ENDPOINT_URL_S3", self.server.url())
            .env("AWS_ENDPOINT_URL_CLOUDFRONT", moto::endpoint())
            .run()
    }

    fn evidence(&self, name: &str) -> Vec<Value> {
        lines(&self.evidence.path().join("incident").join(name))
    }
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|err| panic!("{}: {err}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("a record")).collect()
}

#[tokio::test]
async fn s3_restore_brings_the_prefix_back_and_keeps_the_evidence() {
    let incident = Incident::new().await;
    let output = incident.run("--yes --delete-newer");
    output.assert_code(0);
    assert_eq!(incident.evidence("plan.jsonl").len(), 21);
    assert_eq!(incident.evidence("restore.jsonl").len(), 21);
    assert_eq!(incident.evidence("purge.jsonl").len(), 21);
    assert_eq!(incident.evidence("left.jsonl").len(), 0);
    let client = incident.server.client();
    for n in 0..20 {
        let got = client.get_object().bucket("photos").key(format!("originals/{n} é.jpg")).send().await;
        let bytes = got.expect("the object is there").body.collect().await.expect("its content").into_bytes();
        assert_eq!(bytes, format!("good {n}").as_bytes());
    }
    assert!(client.get_object().bucket("photos").key("originals/new.jpg").send().await.is_err());

    // Taken up again with the same evidence, it does nothing twice.
    incident.server.clear_requests();
    incident.run("--yes --delete-newer").assert_code(0);
    for operation in ["CopyObject", "DeleteObject", "PutObject"] {
        assert_eq!(incident.server.count(operation), 0, "{operation}");
    }
}

#[tokio::test]
async fn s3_restore_says_what_was_left() {
    let incident = Incident::new().await;
    let output = incident.run("--yes");
    output.assert_code(3);
    let left = incident.evidence("left.jsonl");
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["record"]["key"], "originals/new.jpg");
}

#[tokio::test]
async fn s3_restore_asks_and_does_nothing_without_an_answer() {
    let incident = Incident::new().await;
    // Apart from the terminal there is none to ask on.
    let output = incident.bash(&format!("exec setsid --wait bash '{SCRIPT}'"));
    output.assert_code(2);
    for operation in ["CopyObject", "DeleteObject", "PutObject"] {
        assert_eq!(incident.server.count(operation), 0, "{operation}");
    }
}

#[tokio::test]
async fn s3_restore_does_nothing_more_when_only_the_script_is_killed() {
    let incident = Incident::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    // Stands before the tool in PATH: the tool is run by a child of the script.
    let kill =
        "#!/bin/sh\nkill -KILL \"$(ps -o ppid= -p \"$PPID\")\"\nPATH=${PATH#*:} exec s3-versions \"$@\"\n";
    let path = folder.path().join("s3-versions");
    fs::write(&path, kill).expect("a script");
    let before = folder.path().display();
    let output =
        incident.bash(&format!("chmod +x '{}'; PATH='{before}':$PATH bash '{SCRIPT}' --yes", path.display()));
    assert!(output.text().contains("the script was ended"), "{}{}", output.text(), output.stderr);
    for operation in ["CopyObject", "DeleteObject", "PutObject"] {
        assert_eq!(incident.server.count(operation), 0, "{operation}");
    }
}

#[tokio::test]
async fn s3_restore_refuses_wrong_settings() {
    let incident = Incident::new().await;
    incident.run("--nonsense").assert_code(2);
    assert!(incident.run("--help").assert_code(0).text().contains("Usage:"));
    let output = Tool::bash(&format!("bash '{SCRIPT}' --yes")).env("BUCKET", "photos").run();
    assert!(output.assert_code(2).stderr.contains("AT is not set"), "{}", output.stderr);
    incident.run("--yes --delete-newer -- --max-cost 0.01").assert_code(1);
    assert_eq!(incident.server.count("CopyObject"), 0);
}
