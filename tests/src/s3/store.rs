//! Buckets, and the stack of versions under each key.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, btree_map};
use std::iter::Peekable;
use std::ops::Bound;

use super::content::mix;
use super::encryption::Sse;
use super::error::Error;
use super::multipart::Upload;
use super::synthetic::Synthetic;
use super::version::Version;

/// Everything that the server holds.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) buckets: BTreeMap<String, Bucket>,
}

/// The versioning state of a bucket. Once left, `Unversioned` never comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Versioning {
    #[default]
    Unversioned,
    Enabled,
    Suspended,
}

/// A bucket.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    pub(super) versioning: Versioning,
    pub(super) default_sse: Sse,
    pub(super) synthetic: Option<Synthetic>,
    /// Open multipart uploads by key and upload id.
    pub(super) uploads: BTreeMap<(String, String), Upload>,
    /// Each stack with its oldest version first. A key here hides the synthetic one, also when its stack is
    /// empty.
    keys: BTreeMap<String, Vec<Version>>,
    /// The place of versions that are gone, so that a listing can go on from one.
    removed: HashMap<(String, String), u64>,
    last: u64,
}

/// The versions of one key, newest first.
pub(super) enum Stack<'a> {
    Kept(&'a [Version]),
    Synthetic(&'a Synthetic, u64),
}

/// The keys of a bucket from one on.
pub(super) struct Keys<'a> {
    kept: Peekable<btree_map::Range<'a, String, Vec<Version>>>,
    source: Option<&'a Synthetic>,
    /// The number of the next generated key.
    next: u64,
}

impl Store {
    pub(super) fn bucket(&self, name: &str) -> Result<&Bucket, Error> {
        self.buckets.get(name).ok_or_else(Error::no_such_bucket)
    }

    pub(super) fn bucket_mut(&mut self, name: &str) -> Result<&mut Bucket, Error> {
        self.buckets.get_mut(name).ok_or_else(Error::no_such_bucket)
    }
}

impl Bucket {
    /// A bucket with versioning enabled.
    pub(super) fn versioned(synthetic: Option<Synthetic>) -> Self {
        Self { versioning: Versioning::Enabled, synthetic, ..Self::default() }
    }

