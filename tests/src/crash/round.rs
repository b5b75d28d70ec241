//! One run of a line: its stages are started, its pipes relayed, and perhaps one stage is killed.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::Signal;
use tempfile::TempDir;

use super::gate::{Strike, Victim};
use super::line::{Line, Stage};
use super::world::World;
use crate::tool;

/// How long a round may take.
const LIMIT: Duration = Duration::from_secs(120);

/// Where a stage dies.
#[derive(Clone, Copy, Debug)]
pub(super) enum Point {
    /// At a request.
    Request(Strike),
    /// When it has been given all lines before this one; one more than there are is the end of its input.
    Fed(u64),
    /// When this line of its own has been taken from it.
    Wrote(u64),
}

/// Which stage dies, and where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blow {
    pub(super) stage: usize,
    pub(super) point: Point,
}

/// What was counted of a stage.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) requests: u64,
    /// Lines that came from it, where a pipe is behind it.
    pub(super) wrote: u64,
}

/// How a round ended.
pub(super) struct Round {
    pub(super) statuses: Vec<ExitStatus>,
    pub(super) counts: Vec<Counts>,
    /// What the last stage wrote; where that goes to a file, all that is in it.
    pub(super) output: Vec<u8>,
    pub(super) stderr: Vec<String>,
}

impl Round {
    pub(super) fn is_done(&self) -> bool {
        self.statuses.iter().all(ExitStatus::success)
    }

    /// Whether this stage was killed, and did not end before.
    pub(super) fn was_killed(&self, stage: usize) -> bool {
        self.statuses[stage].signal() == Some(Signal::KILL.as_raw())
    }
}

/// Runs a line in a world to its end.
///
/// # Panics
/// If it does not end within two minutes, or a stage cannot be started.
pub(super) fn run(world: &World, line: &Line, blow: Option<Blow>) -> Round {
    let home = TempDir::new().expect("a folder for HOME");
    let victims: Vec<_> = line.stages.iter().map(|_| Arc::<Victim>::default()).collect();
    let mut children = Vec::new();
    for (index, stage) in line.stages.iter().enumerate() {
        let strike = blow.filter(|blow| blow.stage == index).and_then(|blow| match blow.point {
            Point::Request(strike) => Some(strike),
            _ => None,
        });
        world.gate(index).arm(strike, Arc::clone(&victims[index]));
        let child = start(world, line, index, stage, home.path());
        victims[index].is(child.id());
        children.push(child);
    }
    let limit = limit(victims.clone());
    let stderr: Vec<_> = children.iter_mut().map(|child| drain(child.stderr.take())).collect();
    let ends: Vec<(Option<ChildStdout>, Option<ChildStdin>)> = (0..children.len())
        .map(|index| {
            let next = children.get_mut(index + 1).and_then(|next| next.stdin.take());
            (children[index].stdout.take(), next)
        })
        .collect();
    let relays: Vec<_> = ends
        .into_iter()
        .enumerate()
        .map(|(index, (from, to))| {
            let hit = blow.and_then(|blow| match blow.point {
                Point::Fed(line) if blow.stage == index + 1 => Some((line, true)),
                Point::Wrote(line) if blow.stage == index => Some((line, false)),
                _ => None,
            });
            let victim = blow.map(|blow| Arc::clone(&victims[blow.stage]));
            from.map(|from| thread::spawn(move || relay(from, to, hit, victim.as_deref())))
        })
        .collect();
    let (mut counts, mut output) = (vec![Counts::default(); children.len()], Vec::new());
    for (index, relay) in relays.into_iter().enumerate() {
        if let Some(relay) = relay {
            (counts[index].wrote, output) = relay.join().expect("no panic in a relay");
        }
    }
    let statuses =
        children.iter_mut().map(|child| child.wait().expect("a child can be waited for")).collect();
    limit();
    for (index, counts) in counts.iter_mut().enumerate() {
        counts.requests = world.gate(index).settle();
    }
    if let Some((path, _)) = line.stages.last().and_then(|stage| stage.output.as_ref()) {
        output = std::fs::read(world.path(path)).expect("the file behind the line");
    }
    let stderr = stderr.into_iter().map(|text| text.join().expect("no panic in a reader")).collect();
    Round { statuses, counts, output, stderr }
}

