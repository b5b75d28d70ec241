//! The kinds of objects that make up a cluster's schema, in the order in which they must be made.

pub mod known;
pub mod members;
pub mod release;

use serde::Serialize;

use members::Member;
use release::{Line, Release};

/// A kind of object. The order is that of making them: what others refer to comes first, aliases come last.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A stemming dictionary, which fields of collections name.
    StemmingDictionary,
    /// A set of synonyms, which collections name.
    SynonymSet,
    /// A set of curation rules, which collections name.
    CurationSet,
    /// A collection.
    Collection,
    /// A synonym of one collection.
    Synonym,
    /// An override (curation) of one collection.
    Override,
    /// A set of stopwords.
    Stopwords,
    /// A preset of search parameters.
    Preset,
    /// A rule of what searches are counted.
    AnalyticsRule,
    /// An API key.
    Key,
    /// A rate limit.
    Limit,
    /// A name that stands for a collection.
    Alias,
}

impl Kind {
    /// All kinds, in the order of making them.
    pub const ALL: [Self; 12] = [
        Self::StemmingDictionary,
        Self::SynonymSet,
        Self::CurationSet,
        Self::Collection,
        Self::Synonym,
        Self::Override,
        Self::Stopwords,
        Self::Preset,
        Self::AnalyticsRule,
        Self::Key,
        Self::Limit,
        Self::Alias,
    ];

    /// The member of the file that holds them.
    pub fn section(self) -> &'static str {
        match self {
            Self::StemmingDictionary => "stemming_dictionaries",
            Self::SynonymSet => "synonym_sets",
            Self::CurationSet => "curation_sets",
            Self::Collection => "collections",
            Self::Synonym => "synonyms",
            Self::Override => "overrides",
            Self::Stopwords => "stopwords",
            Self::Preset => "presets",
            Self::AnalyticsRule => "analytics_rules",
            Self::Key => "keys",
            Self::Limit => "limits",
            Self::Alias => "aliases",
        }
    }

    /// As people say it.
    pub fn word(self) -> &'static str {
        match self {
            Self::StemmingDictionary => "stemming dictionary",
            Self::SynonymSet => "synonym set",
            Self::CurationSet => "curation set",
            Self::Collection => "collection",
            Self::Synonym => "synonym",
            Self::Override => "override",
            Self::Stopwords => "stopwords",
            Self::Preset => "preset",
            Self::AnalyticsRule => "analytics rule",
            Self::Key => "key",
            Self::Limit => "limit",
            Self::Alias => "alias",
        }
    }

    /// The member that names an object of this kind, where there is one.
    pub fn identity(self) -> Option<&'static str> {
        match self {
            Self::StemmingDictionary | Self::Synonym | Self::Override | Self::Stopwords => Some("id"),
            Self::Key | Self::Limit => None,
            _ => Some("name"),
        }
    }

    /// Whether each object belongs to one collection, and the section to a map from collections to lists.
    pub fn is_within_collection(self) -> bool {
        matches!(self, Self::Synonym | Self::Override)
    }

    /// The first and the last release line that has this kind (routes of the server's source at each tag).
    fn lines(self) -> (Line, Line) {
        match self {
            Self::SynonymSet | Self::CurationSet => (30, Line::MAX),
            Self::Synonym | Self::Override => (0, 29),
            Self::StemmingDictionary => (28, Line::MAX),
            Self::Stopwords => (26, Line::MAX),
            Self::AnalyticsRule => (25, Line::MAX),
            _ => (0, Line::MAX),
        }
    }

    /// Whether a release has this kind.
    pub fn is_in(self, release: Release) -> bool {
        let (first, last) = self.lines();
        (first..=last).contains(&release.line)
    }

    /// Why a release does not have this kind, with what to do.
    pub fn absence(self, release: Release) -> String {
        let (first, last) = self.lines();
        let word = self.word();
        if release.line < first {
            return format!(
                "{word}: Typesense has them since {}, this server is {release}",
                release::written(first)
            );
        }
        let successor = if self == Self::Synonym { "synonym_sets" } else { "curation_sets" };
        format!("{word}: after Typesense {last} they are part of {successor}, and this server is {release}")
    }

    /// What an object of this kind may have.
    pub fn members(self) -> &'static [Member] {
        match self {
            Self::StemmingDictionary => members::STEMMING_DICTIONARY,
            Self::SynonymSet => members::SYNONYM_SET,
            Self::CurationSet => members::CURATION_SET,
            Self::Collection => members::COLLECTION,
            Self::Synonym => members::SYNONYM,
            Self::Override => members::OVERRIDE,
            Self::Stopwords => members::STOPWORDS,
            Self::Preset => members::PRESET,
            Self::AnalyticsRule => members::ANALYTICS_RULE,
            Self::Key => members::KEY,
            Self::Limit => members::LIMIT,
            Self::Alias => members::ALIAS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_them_are_in_the_order_of_making_them() {
        assert!(Kind::ALL.is_sorted());
        assert!(Kind::SynonymSet < Kind::Collection && Kind::Key < Kind::Limit);
    }
}
