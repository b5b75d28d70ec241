//! The times to which a cluster can be restored.

use anyhow::{Result, bail};
use aws_smithy_types::DateTime;
use jiff::Timestamp;

/// From when to when, as far as the service says: both are null while it does not know.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub earliest: Option<Timestamp>,
    pub latest: Option<Timestamp>,
}

impl Window {
    /// Of two times of the API.
    pub fn new(earliest: Option<&DateTime>, latest: Option<&DateTime>) -> Self {
        Self { earliest: earliest.and_then(timestamp), latest: latest.and_then(timestamp) }
    }

    /// Tells the window, and refuses a time outside.
    ///
    /// # Errors
    /// One line with the window.
    pub fn check(&self, source: &str, at: Option<Timestamp>) -> Result<()> {
        let (Some(earliest), Some(latest)) = (self.earliest, self.latest) else {
            bail!(
                "{source} cannot be restored yet: it has no restorable times, as a cluster has none until its own \
                 creation or restore is complete"
            );
        };
        tracing::info!("{source} can be restored to any time from {earliest} to {latest}");
        match at {
            Some(at) if at < earliest => {
                bail!("{source} cannot be restored to {at}: its window is from {earliest} to {latest}")
            }
            Some(at) if at > latest => bail!(
                "{source} cannot be restored to {at}: its window is from {earliest} to {latest}, and its end moves on \
                 within minutes: wait, or give --latest"
            ),
            _ => Ok(()),
        }
    }
}

fn timestamp(time: &DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_inside() {
        let time = |seconds| DateTime::from_secs(seconds);
        let window = Window::new(Some(&time(100)), Some(&time(200)));
        let at = |seconds| Timestamp::from_second(seconds).ok();
        for inside in [None, at(100), at(150), at(200)] {
            assert!(window.check("c", inside).is_ok(), "{inside:?}");
        }
        for outside in [at(99), at(201)] {
            let refusal = window.check("c", outside).unwrap_err().to_string();
            assert!(refusal.contains("1970-01-01T00:01:40Z to 1970-01-01T00:03:20Z"), "{refusal}");
        }
        let refusal = Window::new(None, Some(&time(200))).check("c", None).unwrap_err().to_string();
        assert!(refusal.contains("no restorable times"), "{refusal}");
    }
}
