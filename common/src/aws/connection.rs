//! What every request to AWS goes through, whichever client sends it: time limits for the first byte, for silence and for
//! the whole of an answer, a bound for its size, and word of each retry.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, ConnectorBuilder, proxy::ProxyConfig};
use aws_smithy_runtime_api::client::http::{
    HttpClient as _, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector,
    http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;

use super::body;
use super::operation::Operation;
use crate::writes::{self, OpenWrite};

/// S3 answers a copy when it has copied: up to 5 GB for one request.
const COPY: Duration = Duration::from_secs(300);
/// Attempts at an address from which nothing was ever heard: a wrong one is reported within seconds.
const UNHEARD: u32 = 3;
/// Requests of which it is remembered why they are sent again.
const REMEMBERED: usize = 4096;

/// The status that an answer came with, where the SDK was shown another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given(pub(super) u16);

/// A client whose answers begin within this time, and are never silent longer.
pub(super) fn client(silence: Duration) -> SharedHttpClient {
    let inner = Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector = ConnectorBuilder::default().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
        connector.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        connector.set_proxy_config(Some(ProxyConfig::from_env()));
        connector.build()
    });
    let (failures, heard) = (Failures::default(), Arc::new(AtomicBool::new(false)));
    http_client_fn(move |settings, components| {
        let inner = inner.http_connector(settings, components);
        let (failures, heard) = (failures.clone(), Arc::clone(&heard));
        SharedHttpConnector::new(Bounded { inner, silence, failures, heard })
    })
}

struct Bounded {
    inner: SharedHttpConnector,
    silence: Duration,
    failures: Failures,
    /// Whether any request of the run was ever answered.
    heard: Arc<AtomicBool>,
}

impl fmt::Debug for Bounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bounded")
    }
}

impl HttpConnector for Bounded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = Operation::of(&request);
        let attempt = Attempt::of(&request);
        if let Some(attempt) = &attempt {
            self.failures.report(attempt, &operation);
        }
        let open = operation.writes.then(writes::begin);
        // Whoever waits for a copy waits for its first byte; for everything else that is a sign of a dead server.
        let limit = if operation.copies { self.silence.max(COPY) } else { self.silence };
        let answer = self.inner.call(request);
        let (failures, heard) = (self.failures.clone(), Arc::clone(&self.heard));
        HttpConnectorFuture::new(async move {
            let answered = match tokio::time::timeout(limit, answer).await {
                Ok(answered) => answered,
                Err(_) => {
                    let silent = format!("no answer within {limit:?} (--read-timeout)");
                    Err(ConnectorError::timeout(silent.into()))
                }
            };
            match answered {
                Ok(answer) => {
                    heard.store(true, Relaxed);
                    Ok(watched(answer, &operation, limit, open, attempt, failures))
                }
                // The SDK tries an error of the user's no more.
                Err(error)
                    if !heard.load(Relaxed)
                        && attempt.as_ref().is_some_and(|attempt| attempt.number >= UNHEARD) =>
                {
                    Err(ConnectorError::user(error.into()))
                }
                Err(error) => {
                    if let Some(attempt) = &attempt {
                        failures.note(attempt, crate::error::chain(&error));
                    }
                    Err(error)
                }
            }
        })
    }
}

/// The answer with its body bounded, and with a status that the SDK acts on.
fn watched(
    mut answer: HttpResponse,
    operation: &Operation,
    limit: Duration,
    open: Option<OpenWrite>,
    attempt: Option<Attempt>,
    failures: Failures,
) -> HttpResponse {
    let status = answer.status().as_u16();
    let has_failed = status >= 500 || status == 429;
    if has_failed && let Some(attempt) = &attempt {
        failures.note(attempt, format!("HTTP {status}"));
    }
    if let Some(wait) = retry_after(&answer).filter(|_| has_failed) {
        answer.headers_mut().insert("x-amz-retry-after", wait.as_millis().to_string());
    }
    // The SDK retries a 429 only for the codes that AWS uses; other stores and proxies send it bare.
    if let (429, Ok(unavailable)) = (status, StatusCode::try_from(503)) {
        answer.add_extension(Given(status));
        *answer.status_mut() = unavailable;
    }
    let bounds = body::Bounds::of(operation, status, limit);
    let failed = move |why: &str| {
        if let Some(attempt) = &attempt {
            failures.note(attempt, why.to_owned());
        }
    };
    let body = std::mem::replace(answer.body_mut(), aws_smithy_types::body::SdkBody::empty());
    *answer.body_mut() = body::bounded(body, bounds, open, failed);
    answer
}

/// `Retry-After` in seconds (RFC 9110, 10.2.3), at most a minute: a server that asks for more than that is asked before.
fn retry_after(answer: &HttpResponse) -> Option<Duration> {
    let seconds: u64 = answer.headers().get("retry-after")?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(Duration::from_secs(60)))
}

/// Which attempt of which call a request is, as the SDK's headers say.
#[derive(Clone, Debug)]
struct Attempt {
    call: String,
    number: u32,
    most: Option<u32>,
}

impl Attempt {
    fn of(request: &HttpRequest) -> Option<Self> {
        let call = request.headers().get("amz-sdk-invocation-id")?.to_owned();
        let header = request.headers().get("amz-sdk-request")?;
        let value = |name: &str| {
            let mut parts = header.split(';').filter_map(|part| part.trim().split_once('='));
            parts.find(|(found, _)| *found == name).and_then(|(_, value)| value.parse().ok())
        };
        Some(Self { call, number: value("attempt")?, most: value("max") })
    }
}

/// Why calls are being tried again.
#[derive(Clone, Debug, Default)]
struct Failures(Arc<Mutex<HashMap<String, (String, Instant)>>>);

impl Failures {
    fn note(&self, attempt: &Attempt, why: String) {
        let mut failures = self.lock();
        // Calls that are not tried again stay here; why is only for people.
        if failures.len() >= REMEMBERED {
            failures.clear();
        }
        failures.insert(attempt.call.clone(), (why, Instant::now()));
    }

    fn report(&self, attempt: &Attempt, operation: &Operation) {
        if attempt.number < 2 {
            return;
        }
        let (why, waited) = match self.lock().remove(&attempt.call) {
            Some((why, at)) => (why, format!(" after {:.1} s", at.elapsed().as_secs_f64())),
            None => ("an answer that says nothing".to_owned(), String::new()),
        };
        let most = attempt.most.map(|most| format!(" of {most}")).unwrap_or_default();
        tracing::debug!("{operation}: {why}; attempt {}{most}{waited}", attempt.number);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (String, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
