//! s3-restore as its users run it: the real binary against real servers.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod archive;
mod batch;
mod bench;
mod crash;
mod decisions;
mod faults;
mod files;
mod guards;
mod input;
mod journal;
mod metadata;
mod moto;
mod multipart;
mod older_stores;
mod overtaken;
mod process;
mod replayed;
mod resume;
mod shard;
mod undo;
