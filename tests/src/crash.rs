//! Kills the stages of a line with SIGKILL at seeded points, runs the line again, and compares with an undisturbed run.
//!
//! A [`Case`] is a line as somebody types it, a function that makes a [`World`] for it, and what of its records must be
//! the same. For each seed there is a new world; one stage, in turn, is killed at a request that the harness itself
//! counts on its way to the service (before it is carried out, or after it and before the answer), or at a line on its
//! way through a pipe, so that nothing hangs on the clock. Half of the seeds kill again in the second run. Then the line
//! is run until it ends with 0, and:
//!
//! - the state of the services is that after an undisturbed run;
//! - so are the records, but for what says itself that it is about one run ([`plain`]);
//! - the way back, fed with what the last run wrote, leads to the state before, if there is one.
//!
//! | variable | |
//! |---|---|
//! | `DRKIT_TORTURE_SEEDS` | seeds for each stage of each case; otherwise as many as the case says |
//! | `DRKIT_TORTURE_SEED` | this one seed alone |
//! | `DRKIT_TORTURE_ONLY` | only cases whose names begin so |
//! | `DRKIT_TORTURE_REPORT` | a file that a line is appended to for each case: name, seeds, kills, runs, result |

mod gate;
mod judge;
mod line;
mod pages;
pub mod plain;
mod round;
mod world;

use serde_json::Value;

pub use judge::{check, covered};
pub use pages::pipes;
pub use world::World;

/// A line, and what must hold when its stages were killed.
pub struct Case {
    /// What it is called, in messages and by `--only`.
    pub name: &'static str,
    /// What is run.
    pub line: &'static str,
    /// The state before.
    pub world: fn() -> World,
    /// Whose records are compared.
    pub records: Records,
    /// Makes equal what may differ in a record, beyond what [`plain::record`] does for all.
    pub plain: fn(&mut Value),
    /// The line that leads back, which reads `undo.jsonl`: what the last run wrote.
    pub undo: Option<&'static str>,
    /// Seeds for each stage where nobody asks for more.
    pub seeds: u64,
}

impl Case {
    /// A line whose last run must write the records of an undisturbed one.
    pub const fn new(name: &'static str, line: &'static str, world: fn() -> World) -> Self {
        Self { name, line, world, records: Records::OfTheLast, plain: |_| {}, undo: None, seeds: 2 }
    }
}

/// Whose records must be those of an undisturbed run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Records {
    /// The last run tells all: there is a journal, or all that the line needs is looked up again.
    OfTheLast,
    /// All runs together, none twice: what was done is not asked for again, and the page that shows the line says so.
    OfAll,
    /// The last run tells all, but shares it out among records as input comes: these numbers are the same in sum.
    OfTheLastInSum(&'static [&'static str]),
    /// Not compared: what a stage had in hand when it was killed is in no record, and the page shows the line without what
    /// would keep it (a journal, a plan in a file).
    OfNone,
}
