//! The bucket in which a report lies, which may be in another region than the one it tells of.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Region;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use common::aws::Trouble;
use common::retry::Backoff;
use md5::{Digest, Md5};
use tokio::sync::mpsc;

/// Tries of a body that breaks off, counted anew whenever one brought something.
const ATTEMPTS: u32 = 6;
const BACKOFF: Backoff = Backoff { base: Duration::from_millis(200), cap: Duration::from_secs(10) };

/// Objects of one bucket.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    bucket: String,
}

impl Store {
    /// The bucket, asked in its own region wherever that is.
    ///
    /// # Errors
    /// When it does not exist or cannot be reached.
    pub async fn open(client: Client, bucket: &str) -> Result<Self, Trouble> {
        let asked = client.head_bucket().bucket(bucket).send().await;
        let region = match asked {
            Ok(answer) => answer.bucket_region().map(str::to_owned),
            Err(err) => {
                let raw = err.raw_response();
                let region = raw.and_then(|answer| answer.headers().get("x-amz-bucket-region"));
                let region = region.map(str::to_owned);
                let trouble = Trouble::new(&format!("HeadBucket s3://{bucket}"), &err);
                // Who may not ask this may still read the report.
                if region.is_none() && (trouble.is_fatal() || trouble.status == Some(404)) {
                    return Err(trouble);
                }
                region
            }
        };
        let other = region.filter(|region| client.config().region().is_none_or(|own| own.as_ref() != region));
        let client = match other {
            Some(region) => {
                Client::from_conf(client.config().to_builder().region(Region::new(region)).build())
            }
            None => client,
        };
        Ok(Self { client, bucket: bucket.to_owned() })
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// An object's address.
    pub fn place(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    /// A whole object of at most `max` bytes.
    ///
    /// # Errors
    /// When it cannot be read, or is larger.
    pub async fn small(&self, key: &str, max: usize) -> Result<Vec<u8>, Trouble> {
        let (sender, mut chunks) = mpsc::channel::<Bytes>(1);
        let mut whole = Vec::new();
        let collect = async {
            while let Some(chunk) = chunks.recv().await {
                whole.extend_from_slice(&chunk);
                if whole.len() > max {
                    return Err(self.trouble(key, "TooLarge", format!("it has more than {max} bytes")));
                }
            }
            Ok(())
        };
        tokio::try_join!(self.stream(key, sender), collect)?;
        Ok(whole)
    }

    /// Sends an object's bytes and returns their MD5. A body that breaks off is taken up where it broke.
    ///
    /// # Errors
    /// When the object cannot be read to its end.
    pub async fn stream(&self, key: &str, to: mpsc::Sender<Bytes>) -> Result<[u8; 16], Trouble> {
        let mut digest = Md5::new();
        let (mut offset, mut tried) = (0, 0);
        loop {
            let mut body = self.get(key, offset).await?;
            let broke = loop {
                match body.next().await {
                    None => return Ok(digest.finalize().into()),
                    Some(Ok(chunk)) => {
                        digest.update(&chunk);
                        offset += chunk.len();
                        tried = 0;
                        if to.send(chunk).await.is_err() {
                            return Err(self.trouble(key, "GivenUp", "its reading was given up".into()));
                        }
                    }
                    Some(Err(err)) => break err,
                }
            };
            if tried + 1 == ATTEMPTS {
                return Err(self.trouble(key, "BrokenOff", format!("at byte {offset}: {broke}")));
            }
            tokio::time::sleep(BACKOFF.delay(tried)).await;
            tried += 1;
        }
    }

    fn trouble(&self, key: &str, code: &str, words: String) -> Trouble {
        let message = format!("GetObject {}: {code}: {words}", self.place(key));
        Trouble { code: code.into(), message, status: None }
    }

    async fn get(&self, key: &str, offset: usize) -> Result<ByteStream, Trouble> {
        let range = (offset > 0).then(|| format!("bytes={offset}-"));
        let request = self.client.get_object().bucket(&self.bucket).key(key).set_range(range);
        let answer = request.send().await;
        answer
            .map(|answer| answer.body)
            .map_err(|err| Trouble::new(&format!("GetObject {}", self.place(key)), &err))
    }
}
