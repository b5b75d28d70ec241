//! What is to be done next, decided from what RDS shows alone: a run that died anywhere is taken up by the next one.

use std::fmt;

use anyhow::{Result, bail};
use aws_sdk_rds::types::DbClusterSnapshot;

use crate::cluster::{AVAILABLE, DELETING, Target, World, id};

/// One step on the way.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// Make the snapshot that comes before everything else.
    Snapshot(String),
    /// Turn deletion protection off.
    Lift,
    /// Delete this DB instance.
    DeleteInstance {
        /// Its identifier.
        id: String,
        /// Whether it is the writer.
        writer: bool,
    },
    /// Delete the cluster, with this final snapshot.
    DeleteCluster(String),
    /// Look again later; the words say what is waited for.
    Wait(String),
    /// The cluster is gone and its final snapshot is there.
    Done,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Snapshot(name) => write!(f, "make the snapshot {name}"),
            Self::Lift => f.write_str("turn deletion protection off"),
            Self::DeleteInstance { id, writer: false } => write!(f, "delete the reader {id}"),
            Self::DeleteInstance { id, writer: true } => write!(f, "delete the writer {id}"),
            Self::DeleteCluster(last) => {
                write!(f, "delete the cluster with the final snapshot {last}, its automated backups retained")
            }
            Self::Wait(what) => f.write_str(what),
            Self::Done => f.write_str("done"),
        }
    }
}

/// The next step.
///
/// # Errors
/// What is there is not what this run began with, or a snapshot is none to rely on.
pub fn next(world: &World, target: &Target) -> Result<Step> {
    let Target { cluster, names, .. } = target;
    let last = world.snapshot(&names.last);
    let Some(found) = &world.cluster else {
        let Some(last) = last else {
            bail!(
                "{cluster} is gone, and there is no final snapshot {}: somebody else deleted it",
                names.last
            );
        };
        return Ok(pending(last, target)?.unwrap_or(Step::Done));
    };
    if found.db_cluster_resource_id() != Some(&*target.resource_id) {
        bail!(
            "{cluster} is another cluster now: {} was looked at, and this is {}",
            target.resource_id,
            found.db_cluster_resource_id().unwrap_or("unknown")
        );
    }
    if found.status() == Some(DELETING) {
        return Ok(Step::Wait("the cluster is being deleted".into()));
    }
    match world.snapshot(&names.snapshot) {
        Some(snapshot) => {
            if let Some(wait) = pending(snapshot, target)? {
                return Ok(wait);
            }
        }
        // RDS makes a snapshot of a cluster that is available, and of no other.
        None if found.status() == Some(AVAILABLE) => return Ok(Step::Snapshot(names.snapshot.clone())),
        None => return Ok(Step::Wait(format!("the cluster is {}", found.status().unwrap_or("unknown")))),
    }
    if found.deletion_protection() == Some(true) {
        return Ok(Step::Lift);
    }
    let standing = world.standing();
    if let Some(stranger) = standing
        .iter()
        .find(|one| one.dbi_resource_id.as_ref().is_none_or(|id| !target.instances.contains(id)))
    {
        bail!("{} joined {cluster} after this run began: look at it, and run again", id(stranger));
    }
    if let Some(first) = standing.first() {
        return Ok(Step::DeleteInstance { id: id(first).to_owned(), writer: world.is_writer(first) });
    }
    if last.is_some() {
        bail!(
            "the final snapshot {} is there, and {cluster} as well: delete or copy the snapshot",
            names.last
        );
    }
    match found.status() {
        Some(AVAILABLE) => Ok(Step::DeleteCluster(names.last.clone())),
        status => Ok(Step::Wait(format!("the cluster is {}", status.unwrap_or("unknown")))),
    }
}

/// What is to be waited for until a snapshot can be relied on; nothing when it can.
fn pending(snapshot: &DbClusterSnapshot, target: &Target) -> Result<Option<Step>> {
    let name = snapshot.db_cluster_snapshot_identifier().unwrap_or_default();
    let of = snapshot.db_cluster_resource_id().unwrap_or("unknown");
    if of != target.resource_id || snapshot.engine() != Some(&*target.engine) {
        bail!(
            "the snapshot {name} is not of {}, but of {of}: give another --snapshot-id",
            target.resource_id
        );
    }
    match (snapshot.status(), snapshot.percent_progress().unwrap_or(100)) {
        (Some(AVAILABLE), 100) => Ok(None),
        (Some(status @ (AVAILABLE | "copying" | "creating")), percent) => {
            Ok(Some(Step::Wait(format!("the snapshot {name} is {status}, {percent} %"))))
        }
        (status, _) => {
            bail!(
                "the snapshot {name} is {}: delete it, and run again",
                status.unwrap_or("in no known state")
            )
        }
    }
}

