//! How a server is to behave.

use std::time::Duration;

use jiff::Timestamp;

use super::synthetic::Synthetic;

/// The default is S3 as AWS runs it today; every option takes something away or adds something for a test.
#[derive(Clone, Debug)]
pub struct Options {
    /// A clock that stands at this time until `Server::set_time`; otherwise the time is real.
    pub clock: Option<Timestamp>,
    /// A bucket full of generated versions.
    pub synthetic: Option<Synthetic>,
    /// How long every request takes at least.
    pub latency: Duration,
    /// How many requests a second all clients together may make; more are answered with 503 SlowDown.
    pub requests_per_second: Option<u32>,
    /// Whether requests are kept for `Server::requests`.
    pub log: bool,
    /// `If-Match` and `If-None-Match` on writes are answered with 501 NotImplemented.
    pub no_conditional_writes: bool,
    /// `If-Match` and `If-None-Match` on writes are silently ignored.
    pub ignore_conditional_writes: bool,
    /// No additional checksums in any reply.
    pub no_checksums: bool,
    /// `encoding-type` is ignored: keys come raw and the reply does not name an encoding.
    pub no_encoding_type: bool,
    /// LastModified in lists has microseconds.
    pub fine_timestamps: bool,
    /// A page of versions has all its versions first and then all its delete markers, as in moto.
    pub split_lists: bool,
    /// NextKeyMarker and NextVersionIdMarker come after the entries of a page.
    pub late_markers: bool,
    /// The most entries that a page of a list has, whatever `max-keys` asks for.
    pub max_page: usize,
    /// The next page of versions begins with what its marker names: that version again, or all versions of the
    /// key where no version id is given. A page of one entry then leads nowhere.
    pub inclusive_markers: bool,
    /// Tags are answered with 501 NotImplemented.
    pub no_tagging: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            clock: None,
            synthetic: None,
            latency: Duration::ZERO,
            requests_per_second: None,
            log: true,
            no_conditional_writes: false,
            ignore_conditional_writes: false,
            no_checksums: false,
            no_encoding_type: false,
            fine_timestamps: false,
            split_lists: false,
            late_markers: false,
            max_page: 1000,
            inclusive_markers: false,
            no_tagging: false,
        }
    }
}
