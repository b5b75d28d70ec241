//! Answers whose body does not come as it should.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// How many pieces a slow body comes in.
const PIECES: usize = 10;

/// The body of an answer.
pub(super) enum Answer {
    Whole(Full<Bytes>),
    /// What is left, the number of bytes that will come, and whether the connection was told to flush them.
    Cut {
        rest: Bytes,
        whole: u64,
        flushed: bool,
    },
    Slow {
        rest: Bytes,
        piece: usize,
        pause: Duration,
        timer: Pin<Box<Sleep>>,
    },
}

impl Answer {
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self::Whole(Full::new(bytes))
    }

    pub(super) fn cut(mut bytes: Bytes) -> Self {
        let whole = bytes.len() as u64;
        bytes.truncate(bytes.len() / 2);
        Self::Cut { rest: bytes, whole, flushed: false }
    }

    pub(super) fn slow(bytes: Bytes, pause: Duration) -> Self {
        let piece = bytes.len().div_ceil(PIECES).max(1);
        Self::Slow { rest: bytes, piece, pause, timer: Box::pin(sleep(pause)) }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Self::Whole(full) => Pin::new(full).poll_frame(context).map_err(|never| match never {}),
            Self::Cut { rest, .. } if !rest.is_empty() => {
                Poll::Ready(Some(Ok(Frame::data(std::mem::take(rest)))))
            }
            Self::Cut { flushed, .. } if !*flushed => {
                // hyper flushes whenever a body is not ready: without this the first half would never be
                // sent.
                *flushed = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Self::Cut { .. } => Poll::Ready(Some(Err(io::Error::other("cut by plan")))),
            Self::Slow { rest, .. } if rest.is_empty() => Poll::Ready(None),
            Self::Slow { rest, piece, pause, timer } => {
                if timer.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                *timer = Box::pin(sleep(*pause));
                Poll::Ready(Some(Ok(Frame::data(rest.split_to((*piece).min(rest.len()))))))
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(full) => full.size_hint(),
            Self::Cut { whole, .. } => SizeHint::with_exact(*whole),
            Self::Slow { rest, .. } => SizeHint::with_exact(rest.len() as u64),
        }
    }
}
