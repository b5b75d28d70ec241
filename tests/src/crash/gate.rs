//! The gate between a stage and its services: it counts the requests and kills the stage at one of them.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use rustix::process::{Pid, Signal, kill_process};

use crate::answering::serve;
use crate::fault::{connect, exchange};
use crate::listening::Listening;

/// A process that may be killed, as soon as it is known.
#[derive(Debug, Default)]
pub(super) struct Victim(Mutex<Option<u32>>, Condvar);

impl Victim {
    pub(super) fn is(&self, pid: u32) {
        *lock(&self.0) = Some(pid);
        self.1.notify_all();
    }

    /// Kills it, once it has been started. A process that has ended stays a zombie until the round is over, so the id is
    /// never somebody else's.
    pub(super) fn kill(&self) {
        let known = self.1.wait_while(lock(&self.0), |pid| pid.is_none());
        let pid =
            known.unwrap_or_else(PoisonError::into_inner).and_then(|pid| Pid::from_raw(pid.cast_signed()));
        let _ = pid.map(|pid| kill_process(pid, Signal::KILL));
    }
}

/// One stage's way to all of its services, at addresses that stay the same from round to round: a journal may know them.
pub(super) struct Gate {
    shared: Arc<Shared>,
    doors: Vec<(String, Listening)>,
}

#[derive(Default)]
struct Shared {
    turns: Mutex<Turns>,
    quiet: Condvar,
}

/// What is counted in a round.
#[derive(Default)]
struct Turns {
    seen: u64,
    /// Requests that were sent on and are not answered yet.
    busy: u64,
    strike: Option<Strike>,
    victim: Arc<Victim>,
    is_dead: bool,
}

/// The request at which the stage dies, counted from 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strike {
    pub(super) at: u64,
    /// Whether the service still carries it out.
    pub(super) carried_out: bool,
}

/// What becomes of a request.
enum Turn {
    Pass,
    KillBefore,
    KillAfter,
    /// It comes from a process that is dead already.
    Drop,
}

impl Gate {
    /// A gate before the servers at these URLs; each is called by the name that the stage knows it by.
    pub(super) fn start(services: &[(String, String)]) -> Self {
        let shared = Arc::<Shared>::default();
        let doors = services.iter().map(|(name, upstream)| {
            let shared = Arc::clone(&shared);
            let upstream: Arc<str> = upstream.trim_start_matches("http://").trim_end_matches('/').into();
            let listening = Listening::start(move |stream| {
                let (shared, upstream) = (Arc::clone(&shared), Arc::clone(&upstream));
                serve(stream, move |request| pass(Arc::clone(&shared), Arc::clone(&upstream), request))
            });
            (name.clone(), listening)
        });
        Self { doors: doors.collect(), shared }
    }

    /// The URLs to be used in place of the servers' own.
    pub(super) fn urls(&self) -> impl Iterator<Item = (&str, &str)> {
        self.doors.iter().map(|(name, listening)| (name.as_str(), listening.url()))
    }

    /// Begins a round.
    pub(super) fn arm(&self, strike: Option<Strike>, victim: Arc<Victim>) {
        *lock(&self.shared.turns) = Turns { strike, victim, ..Turns::default() };
    }

    /// Waits until the services have answered all that was sent on, and returns how many requests there were.
    pub(super) fn settle(&self) -> u64 {
        let quiet = self.shared.quiet.wait_while(lock(&self.shared.turns), |turns| turns.busy > 0);
        quiet.unwrap_or_else(PoisonError::into_inner).seen
    }
}

impl Shared {
    fn enter(&self) -> Turn {
        let mut turns = lock(&self.turns);
        if turns.is_dead {
            return Turn::Drop;
        }
        turns.seen += 1;
        match turns.strike.filter(|strike| strike.at == turns.seen) {
            Some(Strike { carried_out: false, .. }) => {
                turns.is_dead = true;
                Turn::KillBefore
            }
            Some(_) => {
                turns.busy += 1;
                turns.is_dead = true;
                Turn::KillAfter
            }
            None => {
                turns.busy += 1;
                Turn::Pass
            }
        }
    }

    fn leave(&self) {
        lock(&self.turns).busy -= 1;
        self.quiet.notify_all();
    }

    fn kill(&self) -> io::Error {
        let victim = Arc::clone(&lock(&self.turns).victim);
        victim.kill();
        io::Error::other("its client was killed")
    }
}

async fn pass(
    shared: Arc<Shared>,
    upstream: Arc<str>,
    request: Request<Incoming>,
) -> io::Result<Response<Full<Bytes>>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let turn = shared.enter();
    match turn {
        Turn::Drop => return Err(io::Error::other("its client is dead")),
        Turn::KillBefore => return Err(shared.kill()),
        Turn::Pass | Turn::KillAfter => {}
    }
    // A task of its own: the connection of a client that dies takes the rest of this function with it, and what was sent
    // is carried out all the same.
    let sent = tokio::spawn(async move {
        let answer = async { exchange(&mut connect(&upstream).await?, parts, body).await }.await;
        let answer = match turn {
            Turn::KillAfter => Err(shared.kill()),
            _ => answer,
        };
        shared.leave();
        answer
    });
    sent.await.map_err(io::Error::other)?.map(|answer| answer.map(Full::new))
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
