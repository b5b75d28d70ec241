//! Flags that override what the source has, and what is refused before anything is written.

use anyhow::Result;
use serde_json::json;

use crate::{TO, assert_only_read, error, production, record, restore, setting};

#[test]
fn every_override_reaches_the_request_and_the_record() -> Result<()> {
    for (flags, name, member, sent) in [
        (&["--subnet-group", "quarantine"][..], "DBSubnetGroupName", "DBSubnetGroupName", "quarantine"),
        (
            &["--cluster-parameter-group", "forensic"],
            "DBClusterParameterGroupName",
            "DBClusterParameterGroupName",
            "forensic",
        ),
        (&["--port", "5555"], "Port", "Port", "5555"),
        (&["--storage-type", "aurora"], "StorageType", "StorageType", "aurora"),
        (
            &["--min-acu", "2"],
            "ServerlessV2ScalingConfiguration.MinCapacity",
            "ServerlessV2ScalingConfiguration.MinCapacity",
            "2.0",
        ),
        (
            &["--max-acu", "4.5"],
            "ServerlessV2ScalingConfiguration.MaxCapacity",
            "ServerlessV2ScalingConfiguration.MaxCapacity",
            "4.5",
        ),
        (&["--no-deletion-protection"], "DeletionProtection", "DeletionProtection", "false"),
        (&["--deletion-protection"], "DeletionProtection", "DeletionProtection", "true"),
        (
            &["--no-iam-authentication"],
            "EnableIAMDatabaseAuthentication",
            "EnableIAMDatabaseAuthentication",
            "false",
        ),
        (
            &["--iam-authentication"],
            "EnableIAMDatabaseAuthentication",
            "EnableIAMDatabaseAuthentication",
            "true",
        ),
        (&["--no-copy-tags-to-snapshot"], "CopyTagsToSnapshot", "CopyTagsToSnapshot", "false"),
        (&["--copy-tags-to-snapshot"], "CopyTagsToSnapshot", "CopyTagsToSnapshot", "true"),
        (
            &["--log-export", "instance"],
            "EnableCloudwatchLogsExports",
            "EnableCloudwatchLogsExports.member.1",
            "instance",
        ),
        (&["--network-type", "DUAL"], "NetworkType", "NetworkType", "DUAL"),
        (
            &["--engine-lifecycle-support", "open-source-rds-extended-support"],
            "EngineLifecycleSupport",
            "EngineLifecycleSupport",
            "open-source-rds-extended-support",
        ),
        (&["--backup-retention-period", "35"], "BackupRetentionPeriod", "BackupRetentionPeriod", "35"),
        (&["--kms-key", "alias/forensic"], "KmsKeyId", "KmsKeyId", "alias/forensic"),
        (
            &["--security-group", "sg-0quarantine"],
            "VpcSecurityGroupIds",
            "VpcSecurityGroupIds.VpcSecurityGroupId.1",
            "sg-0quarantine",
        ),
    ] {
        let server = production();
        // The end of the run is not what is tested here.
        server.state().refuse("CreateDBInstance", testkit::rds::Refusal::denied());
        restore(&server).args(flags).run().assert_code(1);
        let server_state = server.state();
        let request = server_state.sent("RestoreDBClusterToPointInTime")[0];
        assert_eq!(request.get(member), Some(sent), "{flags:?}");
        drop(server_state);
        let server = production();
        let record = record(&restore(&server).args(flags).arg("-n").run());
        assert_eq!(setting(&record, name).unwrap()["by"], "override", "{flags:?}");
    }
    Ok(())
}

#[test]
fn the_writers_overrides_reach_its_request() -> Result<()> {
    let server = production();
    let flags = [
        "--writer-id",
        "Forensic-1",
        "--instance-class",
        "db.r7g.xlarge",
        "--instance-parameter-group",
        "forensic-instance",
        "--ca-certificate-identifier",
        "rds-ca-ecc384-g1",
        "--manage-master-user-password",
    ];
    let record = record(&restore(&server).args(flags).run());
    assert_eq!(record["writer"], "forensic-1");
    let class = setting(&record, "writer.DBInstanceClass").unwrap();
    let expected = json!({"name": "writer.DBInstanceClass", "source": "db.r6g.large", "restore": "db.r7g.xlarge", "by": "override"});
    assert_eq!(class, &expected);
    let state = server.state();
    let request = state.sent("CreateDBInstance")[0];
    for (member, value) in [
        ("DBInstanceIdentifier", "forensic-1"),
        ("DBInstanceClass", "db.r7g.xlarge"),
        ("DBParameterGroupName", "forensic-instance"),
        ("CACertificateIdentifier", "rds-ca-ecc384-g1"),
    ] {
        assert_eq!(request.get(member), Some(value), "{member}");
    }
    assert!(state.cluster(TO).unwrap().fields.has("MasterUserSecret.SecretArn"));
    Ok(())
}

#[test]
fn tags_are_added_changed_and_dropped_on_both() -> Result<()> {
    let server = production();
    {
        let mut state = server.state();
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let tags = [pair("team", "data"), pair("env", "prod"), pair("aws:cloudformation:stack", "x")];
        state.cluster_mut("app-prod").unwrap().set_tags(&tags);
    }
    let flags = ["--tag", "env=drill", "--tag", "purpose=a=b", "--drop-tag", "team"];
    record(&restore(&server).args(flags).run());
    let state = server.state();
    let mut tags = state.cluster(TO).unwrap().tags();
    tags.sort();
    let keys: Vec<String> = tags.iter().map(|(key, value)| format!("{key}:{value}")).collect();
    let mark = format!("drkit:restore:cluster-APPPROD at {}", crate::AT);
    assert_eq!(keys, [mark.as_str(), "env:drill", "purpose:a=b"]);
    let instance = state.instance(&format!("{TO}-writer")).unwrap().tags();
    assert!(instance.iter().any(|(key, value)| (key.as_str(), value.as_str()) == ("env", "drill")));
    Ok(())
}

