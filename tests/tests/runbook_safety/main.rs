//! What all runbooks have in common: a folder for each run, its lock, its settings, and what they say when a signal ends
//! them. Tools that wait, say their last words or die at a place stand before the real ones in PATH.
#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod folders;
mod kills;
mod locks;
mod places;
mod signals;
mod stage;
