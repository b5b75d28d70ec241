//! What RDS refuses is one line with a remedy.

use anyhow::Result;
use testkit::rds::Refusal;

use crate::{TO, error, production, restore, tool};

#[test]
fn every_fault_of_the_restore_has_a_remedy() -> Result<()> {
    for (status, code, remedy) in [
        (403, "DBClusterQuotaExceededFault", "higher quota"),
        (400, "StorageQuotaExceeded", "higher quota"),
        (400, "InvalidDBClusterStateFault", "wait until the cluster is available"),
        (400, "InvalidRestoreFault", "within the window"),
        (400, "KMSKeyNotAccessibleFault", "--kms-key"),
        (404, "DBSubnetGroupNotFoundFault", "--subnet-group"),
        (400, "InvalidSubnet", "--subnet-group"),
        (400, "InvalidVPCNetworkStateFault", "of one VPC"),
        (400, "InsufficientStorageClusterCapacity", "other Availability Zones"),
        (403, "InsufficientDBClusterCapacityFault", "other Availability Zones"),
        (404, "DBClusterParameterGroupNotFound", "--cluster-parameter-group"),
        (404, "DBClusterAutomatedBackupNotFoundFault", "retention is over"),
        (400, "DBClusterRoleQuotaExceeded", "more roles"),
        (404, "DomainNotFoundFault", "directory"),
        (400, "NetworkTypeNotSupported", "--network-type"),
        (400, "StorageTypeNotSupported", "--storage-type"),
        (403, "AccessDenied", "the README lists the permissions"),
    ] {
        let server = production();
        server.state().refuse("RestoreDBClusterToPointInTime", Refusal::new(status, code, "words"));
        let output = restore(&server).run();
        output.assert_code(1);
        let line = error(&output);
        let start = format!("RestoreDBClusterToPointInTime to {TO}: {code}: words (");
        assert!(line.contains(&start) && line.contains(remedy), "{code}: {line}");
        assert_eq!(server.count("RestoreDBClusterToPointInTime"), 1, "{code}");
    }
    Ok(())
}

#[test]
fn every_fault_of_the_writer_has_a_remedy() -> Result<()> {
    for (status, code, remedy) in [
        (400, "InstanceQuotaExceeded", "higher quota"),
        (400, "InsufficientDBInstanceCapacity", "--instance-class"),
        (404, "DBParameterGroupNotFound", "--instance-parameter-group"),
        (400, "DBSubnetGroupDoesNotCoverEnoughAZs", "--subnet-group"),
    ] {
        let server = production();
        server.state().refuse("CreateDBInstance", Refusal::new(status, code, "words"));
        let output = restore(&server).run();
        output.assert_code(1);
        let line = error(&output);
        assert!(line.contains(&format!("CreateDBInstance {TO}-writer: {code}: words (")), "{line}");
        assert!(line.contains(remedy), "{code}: {line}");
    }
    Ok(())
}

#[test]
fn groups_that_are_gone_are_told_by_the_service() -> Result<()> {
    for (name, flag) in [
        ("app-private", "--subnet-group"),
        ("app-cluster-pg16", "--cluster-parameter-group"),
        ("app-instance-pg16", "--instance-parameter-group"),
    ] {
        let server = production();
        server.state().missing.insert(name.to_owned());
        let output = restore(&server).run();
        output.assert_code(1);
        assert!(error(&output).contains(name) && error(&output).contains(flag), "{}", output.stderr);
    }
    Ok(())
}

#[test]
fn what_may_not_be_read_is_told() -> Result<()> {
    for operation in ["DescribeDBClusters", "DescribeDBInstances"] {
        let server = production();
        server.state().refuse(operation, Refusal::denied());
        let output = restore(&server).run();
        output.assert_code(1);
        let line = error(&output);
        assert!(
            line.contains(operation) && line.contains("AccessDenied") && line.contains("README"),
            "{line}"
        );
    }
    Ok(())
}

#[test]
fn nobody_there_is_told_within_seconds() -> Result<()> {
    let server = production();
    let output = tool(&server)
        .endpoint("http://127.0.0.1:1")
        .args(["--from", "app-prod", "--to", TO, "--at", crate::AT])
        .run();
    output.assert_code(1);
    let line = error(&output);
    assert!(line.contains("DescribeDBClusters of app-prod: Unreachable"), "{line}");
    Ok(())
}
