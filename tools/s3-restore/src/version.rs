//! What a version is: its content as digests tell it, and everything else that a copy must be given.

pub mod content;
pub mod customer_key;
pub mod headers;
