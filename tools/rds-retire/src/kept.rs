//! What a run keeps with the first snapshot, for the record of a later run that finds less of the cluster.

use aws_sdk_rds::types::Tag;

use crate::record::Instance;
use crate::tags;
use crate::way_back::Ways;

/// The ways back and, in a third line, what nobody can look at any more once instances are deleted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Kept {
    pub ways: Ways,
    /// Nothing in what a release kept that knew of no third line.
    pub instances: Vec<Instance>,
    pub connections_max: Option<u64>,
}

impl Kept {
    /// The tags that hold it; only the ways back where all is too long for them, and none where these are too.
    pub fn tags(&self) -> Vec<Tag> {
        let ways = self.ways.text();
        match tags::from_text(&format!("{ways}\n{}", self.facts())) {
            none if none.is_empty() => tags::from_text(&ways),
            tags => tags,
        }
    }

    /// What such a text holds.
    pub fn of_text(text: &str) -> Option<Self> {
        let mut lines = text.splitn(3, '\n');
        let ways = Ways { bring_back: lines.next()?.to_owned(), point_in_time: lines.next()?.to_owned() };
        let mut words = lines.next().unwrap_or_default().split(' ');
        let connections_max = words.next().and_then(|word| word.parse().ok());
        Some(Self { ways, instances: words.filter_map(instance).collect(), connections_max })
    }

    /// Nothing that a tag would have to encode: `0 app-prod-1:db.r6g.large:writer app-prod-2:db.r6g.large:reader`.
    fn facts(&self) -> String {
        let connections = self.connections_max.map_or_else(|| "unknown".to_owned(), |most| most.to_string());
        let instances = self.instances.iter().map(|one| {
            let role = if one.writer { WRITER } else { "reader" };
            format!("{}:{}:{role}", one.id, one.class.as_deref().unwrap_or_default())
        });
        std::iter::once(connections).chain(instances).collect::<Vec<_>>().join(" ")
    }
}

const WRITER: &str = "writer";

fn instance(word: &str) -> Option<Instance> {
    let mut parts = word.split(':');
    let (id, class, role) = (parts.next()?, parts.next()?, parts.next()?);
    let class = (!class.is_empty()).then(|| class.to_owned());
    Some(Instance { id: id.to_owned(), class, writer: role == WRITER })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Kept {
        let ways =
            Ways { bring_back: "aws rds a && b".into(), point_in_time: "rds-restore --at TIME".into() };
        let instance = |id: &str, class: Option<&str>, writer| Instance {
            id: id.into(),
            class: class.map(str::to_owned),
            writer,
        };
        let instances = vec![instance("a-1", Some("db.r6g.large"), true), instance("a-2", None, false)];
        Kept { ways, instances, connections_max: Some(3) }
    }

    #[test]
    fn what_is_kept_comes_back() {
        let mut kept = kept();
        for connections_max in [Some(3), None] {
            kept.connections_max = connections_max;
            let text = tags::to_text(&kept.tags()).unwrap();
            assert_eq!(Kept::of_text(&text), Some(kept.clone()));
        }
    }

    #[test]
    fn an_earlier_release_kept_the_ways_alone() {
        let kept = kept();
        let Kept { ways, instances, connections_max } = Kept::of_text(&kept.ways.text()).unwrap();
        assert_eq!((ways, instances, connections_max), (kept.ways, Vec::new(), None));
    }

    #[test]
    fn the_ways_come_first_where_not_all_finds_room() {
        let mut kept = kept();
        kept.instances = vec![kept.instances[0].clone(); 1000];
        let text = tags::to_text(&kept.tags()).unwrap();
        assert_eq!(text, kept.ways.text());
    }
}
