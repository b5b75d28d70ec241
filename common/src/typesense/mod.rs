//! A Typesense cluster: its nodes, the key, and requests that go on at the next node when one fails.

mod args;
mod cluster;

pub use args::TypesenseArgs;
pub use cluster::{Cluster, Version, passes, path, pause};
