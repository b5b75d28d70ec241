//! A restore from its start to its record.

use anyhow::Result;
use serde_json::json;
use testkit::rds::{Fields, Stage};

use crate::{AT, TO, assert_only_read, production, record, restore, setting, tool};

/// The members of a request but for those of the protocol.
fn members(request: &Fields, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| request.get(name).unwrap_or("-").to_owned()).collect()
}

#[test]
fn it_ends_with_a_record_of_the_new_cluster() -> Result<()> {
    let server = production();
    let record = record(&restore(&server).run());
    let flat = json!({
        "cluster": TO,
        "endpoint": format!("{TO}.cluster-c0ffee.us-east-1.rds.amazonaws.com"),
        "reader_endpoint": format!("{TO}.cluster-ro-c0ffee.us-east-1.rds.amazonaws.com"),
        "port": 6543,
        "resource_id": "cluster-APPRESTORE1120",
        "arn": format!("arn:aws:rds:us-east-1:123456789012:cluster:{TO}"),
        "engine": "aurora-postgresql",
        "engine_version": "16.4",
        "writer": format!("{TO}-writer"),
    });
    for (name, value) in flat.as_object().unwrap() {
        assert_eq!(&record[name], value, "{name}");
    }
    let restore = &record["restore"];
    for (name, value) in [
        ("action", json!("restored")),
        ("from", json!("app-prod")),
        ("from_resource_id", json!("cluster-APPPROD")),
        ("at", json!(AT)),
        ("dry_run", json!(false)),
        ("earliest_restorable_time", json!("2026-11-25T02:00:00Z")),
        ("latest_restorable_time", json!("2026-11-25T02:10:00Z")),
    ] {
        assert_eq!(restore[name], value, "{name}");
    }
    for phase in ["cluster", "writer", "settings", "restorable"] {
        assert!(restore["timings"][phase].is_number(), "{phase}: {}", restore["timings"]);
    }
    assert_eq!(restore["timings"]["login"], json!(null));
    Ok(())
}

#[test]
fn the_request_says_a_time_and_every_setting_that_would_be_reset() -> Result<()> {
    let server = production();
    record(&restore(&server).run());
    let state = server.state();
    let [request] = state.sent("RestoreDBClusterToPointInTime")[..] else { panic!("one restore") };
    assert!(!request.has("UseLatestRestorableTime") && !request.has("KmsKeyId") && !request.has("Iops"));
    let expected = [
        ("DBClusterIdentifier", TO),
        ("SourceDBClusterIdentifier", "app-prod"),
        ("RestoreToTime", AT),
        ("DBClusterParameterGroupName", "app-cluster-pg16"),
        ("DBSubnetGroupName", "app-private"),
        ("Port", "6543"),
        ("EnableIAMDatabaseAuthentication", "true"),
        ("DeletionProtection", "true"),
        ("CopyTagsToSnapshot", "true"),
        ("StorageType", "aurora-iopt1"),
        ("NetworkType", "IPV4"),
        ("EngineLifecycleSupport", "open-source-rds-extended-support-disabled"),
        ("ServerlessV2ScalingConfiguration.MinCapacity", "0.5"),
        ("ServerlessV2ScalingConfiguration.MaxCapacity", "16.0"),
        ("BackupRetentionPeriod", "7"),
        ("PreferredBackupWindow", "02:00-02:30"),
    ];
    let (names, values): (Vec<_>, Vec<_>) = expected.into_iter().unzip();
    assert_eq!(members(request, &names), values);
    assert_eq!(request.values("VpcSecurityGroupIds.VpcSecurityGroupId"), ["sg-0app", "sg-0ops"]);
    assert_eq!(request.values("EnableCloudwatchLogsExports.member"), ["postgresql"]);
    let tags = request.pairs("Tags.Tag", "Key", "Value");
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(tags, [pair("team", "data"), pair("drkit:restore", &format!("cluster-APPPROD at {AT}"))]);
    Ok(())
}

