//! RestoreObject. The thaw itself lasts until the test says that it is over.

use jiff::{SignedDuration, Timestamp};

use super::error::Error;
use super::reply::Reply;
use super::request::Request;
use super::service::Service;
use super::store::Store;
use super::version::Restore;
use super::xml::Element;

/// RestoreObject: 202 for a new thaw, 200 for a longer life of a thawed copy, 409 while one is under way.
pub(super) fn request(service: &Service, request: &Request) -> Result<Reply, Error> {
    let days = Element::parse(&request.body)?.get("Days").map(str::parse::<i64>).transpose();
    let days = days.map_err(|_| Error::malformed_xml())?;
    let now = service.now();
    let mut store = service.write();
    let bucket = store.bucket_mut(&request.bucket)?;
    let version = bucket.object_mut(&request.key, request.version_id()?)?;
    let intelligent = version.archive.is_some();
    let archived = intelligent || matches!(&*version.storage_class, "GLACIER" | "DEEP_ARCHIVE");
    if !archived {
        return Err(Error::new(
            403,
            "InvalidObjectState",
            "Restore is not allowed for the object's current storage class",
        ));
    }
    // An INTELLIGENT_TIERING object moves back for good, so a number of days has no meaning there.
    if intelligent == days.is_some() {
        return Err(Error::malformed_xml());
    }
    let days = days.unwrap_or_default();
    let (restore, status) = match version.restore {
        Restore::Ongoing { .. } => {
            return Err(Error::new(409, "RestoreAlreadyInProgress", "Object restore is already in progress"));
        }
        Restore::Until(until) if now < until => (Restore::Until(end(now, days)), 200),
        _ => (Restore::Ongoing { days }, 202),
    };
    version.restore = restore;
    Ok(Reply::ok().status(status))
}

/// Ends every thaw that is under way.
pub(super) fn finish(store: &mut Store, now: Timestamp) -> usize {
    let versions = store.buckets.values_mut().flat_map(|bucket| bucket.versions_mut());
    let mut count = 0;
    for version in versions {
        if let Restore::Ongoing { days } = version.restore {
            count += 1;
            version.restore =
                if version.archive.take().is_some() { Restore::No } else { Restore::Until(end(now, days)) };
        }
    }
    count
}

fn end(now: Timestamp, days: i64) -> Timestamp {
    now + SignedDuration::from_hours(24 * days)
}
