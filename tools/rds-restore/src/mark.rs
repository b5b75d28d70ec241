//! Tags: those that the new cluster gets, and the one by which a later run knows whose restore it is.

use std::collections::HashSet;

use anyhow::{Result, bail};
use aws_sdk_rds::types::{DbCluster, Tag};
use jiff::Timestamp;

/// The tag that says what a cluster was restored from.
pub const KEY: &str = "drkit:restore";

/// Tags that a resource may have ("Tagging Amazon RDS resources").
const MOST: usize = 50;

/// What a restore is: the same source at the same time is the same restore, whoever runs it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mark(String);

impl Mark {
    /// A restore of the cluster with this resource id, which never changes and is never used again.
    pub fn new(resource_id: &str, at: Option<Timestamp>) -> Self {
        Self(match at {
            Some(at) => format!("{resource_id} at {at}"),
            None => format!("{resource_id} latest"),
        })
    }

    /// Refuses a cluster that something else made.
    ///
    /// # Errors
    /// One line: whose it is.
    pub fn check(&self, there: &DbCluster, name: &str) -> Result<()> {
        let found = there.tag_list().iter().find(|tag| tag.key() == Some(KEY)).and_then(Tag::value);
        match found {
            Some(found) if found == self.0 => Ok(()),
            Some(found) => bail!(
                "{name} is another restore ({found}), and this would be {}: give another --to, or delete it first",
                self.0
            ),
            None => {
                bail!("{name} is there already, and was not made by rds-restore: give another --to")
            }
        }
    }

    /// The mark as a tag.
    pub fn tag(&self) -> Tag {
        made(KEY, &self.0)
    }
}

/// Reads `KEY=VALUE`. The limits are those of "Tagging Amazon RDS resources".
///
/// # Errors
/// A sentence for the user.
pub fn tag(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is no tag, as in team=data"))?;
    if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
        return Err("a tag has a key of 1 to 128 and a value of up to 256 characters".into());
    }
    if key.starts_with("aws:") || key == KEY {
        return Err(format!("the tag {key} is not for users to give"));
    }
    Ok((key.to_owned(), value.to_owned()))
}

/// The source's tags with those that were given, without those that were dropped, and the mark. Tags that AWS made
/// cannot be passed.
///
/// # Errors
/// When there are more than a resource may have.
pub fn tags(source: &[Tag], given: &[(String, String)], dropped: &[String], mark: &Mark) -> Result<Vec<Tag>> {
    let mut seen = HashSet::from([KEY]);
    let mut all = Vec::new();
    // The last of several wins, as with every other flag.
    for (key, value) in given.iter().rev() {
        if seen.insert(key) {
            all.push(made(key, value));
        }
    }
    for tag in source {
        let key = tag.key().unwrap_or_default();
        let passes = !key.starts_with("aws:") && !dropped.iter().any(|dropped| dropped == key);
        if passes && seen.insert(key) {
            all.push(tag.clone());
        }
    }
    all.push(mark.tag());
    if all.len() > MOST {
        bail!(
            "the new cluster would have {} tags with {KEY}, and RDS allows {MOST}: leave some of the source's out with \
             --drop-tag",
            all.len()
        );
    }
    Ok(all)
}

fn made(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

/// Tags as a record shows them.
pub fn shown(tags: &[Tag]) -> Vec<String> {
    tags.iter()
        .map(|tag| format!("{}={}", tag.key().unwrap_or_default(), tag.value().unwrap_or_default()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_sources_tags_stay_unless_given_anew_or_dropped() {
        let source = [made("team", "data"), made("env", "prod"), made("old", "x"), made("aws:cf:stack", "s")];
        let given = pairs(&[("env", "first"), ("env", "drill")]);
        let all = tags(&source, &given, &["old".into()], &Mark::new("cluster-A", None)).unwrap();
        assert_eq!(shown(&all), ["env=drill", "team=data", "drkit:restore=cluster-A latest"]);
    }

    #[test]
    fn a_restore_of_a_restore_has_its_own_mark() {
        let source = [made(KEY, "cluster-OLD latest")];
        let all = tags(&source, &[], &[], &Mark::new("cluster-A", None)).unwrap();
        assert_eq!(shown(&all), ["drkit:restore=cluster-A latest"]);
    }

    #[test]
    fn fifty_are_enough() {
        let source: Vec<Tag> = (0..50).map(|n| made(&format!("k{n}"), "")).collect();
        let mark = Mark::new("cluster-A", None);
        let refusal = tags(&source, &[], &[], &mark).unwrap_err().to_string();
        assert!(refusal.contains("51 tags") && refusal.contains("--drop-tag"), "{refusal}");
        assert_eq!(tags(&source, &[], &["k7".into()], &mark).unwrap().len(), 50);
    }

    #[test]
    fn a_mark_knows_its_own() {
        let at = "2026-11-20T09:30:00Z".parse().ok();
        let mark = Mark::new("cluster-A", at);
        let cluster = |tags: Vec<Tag>| DbCluster::builder().set_tag_list(Some(tags)).build();
        assert!(mark.check(&cluster(vec![mark.tag()]), "new").is_ok());
        let other = mark.check(&cluster(vec![Mark::new("cluster-A", None).tag()]), "new").unwrap_err();
        assert!(other.to_string().contains("cluster-A latest"), "{other}");
        let nobodys = mark.check(&cluster(vec![made("team", "data")]), "new").unwrap_err();
        assert!(nobodys.to_string().contains("not made by rds-restore"), "{nobodys}");
    }

    proptest! {
        #[test]
        fn a_tag_is_cut_at_its_first_equals_sign(key in "[a-z]{1,9}", value in ".{0,40}") {
            prop_assert_eq!(tag(&format!("{key}={value}")), Ok((key, value)));
        }
    }

    #[test]
    fn what_aws_and_this_tool_set_cannot_be_given() {
        for wrong in ["team", "=x", "aws:x=y", "drkit:restore=x"] {
            assert!(tag(wrong).is_err(), "{wrong}");
        }
    }
}
