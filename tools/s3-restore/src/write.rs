//! Everything that changes a bucket, and what is checked before and after.

pub mod copy;
pub mod extras;
pub mod guard;
pub mod marker;
pub mod multipart;
pub mod parts;
pub mod thaw;
pub mod verify;
