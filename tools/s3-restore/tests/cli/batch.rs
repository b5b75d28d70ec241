//! `--batch`, against S3 Batch Operations that really copy.

mod jobs;
mod reports;
mod set_apart;

use serde_json::Value;
use tempfile::TempDir;
use testkit::s3::Server;
use testkit::s3control::S3Control;
use testkit::tool::{Output, Tool};

use crate::bench::{lines, server};

const ROLE: &str = "arn:aws:iam::123456789012:role/batch";

/// An S3 with a bucket for manifests and reports, the jobs in front of it, and a folder to run in.
struct World {
    s3: Server,
    control: S3Control,
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        Self::around(server())
    }

    fn around(s3: Server) -> Self {
        s3.create_bucket("ops");
        let control = S3Control::start(s3.url());
        Self { s3, control, folder: TempDir::new().unwrap() }
    }

    fn tool(&self) -> Tool {
        Tool::new("s3-restore")
            .env("AWS_ENDPOINT_URL_S3", self.s3.url())
            .env("AWS_ENDPOINT_URL_S3_CONTROL", self.control.url())
            .args(["--batch", "s3://ops/jobs/", "--batch-role", ROLE])
            .cwd(self.folder.path())
    }

    fn run(&self, args: &[&str], records: &[Value]) -> Output {
        self.tool().args(args).stdin(lines(records)).run()
    }

    /// Keys of the bucket for manifests and reports, without what lies beside manifests.
    fn kept(&self) -> Vec<String> {
        let kept = self.s3.versions("ops").into_iter().map(|kept| kept.key);
        kept.filter(|key| !key.ends_with(".job.json")).collect()
    }

    /// The manifests, one after the other.
    fn manifest(&self) -> String {
        let kept = self.s3.versions("ops").into_iter().filter(|kept| kept.key.ends_with(".csv"));
        let kept = kept.filter(|kept| kept.key.starts_with("jobs/manifests/"));
        kept.map(|kept| String::from_utf8(kept.content.unwrap().to_vec()).unwrap()).collect()
    }

    /// The files that were set apart, by name.
    fn apart(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}
