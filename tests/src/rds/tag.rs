//! Tags of anything that has an ARN.

use super::fields::Fields;
use super::refusal::Refusal;
use super::resource::Resource;
use super::state::State;

/// How many a resource may have.
const MOST: usize = 50;

/// The tags that a request gives, within the limits of "Tagging Amazon RDS resources".
pub(super) fn given(request: &Fields) -> Result<Vec<(String, String)>, Refusal> {
    let tags = request.pairs("Tags.Tag", "Key", "Value");
    within_limits(&tags)?;
    Ok(tags)
}

fn within_limits(tags: &[(String, String)]) -> Result<(), Refusal> {
    if tags.len() > MOST {
        return Err(Refusal::value(format!("A resource may have at most {MOST} tags")));
    }
    match tags
        .iter()
        .find(|(key, value)| key.is_empty() || key.starts_with("aws:") || key.len() > 128 || !is_value(value))
    {
        Some((key, _)) => Err(Refusal::value(format!("The tag {key} is invalid"))),
        None => Ok(()),
    }
}

fn is_value(value: &str) -> bool {
    let is_allowed = |char: char| char.is_alphanumeric() || char.is_whitespace() || "_.:/=+-@".contains(char);
    let reserved = ["aws:", "rds:"].iter().any(|prefix| value.starts_with(prefix));
    value.len() <= 256 && value.chars().all(is_allowed) && !reserved
}

/// AddTagsToResource: a key that is there gets the new value.
pub(super) fn add(state: &mut State, request: &Fields) -> Result<Fields, Refusal> {
    let given = given(request)?;
    let resource = resource(state, request)?;
    let mut tags = resource.tags();
    tags.retain(|(key, _)| given.iter().all(|(new, _)| new != key));
    tags.extend(given);
    within_limits(&tags)?;
    resource.set_tags(&tags);
    Ok(Fields::default())
}

fn resource<'a>(state: &'a mut State, request: &Fields) -> Result<&'a mut Resource, Refusal> {
    let arn = request.get("ResourceName").ok_or_else(|| Refusal::missing("ResourceName"))?;
    let clusters = state.clusters.iter_mut().filter(|one| one.get("DBClusterArn") == arn);
    let instances = state.instances.iter_mut().filter(|one| one.get("DBInstanceArn") == arn);
    let snapshots = state.snapshots.iter_mut().filter(|one| one.get("DBClusterSnapshotArn") == arn);
    let mut found = clusters.chain(instances).chain(snapshots);
    found.next().ok_or_else(|| Refusal::cluster_not_found(arn))
}
