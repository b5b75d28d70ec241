//! A bucket that was damaged, the runbooks, and tools that stand before the real ones.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use testkit::s3::{Options, Put, Server};
use testkit::tool::Tool;
use testkit::{cloudfront, moto};

const RUNBOOKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/runbooks");
pub const AT: &str = "2026-11-20T10:00:00Z";
/// The keys of a bucket that were good at [`AT`]; one more is newer.
pub const KEYS: usize = 20;

/// A runbook, the tool that it runs first, and what it is for: the part of its folder's name.
pub struct Runbook {
    pub script: &'static str,
    pub first: &'static str,
    pub target: &'static str,
}

pub const ALL: [Runbook; 5] = [
    Runbook { script: "rb-n-02-aurora-pitr.sh", first: "rds-restore", target: "rb-n-02-app-prod-" },
    Runbook { script: "rb-n-03-s3-restore.sh", first: "s3-versions", target: "rb-n-03-photos-" },
    Runbook { script: "rb-n-04-typesense-reindex.sh", first: "ts-schema", target: "rb-n-04-people-" },
    Runbook { script: "rb-n-05-dynamodb.sh", first: "ddb-restore", target: "rb-n-05-rate_limits-" },
    Runbook {
        script: "rb-n-06-stripe-replay.sh",
        first: "stripe-events",
        target: "rb-n-06-app.example.com_8443-",
    },
];

pub struct Stage {
    folder: tempfile::TempDir,
}

impl Stage {
    pub fn new() -> Self {
        let stage = Self { folder: tempfile::tempdir().expect("a folder") };
        fs::create_dir(stage.path("bin")).expect("a folder");
        fs::write(stage.path("collections.json"), "{}").expect("a file");
        stage
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a shell script before the tool of that name.
    pub fn fake(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        fs::write(&path, format!("#!/usr/bin/env bash\n{script}\n")).expect("a script");
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("an executable");
    }

    /// The real tool again.
    pub fn real(&self, name: &str) {
        fs::remove_file(self.path("bin").join(name)).expect("it was faked");
    }

    /// The tool of that name waits at a gate whenever it is run, and does this then.
    pub fn gated(&self, name: &str, then: &str) {
        let gate = self.path("gate");
        let made = Command::new("mkfifo").arg(&gate).status();
        assert!(made.is_ok_and(|status| status.success()), "no fifo");
        self.fake(name, &format!("read -r _ <'{}'\n{then}", gate.display()));
    }

    /// Returns once the tool waits at the gate. It goes on when the result is dropped.
    pub fn waiting(&self) -> File {
        OpenOptions::new().write(true).open(self.path("gate")).expect("the tool waits")
    }

    /// bash in the folder, with the environment of every runbook and without EVIDENCE.
    pub fn bash(&self, command: &str) -> Tool {
        let path = self.path("bin");
        Tool::bash(&format!("PATH='{}':$PATH; {command}", path.display()))
            .cwd(self.folder.path())
            .env("CLUSTER", "app-prod")
            .env("RESTORED", "restored")
            .env("AT", AT)
            .env("READONLY_PARAMETER", "/app/global_readonly")
            .env("SECRET", "prod/db")
            .env("BUCKET", "photos")
            .env("PREFIX", "originals/")
            .env("DISTRIBUTION_ID", "EABC123")
            .env("SCHEMA", self.path("collections.json"))
            .env("TABLE", "rate_limits")
            .env("HANDLER", "https://app.example.com:8443/hook?token=hush")
            .env("LAST", "evt_0")
            .env("STRIPE_API_KEY", "rk_test_hush")
    }

    /// A runbook in the folder `incident`.
    pub fn run(&self, script: &str, args: &str) -> Tool {
        self.bash(&command(script, args)).env("EVIDENCE", self.path("incident"))
    }

    /// Every file of a folder, with what it holds.
    pub fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(self.path(folder)).expect("a folder");
        let file = |entry: std::io::Result<fs::DirEntry>| {
            let path = entry.expect("a file").path();
            (name(&path), fs::read(&path).expect("its content"))
        };
        entries.map(file).collect()
    }

    /// The folders of runs that named none.
    pub fn evidence(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path("evidence")) else { return Vec::new() };
        let mut names: Vec<_> = entries.map(|entry| name(&entry.expect("a folder").path())).collect();
        names.sort();
        names
    }

    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// The whole records of a file that may be absent, or torn.
    pub fn records(&self, name: &str) -> Vec<Value> {
        let text = self.text(name);
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole.map(|line| serde_json::from_str(line).expect("a record")).collect()
    }
}

pub fn command(script: &str, args: &str) -> String {
    format!("exec bash '{RUNBOOKS}/{script}' {args}")
}

fn name(path: &Path) -> String {
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

/// Buckets with keys that were good at [`AT`] and are deleted or damaged since, and a distribution before them.
pub struct Damaged {
    pub server: Server,
    distribution: String,
}

impl Damaged {
    pub async fn new(buckets: &[&str]) -> Self {
        let server = Server::start(Options::default());
        for bucket in buckets {
            server.create_bucket(bucket);
            for n in 0..KEYS {
                let key = format!("originals/{bucket}-{n}.jpg");
                server.put(bucket, &key, Put::bytes(format!("good {n}")).at("2026-11-20T09:00:00Z"));
                let damage = if n % 2 == 0 { Put::marker() } else { Put::bytes("bad") };
                server.put(bucket, &key, damage.at("2026-11-20T10:00:01Z"));
            }
            let newer = format!("originals/{bucket}-newer.jpg");
            server.put(bucket, &newer, Put::bytes("new").at("2026-11-20T10:00:01Z"));
        }
        Self { server, distribution: cloudfront::distribution().await }
    }

    /// Leads a runbook to these buckets.
    pub fn of(&self, tool: Tool) -> Tool {
        tool.env("DISTRIBUTION_ID", &self.distribution)
            .env("AWS_ENDPOINT_URL_S3", self.server.url())
            .env("AWS_ENDPOINT_URL_CLOUDFRONT", moto::endpoint())
    }

    /// All is as it was before anybody restored it.
    pub async fn assert_damaged(&self, bucket: &str) {
        let client = self.server.client();
        let get = |key: String| client.get_object().bucket(bucket).key(key).send();
        for n in 0..KEYS {
            let got = get(format!("originals/{bucket}-{n}.jpg")).await;
            let bytes = match got {
                Ok(object) => Some(object.body.collect().await.expect("its content").into_bytes()),
                Err(_) => None,
            };
            assert_eq!(bytes.as_deref(), (n % 2 == 1).then_some(&b"bad"[..]), "{n}");
        }
        assert!(get(format!("originals/{bucket}-newer.jpg")).await.is_ok(), "{bucket}");
    }

    /// Every good key is as it was, and the newer one is gone.
    pub async fn assert_restored(&self, bucket: &str) {
        let client = self.server.client();
        for n in 0..KEYS {
            let key = format!("originals/{bucket}-{n}.jpg");
            let got = client.get_object().bucket(bucket).key(&key).send().await.expect("the object is there");
            let bytes = got.body.collect().await.expect("its content").into_bytes();
            assert_eq!(bytes, format!("good {n}").as_bytes(), "{key}");
        }
        let newer = client.get_object().bucket(bucket).key(format!("originals/{bucket}-newer.jpg"));
        assert!(newer.send().await.is_err(), "{bucket}");
    }
}
