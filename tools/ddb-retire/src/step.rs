//! What is to be done next, decided from what DynamoDB shows alone: a run that died anywhere is taken up by the next one.

use std::fmt;

use anyhow::{Result, bail};
use aws_sdk_dynamodb::types::TableStatus;

use crate::archive::{Archive, Progress};
use crate::world::{Target, World};

/// One step on the way.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// Begin the archive; the words say which.
    Archive(String),
    /// Turn deletion protection off.
    Lift,
    /// Delete the table.
    Delete,
    /// Look again later; the words say what is waited for.
    Wait(String),
    /// The table is gone and its archive is there.
    Done,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Archive(what) => write!(f, "make {what}"),
            Self::Lift => f.write_str("turn deletion protection off"),
            Self::Delete => f.write_str("delete the table"),
            Self::Wait(what) => f.write_str(what),
            Self::Done => f.write_str("done"),
        }
    }
}

/// The next step.
///
/// # Errors
/// What is there is not what this run began with, or the archive is none to rely on.
pub fn next(world: &World, target: &Target) -> Result<Step> {
    let Target { table, table_id, .. } = target;
    let Some(found) = &world.table else {
        let Some(archive) = &world.archive else {
            bail!("{table} is gone, and {} is not there: somebody else deleted it", target.archive());
        };
        return Ok(pending(archive, target)?.unwrap_or(Step::Done));
    };
    if found.table_id() != Some(table_id) {
        bail!(
            "{table} is another table now: {table_id} was looked at, and this is {}",
            found.table_id().unwrap_or("unknown")
        );
    }
    let status = found.table_status();
    if status == Some(&TableStatus::Deleting) {
        return Ok(Step::Wait("the table is being deleted".into()));
    }
    let wait =
        || Step::Wait(format!("the table is {}", status.map_or("in no known state", TableStatus::as_str)));
    let is_active = status == Some(&TableStatus::Active);
    match &world.archive {
        Some(archive) => {
            if let Some(wait) = pending(archive, target)? {
                return Ok(wait);
            }
        }
        None if is_active => return Ok(Step::Archive(target.archive())),
        None => return Ok(wait()),
    }
    Ok(match found.deletion_protection_enabled() {
        _ if !is_active => wait(),
        Some(true) => Step::Lift,
        _ => Step::Delete,
    })
}

/// What is to be waited for until an archive can be relied on; nothing when it can.
fn pending(archive: &Archive, target: &Target) -> Result<Option<Step>> {
    if archive.table_id != target.table_id {
        bail!("{} is not of {}, but of {}", archive.arn, target.table_id, archive.table_id);
    }
    match &archive.progress {
        Progress::Finished => Ok(None),
        Progress::Making(state) => Ok(Some(Step::Wait(format!("{} is {state}", target.archive())))),
        Progress::Failed(why) => {
            bail!("{} is {why}: nothing was deleted; mend that, and run again", target.archive())
        }
    }
}

/// What DynamoDB will show after a step: what a rehearsal goes on with, and what a run that is stopped has begun.
pub fn after(mut world: World, step: &Step, target: &Target) -> World {
    match step {
        Step::Archive(_) => world.archive = Some(begun(target)),
        Step::Lift => {
            if let Some(table) = &mut world.table {
                table.deletion_protection_enabled = Some(false);
            }
        }
        Step::Delete => {
            if let Some(table) = &mut world.table {
                table.table_status = Some(TableStatus::Deleting);
            }
        }
        Step::Wait(_) => settle(&mut world),
        Step::Done => {}
    }
    world
}

fn begun(target: &Target) -> Archive {
    Archive {
        arn: String::new(),
        name: String::new(),
        table_id: target.table_id.clone(),
        progress: Progress::Making("begun".into()),
        instant: None,
        item_count: None,
        size_bytes: None,
        manifest: None,
    }
}