fn start(world: &World, line: &Line, index: usize, stage: &Stage, home: &Path) -> Child {
    let words = world.said_to(index, &stage.words);
    let program = match world.is_tool(&words[0]) {
        true => tool::find(&words[0]),
        false => words[0].clone().into(),
    };
    let mut command = Command::new(&program);
    tool::clean(&mut command, home);
    command.args(&words[1..]).envs(world.environment(index)).current_dir(world.folder());
    command.stderr(Stdio::piped());
    command.stdin(match &stage.input {
        Some(path) => File::open(world.path(path)).unwrap_or_else(|error| panic!("{path}: {error}")).into(),
        None if index > 0 => Stdio::piped(),
        None => Stdio::null(),
    });
    command.stdout(match &stage.output {
        Some((path, append)) => {
            assert_eq!(index + 1, line.stages.len(), "only the last stage writes a file");
            let mut options = OpenOptions::new();
            options.create(true).append(*append).write(true).truncate(!append);
            options.open(world.path(path)).unwrap_or_else(|error| panic!("{path}: {error}")).into()
        }
        None => Stdio::piped(),
    });
    command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

/// Passes lines from one stage to the next, or keeps them behind the last, and kills at its point. How many lines there
/// were, and what was kept.
fn relay(
    mut from: ChildStdout,
    mut to: Option<ChildStdin>,
    hit: Option<(u64, bool)>,
    victim: Option<&Victim>,
) -> (u64, Vec<u8>) {
    let strike = |at: u64, before: bool| {
        if hit == Some((at, before)) {
            victim.into_iter().for_each(Victim::kill);
        }
    };
    let is_last = to.is_none();
    let (mut left, mut chunk, mut count, mut kept) = (Vec::new(), vec![0; 1 << 16], 0, Vec::new());
    loop {
        // As in a pipe without a harness in it, the stage before learns at once that the one behind has gone.
        if to.as_ref().is_some_and(|to| has_gone(to, &from)) {
            return (count, kept);
        }
        let length = from.read(&mut chunk).unwrap_or(0);
        left.extend_from_slice(&chunk[..length]);
        let whole = if length == 0 {
            left.len()
        } else {
            left.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
        };
        for line in left.drain(..whole).collect::<Vec<_>>().split_inclusive(|byte| *byte == b'\n') {
            count += 1;
            strike(count, true);
            match &mut to {
                Some(pipe) => match pipe.write_all(line) {
                    Ok(()) => {}
                    Err(_) => return (count, kept),
                },
                None => kept.extend_from_slice(line),
            }
            strike(count, false);
        }
        if length == 0 {
            break;
        }
    }
    if !is_last {
        strike(count + 1, true);
    }
    (count, kept)
}

/// Waits until there is something to be read, and says whether there is nobody left to write it to.
fn has_gone(to: &ChildStdin, from: &ChildStdout) -> bool {
    loop {
        let mut ends = [PollFd::new(from, PollFlags::IN), PollFd::new(to, PollFlags::empty())];
        match poll(&mut ends, None) {
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => panic!("a pipe cannot be waited for: {error}"),
            Ok(_) => return ends[1].revents().intersects(PollFlags::ERR | PollFlags::HUP),
        }
    }
}

fn drain(from: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    let mut from = from.expect("stderr is piped");
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What cannot be read is missing from a message, no more.
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Kills every stage when the time is over. The function that is returned is to be called before that.
fn limit(victims: Vec<Arc<Victim>>) -> impl FnOnce() {
    let (done, ended) = channel::<()>();
    let thread = thread::spawn(move || {
        let is_over = ended.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout);
        if is_over {
            victims.iter().for_each(|victim| victim.kill());
        }
        is_over
    });
    move || {
        drop(done);
        assert!(!thread.join().unwrap_or(false), "a round had not ended after {LIMIT:?}, and was killed");
    }
}