#[test]
fn the_writer_is_as_the_sources_but_serverless() -> Result<()> {
    let server = production();
    record(&restore(&server).run());
    let state = server.state();
    let [request] = state.sent("CreateDBInstance")[..] else { panic!("one instance") };
    let writer = format!("{TO}-writer");
    let expected = [
        ("DBInstanceIdentifier", writer.as_str()),
        ("DBClusterIdentifier", TO),
        ("DBInstanceClass", "db.serverless"),
        ("Engine", "aurora-postgresql"),
        ("EngineVersion", "-"),
        ("DBParameterGroupName", "app-instance-pg16"),
        ("CACertificateIdentifier", "rds-ca-rsa2048-g1"),
        ("PubliclyAccessible", "false"),
        ("PromotionTier", "1"),
        ("AutoMinorVersionUpgrade", "false"),
        ("EnablePerformanceInsights", "true"),
        ("PerformanceInsightsRetentionPeriod", "93"),
        ("MonitoringInterval", "60"),
        ("MonitoringRoleArn", "arn:aws:iam::123456789012:role/rds-monitoring"),
    ];
    let (names, values): (Vec<_>, Vec<_>) = expected.into_iter().unzip();
    assert_eq!(members(request, &names), values);
    Ok(())
}

#[test]
fn what_a_restore_cannot_be_given_is_set_afterwards() -> Result<()> {
    let server = production();
    {
        let mut state = server.state();
        let source = state.cluster_mut("app-prod").unwrap();
        source
            .fields
            .set("AutoMinorVersionUpgrade", "false")
            .set("HttpEndpointEnabled", "true")
            .set("PerformanceInsightsEnabled", "true")
            .set("PerformanceInsightsRetentionPeriod", "731")
            .set("DatabaseInsightsMode", "advanced");
    }
    let record = record(&restore(&server).run());
    let state = server.state();
    let there = state.cluster(TO).unwrap();
    for (name, value) in [
        ("PreferredMaintenanceWindow", "sun:04:00-sun:04:30"),
        ("AutoMinorVersionUpgrade", "false"),
        ("HttpEndpointEnabled", "true"),
        ("DatabaseInsightsMode", "advanced"),
        ("PerformanceInsightsRetentionPeriod", "731"),
        ("Status", "available"),
    ] {
        assert_eq!(there.get(name), value, "{name}");
    }
    assert!(state.sent("ModifyDBCluster")[0].is("ApplyImmediately"));
    assert_eq!(setting(&record, "EnableHttpEndpoint").unwrap()["by"], "carried");
    Ok(())
}

#[test]
fn a_setting_refused_afterwards_does_not_stop_the_recovery() -> Result<()> {
    let server = production();
    server.state().refuse("ModifyDBCluster", testkit::rds::Refusal::denied());
    let output = restore(&server).run();
    let record = record(&output);
    assert!(
        output.stderr.contains("warning: not set, and to be set by hand: ModifyDBCluster"),
        "{}",
        output.stderr
    );
    let left = record["restore"]["not_carried"].to_string();
    assert!(left.contains("ModifyDBCluster app-restore-1120: AccessDenied"), "{left}");
    Ok(())
}

#[test]
fn roles_go_with_the_restore() -> Result<()> {
    let server = production();
    {
        let mut state = server.state();
        let source = state.cluster_mut("app-prod").unwrap();
        source
            .fields
            .set("AssociatedRoles.DBClusterRole.1.RoleArn", "arn:aws:iam::123456789012:role/s3")
            .set("AssociatedRoles.DBClusterRole.1.FeatureName", "s3Import")
            .set("AssociatedRoles.DBClusterRole.1.Status", "ACTIVE")
            .set("AssociatedRoles.DBClusterRole.2.RoleArn", "arn:aws:iam::123456789012:role/lambda")
            .set("AssociatedRoles.DBClusterRole.2.Status", "ACTIVE");
    }
    let record = record(&restore(&server).run());
    let state = server.state();
    let roles =
        state.cluster(TO).unwrap().fields.pairs("AssociatedRoles.DBClusterRole", "RoleArn", "FeatureName");
    assert_eq!(roles[0], ("arn:aws:iam::123456789012:role/s3".into(), "s3Import".into()));
    assert_eq!(roles[1], ("arn:aws:iam::123456789012:role/lambda".into(), String::new()));
    let shown = &setting(&record, "AssociatedRoles").unwrap()["restore"];
    assert_eq!(shown[0], "arn:aws:iam::123456789012:role/s3 (s3Import)");
    Ok(())
}

