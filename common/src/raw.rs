//! Answers that are read here instead of by the SDK's own parser.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, anyhow};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextMut;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Limited};

/// The longest that a body may take to arrive: most have below 1 MiB.
const ARRIVAL: Duration = Duration::from_secs(60);
/// More than any has: a listing of 1,000 keys of 1,024 bytes, each byte encoded as three; a scan's 1 MiB and one item of
/// 400 KiB, with seven bytes of JSON for each.
const MAX: usize = 16 << 20;
/// What a reader wants to know early stands within this of the beginning; what comes later is not shown again and again.
const HEAD: usize = 64 << 10;
/// Room that is made at once: most listings have about as much, and what grows is copied.
const USUAL: usize = 448 << 10;

/// Takes the body of a successful answer out of the SDK's hands, which parses a stub in its place. The endpoint,
/// credentials, signature, retries and errors stay the SDK's.
#[derive(Clone, Debug)]
pub struct RawBody {
    stub: &'static str,
    body: Arc<Mutex<SdkBody>>,
}

impl RawBody {
    /// Made anew for each request; `stub` is an answer without content that the SDK's parser takes.
    pub fn new(stub: &'static str) -> Self {
        Self { stub, body: Arc::new(Mutex::new(SdkBody::empty())) }
    }

    /// The whole body, once.
    ///
    /// # Errors
    /// When it breaks off, is too long or too slow: the request can be made again.
    pub async fn read(&self) -> Result<Bytes> {
        self.read_along(|_| true).await
    }

    /// The whole body, once; `head` sees all that has arrived of it, and more of it each time until it returns true or
    /// 64 KiB have arrived.
    ///
    /// # Errors
    /// As [`RawBody::read`].
    pub async fn read_along(&self, head: impl FnMut(&[u8]) -> bool) -> Result<Bytes> {
        let body = self.swap(SdkBody::empty());
        tokio::time::timeout(ARRIVAL, collect(body, head)).await?
    }

    fn swap(&self, body: SdkBody) -> SdkBody {
        std::mem::replace(&mut self.body.lock().unwrap_or_else(PoisonError::into_inner), body)
    }
}

async fn collect(body: SdkBody, mut head: impl FnMut(&[u8]) -> bool) -> Result<Bytes> {
    let mut body = Limited::new(body, MAX);
    let mut read = BytesMut::with_capacity(USUAL);
    let mut seen = false;
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|err| anyhow!(err))?.into_data() {
            read.extend_from_slice(&data);
            seen = seen || read.len() > HEAD || head(&read);
        }
    }
    Ok(read.freeze())
}

impl Intercept for RawBody {
    fn name(&self) -> &'static str {
        "RawBody"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let answer = context.response_mut();
        if answer.status().is_success() {
            let body = std::mem::replace(answer.body_mut(), SdkBody::from(self.stub));
            self.swap(body);
        }
        Ok(())
    }
}
