//! The command that says whether the new value is any good.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use testkit::tool::Tool;

use crate::bench::{
    content, gate, parameter, rejected, secret, stages, swap, tool, until, value, versions, wait_begun,
};

const DB: &str = r#"{"host":"old","port":5432}"#;

fn checked(name: &str, check: &str) -> Tool {
    tool(&["--secret", name, "--pointer", "/host", "--value", "new.example", "--check", check])
}

#[tokio::test]
async fn it_sees_the_new_value_and_the_whole() {
    let name = secret(DB).await;
    let folder = TempDir::new().unwrap();
    let check =
        "printf '%s\\n%s' \"$CONF_SWAP_NEW\" \"$CONF_SWAP_VALUE\" > seen; echo \"on stdout\"; echo bad >&2";
    let output = checked(&name, check).cwd(folder.path()).run();
    assert_eq!(swap(&output)["action"], "swapped");
    let seen = fs::read_to_string(folder.path().join("seen")).unwrap();
    assert_eq!(seen, format!("new.example\n{}", DB.replace("old", "new.example")));
    assert!(output.stderr.contains("conf-swap: check: on stdout\n"), "{}", output.stderr);
    assert!(output.stderr.contains("conf-swap: check: bad\n"), "{}", output.stderr);
}

#[tokio::test]
async fn one_that_fails_leaves_everything_as_it_was() {
    let name = secret(DB).await;
    let before = stages(&name).await;
    for check in ["exit 7", "kill -9 $$", "no-such-command-here"] {
        let (kind, message) = rejected(&checked(&name, check).run());
        assert_eq!(kind, "check-failed", "{message}");
        assert_eq!(
            (stages(&name).await, content(&name, "AWSCURRENT").await),
            (before.clone(), DB.to_owned())
        );
    }
    // Of all tries there is one version, and the same one is made current when the check succeeds.
    assert_eq!(versions(&name).await, 2);
    assert_eq!(swap(&checked(&name, "true").run())["action"], "swapped");
    assert_eq!(versions(&name).await, 2);

    let name = parameter("old").await;
    let output = tool(&["--ssm", &name, "--value", "new", "--check", "test \"$CONF_SWAP_NEW\" = old"]).run();
    assert_eq!(rejected(&output).0, "check-failed");
    assert_eq!(value(&name).await, (1, "old".into()));
}

#[tokio::test]
async fn it_runs_in_a_rehearsal_and_not_where_nothing_is_to_be_done() {
    let name = secret(DB).await;
    assert_eq!(rejected(&checked(&name, "false").arg("-n").run()).0, "check-failed");
    assert_eq!(versions(&name).await, 1);
    assert_eq!(swap(&checked(&name, "true").run())["action"], "swapped");
    assert_eq!(swap(&checked(&name, "false").run())["action"], "already");
    let name = parameter("old").await;
    let output = tool(&["-n", "--ssm", &name, "--value", "new", "--check", "false"]).run();
    assert_eq!(rejected(&output).0, "check-failed");
}

/// Whether the process with the number in this file has ended; a zombie that nobody collects has.
fn is_over(file: &Path) -> bool {
    let pid = fs::read_to_string(file).unwrap();
    match fs::read_to_string(format!("/proc/{}/stat", pid.trim())) {
        Ok(stat) => stat.rsplit(')').next().unwrap().trim_start().starts_with('Z'),
        Err(_) => true,
    }
}

#[tokio::test]
async fn one_that_hangs_is_killed_with_what_it_started() {
    for check in ["sleep 1000 & echo $! > pid; wait", "sleep 1000 & echo $! > pid; exit 0"] {
        let name = secret(DB).await;
        let folder = TempDir::new().unwrap();
        let output = checked(&name, check).args(["--timeout", "1s"]).cwd(folder.path()).run();
        let (kind, message) = rejected(&output);
        assert_eq!(kind, "check-failed");
        assert!(message.contains("not over in 1s (--timeout)"), "{message}");
        until(|| is_over(&folder.path().join("pid")));
        assert_eq!(stages(&name).await.len(), 1);
    }
}

#[tokio::test]
async fn a_signal_ends_it_and_nothing_is_changed() {
    let name = secret(DB).await;
    let folder = TempDir::new().unwrap();
    let running =
        checked(&name, &format!("echo $$ > pid; {}", gate(folder.path()))).cwd(folder.path()).spawn();
    wait_begun(folder.path());
    running.signal("TERM");
    let output = running.wait();
    assert_eq!(output.signal, Some(15));
    assert_eq!(output.rejects()[0]["error"]["kind"], "interrupted");
    assert!(is_over(&folder.path().join("pid")));
    assert_eq!((stages(&name).await.len(), content(&name, "AWSCURRENT").await.as_str()), (1, DB));
}

#[tokio::test]
async fn a_line_too_long_to_be_masked_is_not_shown() {
    let name = secret(DB).await;
    let check = "head -c 70000 /dev/zero | tr '\\0' x; echo; echo after";
    let output = checked(&name, check).run();
    assert_eq!(swap(&output)["action"], "swapped");
    assert!(output.stderr.contains("check: (a line of 70000 bytes is not shown)"), "{}", output.stderr);
    assert!(output.stderr.contains("check: after"), "{}", output.stderr);
}
