//! The same command again: after it was done, after a crash at each step, and where the name is somebody else's.

use anyhow::Result;
use testkit::rds::{Hang, Refusal, Stage, cluster, instance};

use crate::{TO, assert_only_read, error, production, record, restore, tool};

#[test]
fn what_is_done_is_found_done() -> Result<()> {
    let server = production();
    let first = record(&restore(&server).run());
    server.state().log.clear();
    let second = record(&restore(&server).run());
    assert_only_read(&server);
    assert_eq!(second["restore"]["action"], "already");
    for name in ["cluster", "endpoint", "reader_endpoint", "port", "resource_id", "arn", "writer"] {
        assert_eq!(first[name], second[name], "{name}");
    }
    let rehearsed = record(&restore(&server).arg("-n").run());
    assert_eq!(rehearsed["restore"]["action"], "already");
    assert_eq!(rehearsed["endpoint"], first["endpoint"]);
    Ok(())
}

#[test]
fn the_latest_of_then_is_found_again() -> Result<()> {
    let server = production();
    let latest = || tool(&server).args(["--from", "app-prod", "--to", TO, "--latest"]).run();
    record(&latest());
    assert_eq!(record(&latest())["restore"]["action"], "already");
    assert_eq!(server.count("RestoreDBClusterToPointInTime"), 1);
    Ok(())
}

#[test]
fn a_run_that_was_killed_at_any_step_is_taken_up() -> Result<()> {
    for (operation, hang) in [
        ("RestoreDBClusterToPointInTime", Hang::After),
        ("CreateDBInstance", Hang::Before),
        ("CreateDBInstance", Hang::After),
        ("ModifyDBCluster", Hang::Before),
        ("ModifyDBCluster", Hang::After),
        ("EnableHttpEndpoint", Hang::Before),
        ("EnableHttpEndpoint", Hang::After),
    ] {
        let server = production();
        {
            let mut state = server.state();
            state.cluster_mut("app-prod").unwrap().fields.set("HttpEndpointEnabled", "true");
            state.hangs.insert(operation.to_owned(), hang);
        }
        let running = restore(&server).spawn();
        server.wait_until(|state| !state.sent(operation).is_empty());
        running.signal("KILL");
        assert_eq!(running.wait().signal, Some(9));
        server.state().hangs.clear();
        let again = record(&restore(&server).run());
        // After the last step there is nothing left to do.
        let last = (operation, hang) == ("EnableHttpEndpoint", Hang::After);
        let expected = if last { "already" } else { "resumed" };
        assert_eq!(again["restore"]["action"], expected, "{operation} {hang:?}");
        let state = server.state();
        assert_eq!((state.clusters.len(), state.instances.len()), (2, 3), "{operation} {hang:?}");
        let there = state.cluster(TO).unwrap();
        assert_eq!(there.get("PreferredMaintenanceWindow"), "sun:04:00-sun:04:30", "{operation} {hang:?}");
        assert_eq!(there.get("HttpEndpointEnabled"), "true", "{operation} {hang:?}");
    }
    Ok(())
}

#[test]
fn a_run_that_was_killed_before_the_restore_starts_it() -> Result<()> {
    let server = production();
    let operation = "RestoreDBClusterToPointInTime";
    server.state().hangs.insert(operation.to_owned(), Hang::Before);
    let running = restore(&server).spawn();
    server.wait_until(|state| !state.sent(operation).is_empty());
    running.signal("KILL");
    running.wait();
    server.state().hangs.clear();
    assert_eq!(record(&restore(&server).run())["restore"]["action"], "restored");
    Ok(())
}

#[test]
fn a_dry_run_tells_of_a_restore_that_is_not_finished() -> Result<()> {
    let server = production();
    server.state().refuse("CreateDBInstance", Refusal::denied());
    restore(&server).run().assert_code(1);
    server.state().log.clear();
    assert_eq!(record(&restore(&server).arg("-n").run())["restore"]["action"], "resumed");
    assert_only_read(&server);
    Ok(())
}

