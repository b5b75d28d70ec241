//! conf-swap as its users run it: the real binary against moto, with faults and rivals between.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bench;
mod canary;
mod check;
mod contract;
mod examples;
mod faults;
mod journal;
mod killed;
mod leftover;
mod parameter;
mod records;
mod secret;
mod undo;