/// What RDS will show after a step: what a rehearsal goes on with, and what a run that is stopped has begun.
pub fn after(mut world: World, step: &Step, target: &Target) -> World {
    match step {
        Step::Snapshot(name) => world.snapshots.push(begun(name, target)),
        Step::Lift => {
            if let Some(cluster) = &mut world.cluster {
                cluster.deletion_protection = Some(false);
            }
        }
        Step::DeleteInstance { id, .. } => {
            let deleted = world.instances.iter_mut().find(|one| one.db_instance_identifier() == Some(id));
            if let Some(deleted) = deleted {
                deleted.db_instance_status = Some(DELETING.into());
            }
        }
        Step::DeleteCluster(last) => {
            if let Some(cluster) = &mut world.cluster {
                cluster.status = Some(DELETING.into());
            }
            world.snapshots.push(begun(last, target));
        }
        Step::Wait(_) => settle(&mut world),
        Step::Done => {}
    }
    world
}

fn begun(name: &str, target: &Target) -> DbClusterSnapshot {
    DbClusterSnapshot::builder()
        .db_cluster_snapshot_identifier(name)
        .db_cluster_resource_id(&target.resource_id)
        .engine(&target.engine)
        .status("creating")
        .percent_progress(0)
        .build()
}

fn settle(world: &mut World) {
    for snapshot in &mut world.snapshots {
        snapshot.status = Some(AVAILABLE.into());
        snapshot.percent_progress = Some(100);
    }
    if world.is_alive() {
        if let Some(cluster) = &mut world.cluster {
            cluster.status = Some(AVAILABLE.into());
        }
    } else {
        world.cluster = None;
        world.instances.clear();
    }
}

