//! The states of clusters and instances, as the Aurora User Guide lists them.

use anyhow::{Result, bail};
use aws_sdk_rds::types::DbCluster;

/// The state in which a cluster or an instance can be used.
pub const AVAILABLE: &str = "available";

/// Refuses a state that nothing comes after by itself.
///
/// # Errors
/// One line: what is in it, and where to look.
pub fn check(kind: &str, id: &str, status: &str) -> Result<()> {
    if !is_end(status) {
        return Ok(());
    }
    let remedy = match status {
        _ if status.starts_with("inaccessible-") => {
            "see that the KMS key is enabled and may be used, then start it or restore again"
        }
        "incompatible-parameters" => "give it another parameter group, or restore again with one",
        "stopped" | "stopping" => "start it, then run the same command again",
        _ => "its events tell why; delete it before restoring again under the same name",
    };
    bail!("the {kind} {id} is {status}, and will not be {AVAILABLE} by itself: {remedy}")
}

fn is_end(status: &str) -> bool {
    matches!(
        status,
        "deleted" | "deleting" | "failed" | "insufficient-capacity" | "stopped" | "stopping" | "storage-full"
    ) || status.starts_with("incompatible-")
        || status.starts_with("inaccessible-")
        || status.ends_with("-failed")
        || status.ends_with("-error")
}

/// The state of a cluster in words: `creating, 40 %`.
pub fn shown(cluster: &DbCluster) -> String {
    let status = cluster.status().unwrap_or("in an unknown state");
    match cluster.percent_progress() {
        Some(percent) if !percent.is_empty() => format!("{status}, {} %", percent.trim_end_matches('%')),
        _ => status.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_ends_by_itself_is_waited_for() {
        for goes_on in [
            "available",
            "creating",
            "backing-up",
            "modifying",
            "upgrading",
            "configuring-enhanced-monitoring",
        ] {
            assert!(check("cluster", "c", goes_on).is_ok(), "{goes_on}");
        }
        for end in [
            "failed",
            "deleting",
            "incompatible-restore",
            "incompatible-parameters",
            "inaccessible-encryption-credentials",
            "cloning-failed",
            "restore-error",
            "stopped",
        ] {
            let line = check("cluster", "c", end).unwrap_err().to_string();
            assert!(line.starts_with(&format!("the cluster c is {end},")), "{line}");
        }
    }

    #[test]
    fn progress_is_shown_where_there_is_any() {
        let cluster = |percent: Option<&str>| {
            DbCluster::builder().status("creating").set_percent_progress(percent.map(str::to_owned)).build()
        };
        assert_eq!(shown(&cluster(Some("40"))), "creating, 40 %");
        assert_eq!(shown(&cluster(Some(""))), "creating");
        assert_eq!(shown(&cluster(None)), "creating");
    }
}