fn settle(world: &mut World) {
    if let Some(archive) = &mut world.archive {
        archive.progress = Progress::Finished;
    }
    if world.standing().is_none() {
        world.table = None;
    } else if let Some(table) = &mut world.table {
        table.table_status = Some(TableStatus::Active);
    }
}

/// What goes on in AWS whether anybody waits for it or not.
pub fn going_on(world: &World, target: &Target) -> Vec<String> {
    let mut going = Vec::new();
    if world.archive.as_ref().is_some_and(|archive| matches!(archive.progress, Progress::Making(_))) {
        going.push(format!("{} is being made", target.archive()));
    }
    if world.table.is_some() && world.standing().is_none() {
        going.push(format!("the table {} is being deleted", target.table));
    }
    going
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::Method;
    use aws_sdk_dynamodb::types::TableDescription;
    use proptest::prelude::*;

    fn target() -> Target {
        Target {
            table: "rate_limits".into(),
            table_id: "id-1".into(),
            method: Method::Backup(Some("kept".into())),
        }
    }

    fn world(status: TableStatus, progress: Option<Progress>) -> World {
        let table = TableDescription::builder().table_id("id-1").table_status(status).build();
        let archive = progress.map(|progress| Archive { progress, ..begun(&target()) });
        World { table: Some(table), archive }
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

    #[test]
    fn the_archive_comes_first_and_the_table_last() {
        let mut world = world(TableStatus::Updating, None);
        world.table.as_mut().unwrap().deletion_protection_enabled = Some(true);
        let told: Vec<_> = steps(world).iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "the table is UPDATING",
                "make the backup kept",
                "the backup kept is begun",
                "turn deletion protection off",
                "delete the table",
                "the table is being deleted",
                "done",
            ]
        );
    }

    #[test]
    fn what_is_not_as_it_was_ends_the_run() {
        let ready = || world(TableStatus::Active, Some(Progress::Finished));
        let (mut other, mut foreign, mut lost) = (ready(), ready(), ready());
        other.table.as_mut().unwrap().table_id = Some("id-2".into());
        foreign.archive.as_mut().unwrap().table_id = "id-2".into();
        (lost.table, lost.archive) = (None, None);
        let failed = world(TableStatus::Active, Some(Progress::Failed("FAILED: S3NoSuchBucket".into())));
        let mut gone = failed.clone();
        gone.table = None;
        for (world, expected) in [
            (other, "another table now: id-1 was looked at, and this is id-2"),
            (foreign, "is not of id-1, but of id-2"),
            (lost, "the backup kept is not there: somebody else deleted it"),
            (failed, "is FAILED: S3NoSuchBucket: nothing was deleted"),
            (gone, "is FAILED"),
        ] {
            let error = next(&world, &target()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    proptest! {
        /// From wherever a run died.
        #[test]
        fn every_beginning_leads_to_the_same_end(
            status in prop_oneof![
                Just(TableStatus::Active), Just(TableStatus::Updating), Just(TableStatus::Deleting)
            ],
            archived in proptest::option::of(proptest::bool::ANY),
            protection: bool,
        ) {
            let progress = archived.map(|is| if is { Progress::Finished } else { Progress::Making("CREATING".into()) });
            let deleting = status == TableStatus::Deleting;
            prop_assume!(!deleting || archived == Some(true));
            let mut world = world(status, progress);
            world.table.as_mut().unwrap().deletion_protection_enabled = Some(protection);
            let steps = steps(world);
            let count = |wanted: fn(&Step) -> bool| steps.iter().filter(|&step| wanted(step)).count();
            prop_assert_eq!(count(|step| matches!(step, Step::Archive(_))), usize::from(archived.is_none()));
            prop_assert_eq!(count(|step| *step == Step::Delete), usize::from(!deleting));
            prop_assert_eq!(count(|step| *step == Step::Lift), usize::from(!deleting && protection));
        }
    }
}
