//! What the S3 tools share: the client, the listing of versions in S3's own order, and the plan that travels
//! from `s3-versions` to `s3-restore`.

mod client;
mod list;
mod order;
mod page;
mod pages;
mod plan;
mod shard;
mod throttle;
mod url;
mod versioning;

pub use client::client;
pub use list::{Lister, entries_of_key};
pub use order::Style;
pub use page::{Entry, Page, Position, decoded_key};
pub use pages::Pages;
pub use plan::{Action, Plan};
pub use shard::Shard;
pub use throttle::Throttle;
pub use url::{S3Url, copy_source, encoded_key};
pub use versioning::{Versioning, versioning};
