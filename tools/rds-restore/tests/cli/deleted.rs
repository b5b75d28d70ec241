//! Sources that were deleted, and whose automated backups were retained.

use anyhow::Result;
use testkit::rds::{Refusal, Server, automated_backup, cluster};

use crate::{AT, TO, assert_only_read, error, production, record, restore, setting, tool};

/// Flags for what the backup of a cluster does not say.
const KNOWN: [&str; 12] = [
    "--security-group",
    "sg-0app",
    "--subnet-group",
    "app-private",
    "--cluster-parameter-group",
    "app-cluster-pg16",
    "--instance-parameter-group",
    "app-instance-pg16",
    "--min-acu",
    "0.5",
    "--max-acu",
    "16",
];

/// An RDS that has only the automated backup of `app-gone`.
fn with_backup() -> Server {
    let server = Server::start();
    server.state().backups.push(automated_backup(&cluster("app-gone")));
    server
}

#[test]
fn one_is_restored_by_its_resource_id() -> Result<()> {
    let server = with_backup();
    let output = tool(&server)
        .args(["--from-resource-id", "cluster-APPGONE", "--to", "app-back", "--at", AT])
        .args(KNOWN)
        .run();
    let record = record(&output);
    assert_eq!(record["restore"]["from"], "app-gone");
    assert_eq!(record["restore"]["from_resource_id"], "cluster-APPGONE");
    let state = server.state();
    let request = state.sent("RestoreDBClusterToPointInTime")[0];
    assert_eq!(request.get("SourceDbClusterResourceId"), Some("cluster-APPGONE"));
    assert!(!request.has("SourceDBClusterIdentifier") && !request.has("StorageType"));
    for (member, value) in
        [("Port", "6543"), ("EnableIAMDatabaseAuthentication", "true"), ("BackupRetentionPeriod", "7")]
    {
        assert_eq!(request.get(member), Some(value), "{member}");
    }
    assert_eq!(request.get("Tags.Tag.1.Key"), Some("team"));
    Ok(())
}

#[test]
fn what_is_not_known_is_said_to_be_a_default() -> Result<()> {
    let server = with_backup();
    let flags = ["--from-resource-id", "cluster-APPGONE", "--to", "app-back", "--latest", "-n"];
    let output = tool(&server).args(flags).args(["--min-acu", "1", "--max-acu", "2"]).run();
    let record = record(&output);
    let line = output.stderr.lines().find(|line| line.contains("not known of the source")).unwrap();
    for expected in [
        "VpcSecurityGroupIds (--security-group)",
        "DBSubnetGroupName (--subnet-group)",
        "DBClusterParameterGroupName (--cluster-parameter-group)",
        "StorageType (--storage-type)",
        "EngineLifecycleSupport (--engine-lifecycle-support)",
        "DeletionProtection (--deletion-protection)",
        "writer.DBParameterGroupName (--instance-parameter-group)",
    ] {
        assert!(line.contains(expected), "{expected}: {line}");
    }
    assert!(!line.contains("Port") && !line.contains("MinCapacity"), "{line}");
    let group = setting(&record, "DBSubnetGroupName").unwrap();
    assert_eq!((&group["restore"], &group["by"]), (&serde_json::Value::Null, &"default".into()));
    Ok(())
}

#[test]
fn a_serverless_writer_needs_its_scaling_from_flags() -> Result<()> {
    let server = with_backup();
    let start =
        || tool(&server).args(["--from-resource-id", "cluster-APPGONE", "--to", "app-back", "--latest"]);
    let output = start().run();
    assert!(error(output.assert_code(1)).contains("give --min-acu and --max-acu"), "{}", output.stderr);
    let output = start().args(["--instance-class", "same"]).run();
    assert!(error(output.assert_code(1)).contains("has no writer whose class is known"), "{}", output.stderr);
    assert_only_read(&server);
    Ok(())
}

#[test]
fn the_window_is_that_of_the_backup() -> Result<()> {
    let server = with_backup();
    let flags = ["--from-resource-id", "cluster-APPGONE", "--to", "app-back", "--at", "2026-11-21T00:00:00Z"];
    let output = tool(&server).args(flags).args(KNOWN).run();
    output.assert_code(1);
    let expected =
        "app-gone cannot be restored to 2026-11-21T00:00:00Z: its window is from 2026-11-18T02:00:00Z";
    assert!(error(&output).contains(expected), "{}", output.stderr);
    Ok(())
}

#[test]
fn a_name_that_is_gone_leads_to_its_resource_id() -> Result<()> {
    let server = with_backup();
    let start = || tool(&server).args(["--from", "app-gone", "--to", "app-back", "--at", AT]);
    let output = start().args(KNOWN).run();
    output.assert_code(1);
    let expected =
        "app-gone was deleted and its backups were retained: give --from-resource-id cluster-APPGONE";
    assert!(error(&output).contains(expected), "{}", output.stderr);
    let mut second = automated_backup(&cluster("app-gone"));
    second.fields.set("DbClusterResourceId", "cluster-APPGONE2");
    server.state().backups.push(second);
    let output = start().run();
    output.assert_code(1);
    assert!(error(&output).contains("cluster-APPGONE, cluster-APPGONE2"), "{}", output.stderr);
    // Those of a cluster that is there are not what a deleted one left.
    for backup in &mut server.state().backups {
        backup.fields.set("Status", "active");
    }
    let output = start().run();
    output.assert_code(1);
    assert!(error(&output).contains("there is no cluster app-gone: check --from, --region and --profile"));
    server.state().refuse("DescribeDBClusterAutomatedBackups", Refusal::denied());
    let output = start().run();
    let line = error(output.assert_code(1));
    assert!(line.contains("there is no cluster app-gone") && line.contains("AccessDenied"), "{line}");
    assert_only_read(&server);
    Ok(())
}

#[test]
fn an_id_without_backups_or_of_a_cluster_that_is_there_is_refused() -> Result<()> {
    let server = with_backup();
    let start =
        |id: &str| tool(&server).args(["--from-resource-id", id, "--to", "app-back", "--latest"]).run();
    let output = start("cluster-NOBODY");
    output.assert_code(1);
    assert!(error(&output).contains("there are no automated backups of cluster-NOBODY"), "{}", output.stderr);
    server.state().backups[0].fields.set("Status", "active");
    let output = start("cluster-APPGONE");
    output.assert_code(1);
    assert!(error(&output).contains("it is the cluster app-gone: give --from app-gone"), "{}", output.stderr);
    Ok(())
}

#[test]
fn a_restore_is_still_found_done_when_its_source_was_retired() -> Result<()> {
    let server = production();
    record(&restore(&server).run());
    {
        let mut state = server.state();
        let source = state.clusters.remove(0);
        state.instances.retain(|one| one.get("DBClusterIdentifier") == TO);
        state.backups.push(automated_backup(&source));
        state.log.clear();
    }
    // Nothing is left to be created, so the scaling that nobody knows any more is given.
    let record = record(&restore(&server).args(["--min-acu", "0.5", "--max-acu", "16"]).run());
    assert_eq!(record["restore"]["action"], "already");
    assert_only_read(&server);
    Ok(())
}
