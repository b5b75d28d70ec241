//! What a run has done so far: counted by everybody, shown on a terminal as a line that moves.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

/// Counters of one run. They only ever rise.
pub struct Counts {
    read: AtomicU64,
    done: AtomicU64,
    rejected: AtomicU64,
    cost: OnceLock<Box<dyn fmt::Display + Send + Sync>>,
    start: Instant,
}

impl Counts {
    pub(crate) fn new() -> Self {
        Self {
            read: 0.into(),
            done: 0.into(),
            rejected: 0.into(),
            cost: OnceLock::new(),
            start: Instant::now(),
        }
    }

    /// Counts inputs: lines of stdin, or entries of a listing.
    pub fn read(&self, n: u64) {
        self.read.fetch_add(n, Relaxed);
    }

    /// Counts inputs that were worked on, or records that a source found.
    pub fn done(&self, n: u64) {
        self.done.fetch_add(n, Relaxed);
    }

    /// Shows what the run has cost behind the counts, from now on; the first to say so is heard.
    pub fn cost(&self, cost: impl fmt::Display + Send + Sync + 'static) {
        // A run has one thing that costs.
        let _ = self.cost.set(Box::new(cost));
    }

    /// Counts dead letters and returns how many there are.
    pub(crate) fn rejected(&self, n: u64) -> u64 {
        self.rejected.fetch_add(n, Relaxed) + n
    }

    pub(crate) fn rejects(&self) -> u64 {
        self.rejected.load(Relaxed)
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "read {}, done {}, rejected {}, {:.1} s",
            self.read.load(Relaxed),
            self.done.load(Relaxed),
            self.rejected.load(Relaxed),
            self.start.elapsed().as_secs_f64()
        )?;
        self.cost.get().map_or(Ok(()), |cost| write!(f, ", {cost}"))
    }
}

/// Shows the counts until it is dropped by its caller: ten times a second on a terminal, else twice a minute.
pub(crate) async fn show(counts: &Counts, bar: Option<&ProgressBar>) {
    let period = if bar.is_some() { Duration::from_millis(100) } else { Duration::from_secs(30) };
    loop {
        tokio::time::sleep(period).await;
        match bar {
            Some(bar) => {
                bar.set_message(counts.to_string());
                bar.tick();
            }
            None => tracing::info!("{counts}"),
        }
    }
}
