//! `--check`: a command of the user's that says whether the new value is any good.

use std::fmt::Display;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use common::Reject;
use common::reject::Failure;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use crate::hidden::Hidden;
use crate::mask::Mask;

/// The longest line of output that is shown, in bytes: as long as a secret may be, so that none is shown in part.
const LINE: usize = 65_536;

/// The command and its limits.
#[derive(Clone, Debug)]
pub struct Check {
    /// What `sh -c` runs.
    pub command: String,
    /// How long it may take, with everything that it started.
    pub timeout: Duration,
    /// Ends it early.
    pub stop: CancellationToken,
}

/// Runs the check, where there is one: see [`Check::run`].
///
/// # Errors
/// As [`Check::run`].
pub async fn run(
    check: Option<&Check>,
    content: &Hidden,
    value: &Hidden,
    mask: &Mask,
    place: &impl Display,
) -> Result<(), Failure> {
    match check {
        Some(check) => check.run(content, value, mask, place).await,
        None => Ok(()),
    }
}

impl Check {
    /// Runs the command with the whole new content as `CONF_SWAP_VALUE` and the new value as `CONF_SWAP_NEW` in its
    /// environment. What it prints becomes messages, without anything that the mask hides.
    ///
    /// # Errors
    /// A reject, when it does not succeed in time.
    async fn run(
        &self,
        content: &Hidden,
        value: &Hidden,
        mask: &Mask,
        place: &impl Display,
    ) -> Result<(), Failure> {
        let failed =
            |why: String| Reject::retryable("check-failed", format!("{place}: nothing is changed: {why}"));
        let mut child =
            self.start(content, value).map_err(|err| failed(format!("the check cannot be run: {err}")))?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let ended = tokio::select! {
            ended = tokio::time::timeout(self.timeout, end(&mut child, mask)) => {
                ended.map_err(|_| failed(format!("the check was not over in {:?} (--timeout)", self.timeout)))
            }
            () = self.stop.cancelled() => {
                Err(Reject::retryable("interrupted", format!("{place}: stopped before anything was changed")))
            }
        };
        let status = match ended {
            Ok(status) => status.map_err(|err| failed(format!("the check cannot be waited for: {err}")))?,
            Err(reject) => {
                // A group that has ended by itself meanwhile is what is wanted too.
                let _ = group.map(|group| kill_process_group(group, Signal::KILL));
                let _ = child.wait().await;
                return Err(reject.into());
            }
        };
        if !status.success() {
            return Err(failed(format!("the check ended with {status}")).into());
        }
        tracing::debug!("{place}: the check succeeded");
        Ok(())
    }

    fn start(&self, content: &Hidden, value: &Hidden) -> std::io::Result<Child> {
        Command::new("sh")
            .arg("-c")
            .arg(&self.command)
            .env("CONF_SWAP_VALUE", content.reveal())
            .env("CONF_SWAP_NEW", value.reveal())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own, so that nothing it starts outlives the limit.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }
}

/// Waits for the command and for all that it prints.
async fn end(child: &mut Child, mask: &Mask) -> std::io::Result<ExitStatus> {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let ((), (), status) = tokio::join!(tell(out, mask), tell(err, mask), child.wait());
    status
}

/// Says each line of a pipe.
async fn tell(pipe: Option<impl AsyncRead + Unpin>, mask: &Mask) {
    let Some(pipe) = pipe else { return };
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    let mut length = 0;
    loop {
        // What cannot be read has ended.
        let available = pipe.fill_buf().await.unwrap_or_default();
        let end = available.iter().position(|&byte| byte == b'\n');
        let part = &available[..end.unwrap_or(available.len())];
        length += part.len();
        line.extend_from_slice(&part[..part.len().min(LINE - line.len())]);
        let used = part.len() + usize::from(end.is_some());
        pipe.consume(used);
        if end.is_some() || used == 0 {
            say(&line, length, mask);
            line.clear();
            length = 0;
        }
        if used == 0 {
            return;
        }
    }
}

fn say(line: &[u8], length: usize, mask: &Mask) {
    match length {
        0 => {}
        1..=LINE => tracing::info!("check: {}", mask.hide(&String::from_utf8_lossy(line))),
        _ => tracing::info!("check: (a line of {length} bytes is not shown)"),
    }
}
