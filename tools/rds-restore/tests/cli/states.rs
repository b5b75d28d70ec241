//! What clusters and instances go through, and how waits end.

use anyhow::Result;
use testkit::fault::{Fault, Plan, Proxy, Rule};
use testkit::rds::{Refusal, Stage};

use crate::{TO, error, production, record, restore};

#[test]
fn each_state_is_told_once() -> Result<()> {
    let server = production();
    server.state().restore_stages = vec![
        Stage::after(3).with("PercentProgress", "40"),
        Stage::after(1).with("PercentProgress", "80"),
        Stage::after(1).with("Status", "backing-up").without("PercentProgress"),
        Stage::after(1).with("Status", "available"),
        Stage::after(9)
            .with("EarliestRestorableTime", "2026-11-25T02:00:00Z")
            .with("LatestRestorableTime", "2026-11-25T02:10:00Z"),
    ];
    let output = restore(&server).run();
    record(&output);
    let prefix = format!("rds-restore: {TO}: ");
    let told: Vec<&str> = output.stderr.lines().filter_map(|line| line.strip_prefix(&prefix)).collect();
    let expected = [
        "the restore was started",
        "creating",
        "creating, 40 %",
        "creating, 80 %",
        "backing-up",
        "modifying",
        "available, not restorable yet",
    ];
    assert_eq!(told, expected);
    assert!(output.stderr.contains(&format!("{TO}-writer: creating")), "{}", output.stderr);
    Ok(())
}

#[test]
fn a_restore_that_fails_ends_the_run_at_once() -> Result<()> {
    for status in [
        "failed",
        "deleting",
        "incompatible-restore",
        "incompatible-parameters",
        "inaccessible-encryption-credentials",
    ] {
        let server = production();
        server.state().restore_stages = vec![Stage::after(1).with("Status", status)];
        let output = restore(&server).run();
        output.assert_code(1);
        let expected = format!("the cluster {TO} is {status}, and will not be available by itself");
        assert!(error(&output).contains(&expected), "{}", output.stderr);
        assert_eq!(server.count("CreateDBInstance"), 0);
    }
    Ok(())
}

#[test]
fn a_writer_that_fails_ends_the_run_at_once() -> Result<()> {
    let server = production();
    server.state().instance_stages = vec![Stage::after(1).with("DBInstanceStatus", "incompatible-network")];
    let output = restore(&server).run();
    output.assert_code(1);
    let expected = format!("the DB instance {TO}-writer is incompatible-network");
    assert!(error(&output).contains(&expected), "{}", output.stderr);
    Ok(())
}

#[test]
fn a_cluster_that_somebody_deletes_ends_the_run() -> Result<()> {
    let server = production();
    server.state().restore_stages = vec![Stage::gone(2)];
    let output = restore(&server).run();
    output.assert_code(1);
    assert!(error(&output).contains(&format!("{TO} is gone: somebody deleted it")), "{}", output.stderr);
    Ok(())
}

#[test]
fn an_instance_is_waited_for_until_it_is_the_writer() -> Result<()> {
    let server = production();
    server.state().instance_stages = vec![
        Stage::after(1).with("DBInstanceStatus", "configuring-enhanced-monitoring"),
        Stage::after(1).with("DBInstanceStatus", "available"),
        Stage::after(2).with("IsClusterWriter", "true"),
    ];
    let output = restore(&server).run();
    assert_eq!(record(&output)["writer"], format!("{TO}-writer"));
    assert!(output.stderr.contains("-writer: available, not the writer yet"), "{}", output.stderr);
    Ok(())
}

#[test]
fn a_cluster_that_is_busy_again_is_asked_again() -> Result<()> {
    let server = production();
    let busy =
        || Refusal::new(400, "InvalidDBClusterStateFault", "Cluster is not in an allowed state: backing-up");
    server.state().refuse("CreateDBInstance", busy());
    server.state().refuse("CreateDBInstance", busy());
    server.state().refuse("ModifyDBCluster", Refusal::new(400, "InvalidDBInstanceState", "busy"));
    record(&restore(&server).run());
    assert_eq!(server.count("CreateDBInstance"), 3);
    assert_eq!(server.count("ModifyDBCluster"), 2);
    Ok(())
}

