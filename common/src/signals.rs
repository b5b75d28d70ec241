//! The signals that end a run, as far as whoever started it lets them.

use std::fs;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGINT, SIGTERM, and SIGHUP, which a dropped connection sends. One that was ignored when the run began, as `nohup` and
/// a script's `&` have it, stays ignored.
pub(crate) struct Signals([Option<Signal>; 3]);

const ALL: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

impl Signals {
    pub(crate) fn listen() -> Result<Self> {
        let ignored = fs::read_to_string("/proc/self/status").map_or(0, |status| ignored(&status));
        let listen = |number: i32| match ignored & (1 << (number - 1)) {
            0 => signal(SignalKind::from_raw(number)).map(Some).context("cannot listen for signals"),
            _ => Ok(None),
        };
        let [int, term, hup] = ALL.map(listen);
        Ok(Self([int?, term?, hup?]))
    }

    /// The number of the next signal.
    pub(crate) async fn next(&mut self) -> i32 {
        let [int, term, hup] = &mut self.0;
        tokio::select! {
            () = one(int) => SIGINT,
            () = one(term) => SIGTERM,
            () = one(hup) => SIGHUP,
        }
    }
}

async fn one(signal: &mut Option<Signal>) {
    let got = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if got.is_none() {
        std::future::pending().await
    }
}

/// The mask of signals that are ignored, as Linux shows it (proc_pid_status(5)): bit n - 1 is signal n.
fn ignored(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Dies by the signal, so that a shell sees 128 and its number, and stops its loop.
pub(crate) fn die_by(signal: i32) {
    // Returns only where the signal's default is not to end the process; all of ours do.
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_is_read_as_linux_writes_it() {
        let status =
            "Name:\tx\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t0000000180014a02\n";
        assert_eq!(ignored(status), 0x1001);
        assert_ne!(ignored(status) & (1 << (SIGHUP - 1)), 0);
        assert_eq!(ignored(status) & (1 << (SIGINT - 1)), 0);
        assert_eq!(ignored(""), 0);
    }
}