#[test]
fn a_cluster_that_is_not_this_restore_is_refused() -> Result<()> {
    let server = production();
    record(&restore(&server).run());
    server.state().clusters.push(cluster("app-stage"));
    server.state().log.clear();
    let other_time = tool(&server).args(["--from", "app-prod", "--to", TO, "--latest"]).run();
    other_time.assert_code(1);
    let expected = format!("{TO} is another restore (cluster-APPPROD at {}), and this would be", crate::AT);
    assert!(error(&other_time).contains(&expected), "{}", other_time.stderr);
    let other_source = tool(&server).args(["--from", "app-stage", "--to", TO, "--at", crate::AT]).run();
    other_source.assert_code(1);
    assert!(error(&other_source).contains("is another restore"), "{}", other_source.stderr);
    let nobodys = tool(&server).args(["--from", "app-prod", "--to", "app-stage", "--at", crate::AT]).run();
    nobodys.assert_code(1);
    assert!(error(&nobodys).contains("app-stage is there already, and was not made by rds-restore"));
    assert_only_read(&server);
    Ok(())
}

#[test]
fn a_restore_that_somebody_else_started_meanwhile_is_refused() -> Result<()> {
    let server = production();
    let exists = Refusal::new(400, "DBClusterAlreadyExistsFault", "DB Cluster already exists");
    server.state().refuse("RestoreDBClusterToPointInTime", exists);
    let output = restore(&server).run();
    output.assert_code(1);
    assert!(error(&output).contains("DBClusterAlreadyExistsFault"), "{}", output.stderr);
    Ok(())
}

#[test]
fn an_instance_elsewhere_with_the_writers_name_is_refused_first() -> Result<()> {
    let server = production();
    let run = |flags: &[&str]| restore(&server).args(["--writer-id", "app-prod-2"]).args(flags).run();
    let expected =
        format!("the DB instance app-prod-2 is there already, and not in {TO}: give another --writer-id");
    for flags in [&[][..], &["-n"]] {
        let output = run(flags);
        assert!(error(output.assert_code(1)).contains(&expected), "{}", output.stderr);
    }
    assert_only_read(&server);
    Ok(())
}

#[test]
fn one_that_was_created_elsewhere_meanwhile_is_refused_too() -> Result<()> {
    let server = production();
    let stages = std::mem::take(&mut server.state().restore_stages);
    let running = restore(&server).args(["--writer-id", "app-late"]).spawn();
    server.wait_until(|state| state.cluster(TO).is_some());
    {
        let mut state = server.state();
        state.instances.push(instance("app-late", "app-prod", false));
        state.cluster_mut(TO).unwrap().stages = stages.into();
    }
    let output = running.wait();
    assert!(error(output.assert_code(1)).contains(&format!("not in {TO}")), "{}", output.stderr);
    assert_eq!(server.count("CreateDBInstance"), 1);
    Ok(())
}

#[test]
fn a_writer_that_took_over_since_is_the_writer() -> Result<()> {
    let server = production();
    record(&restore(&server).run());
    {
        let mut state = server.state();
        state.instances.retain(|one| one.get("DBClusterIdentifier") != TO);
        state.instances.push(instance("app-second", TO, true));
        state.log.clear();
    }
    let again = record(&restore(&server).run());
    assert_eq!((&again["writer"], &again["restore"]["action"]), (&"app-second".into(), &"already".into()));
    // Also where something else is missing, no other writer is created beside it.
    server.state().cluster_mut(TO).unwrap().fields.set("PreferredMaintenanceWindow", "mon:05:00-mon:05:30");
    let again = record(&restore(&server).run());
    assert_eq!((&again["writer"], &again["restore"]["action"]), (&"app-second".into(), &"resumed".into()));
    assert_eq!(server.count("CreateDBInstance"), 0);
    Ok(())
}

#[test]
fn a_run_that_ended_before_the_cluster_was_restorable_waits_on() -> Result<()> {
    let server = production();
    server.state().restore_stages = vec![Stage::after(0).with("Status", "available")];
    restore(&server).args(["--no-wait-restorable"]).run().assert_code(0);
    let restorable = Stage::after(3)
        .with("EarliestRestorableTime", "2026-11-25T02:00:00Z")
        .with("LatestRestorableTime", "2026-11-25T02:10:00Z");
    server.state().cluster_mut(TO).unwrap().stages.push_back(restorable);
    let again = record(&restore(&server).run());
    assert_eq!(again["restore"]["action"], "resumed");
    assert_eq!(again["restore"]["latest_restorable_time"], "2026-11-25T02:10:00Z");
    Ok(())
}
