//! Server-side encryption: nothing is encrypted, but everything is remembered and asked for.

use super::error::Error;
use super::reply::Reply;
use super::request::Headers;

const CUSTOMER: &str = "x-amz-server-side-encryption-customer";
const COPY_SOURCE_CUSTOMER: &str = "x-amz-copy-source-server-side-encryption-customer";

/// How a version is encrypted.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Sse {
    /// SSE-S3, the default of every bucket (`AES256`).
    #[default]
    S3,
    /// SSE-KMS (`aws:kms`).
    Kms {
        /// The key's id or ARN.
        key_id: Option<String>,
        /// Whether a bucket key is used.
        bucket_key: bool,
    },
    /// SSE-C: the key belongs to the client and must come with every request that reads.
    Customer {
        /// The MD5 of the key in base64.
        key_md5: String,
    },
}

impl Sse {
    /// What a write asks for, if anything.
    pub(super) fn from_headers(headers: &Headers) -> Result<Option<Self>, Error> {
        if let Some(key_md5) = customer_key(headers, CUSTOMER)? {
            return Ok(Some(Self::Customer { key_md5 }));
        }
        match headers.get("x-amz-server-side-encryption").as_deref() {
            None => Ok(None),
            Some("AES256") => Ok(Some(Self::S3)),
            Some("aws:kms") => Ok(Some(Self::Kms {
                key_id: headers.get("x-amz-server-side-encryption-aws-kms-key-id"),
                bucket_key: headers.is_true("x-amz-server-side-encryption-bucket-key-enabled"),
            })),
            Some(_) => Err(Error::invalid_argument("The encryption method specified is not supported")),
        }
    }

    /// Checks that a request which reads this version brings the right key.
    pub(super) fn unlock(&self, headers: &Headers) -> Result<(), Error> {
        self.unlock_with(headers, CUSTOMER)
    }

    /// Checks that a copy of this version brings the right key for its source.
    pub(super) fn unlock_source(&self, headers: &Headers) -> Result<(), Error> {
        self.unlock_with(headers, COPY_SOURCE_CUSTOMER)
    }

    fn unlock_with(&self, headers: &Headers, family: &str) -> Result<(), Error> {
        match (self, customer_key(headers, family)?) {
            (Self::Customer { key_md5 }, Some(sent)) if *key_md5 == sent => Ok(()),
            (Self::Customer { .. }, Some(_)) => Err(Error::access_denied()),
            (Self::Customer { .. }, None) => Err(Error::invalid_request(
                "The object was stored using a form of Server Side Encryption. \
                 The correct parameters must be provided to retrieve the object.",
            )),
            (_, Some(_)) => {
                Err(Error::invalid_request("The encryption parameters are not applicable to this object."))
            }
            (_, None) => Ok(()),
        }
    }

    /// ETags are the MD5 of the content for SSE-S3 alone (API reference, Object).
    pub(super) fn etag_is_md5(&self) -> bool {
        matches!(self, Self::S3)
    }

    /// The headers that tell a client how the version is encrypted.
    pub(super) fn on(&self, reply: Reply) -> Reply {
        match self {
            Self::S3 => reply.header("x-amz-server-side-encryption", "AES256"),
            Self::Kms { key_id, bucket_key } => reply
                .header("x-amz-server-side-encryption", "aws:kms")
                .maybe("x-amz-server-side-encryption-aws-kms-key-id", key_id.as_ref())
                .maybe("x-amz-server-side-encryption-bucket-key-enabled", bucket_key.then_some("true")),
            Self::Customer { key_md5 } => reply
                .header(format!("{CUSTOMER}-algorithm"), "AES256")
                .header(format!("{CUSTOMER}-key-md5"), key_md5),
        }
    }
}

/// The MD5 of the customer's key; all three headers must be there.
fn customer_key(headers: &Headers, family: &str) -> Result<Option<String>, Error> {
    let get = |part: &str| headers.get(&format!("{family}-{part}"));
    match (get("algorithm"), get("key"), get("key-md5")) {
        (None, None, None) => Ok(None),
        (Some(_), Some(_), Some(md5)) => Ok(Some(md5)),
        _ => Err(Error::invalid_argument(
            "Requests with a customer key must provide algorithm, key and key MD5.",
        )),
    }
}
