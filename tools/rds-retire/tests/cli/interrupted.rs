//! A run that ends early, however it does, is taken up by the next one.

use testkit::rds::{Hang, Refusal, Stage};

use crate::{CHANGES, FINAL, Incident, changes, error, retire};

/// Kills a run at one of its changes, before or after RDS has made it, and runs again.
fn killed(operation: &str) {
    for hang in [Hang::Before, Hang::After] {
        let incident = Incident::new();
        incident.set("DeletionProtection", "true");
        incident.rds.state().hangs.insert(operation.to_owned(), hang);
        let running = incident.tool().arg("--lift-protection").spawn();
        incident.rds.wait_until(|state| !state.sent(operation).is_empty());
        running.signal("KILL");
        assert_eq!(running.wait().signal, Some(9));

        let mut state = incident.rds.state();
        state.hangs.clear();
        if hang == Hang::Before {
            state.log.clear();
        }
        drop(state);
        let output = incident.run(&["--lift-protection"]);
        assert_eq!(retire(output.assert_code(0))["action"], "retired", "{operation} {hang:?}");
        let state = incident.rds.state();
        let mut made = changes(&state);
        made.sort();
        made.dedup();
        assert_eq!(
            made.len(),
            changes(&state).len(),
            "{operation} {hang:?}: nothing is done twice: {made:?}"
        );
        drop(state);
        assert!(incident.is_retired(), "{operation} {hang:?}");
        let told = retire(&output);
        assert!(
            told["bring_back"].as_str().is_some_and(|text| text.contains("app-prod-2")),
            "{operation} {hang:?}: the instances that an earlier run deleted are brought back: {told}"
        );
        let instances = told["instances"].as_array().map(Vec::len);
        assert_eq!(instances, Some(2), "{operation} {hang:?}: also those that are gone: {told}");
        assert_eq!(told["connections_max"], 0, "{operation} {hang:?}: what was seen before: {told}");
        assert_eq!(told["automated_backups"], "retained");
    }
}

#[test]
fn killed_at_the_snapshot() {
    killed("CreateDBClusterSnapshot");
}

#[test]
fn killed_at_the_protection() {
    killed("ModifyDBCluster");
}

#[test]
fn killed_at_an_instance() {
    killed("DeleteDBInstance");
}

#[test]
fn killed_at_the_cluster() {
    killed("DeleteDBCluster");
}

#[test]
fn a_signal_ends_it_and_what_goes_on_is_told() {
    for (name, number) in [("INT", 2), ("TERM", 15)] {
        let incident = Incident::new();
        incident.rds.state().snapshot_stages = vec![Stage::after(1000)];
        let mut running = incident.tool().spawn();
        running.wait_stderr("is creating");
        running.signal(name);
        let told = running.wait_stderr("goes on in AWS");
        assert!(told.contains("the snapshot app-prod-retire-appprod is being made"), "{told}");
        let output = running.wait();
        assert_eq!((output.signal, output.stdout.len()), (Some(number), 0));
        assert_eq!(incident.changes(), ["CreateDBClusterSnapshot app-prod-retire-appprod"]);
    }
}

#[test]
fn a_signal_while_the_cluster_is_deleted_says_so() {
    let incident = Incident::new();
    incident.rds.state().deletion_looks = 1000;
    let mut running = incident.tool().spawn();
    running.wait_stderr("the cluster is being deleted");
    running.signal("INT");
    let output = running.wait();
    assert_eq!(output.signal, Some(2));
    for going in ["the snapshot app-prod-final-appprod", "the instance app-prod-1", "the cluster app-prod"] {
        let told = output.stderr.lines().any(|line| line.contains(going) && line.contains("goes on in AWS"));
        assert!(told, "{going}: {}", output.stderr);
    }
}

#[test]
fn a_signal_between_two_tries_ends_it() {
    let incident = Incident::new();
    for _ in 0..20 {
        let busy = Refusal::new(400, "InvalidDBInstanceState", "is rebooting");
        incident.rds.state().refuse("DeleteDBInstance", busy);
    }
    let mut running = incident.tool().spawn();
    running.wait_stderr("is rebooting: looking again");
    running.signal("INT");
    let output = running.wait();
    assert_eq!(output.signal, Some(2));
    assert!(error(&output).contains("run again to go on"), "{}", output.stderr);
}

#[test]
fn the_time_is_bounded() {
    let incident = Incident::new();
    incident.rds.state().snapshot_stages = vec![Stage::after(1000)];
    let output = incident.run(&["--timeout", "2s"]);
    let error = error(output.assert_code(1));
    assert!(
        error.contains("app-prod-retire-appprod is creating") && error.contains("(--timeout)"),
        "{error}"
    );
}

#[test]
fn what_passes_is_waited_for() {
    let incident = Incident::new();
    let mut state = incident.rds.state();
    for operation in CHANGES {
        state.refuse(operation, Refusal::throttling());
    }
    state.refuse("DescribeDBInstances", Refusal::throttling());
    state.refuse("DescribeDBClusterSnapshots", Refusal::new(500, "InternalFailure", "try again"));
    state.refuse("DeleteDBCluster", Refusal::new(400, "InvalidDBClusterStateFault", "is backing-up"));
    state.refuse("DeleteDBInstance", Refusal::new(400, "InvalidDBInstanceState", "is rebooting"));
    drop(state);
    incident.run(&[]).assert_code(0);
    assert!(incident.is_retired());
}

#[test]
fn a_busy_cluster_is_waited_for() {
    let incident = Incident::new();
    incident.set("Status", "backing-up");
    if let Some(cluster) = incident.rds.state().cluster_mut("app-prod") {
        cluster.stages.push_back(Stage::after(4).with("Status", "available"));
    }
    let output = incident.run(&[]);
    assert!(
        output.assert_code(0).stderr.contains("app-prod: the cluster is backing-up"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_final_snapshot_of_a_cluster_that_is_there_is_not_written_over() {
    let incident = Incident::new();
    incident.run(&[]).assert_code(0);
    let mut state = incident.rds.state();
    state.clusters.push(testkit::rds::cluster("app-prod"));
    drop(state);
    incident.set("DeletionProtection", "false");
    let output = incident.run(&[]);
    assert!(error(output.assert_code(1)).contains(&format!("{FINAL} is there, and app-prod as well")));
    assert!(incident.rds.state().cluster("app-prod").is_some());
}
