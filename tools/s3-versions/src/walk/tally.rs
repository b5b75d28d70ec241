//! What a listing costs.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::Metadata;

/// US dollars for a thousand LIST requests to S3 Standard in us-east-1 (Amazon S3 pricing, "Requests & data retrievals").
const PRICE: f64 = 0.005;

/// Requests and pages of a listing. Every try of a request counts.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Counted>);

#[derive(Debug, Default)]
struct Counted {
    requests: AtomicU64,
    pages: AtomicU64,
    entries: AtomicU64,
}

impl Tally {
    /// Counts a page of so many entries.
    pub fn page(&self, entries: usize) {
        self.0.pages.fetch_add(1, Relaxed);
        self.0.entries.fetch_add(entries as u64, Relaxed);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counted { requests, pages, entries } = &*self.0;
        let (requests, pages, entries) = (requests.load(Relaxed), pages.load(Relaxed), entries.load(Relaxed));
        let price = requests as f64 / 1000.0 * PRICE;
        write!(f, "{requests} requests for {pages} pages of {entries} entries, ${price:.6} in us-east-1")
    }
}

impl Intercept for Tally {
    fn name(&self) -> &'static str {
        "Tally"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if config.load::<Metadata>().is_some_and(|operation| operation.name() == "ListObjectVersions") {
            self.0.requests.fetch_add(1, Relaxed);
        }
        Ok(())
    }
}
