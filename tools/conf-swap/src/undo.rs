//! What a record of an earlier run tells of.

use common::{Record, Reject};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::output::Swap;

#[derive(Deserialize)]
struct Logged<'a> {
    #[serde(borrow)]
    swap: Option<&'a RawValue>,
}

/// The change that a record tells of, if there is one to take back.
///
/// # Errors
/// A reject, when its field `swap` is not what this tool writes.
pub fn change(record: &Record) -> Result<Option<Swap>, Reject> {
    let logged: Logged<'_> = record.view().map_err(Reject::bad_record)?;
    let Some(swap) = logged.swap else { return Ok(None) };
    let swap: Swap = serde_json::from_str(swap.get())
        .map_err(|_| Reject::bad_record("the field swap is not what conf-swap writes"))?;
    Ok(Some(swap).filter(Swap::changed))
}

/// The reject of a record that does not name the versions of its store.
pub fn no_versions(swap: &Swap) -> Reject {
    Reject::bad_record(format!("the field swap names no two versions of {}", swap.name))
}
