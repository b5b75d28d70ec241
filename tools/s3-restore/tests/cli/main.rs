//! s3-restore as its users run it: the real binary against real servers.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
mod decisions;