#[test]
fn what_is_left_behind_is_named() -> Result<()> {
    let server = production();
    {
        let mut state = server.state();
        let source = state.cluster_mut("app-prod").unwrap();
        source
            .fields
            .set("MasterUserSecret.SecretArn", "arn:aws:secretsmanager:us-east-1:123456789012:secret:rds!x")
            .set("CustomEndpoints.member.1", "reports.cluster-custom-c0ffee.us-east-1.rds.amazonaws.com")
            .set("GlobalClusterIdentifier", "app-world")
            .set("ActivityStreamStatus", "started")
            .set("LocalWriteForwardingStatus", "enabled");
    }
    let output = restore(&server).arg("--dry-run").run();
    let left = record(&output)["restore"]["not_carried"].clone();
    for expected in [
        "the master password in Secrets Manager (--manage-master-user-password)",
        "the reader app-prod-2",
        "the custom endpoint reports.cluster-custom-c0ffee.us-east-1.rds.amazonaws.com",
        "membership in the global database app-world",
        "the database activity stream",
        "local write forwarding",
        "Application Auto Scaling targets",
        "event subscriptions",
        "CloudWatch alarms",
        "RDS Proxy targets",
        "zero-ETL integrations",
    ] {
        assert!(left.as_array().unwrap().iter().any(|one| one == expected), "{expected}: {left}");
        assert!(output.stderr.contains(expected), "{expected}: {}", output.stderr);
    }
    Ok(())
}

#[test]
fn the_latest_time_is_asked_for_without_a_time() -> Result<()> {
    let server = production();
    let record = record(&tool(&server).args(["--from", "app-prod", "--to", TO, "--latest"]).run());
    assert_eq!(record["restore"]["at"], "latest");
    let state = server.state();
    let request = state.sent("RestoreDBClusterToPointInTime")[0];
    assert!(request.is("UseLatestRestorableTime") && !request.has("RestoreToTime"));
    Ok(())
}

#[test]
fn a_dry_run_reads_the_same_and_writes_nothing() -> Result<()> {
    let server = production();
    let rehearsed = record(&restore(&server).arg("-n").run());
    assert_only_read(&server);
    assert!(server.state().cluster(TO).is_none());
    assert_eq!(rehearsed["restore"]["dry_run"], true);
    assert_eq!(rehearsed["restore"]["action"], "restored");
    assert_eq!(rehearsed["endpoint"], json!(null));
    assert_eq!(rehearsed["writer"], format!("{TO}-writer"));
    let real = record(&restore(&server).run());
    assert_eq!(real["restore"]["settings"], rehearsed["restore"]["settings"]);
    assert_eq!(real["restore"]["not_carried"], rehearsed["restore"]["not_carried"]);
    Ok(())
}

#[test]
fn without_waiting_for_restorable_times_the_record_comes_before_them() -> Result<()> {
    let server = production();
    // Available at once, restorable never.
    server.state().restore_stages = vec![Stage::after(0).with("Status", "available")];
    let record = record(&restore(&server).arg("--no-wait-restorable").run());
    assert_eq!(record["restore"]["latest_restorable_time"], json!(null));
    assert_eq!(record["restore"]["timings"]["restorable"], json!(null));
    Ok(())
}

#[test]
fn an_aurora_mysql_cluster_keeps_its_backtrack_window() -> Result<()> {
    let server = production();
    {
        let mut state = server.state();
        for id in ["app-prod-1", "app-prod-2"] {
            let one = state.instances.iter_mut().find(|one| one.get("DBInstanceIdentifier") == id).unwrap();
            one.fields.set("Engine", "aurora-mysql");
        }
        let source = state.cluster_mut("app-prod").unwrap();
        source.fields.set("Engine", "aurora-mysql").set("BacktrackWindow", "3600");
    }
    let record = record(&restore(&server).run());
    assert_eq!(record["engine"], "aurora-mysql");
    let state = server.state();
    assert_eq!(state.sent("RestoreDBClusterToPointInTime")[0].get("BacktrackWindow"), Some("3600"));
    assert_eq!(state.sent("CreateDBInstance")[0].get("Engine"), Some("aurora-mysql"));
    Ok(())
}
