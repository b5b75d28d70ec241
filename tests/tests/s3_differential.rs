//! The same seeded operations against the fast S3 and against moto leave the same versions behind.
//!
//! Left out is what moto does not do as S3: checksums, markers for keys without versions, the version id in
//! the answer to the removal of what is gone, the order across its two lists.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{MetadataDirective, StorageClass, Tag, Tagging};
use testkit::moto;
use testkit::s3::{Options, Server};

const KEYS: [&str; 4] = ["a", "a/b c", "a+b", "é%"];
const STEPS: usize = 60;

/// One operation; versions are named by the order in which they were made, since the servers choose their own
/// ids.
#[derive(Clone, Debug)]
enum Step {
    Put { key: usize, body: String },
    Delete { key: usize },
    Remove { version: usize },
    Copy { version: usize, to: usize, replace: bool },
    Tag { version: usize },
    Head { version: usize },
    HeadLatest { key: usize },
}

/// What a server holds and has answered.
struct Side {
    client: Client,
    bucket: String,
    /// Key and version id in the order of their making.
    made: Vec<(String, String)>,
}

/// Deletes only keys that have something: moto adds no marker to a key without versions, though S3 does.
fn steps(seed: u64) -> Vec<Step> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut made: Vec<usize> = Vec::new();
    let mut left = [0; KEYS.len()];
    let mut removed = BTreeSet::new();
    let mut steps = Vec::new();
    while steps.len() < STEPS {
        let key = random.usize(..KEYS.len());
        let choice = if made.is_empty() { 0 } else { random.u32(..12) };
        let version = random.usize(..made.len().max(1));
        let step = match choice {
            4 | 5 if left[key] > 0 => Step::Delete { key },
            6 => Step::Remove { version },
            7 | 8 => Step::Copy { version, to: key, replace: random.bool() },
            9 => Step::Tag { version },
            10 => Step::Head { version },
            11 => Step::HeadLatest { key },
            _ => Step::Put { key, body: "x".repeat(random.usize(..20)) },
        };
        match step {
            Step::Put { .. } | Step::Delete { .. } => {
                made.push(key);
                left[key] += 1;
            }
            Step::Remove { version } if removed.insert(version) => left[made[version]] -= 1,
            _ => {}
        }
        steps.push(step);
    }
    steps
}

fn status<T, E: ProvideErrorMetadata + std::fmt::Debug>(result: Result<T, SdkError<E>>) -> Result<T, u16> {
    result.map_err(|error| error.raw_response().unwrap().status().as_u16())
}

impl Side {
    /// Carries out a step; the answer is in words that both servers share.
    async fn take(&mut self, step: &Step) -> String {
        let (client, bucket) = (&self.client, &self.bucket);
        match step {
            Step::Put { key, body } => {
                let put = client
                    .put_object()
                    .bucket(bucket)
                    .key(KEYS[*key])
                    .metadata("length", body.len().to_string());
                let put = put.content_type("text/plain").tagging("made=by+put&n=1");
                let done = put.body(ByteStream::from(body.clone().into_bytes())).send().await.unwrap();
                self.made.push((KEYS[*key].to_owned(), done.version_id.unwrap()));
                format!("put {:?}", done.e_tag)
            }
            Step::Delete { key } => {
                let done = client.delete_object().bucket(bucket).key(KEYS[*key]).send().await.unwrap();
                self.made.push((KEYS[*key].to_owned(), done.version_id.unwrap()));
                format!("deleted {:?}", done.delete_marker)
            }
            Step::Remove { version } => {
                let (key, id) = &self.made[*version];
                let done = client.delete_object().bucket(bucket).key(key).version_id(id).send().await;
                format!("removed {:?}", status(done).map(drop))
            }
            Step::Copy { version, to, replace } => {
                let (key, id) = self.made[*version].clone();
                let source: String = key.bytes().map(|byte| format!("%{byte:02X}")).collect();
                let mut copy = client.copy_object().bucket(bucket).key(KEYS[*to]);
                copy = copy.copy_source(format!("{bucket}/{source}?versionId={id}"));
                if *replace {
                    copy = copy.metadata_directive(MetadataDirective::Replace).content_type("text/css");
                    copy = copy.storage_class(StorageClass::StandardIa);
                }
                let done = status(copy.send().await);
                done.map_or_else(
                    |code| format!("not copied: {}", code / 100),
                    |done| {
                        let same = done.copy_source_version_id() == Some(&id);
                        format!("copied {same} {:?}", done.copy_object_result.unwrap().e_tag)
                    },
                )
            }
            Step::Tag { version } => {
                let (key, id) = &self.made[*version];
                let tag = Tag::builder().key("v").value(version.to_string()).build().unwrap();
                let tagging = Tagging::builder().tag_set(tag).build().unwrap();
                let put = client.put_object_tagging().bucket(bucket).key(key).version_id(id).tagging(tagging);
                format!("tagged {:?}", status(put.send().await).is_ok())
            }
            Step::Head { version } => {
                let (key, id) = &self.made[*version];
                format!("head {:?}", self.describe(key, Some(id)).await)
            }
            Step::HeadLatest { key } => format!("latest {:?}", self.describe(KEYS[*key], None).await),
        }
    }

    /// What HEAD and GetObjectTagging say of a version, without ids and times.
    async fn describe(&self, key: &str, id: Option<&str>) -> Result<Vec<String>, u16> {
        let head =
            self.client.head_object().bucket(&self.bucket).key(key).set_version_id(id.map(str::to_owned));
        let head = status(head.send().await)?;
        let tags = self.client.get_object_tagging().bucket(&self.bucket).key(key);
        let mut tags = tags.set_version_id(head.version_id.clone()).send().await.unwrap().tag_set;
        tags.sort_by(|a, b| a.key().cmp(b.key()));
        let metadata: BTreeMap<_, _> = head.metadata.clone().unwrap_or_default().into_iter().collect();
        Ok(vec![
            format!("{:?} {:?}", head.e_tag, head.content_length),
            format!("{:?} {:?} {metadata:?}", head.content_type, head.storage_class),
            format!("{tags:?}"),
        ])
    }

    /// Every version and marker, newest first within its list, with its properties instead of its id.
    async fn state(&self) -> (Vec<String>, Vec<String>) {
        let page = self.client.list_object_versions().bucket(&self.bucket).send().await.unwrap();
        let mut versions = Vec::new();
        for version in page.versions() {
            let (key, latest) = (version.key().unwrap(), version.is_latest());
            versions.push(format!("{key} {latest:?} {:?}", self.describe(key, version.version_id()).await));
        }
        let markers = page.delete_markers().iter();
        (versions, markers.map(|marker| format!("{:?} {:?}", marker.key(), marker.is_latest())).collect())
    }
}

#[tokio::test]
async fn the_fast_s3_and_moto_agree() {
    let server = Server::start(Options::default());
    for seed in 0..4 {
        let name = moto::bucket("differential").await;
        server.create_bucket(&name);
        let mut ours = Side { client: server.client(), bucket: name.clone(), made: Vec::new() };
        let mut theirs = Side { client: moto::s3(), bucket: name, made: Vec::new() };
        for (number, step) in steps(seed).iter().enumerate() {
            let (mine, other) = (ours.take(step).await, theirs.take(step).await);
            assert_eq!(mine, other, "seed {seed}, step {number}: {step:?}");
        }
        assert_eq!(ours.state().await, theirs.state().await, "seed {seed}");
    }
}
