//! A fast, versioned S3 in this process.
//!
//! It keeps to the documented behaviour of S3 where moto does not: the true order of versions and delete
//! markers, exact markers, conditional writes, what a copy takes over and what not, archived objects,
//! encryption, checksums. Signatures are not checked, but the access key `bad` is refused. Buckets are
//! addressed by path.
//!
//! ```
//! use testkit::s3::{Options, Put, Server};
//!
//! let server = Server::start(Options::default());
//! server.create_bucket("photos");
//! let old = server.put("photos", "a.jpg", Put::bytes("old").at("2026-11-20T09:00:00Z"));
//! server.put("photos", "a.jpg", Put::marker().at("2026-11-20T11:00:00Z"));
//! // Run a tool against server.url(), then look at what it sent:
//! assert_eq!(server.count("ListObjectVersions"), 0);
//! let held = server.versions("photos");
//! assert!(held[0].marker && held[1].version_id == old);
//! ```
//!
//! Content is either bytes or only a size ([`Put::synthetic`]), so that a 6 GB object costs nothing; equal
//! content has equal checksums however it was copied. [`Options::synthetic`] makes a bucket of millions of
//! versions.

mod acl;
mod bucket;
mod checksum;
mod chunked;
mod content;
mod copy;
mod delete;
mod encryption;
mod error;
mod http;
mod kept;
mod list;
mod list_objects;
mod multipart;
mod object;
mod options;
mod parts;
mod rate;
mod reply;
mod request;
mod restore;
mod route;
mod seed;
mod service;
mod shape;
mod store;
mod synthetic;
mod tagging;
mod uploads;
mod version;
mod xml;

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, PoisonError};

use aws_sdk_s3::Client;
use jiff::Timestamp;

use crate::client;
use crate::listening::Listening;
use service::Service;
use store::Bucket;

pub(crate) use route::operation;

pub use encryption::Sse;
pub use kept::Kept;
pub use options::Options;
pub use seed::Put;
pub use service::Logged;
pub use shape::Shape;
pub use synthetic::Synthetic;

/// A running server, on threads of its own, so that a test may block. It ends when it is dropped.
pub struct Server {
    service: Arc<Service>,
    listening: Listening,
}

impl Server {
    /// Starts a server on a free loopback port; it accepts connections when this returns.
    ///
    /// # Panics
    /// If the system gives no port or thread.
    pub fn start(options: Options) -> Self {
        let service = Arc::new(Service::new(options));
        let shared = Arc::clone(&service);
        let listening = Listening::start(move |stream| http::serve(stream, Arc::clone(&shared)));
        Self { service, listening }
    }

    /// Where it listens, such as `http://127.0.0.1:34567`.
    pub fn url(&self) -> &str {
        self.listening.url()
    }

    /// An SDK client for this server, bound to the runtime of its first call.
    pub fn client(&self) -> Client {
        client::s3(self.url())
    }

    /// Creates a bucket with versioning enabled.
    pub fn create_bucket(&self, name: &str) {
        self.service.write().buckets.insert(name.to_owned(), Bucket::versioned(None));
    }

    /// Puts a version or delete marker on top of a key, and returns its version id.
    ///
    /// # Panics
    /// If there is no such bucket, or PutObject would refuse the headers.
    pub fn put(&self, bucket: &str, key: &str, put: Put) -> String {
        let mut store = self.service.write();
        let bucket = store.bucket_mut(bucket).expect("an existing bucket");
        put.apply(&self.service, bucket, key).expect("a version that S3 would take")
    }

    /// Sets how a bucket encrypts what does not ask for anything else; at first [`Sse::S3`].
    ///
    /// # Panics
    /// If there is no such bucket.
    pub fn set_default_encryption(&self, bucket: &str, sse: Sse) {
        self.service.write().bucket_mut(bucket).expect("an existing bucket").default_sse = sse;
    }

    /// Stops the clock at this time.
    pub fn set_time(&self, time: Timestamp) {
        *self.service.clock.lock().unwrap_or_else(PoisonError::into_inner) = Some(time);
    }

    /// Completes every RestoreObject that is under way, and returns how many there were.
    pub fn finish_restores(&self) -> usize {
        restore::finish(&mut self.service.write(), self.service.now())
    }

    /// All requests so far, in the order of their answers.
    pub fn requests(&self) -> Vec<Logged> {
        self.service.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many requests there were for an operation, such as `CopyObject`, whatever their answer.
    pub fn count(&self, operation: &str) -> usize {
        self.requests().iter().filter(|request| request.operation == operation).count()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.service.log.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How many requests there were for each operation since the last call, logged or not. Those that were refused for
    /// coming too fast are counted as `SlowDown` and nowhere else.
    pub fn take_counts(&self) -> BTreeMap<&'static str, u64> {
        mem::take(&mut self.service.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Every version and delete marker of a bucket, in the order of ListObjectVersions.
    ///
    /// # Panics
    /// If there is no such bucket.
    pub fn versions(&self, bucket: &str) -> Vec<Kept> {
        kept::all(self.service.read().bucket(bucket).expect("an existing bucket"))
    }

    /// How many multipart uploads are open in a bucket; none should be left behind by a failure.
    ///
    /// # Panics
    /// If there is no such bucket.
    pub fn open_uploads(&self, bucket: &str) -> usize {
        self.service.read().bucket(bucket).expect("an existing bucket").uploads.len()
    }
}