    /// The version that a read means: the latest, or the one with this id.
    ///
    /// # Errors As S3: 404 for a key that is absent or hidden by a delete marker, 405 for a marker asked for
    /// by its id.
    pub(super) fn object(&self, key: &str, id: Option<&str>) -> Result<Cow<'_, Version>, Error> {
        let stack = self.stack(key);
        let Some(id) = id else {
            return match stack.get(0) {
                Some(latest) if latest.marker => Err(marker_headers(Error::no_such_key(), &latest)),
                Some(latest) => Ok(latest),
                None => Err(Error::no_such_key()),
            };
        };
        match stack.position(id).and_then(|at| stack.get(at)) {
            Some(marker) if marker.marker => {
                let error = Error::new(
                    405,
                    "MethodNotAllowed",
                    "The specified method is not allowed against this resource.",
                );
                let modified = marker.modified.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
                Err(marker_headers(error, &marker)
                    .with_header("allow", "DELETE")
                    .with_header("last-modified", modified))
            }
            Some(version) => Ok(version),
            None => Err(Error::no_such_version()),
        }
    }

    /// As [`Bucket::object`], for changes to tags, ACL and restore state.
    pub(super) fn object_mut(&mut self, key: &str, id: Option<&str>) -> Result<&mut Version, Error> {
        let seq = self.object(key, id)?.seq;
        let found = self.stack_mut(key).iter_mut().find(|version| version.seq == seq);
        found.ok_or_else(Error::no_such_version)
    }

    /// The current object for a conditional write: a delete marker counts as absent.
    pub(super) fn current(&self, key: &str) -> Option<Cow<'_, Version>> {
        self.stack(key).get(0).filter(|latest| !latest.marker)
    }

    /// Puts a version on top, with this id or a new one. A version with the same id, which in practice is
    /// `null`, is overwritten for good.
    pub(super) fn add(&mut self, key: &str, mut version: Version, id: Option<&str>) -> &Version {
        self.last += 1;
        // Generated versions are numbered from 0.
        version.seq = (1 << 40) + self.last;
        version.id = match (id, self.versioning) {
            (Some(id), _) => id.to_owned(),
            (None, Versioning::Enabled) => format!("{:016x}{:016x}", mix(self.last), mix(!self.last)),
            (None, _) => "null".to_owned(),
        };
        let stack = self.stack_mut(key);
        stack.retain(|other| other.id != version.id);
        stack.push(version);
        &stack[stack.len() - 1]
    }

    /// Removes exactly one version or marker.
    pub(super) fn remove(&mut self, key: &str, id: &str) -> Option<Version> {
        let at = self.stack(key).position(id)?;
        let stack = self.stack_mut(key);
        let version = stack.remove(stack.len() - 1 - at);
        self.removed.insert((key.to_owned(), id.to_owned()), version.seq);
        Some(version)
    }

    pub(super) fn new_upload_id(&mut self) -> String {
        format!("upload{:016x}", mix(self.new_identity()))
    }

    /// A number that nothing else in the bucket has.
    pub(super) fn new_identity(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    pub(super) fn stack(&self, key: &str) -> Stack<'_> {
        if let Some(kept) = self.keys.get(key) {
            return Stack::Kept(kept);
        }
        let generated = self.synthetic.as_ref().and_then(|source| Some((source, source.parse(key)?)));
        generated.map_or(Stack::Kept(&[]), |(source, index)| Stack::Synthetic(source, index))
    }

    /// The keys within the bound in their order, each with its stack, which may be empty.
    pub(super) fn keys_from(&self, from: Bound<&str>) -> Keys<'_> {
        let next = self.synthetic.as_ref().map_or(0, |source| match from {
            Bound::Included(text) => source.position(text, false),
            Bound::Excluded(text) => source.position(text, true),
            Bound::Unbounded => 0,
        });
        let kept = self.keys.range::<str, _>((from, Bound::Unbounded)).peekable();
        Keys { kept, source: self.synthetic.as_ref(), next }
    }

    /// How many versions of the key are at or above the marker, so that a listing goes on behind them.
    /// Markers of versions that were removed meanwhile still work, as they do on S3.
    pub(super) fn after_marker(&self, key: &str, id: &str) -> Result<usize, Error> {
        let stack = self.stack(key);
        if let Some(at) = stack.position(id) {
            return Ok(at + 1);
        }
        let gone = self.removed.get(&(key.to_owned(), id.to_owned()));
        let seq = *gone.ok_or_else(|| Error::invalid_argument("Invalid version id specified"))?;
        Ok((0..).take_while(|at| stack.get(*at).is_some_and(|version| version.seq > seq)).count())
    }

    pub(super) fn versions_mut(&mut self) -> impl Iterator<Item = &mut Version> {
        self.keys.values_mut().flatten()
    }

    fn stack_mut(&mut self, key: &str) -> &mut Vec<Version> {
        let generated = self.synthetic.as_ref().and_then(|source| Some((source, source.parse(key)?)));
        self.keys.entry(key.to_owned()).or_insert_with(|| {
            generated.map_or(Vec::new(), |(source, index)| {
                (0..source.depth(index)).map(|age| source.version(index, age)).collect()
            })
        })
    }
}

impl<'a> Iterator for Keys<'a> {
    type Item = (Cow<'a, str>, Stack<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let index = self.next;
        if let Some(source) = self.source.filter(|source| index < source.keys) {
            let generated = source.key(index);
            let kept = self.kept.peek().map(|(key, _)| key.as_str()).filter(|key| *key <= generated.as_str());
            self.next += u64::from(kept.is_none_or(|key| key == generated));
            if kept.is_none() {
                return Some((Cow::Owned(generated), Stack::Synthetic(source, index)));
            }
        }
        self.kept.next().map(|(key, stack)| (Cow::Borrowed(key.as_str()), Stack::Kept(stack)))
    }
}

impl<'a> Stack<'a> {
    /// The n-th version, where 0 is the latest.
    pub(super) fn get(&self, at: usize) -> Option<Cow<'a, Version>> {
        match *self {
            Self::Kept(versions) => {
                versions.len().checked_sub(at + 1).map(|index| Cow::Borrowed(&versions[index]))
            }
            Self::Synthetic(source, index) => {
                let age = source.depth(index).checked_sub(at as u64 + 1)?;
                Some(Cow::Owned(source.version(index, age)))
            }
        }
    }

    pub(super) fn position(&self, id: &str) -> Option<usize> {
        match *self {
            Self::Kept(versions) => versions.iter().rev().position(|version| version.id == id),
            Self::Synthetic(source, index) => {
                let age = source.age(index, id)?;
                usize::try_from(source.depth(index) - 1 - age).ok()
            }
        }
    }
}

fn marker_headers(error: Error, marker: &Version) -> Error {
    error.with_header("x-amz-delete-marker", "true").with_header("x-amz-version-id", &marker.id)
}
