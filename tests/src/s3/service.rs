//! The state behind every handler, and the way of a request through it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Instant;

use hyper::Method;
use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;

use super::error::Error;
use super::options::Options;
use super::rate::Rate;
use super::reply::Reply;
use super::request::{Headers, Request};
use super::route;
use super::store::{Bucket, Store};
use super::version::Version;

/// The canonical id of the only account.
pub(super) const OWNER: &str = "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a";

/// The code that requests are refused with where there are too many.
const SLOW_DOWN: &str = "SlowDown";

/// One request as the server saw it.
#[derive(Clone, Debug)]
pub struct Logged {
    /// `GET`, `PUT` and so on.
    pub method: String,
    /// The name of the API operation, such as `ListObjectVersions`.
    pub operation: &'static str,
    /// The bucket, decoded.
    pub bucket: String,
    /// The key, decoded; empty for operations on a bucket.
    pub key: String,
    /// The query parameters, decoded, in the order they came.
    pub query: Vec<(String, String)>,
    /// The headers by lower-case name.
    pub headers: Vec<(String, String)>,
    /// The status that was answered.
    pub status: u16,
}

impl Logged {
    /// The value of a query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Options, clock, data and log of one server.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) options: Options,
    /// A clock that a test has set; otherwise the time is real.
    pub(super) clock: Mutex<Option<Timestamp>>,
    pub(super) log: Mutex<Vec<Logged>>,
    /// Requests by operation, whether there is a log or not.
    pub(super) counts: Mutex<BTreeMap<&'static str, u64>>,
    rate: Option<Rate>,
    store: RwLock<Store>,
}

impl Service {
    pub(super) fn new(options: Options) -> Self {
        let mut store = Store::default();
        if let Some(source) = &options.synthetic {
            store.buckets.insert(source.bucket.clone(), Bucket::versioned(Some(source.clone())));
        }
        Self {
            clock: Mutex::new(options.clock),
            log: Mutex::default(),
            counts: Mutex::default(),
            rate: options.requests_per_second.map(|limit| Rate::new(limit, Instant::now())),
            store: RwLock::new(store),
            options,
        }
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Store> {
        self.store.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or_else(Timestamp::now)
    }

    /// Answers one request and notes it in the log.
    pub(super) fn handle(&self, request: &Request) -> Reply {
        let (operation, handler) = route::find(request);
        let taken = self.rate.as_ref().is_none_or(|rate| rate.admits(Instant::now()));
        let counted = if taken { operation } else { SLOW_DOWN };
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner).entry(counted).or_default() += 1;
        let answer = match taken {
            true => self.admit(request).and_then(|()| handler(self, request)),
            false => Err(Error::new(503, SLOW_DOWN, "Please reduce your request rate.")),
        };
        let reply = answer.unwrap_or_else(|error| error.reply(&request.path));
        if self.options.log {
            let logged = Logged {
                method: request.method.to_string(),
                operation,
                bucket: request.bucket.clone(),
                key: request.key.clone(),
                query: request.query.clone(),
                headers: request.headers.iter().map(|(name, value)| (name.to_owned(), value)).collect(),
                status: reply.code(),
            };
            self.log.lock().unwrap_or_else(PoisonError::into_inner).push(logged);
        }
        reply
    }

    fn admit(&self, request: &Request) -> Result<(), Error> {
        if request.access_key().as_deref() == Some("bad") {
            let message = "The AWS Access Key Id you provided does not exist in our records.";
            return Err(Error::new(403, "InvalidAccessKeyId", message));
        }
        let tagging = request.query("tagging").is_some() || request.headers.get("x-amz-tagging").is_some();
        let guarded = request.method != Method::GET
            && request.method != Method::HEAD
            && (request.headers.get("if-match").is_some() || request.headers.get("if-none-match").is_some());
        if (self.options.no_tagging && tagging) || (self.options.no_conditional_writes && guarded) {
            return Err(Error::not_implemented());
        }
        Ok(())
    }

    /// Checks the conditions of a write. A delete marker counts as no object.
    ///
    /// # Errors
    /// 412 if the object is not as the client believes, 404 if `If-Match` meets none.
    pub(super) fn guard(&self, bucket: &Bucket, key: &str, headers: &Headers) -> Result<(), Error> {
        if self.options.ignore_conditional_writes {
            return Ok(());
        }
        let current = bucket.current(key);
        if let Some(wanted) = headers.get("if-match") {
            let current = current.as_ref().ok_or_else(Error::no_such_key)?;
            if !etag_matches(&wanted, current) {
                return Err(Error::precondition_failed());
            }
        }
        match headers.get("if-none-match").as_deref() {
            None => Ok(()),
            Some("*") if current.is_none() => Ok(()),
            Some("*") => Err(Error::precondition_failed()),
            Some(_) => Err(Error::not_implemented()),
        }
    }

    /// A timestamp as lists and copy results show it: S3 keeps whole seconds.
    pub(super) fn show(&self, time: Timestamp) -> String {
        let (precision, shown) = if self.options.fine_timestamps {
            (6, time)
        } else {
            (3, Timestamp::from_second(time.as_second()).unwrap_or(time))
        };
        DateTimePrinter::new().precision(Some(precision)).timestamp_to_string(&shown)
    }

    /// Adds the checksum to a reply, unless the server is one from before these checksums.
    pub(super) fn checksum_on(&self, version: &Version, reply: Reply) -> Reply {
        match &version.checksum {
            Some(checksum) if !self.options.no_checksums => checksum.on(reply),
            _ => reply,
        }
    }
}

/// Whether a condition such as `If-Match` names this version, with or without quotes.
pub(super) fn etag_matches(wanted: &str, version: &Version) -> bool {
    wanted.split(',').map(|one| one.trim().trim_matches('"')).any(|one| one == "*" || one == version.etag)
}
