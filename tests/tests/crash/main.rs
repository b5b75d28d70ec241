//! Every tool that changes something and every pipe that a page shows, killed and run again.
#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod conf;
mod ddb;
mod pipes;
mod rds;
mod s3;
mod stripe;
mod ts;

use tokio::runtime;

/// Waits for what a client of an SDK does, in a thread without a runtime.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(future)
}
