//! What the Query protocol sends and answers: names and values in a tree, numbered where there are many.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use percent_encoding::percent_decode_str;
use quick_xml::escape::escape;

/// A tree that is addressed as a request spells it: `ServerlessV2ScalingConfiguration.MinCapacity`,
/// `Tags.Tag.1.Key`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Fields {
    value: Option<String>,
    below: BTreeMap<Segment, Fields>,
}

/// A name, or the place in a list. Numbers are in order of their values.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Segment {
    Place(u32),
    Name(String),
}

impl Fields {
    /// The form that is the body of a request.
    pub(super) fn of_form(body: &str) -> Self {
        let mut fields = Self::default();
        for (name, value) in body.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = value.replace('+', " ");
            fields.set(name, percent_decode_str(&value).decode_utf8_lossy());
        }
        fields
    }

    /// Sets one value; what is there is replaced.
    pub fn set(&mut self, path: &str, value: impl Into<String>) -> &mut Self {
        self.at_mut(path).value = Some(value.into());
        self
    }

    /// Puts a whole tree there, in the place of what was.
    pub fn put(&mut self, path: &str, tree: Self) -> &mut Self {
        *self.at_mut(path) = tree;
        self
    }

    /// Takes away what is there.
    pub fn remove(&mut self, path: &str) -> &mut Self {
        self.put(path, Self::default())
    }

    /// One value.
    pub fn get(&self, path: &str) -> Option<&str> {
        self.tree(path)?.value.as_deref()
    }

    /// Whether it is there and says `true`.
    pub fn is(&self, path: &str) -> bool {
        self.get(path) == Some("true")
    }

    /// Whether there is anything.
    pub fn has(&self, path: &str) -> bool {
        self.tree(path).is_some_and(|tree| *tree != Self::default())
    }

    /// What is there, empty if nothing.
    pub fn sub(&self, path: &str) -> Self {
        self.tree(path).cloned().unwrap_or_default()
    }

    /// The members of a list, such as those of `Tags.Tag`.
    pub fn list(&self, path: &str) -> Vec<&Self> {
        self.tree(path).map(|tree| tree.below.values().collect()).unwrap_or_default()
    }

    /// The values of a list of strings, such as `VpcSecurityGroupIds.VpcSecurityGroupId`.
    pub fn values(&self, path: &str) -> Vec<&str> {
        self.list(path).into_iter().filter_map(|member| member.value.as_deref()).collect()
    }

    /// Puts a list of strings there.
    pub fn set_values<S: Into<String>>(&mut self, path: &str, values: impl IntoIterator<Item = S>) {
        self.remove(path);
        for (index, value) in values.into_iter().enumerate() {
            self.set(&format!("{path}.{}", index + 1), value);
        }
    }

    /// The pairs of a list such as `Tags.Tag`, in their order.
    pub fn pairs(&self, path: &str, key: &str, value: &str) -> Vec<(String, String)> {
        let text = |member: &Self, name| member.get(name).unwrap_or_default().to_owned();
        self.list(path).into_iter().map(|member| (text(member, key), text(member, value))).collect()
    }

    /// Puts such a list there.
    pub fn set_pairs(&mut self, path: &str, key: &str, value: &str, pairs: &[(String, String)]) {
        self.remove(path);
        for (index, (one, other)) in pairs.iter().enumerate() {
            let place = format!("{path}.{}", index + 1);
            self.set(&format!("{place}.{key}"), one).set(&format!("{place}.{value}"), other);
        }
    }

    /// Writes the element `name` with all that is in it; nothing where nothing is.
    pub(super) fn write(&self, name: &str, xml: &mut String) {
        if *self == Self::default() {
            return;
        }
        if self.below.keys().any(|segment| matches!(segment, Segment::Place(_))) {
            for member in self.below.values() {
                member.write(name, xml);
            }
            return;
        }
        let _ = write!(xml, "<{name}>{}", escape(self.value.as_deref().unwrap_or_default()));
        for (segment, tree) in &self.below {
            if let Segment::Name(below) = segment {
                tree.write(below, xml);
            }
        }
        let _ = write!(xml, "</{name}>");
    }

    fn tree(&self, path: &str) -> Option<&Self> {
        segments(path).try_fold(self, |tree, segment| tree.below.get(&segment))
    }

    fn at_mut(&mut self, path: &str) -> &mut Self {
        segments(path).fold(self, |tree, segment| tree.below.entry(segment).or_default())
    }
}

fn segments(path: &str) -> impl Iterator<Item = Segment> {
    path.split('.').map(|part| match part.parse() {
        Ok(place) => Segment::Place(place),
        Err(_) => Segment::Name(part.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_becomes_elements() {
        let mut fields = Fields::of_form("B=x%26y&A.member.10=j&A.member.2=b+c&C.D=&E.F=1");
        fields.remove("E");
        assert_eq!(fields.values("A.member"), ["b c", "j"]);
        let mut xml = String::new();
        fields.write("R", &mut xml);
        let expected = "<R><A><member>b c</member><member>j</member></A><B>x&amp;y</B><C><D></D></C></R>";
        assert_eq!(xml, expected);
    }
}