#[test]
fn more_tags_than_rds_allows_are_refused_first() -> Result<()> {
    let server = production();
    let tags: Vec<_> = (0..50).map(|n| (format!("k{n}"), String::new())).collect();
    server.state().cluster_mut("app-prod").unwrap().set_tags(&tags);
    let output = restore(&server).run();
    output.assert_code(1);
    assert!(error(&output).contains("51 tags") && error(&output).contains("--drop-tag"), "{}", output.stderr);
    assert_only_read(&server);
    record(&restore(&server).args(["--drop-tag", "k7"]).run());
    Ok(())
}

#[test]
fn a_serverless_writer_without_scaling_is_refused_first() -> Result<()> {
    let server = production();
    server.state().cluster_mut("app-prod").unwrap().fields.remove("ServerlessV2ScalingConfiguration");
    let output = restore(&server).run();
    output.assert_code(1);
    let line = error(&output);
    assert!(line.contains("--min-acu and --max-acu, or --instance-class same (db.r6g.large)"), "{line}");
    let half = restore(&server).args(["--min-acu", "1"]).run();
    assert!(error(half.assert_code(1)).contains("give --max-acu"), "{}", half.stderr);
    let half = restore(&server).args(["--max-acu", "1"]).run();
    assert!(error(half.assert_code(1)).contains("give --min-acu"), "{}", half.stderr);
    assert_only_read(&server);
    let record = record(&restore(&server).args(["--instance-class", "same"]).run());
    assert_eq!(setting(&record, "writer.DBInstanceClass").unwrap()["by"], "carried");
    assert_eq!(server.state().sent("CreateDBInstance")[0].get("DBInstanceClass"), Some("db.r6g.large"));
    Ok(())
}

#[test]
fn less_than_the_least_is_refused_first() -> Result<()> {
    let server = production();
    let output = restore(&server).args(["--min-acu", "32"]).run();
    output.assert_code(1);
    assert!(
        error(&output).contains("the least capacity would be 32 ACUs and the most 16"),
        "{}",
        output.stderr
    );
    assert_only_read(&server);
    Ok(())
}

#[test]
fn a_pause_goes_with_a_least_of_nothing() -> Result<()> {
    let pause = |flags: &[&str]| -> Result<Option<String>> {
        let server = production();
        {
            let mut state = server.state();
            let fields = &mut state.cluster_mut("app-prod").unwrap().fields;
            fields.set("ServerlessV2ScalingConfiguration.MinCapacity", "0");
            fields.set("ServerlessV2ScalingConfiguration.SecondsUntilAutoPause", "600");
        }
        server.state().refuse("CreateDBInstance", testkit::rds::Refusal::denied());
        restore(&server).args(flags).run().assert_code(1);
        let state = server.state();
        let request = state.sent("RestoreDBClusterToPointInTime")[0];
        Ok(request.get("ServerlessV2ScalingConfiguration.SecondsUntilAutoPause").map(str::to_owned))
    };
    assert_eq!(pause(&[])?.as_deref(), Some("600"));
    assert_eq!(pause(&["--min-acu", "0.5"])?, None);
    Ok(())
}

#[test]
fn a_source_that_is_no_aurora_in_a_vpc_is_refused() -> Result<()> {
    for (member, value, expected) in [
        ("Engine", "mysql", "of the engine mysql"),
        ("EngineMode", "serverless", "of the engine mode serverless"),
        ("VPCNetworkingEnabled", "false", "outside of any VPC"),
    ] {
        let server = production();
        server.state().cluster_mut("app-prod").unwrap().fields.set(member, value);
        let output = restore(&server).run();
        output.assert_code(1);
        assert!(error(&output).contains(expected), "{}", output.stderr);
        assert_only_read(&server);
    }
    Ok(())
}

#[test]
fn only_a_difference_is_told() -> Result<()> {
    let server = production();
    let output = restore(&server).args(["-n", "--port", "5555", "--deletion-protection"]).run();
    record(&output);
    assert!(output.stderr.contains("Port will be 5555, not 6543"), "{}", output.stderr);
    assert!(!output.stderr.contains("DeletionProtection"), "{}", output.stderr);
    Ok(())
}

#[test]
fn a_source_without_a_writer_leaves_the_writer_to_defaults_and_says_so() -> Result<()> {
    let server = production();
    server.state().instances.clear();
    let output = restore(&server).arg("-n").run();
    record(&output);
    let line = output.stderr.lines().find(|line| line.contains("not known of the source")).unwrap();
    assert!(line.contains("writer.DBParameterGroupName (--instance-parameter-group)"), "{line}");
    assert!(!line.contains("DBSubnetGroupName"), "{line}");
    Ok(())
}

#[test]
fn an_empty_word_of_a_description_is_no_setting() -> Result<()> {
    let server = production();
    server.state().cluster_mut("app-prod").unwrap().fields.set("StorageType", "").set("NetworkType", "");
    let record = record(&restore(&server).run());
    let state = server.state();
    let request = state.sent("RestoreDBClusterToPointInTime")[0];
    assert!(!request.has("StorageType") && !request.has("NetworkType"));
    assert!(setting(&record, "StorageType").is_none());
    Ok(())
}