#[test]
fn throttling_errors_and_resets_are_survived() -> Result<()> {
    let server = production();
    let throttled = "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message>\
                     </Error><RequestId>r</RequestId></ErrorResponse>";
    let throttling = || Fault::Answer { status: 400, body: throttled.to_owned() };
    let plan = Plan::new(7)
        .rule(Rule::new(throttling()).operation("RestoreDBClusterToPointInTime").first(2))
        .rule(Rule::new(throttling()).operation("CreateDBInstance").first(2))
        .rule(Rule::new(Fault::InternalError).operation("ModifyDBCluster").nth(1))
        .rule(Rule::new(Fault::ResetBefore).operation("DescribeDBClusters").every(4))
        .rule(Rule::new(Fault::CutBody).operation("DescribeDBInstances").every(3));
    let proxy = Proxy::start(server.url(), plan);
    let output = restore(&server).endpoint(proxy.url()).run();
    record(&output);
    assert_eq!((proxy.count("Answer"), proxy.count("InternalError")), (4, 1));
    assert!(proxy.count("ResetBefore") > 0 && proxy.count("CutBody") > 0);
    assert_eq!((server.count("RestoreDBClusterToPointInTime"), server.count("CreateDBInstance")), (1, 1));
    Ok(())
}

#[test]
fn a_look_that_fails_in_passing_is_made_again() -> Result<()> {
    let server = production();
    let nonsense = Fault::Answer { status: 200, body: "<html/>".to_owned() };
    // Two looks at each kind are before the restore, and these are of it.
    let plan = Plan::new(7)
        .rule(Rule::new(nonsense.clone()).operation("DescribeDBClusters").nth(4))
        .rule(Rule::new(nonsense).operation("DescribeDBInstances").nth(3));
    let proxy = Proxy::start(server.url(), plan);
    let output = restore(&server).endpoint(proxy.url()).run();
    record(&output);
    assert_eq!(proxy.count("Answer"), 2);
    for what in [format!("DescribeDBClusters of {TO}: "), format!("DescribeDBInstances of {TO}-writer: ")] {
        let told = output.stderr.lines().find(|line| line.contains(&what));
        assert!(told.is_some_and(|line| line.ends_with("and is tried again")), "{what}: {}", output.stderr);
    }
    Ok(())
}

#[test]
fn an_answer_that_is_lost_is_no_second_restore() -> Result<()> {
    let server = production();
    let plan = Plan::new(7)
        .rule(Rule::new(Fault::ResetAfter).operation("RestoreDBClusterToPointInTime").nth(1))
        .rule(Rule::new(Fault::ResetAfter).operation("CreateDBInstance").nth(1));
    let proxy = Proxy::start(server.url(), plan);
    let record = record(&restore(&server).endpoint(proxy.url()).run());
    assert_eq!(proxy.count("ResetAfter"), 2);
    assert_eq!(record["restore"]["action"], "restored");
    let state = server.state();
    assert_eq!((state.clusters.len(), state.instances.len()), (2, 3));
    Ok(())
}

#[test]
fn the_wait_has_an_end_and_says_how_to_go_on() -> Result<()> {
    let server = production();
    server.state().restore_stages = vec![Stage::after(1).with("PercentProgress", "12")];
    let output = restore(&server).args(["--timeout", "3s"]).run();
    output.assert_code(1);
    let line = error(&output);
    assert!(line.contains(&format!("{TO}: creating, 12 %, and 3s are over (--timeout)")), "{line}");
    assert!(line.contains("what was started goes on in AWS: the same command again takes it up"), "{line}");
    assert_eq!(output.stdout.len(), 0);
    Ok(())
}

#[test]
fn a_signal_ends_the_wait_and_the_restore_can_be_taken_up() -> Result<()> {
    for (name, number) in [("INT", 2), ("TERM", 15)] {
        let server = production();
        let stages = std::mem::take(&mut server.state().restore_stages);
        let mut running = restore(&server).spawn();
        running.wait_stderr(&format!("{TO}: creating"));
        running.signal(name);
        let line = running.wait_stderr("error: ");
        assert!(line.contains("a signal ended the wait; what was started goes on in AWS"), "{line}");
        let output = running.wait();
        assert_eq!((output.signal, output.stdout.len()), (Some(number), 0));
        server.state().cluster_mut(TO).unwrap().stages = stages.into();
        assert_eq!(record(&restore(&server).run())["restore"]["action"], "resumed");
    }
    Ok(())
}
