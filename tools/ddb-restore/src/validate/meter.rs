//! `--rcu`: how much is read of a table in a second, by what DynamoDB says it took.

use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::{Mutex, PoisonError};

use common::pace::Pace;

use super::page::Page;

/// Read capacity units of the largest item, 400 KiB in steps of 4 KiB, before any is known.
const MOST: f64 = 100.0;
/// Bytes that one unit reads (Developer Guide, "Read consistency", a strongly consistent read).
const UNIT: usize = 4096;
/// Items that a page can never have more of: 1 MiB of the smallest.
const MOST_ITEMS: f64 = 1_000_000.0;

/// The read capacity that one table may be asked for.
pub struct Meter {
    pace: Pace,
    /// What one page may take, so that all that are asked for at once take a second.
    share: f64,
    /// What an item of the last page took.
    each: Mutex<f64>,
}

impl Meter {
    /// At most `rcu` units a second, over so many pages at once.
    pub fn new(rcu: NonZeroU64, concurrency: NonZeroUsize) -> Self {
        let share = rcu.get() as f64 / concurrency.get() as f64;
        Self { pace: Pace::new(rcu, 1), share, each: Mutex::new(MOST) }
    }

    /// Waits until what was used so far has had its time.
    pub async fn turn(&self) {
        self.pace.turn(0.0).await;
    }

    /// How many items a page may have: as many as take its share, as far as the last page tells.
    pub fn limit(&self) -> i32 {
        let each = *self.each.lock().unwrap_or_else(PoisonError::into_inner);
        let items = (self.share / each).clamp(1.0, MOST_ITEMS);
        #[expect(clippy::cast_possible_truncation, reason = "it is between 1 and a million")]
        let items = items as i32;
        items
    }

    /// Counts what a page took.
    pub fn used(&self, page: &Page) {
        let units = page.consumed.unwrap_or_else(|| page.size().div_ceil(UNIT) as f64);
        self.pace.take(units);
        let items = page.items().len();
        if items > 0 {
            *self.each.lock().unwrap_or_else(PoisonError::into_inner) = units / items as f64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn a_page_is_limited_to_its_share_of_a_second() {
        let meter = Meter::new(NonZeroU64::new(400).unwrap(), NonZeroUsize::new(4).unwrap());
        assert_eq!(meter.limit(), 1);
        let page = |units: &str| {
            let text = format!(
                r#"{{"Items":[{{}},{{}}],"Count":2,"ConsumedCapacity":{{"CapacityUnits":{units}}}}}"#
            );
            Page::read(Bytes::from(text)).unwrap()
        };
        meter.used(&page("1.0"));
        assert_eq!(meter.limit(), 200);
        meter.used(&page("50"));
        assert_eq!(meter.limit(), 4);
        meter.used(&page("0"));
        assert_eq!(meter.limit(), 1_000_000);
    }
}
