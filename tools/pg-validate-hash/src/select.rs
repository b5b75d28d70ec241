//! Which tables are meant: names and patterns, schemas, exclusions.

use common::Reject;
use globset::{GlobBuilder, GlobMatcher};

use crate::tables::{Kind, Relation};

/// A name or a pattern of names, as a flag gives it.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    matcher: GlobMatcher,
}

impl std::str::FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A quoted name is one table, whatever characters are in it.
        let pattern = if text.contains('"') { globset::escape(text) } else { text.to_owned() };
        let glob = GlobBuilder::new(&pattern).backslash_escape(true).build();
        let matcher = glob.map_err(|error| format!("{text}: {}", error.kind()))?.compile_matcher();
        Ok(Self { text: text.to_owned(), matcher })
    }
}

impl Pattern {
    /// A pattern without a dot is of the name alone, in any schema; the quoted name is always itself.
    fn fits(&self, relation: &Relation) -> bool {
        let name = relation.plain.get(relation.schema.len() + 1..).unwrap_or_default();
        relation.quoted == self.text
            || if self.text.contains('.') {
                self.matcher.is_match(&relation.plain)
            } else {
                self.matcher.is_match(name)
            }
    }

    /// The pattern as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn is_name(&self) -> bool {
        !self.text.contains(['*', '?', '[', '{'])
    }
}

/// What a run is asked to look at.
#[derive(Clone, Debug, Default)]
pub struct Select {
    /// The schemas to stay in; none means all.
    pub schemas: Vec<Pattern>,
    /// What to leave out.
    pub excluded: Vec<Pattern>,
}

impl Select {
    /// Whether a schema is one to stay in.
    pub fn covers(&self, schema: &str) -> bool {
        self.schemas.is_empty() || self.schemas.iter().any(|pattern| pattern.matcher.is_match(schema))
    }

    fn allows(&self, relation: &Relation) -> bool {
        self.covers(&relation.schema) && !self.excluded.iter().any(|pattern| pattern.fits(relation))
    }

    /// Whether a table that only another copy has would be looked at here.
    pub fn allows_name(&self, quoted: &str) -> bool {
        let plain = quoted.replace('"', "");
        let schema = plain.split('.').next().unwrap_or_default().to_owned();
        let (kind, is_partition) = (Kind::Data, false);
        self.allows(&Relation { oid: 0, plain, quoted: quoted.to_owned(), schema, kind, is_partition })
    }

    /// Every table that a restore brings back, partitions within their parents.
    pub fn all(&self, relations: &[Relation]) -> Vec<Relation> {
        let chosen = relations.iter().filter(|relation| !relation.is_partition && self.allows(relation));
        let chosen = chosen.filter(|relation| match relation.kind {
            Kind::Data => true,
            Kind::NoData => false,
            Kind::Unlogged => {
                tracing::warn!("{} is unlogged: a restore empties it, so it is passed over", relation.quoted);
                false
            }
            Kind::Unpopulated => {
                tracing::warn!("{} was never populated and is passed over", relation.quoted);
                false
            }
        });
        chosen.cloned().collect()
    }

    /// The tables of a pattern. A partition has to be named in full, or it would be hashed twice.
    ///
    /// # Errors
    /// A reject where there are none, or where the only one has no data of its own.
    pub fn named(&self, pattern: &Pattern, relations: &[Relation]) -> Result<Vec<Relation>, Reject> {
        let fits = |relation: &&Relation| pattern.fits(relation) && self.allows(relation);
        let found: Vec<_> = relations.iter().filter(fits).collect();
        let usable = |relation: &&Relation| {
            let whole = !relation.is_partition || pattern.is_name();
            whole && matches!(relation.kind, Kind::Data | Kind::Unlogged)
        };
        let chosen: Vec<_> = found.iter().copied().filter(usable).cloned().collect();
        match (chosen.is_empty(), found.first()) {
            (false, _) => Ok(chosen),
            (true, Some(relation)) => {
                Err(Reject::new("no-data", format!("{} has no data of its own to hash", relation.quoted)))
            }
            (true, None) => Err(Reject::new("no-such-table", format!("no table is named {}", pattern.text))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relation(schema: &str, name: &str, quoted: &str) -> Relation {
        Relation {
            oid: 1,
            plain: format!("{schema}.{name}"),
            quoted: quoted.into(),
            schema: schema.into(),
            kind: Kind::Data,
            is_partition: false,
        }
    }

    fn named(select: &Select, pattern: &str) -> Vec<String> {
        let relations = [
            relation("public", "people", "public.people"),
            relation("audit", "people", "audit.people"),
            relation("public", "Odd.Name", r#"public."Odd.Name""#),
            Relation { is_partition: true, ..relation("public", "events_1", "public.events_1") },
            Relation { kind: Kind::NoData, ..relation("public", "view", "public.view") },
        ];
        match select.named(&pattern.parse().unwrap(), &relations) {
            Ok(found) => found.into_iter().map(|relation| relation.quoted).collect(),
            Err(reject) => vec![reject.kind.to_owned()],
        }
    }

    #[test]
    fn names_and_patterns_find_their_tables() {
        let all = Select::default();
        assert_eq!(named(&all, "people"), ["public.people", "audit.people"]);
        assert_eq!(named(&all, "public.p*"), ["public.people"]);
        assert_eq!(named(&all, r#"public."Odd.Name""#), [r#"public."Odd.Name""#]);
        assert_eq!(named(&all, "public.Odd.Name"), [r#"public."Odd.Name""#]);
        assert_eq!(named(&all, "events_1"), ["public.events_1"]);
        assert_eq!(named(&all, "events_*"), ["no-data"]);
        assert_eq!(named(&all, "view"), ["no-data"]);
        assert_eq!(named(&all, "nobody"), ["no-such-table"]);
    }

    #[test]
    fn schemas_and_exclusions_narrow() {
        let select =
            Select { schemas: vec!["pub*".parse().unwrap()], excluded: vec!["Odd*".parse().unwrap()] };
        assert_eq!(named(&select, "*"), ["public.people"]);
    }
}