/// What goes on in AWS whether anybody waits for it or not.
pub fn going_on(world: &World, target: &Target) -> Vec<String> {
    let mut going = Vec::new();
    for name in [&target.names.snapshot, &target.names.last] {
        if world.snapshot(name).is_some_and(|one| one.status() == Some("creating")) {
            going.push(format!("the snapshot {name} is being made"));
        }
    }
    let deleting = world.instances.iter().filter(|one| one.db_instance_status() == Some(DELETING));
    going.extend(deleting.map(|one| format!("the instance {} is being deleted", id(one))));
    if world.cluster.is_some() && !world.is_alive() {
        going.push(format!("the cluster {} is being deleted", target.cluster));
    }
    going
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Names;
    use aws_sdk_rds::types::{DbCluster, DbClusterMember, DbInstance};
    use proptest::prelude::*;

    const ID: &str = "cluster-ABC";

    fn target() -> Target {
        Target {
            cluster: "app-prod".into(),
            resource_id: ID.into(),
            engine: "aurora-postgresql".into(),
            instances: (0..3).map(|n| format!("db-{n}")).collect(),
            names: Names::of("app-prod", ID),
        }
    }

    /// A cluster of some instances, the second of them the writer.
    fn world(statuses: &[&str]) -> World {
        let member = |n| {
            DbClusterMember::builder().db_instance_identifier(format!("app-{n}")).is_cluster_writer(n == 1)
        };
        let instance = |(n, status): (usize, &&str)| {
            let instance = DbInstance::builder().db_instance_identifier(format!("app-{n}"));
            instance.dbi_resource_id(format!("db-{n}")).db_instance_status(*status).build()
        };
        let cluster = DbCluster::builder()
            .db_cluster_resource_id(ID)
            .engine("aurora-postgresql")
            .status(AVAILABLE)
            .set_db_cluster_members(Some((0..statuses.len()).map(|n| member(n).build()).collect()));
        World {
            cluster: Some(cluster.build()),
            instances: statuses.iter().enumerate().map(instance).collect(),
            snapshots: Vec::new(),
        }
    }

    fn snapshot(name: &str, status: &str, percent: i32) -> DbClusterSnapshot {
        let mut snapshot = begun(name, &target());
        snapshot.status = Some(status.into());
        snapshot.percent_progress = Some(percent);
        snapshot
    }

    /// All steps from here to the end.
    fn steps(mut world: World) -> Vec<Step> {
        let mut steps = Vec::new();
        while steps.last() != Some(&Step::Done) {
            let step = next(&world, &target()).unwrap();
            world = after(world, &step, &target());
            steps.push(step);
            assert!(steps.len() < 20, "{steps:?}");
        }
        steps
    }

    fn told(steps: &[Step]) -> Vec<String> {
        steps.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_snapshot_comes_first_and_the_cluster_last() {
        let mut world = world(&[AVAILABLE, AVAILABLE, AVAILABLE]);
        world.cluster.as_mut().unwrap().deletion_protection = Some(true);
        assert_eq!(
            told(&steps(world)),
            [
                "make the snapshot app-prod-retire-abc",
                "the snapshot app-prod-retire-abc is creating, 0 %",
                "turn deletion protection off",
                "delete the reader app-0",
                "delete the reader app-2",
                "delete the writer app-1",
                "delete the cluster with the final snapshot app-prod-final-abc, its automated backups retained",
                "the cluster is being deleted",
                "done",
            ]
        );
    }

    #[test]
    fn a_cluster_that_is_gone_is_done_when_its_final_snapshot_is_there() {
        let mut gone =
            World { snapshots: vec![snapshot("app-prod-final-abc", "creating", 3)], ..World::default() };
        assert_eq!(told(&steps(gone.clone()))[0], "the snapshot app-prod-final-abc is creating, 3 %");
        gone.snapshots[0] = snapshot("app-prod-final-abc", AVAILABLE, 100);
        assert_eq!(steps(gone.clone()), [Step::Done]);
        gone.snapshots.clear();
        let error = next(&gone, &target()).unwrap_err().to_string();
        assert!(error.contains("somebody else deleted it"), "{error}");
    }

    #[test]
    fn what_is_not_as_it_was_ends_the_run() {
        let ready = || {
            let mut world = world(&[AVAILABLE, AVAILABLE]);
            world.snapshots.push(snapshot("app-prod-retire-abc", AVAILABLE, 100));
            world
        };
        let mut other = ready();
        other.cluster.as_mut().unwrap().db_cluster_resource_id = Some("cluster-XYZ".into());
        let mut joined = ready();
        joined.instances[0].dbi_resource_id = Some("db-9".into());
        let mut failed = ready();
        failed.snapshots[0].status = Some("failed".into());
        let mut foreign = ready();
        foreign.snapshots[0].db_cluster_resource_id = Some("cluster-XYZ".into());
        let mut engine = ready();
        engine.snapshots[0].engine = Some("aurora-mysql".into());
        let mut last = ready();
        last.instances.clear();
        last.snapshots.push(snapshot("app-prod-final-abc", AVAILABLE, 100));
        for (world, expected) in [
            (other, "another cluster now: cluster-ABC was looked at, and this is cluster-XYZ"),
            (joined, "app-0 joined app-prod"),
            (failed, "app-prod-retire-abc is failed: delete it"),
            (foreign, "is not of cluster-ABC, but of cluster-XYZ"),
            (engine, "is not of cluster-ABC"),
            (last, "app-prod-final-abc is there, and app-prod as well"),
        ] {
            let error = next(&world, &target()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn what_rds_is_busy_with_is_waited_for_and_told() {
        let mut busy = world(&[AVAILABLE, DELETING]);
        busy.cluster.as_mut().unwrap().status = Some("backing-up".into());
        assert_eq!(next(&busy, &target()).unwrap(), Step::Wait("the cluster is backing-up".into()));
        busy.snapshots.push(snapshot("app-prod-retire-abc", "copying", 40));
        let copying = "the snapshot app-prod-retire-abc is copying, 40 %";
        assert_eq!(next(&busy, &target()).unwrap(), Step::Wait(copying.into()));
        busy.snapshots[0] = snapshot("app-prod-retire-abc", "creating", 40);
        assert_eq!(
            going_on(&busy, &target()),
            ["the snapshot app-prod-retire-abc is being made", "the instance app-1 is being deleted"]
        );
        busy.snapshots[0] = snapshot("app-prod-retire-abc", AVAILABLE, 100);
        busy.instances.remove(0);
        assert_eq!(next(&busy, &target()).unwrap(), Step::Wait("the cluster is backing-up".into()));
        busy.cluster.as_mut().unwrap().status = Some(DELETING.into());
        assert!(going_on(&busy, &target()).contains(&"the cluster app-prod is being deleted".to_owned()));
    }

    proptest! {
        /// From wherever a run died.
        #[test]
        fn every_beginning_leads_to_the_same_end(
            statuses in proptest::collection::vec(prop_oneof![Just(AVAILABLE), Just(DELETING)], 0..4),
            had_snapshot in proptest::option::of(0..=100),
            protection: bool,
            deleting: bool,
        ) {
            let mut world = world(&statuses);
            let cluster = world.cluster.as_mut().unwrap();
            cluster.deletion_protection = Some(protection);
            if deleting {
                cluster.status = Some(DELETING.into());
                world.snapshots.push(snapshot("app-prod-final-abc", "creating", 0));
            }
            if let Some(percent) = had_snapshot {
                let status = if percent == 100 { AVAILABLE } else { "creating" };
                world.snapshots.push(snapshot("app-prod-retire-abc", status, percent));
            }
            let standing = world.standing().len();
            let steps = steps(world);
            let at = |wanted: fn(&Step) -> bool| -> Vec<usize> {
                (0..steps.len()).filter(|&index| wanted(&steps[index])).collect()
            };
            let instances = at(|step| matches!(step, Step::DeleteInstance { .. }));
            let writers = at(|step| matches!(step, Step::DeleteInstance { writer: true, .. }));
            let clusters = at(|step| matches!(step, Step::DeleteCluster(_)));
            let snapshots = at(|step| matches!(step, Step::Snapshot(_)));
            prop_assert_eq!(clusters.len(), usize::from(!deleting));
            prop_assert_eq!(snapshots.len(), usize::from(!deleting && had_snapshot.is_none()));
            if !deleting {
                prop_assert_eq!(instances.len(), standing);
            }
            prop_assert!(writers.iter().all(|writer| Some(writer) == instances.last()));
            prop_assert!(snapshots.iter().all(|at| instances.iter().chain(&clusters).all(|later| at < later)));
            prop_assert!(instances.iter().all(|at| clusters.iter().all(|later| at < later)));
        }
    }
}
