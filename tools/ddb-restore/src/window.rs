//! The times to which a table can be restored.

use anyhow::{Result, bail};
use aws_sdk_dynamodb::types::PointInTimeRecoveryDescription;
use aws_smithy_types::DateTime;
use jiff::Timestamp;

/// From when to when.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub earliest: Timestamp,
    pub latest: Timestamp,
}

impl Window {
    /// That of a table with point-in-time recovery, as far as the service says.
    pub fn new(recovery: &PointInTimeRecoveryDescription) -> Option<Self> {
        let earliest = recovery.earliest_restorable_date_time().and_then(timestamp)?;
        let latest = recovery.latest_restorable_date_time().and_then(timestamp)?;
        Some(Self { earliest, latest })
    }

    /// Tells the window, and refuses a time outside.
    ///
    /// # Errors
    /// One line with the window and what to do.
    pub fn check(&self, source: &str, at: Option<Timestamp>, now: Timestamp) -> Result<()> {
        let Self { earliest, latest } = self;
        tracing::info!("{source} can be restored to any second from {earliest} to {latest}");
        let Some(at) = at else { return Ok(()) };
        let window = format!("its window is from {earliest} to {latest}");
        if at > now {
            bail!("{source} cannot be restored to {at}, which is in the future: {window}");
        }
        if at < *earliest {
            bail!(
                "{source} cannot be restored to {at}: {window}; what is older is in backups alone: aws dynamodb \
                 list-backups --table-name {source}"
            );
        }
        if at > *latest {
            bail!(
                "{source} cannot be restored to {at} yet: {window}, and its end moves on within minutes: wait, or \
                 leave --at out for the latest"
            );
        }
        Ok(())
    }
}

/// A time of the API.
pub fn timestamp(time: &DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_inside() {
        let time = |seconds| Timestamp::from_second(seconds).unwrap();
        let window = Window { earliest: time(100), latest: time(200) };
        for inside in [None, Some(100), Some(150), Some(200)] {
            assert!(window.check("t", inside.map(time), time(500)).is_ok(), "{inside:?}");
        }
        for (outside, expected) in [(99, "in backups alone"), (201, "wait, or"), (501, "in the future")] {
            let refusal = window.check("t", Some(time(outside)), time(500)).unwrap_err().to_string();
            assert!(refusal.contains("from 1970-01-01T00:01:40Z to 1970-01-01T00:03:20Z"), "{refusal}");
            assert!(refusal.contains(expected), "{refusal}");
        }
    }

    #[test]
    fn a_table_that_tells_no_times_has_no_window() {
        let earliest = PointInTimeRecoveryDescription::builder();
        let earliest = earliest.earliest_restorable_date_time(DateTime::from_secs(100));
        assert!(Window::new(&earliest.clone().build()).is_none());
        let both = earliest.latest_restorable_date_time(DateTime::from_secs(200)).build();
        assert!(Window::new(&both).is_some());
    }
}
