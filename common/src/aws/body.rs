//! Bodies of answers that end: in time, and before they fill the memory.

use std::time::Duration;

use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, StreamBody};
use tokio::time::{Instant, timeout};

use super::operation::Operation;
use crate::patience::Patience;
use crate::writes::OpenWrite;

/// More than any answer has but the content of an object: a listing of 1,000 keys of 1,024 bytes, each byte encoded as three,
/// a page of a scan with its JSON.
const MAX: u64 = 16 << 20;
/// More than any refusal says.
const MAX_REFUSAL: u64 = 1 << 20;

/// What a body may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    bytes: Option<u64>,
    silence: Duration,
}

impl Bounds {
    /// Those of the answer to an operation.
    pub(super) fn of(operation: &Operation, status: u16, silence: Duration) -> Self {
        let bytes = match status {
            200..=299 if operation.streams => None,
            200..=299 => Some(MAX),
            _ => Some(MAX_REFUSAL),
        };
        Self { bytes, silence }
    }
}

/// The body, which fails where it would be too long, silent, or so slow that it never ends. `open` ends with it; `failed`
/// hears why it ended early.
pub(super) fn bounded(
    body: SdkBody,
    bounds: Bounds,
    open: Option<OpenWrite>,
    failed: impl Fn(&str) + Send + Sync + 'static,
) -> SdkBody {
    struct State<F> {
        body: SdkBody,
        patience: Patience,
        failed: F,
        _open: Option<OpenWrite>,
    }
    let state = State { body, patience: Patience::new(bounds.silence), failed, _open: open };
    let frames = stream::unfold(Some(state), move |state| async move {
        let mut state = state?;
        let asked = Instant::now();
        let frame = timeout(state.patience.left(), state.body.frame()).await;
        let bytes = match &frame {
            Ok(Some(Ok(frame))) => frame.data_ref().map_or(0, Bytes::len),
            _ => 0,
        };
        state.patience.count(asked.elapsed(), bytes);
        let why = match frame {
            Err(_) => state.patience.at_an_end(),
            Ok(None) => return None,
            Ok(Some(Err(error))) => {
                (state.failed)("the answer broke off");
                return Some((Err(error), None));
            }
            Ok(Some(Ok(frame))) => match bounds.bytes.filter(|most| state.patience.read() > *most) {
                Some(most) => format!("the answer has more than {most} bytes"),
                None => return Some((Ok(frame), Some(state))),
            },
        };
        (state.failed)(&why);
        Some((Err(why.into()), None))
    });
    // The SDK asks once more behind the end.
    SdkBody::from_body_1_x(StreamBody::new(frames.fuse()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    use hyper::body::Frame;

    const BOUNDS: Bounds = Bounds { bytes: Some(1000), silence: Duration::from_millis(200) };

    /// A body of parts that come after such a wait each, for ever.
    fn endless(part: &'static [u8], wait: Duration) -> SdkBody {
        let frames = stream::repeat(()).then(move |()| async move {
            tokio::time::sleep(wait).await;
            Ok::<_, Infallible>(Frame::data(Bytes::from_static(part)))
        });
        SdkBody::from_body_1_x(StreamBody::new(frames))
    }

    async fn ended(body: SdkBody) -> String {
        let heard = Arc::new(AtomicBool::new(false));
        let hears = Arc::clone(&heard);
        let body = bounded(body, BOUNDS, None, move |_| hears.store(true, Relaxed));
        let error = tokio::time::timeout(Duration::from_secs(20), body.collect()).await.unwrap().unwrap_err();
        assert!(heard.load(Relaxed));
        error.to_string()
    }

    #[tokio::test]
    async fn no_body_is_endless() {
        assert!(ended(endless(&[7; 64], Duration::ZERO)).await.contains("more than 1000 bytes"));
        assert!(ended(endless(b".", Duration::from_millis(5))).await.contains("too slowly"));
        assert!(ended(endless(b".", Duration::from_secs(3600))).await.contains("too slowly: 0 bytes"));
    }

    #[tokio::test]
    async fn what_keeps_its_bounds_is_unchanged() {
        let body = bounded(SdkBody::from("x".repeat(1000)), BOUNDS, None, |_| {});
        assert_eq!(body.collect().await.unwrap().to_bytes(), "x".repeat(1000));
    }
}
