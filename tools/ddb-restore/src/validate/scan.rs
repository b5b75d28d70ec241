//! One reader of a table: segment after segment, the next page on its way while this one is hashed.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::{Context, Result};
use common::digest::sketch::{Fingerprint, Sketch};
use common::digest::{DRAWN, Digest, Drawn};
use tokio::task::JoinSet;

use super::canonical;
use super::difference::Found;
use super::page::{Key, Page};
use super::table::Table;

/// What a scan is for.
#[derive(Clone)]
pub enum Aim {
    /// The hash of all items; with a capacity also the sketch that tells so many apart.
    Hash(Option<NonZeroUsize>),
    /// The items with these fingerprints.
    Find(Arc<HashMap<Fingerprint, i64>>),
}

/// What was read.
#[derive(Default)]
pub struct Read {
    /// The sum over the items.
    pub digest: Digest,
    /// The items for the comparison, if there is one.
    pub sketch: Option<Sketch>,
    /// The items that were looked for.
    pub found: Vec<Found>,
    /// Pages that were asked for.
    pub pages: u64,
    /// Read capacity units, where the service tells.
    pub consumed: Option<f64>,
}

impl Read {
    /// Adds what another reader of the same table read.
    pub fn add(&mut self, other: Self) {
        self.digest.merge(&other.digest);
        match (&mut self.sketch, other.sketch) {
            (Some(sketch), Some(other)) => sketch.merge(&other, false),
            (none, other) => *none = other,
        }
        self.found.extend(other.found);
        self.pages += other.pages;
        self.add_consumed(other.consumed);
    }

    fn add_consumed(&mut self, units: Option<f64>) {
        if let Some(units) = units {
            *self.consumed.get_or_insert(0.0) += units;
        }
    }
}

/// Reads segments of a table until none is left.
///
/// # Errors
/// A page cannot be had, or an item in it not be read.
pub async fn read(table: Arc<Table>, aim: Aim) -> Result<Read> {
    let mut hasher = Hasher { canonical: Vec::new(), drawn: Box::new([0; DRAWN]) };
    let mut read = Read::default();
    if let Aim::Hash(capacity) = aim {
        read.sketch = capacity.map(Sketch::new);
    }
    let mut coming: JoinSet<Result<(i32, Page)>> = JoinSet::new();
    let ask = |coming: &mut JoinSet<_>, place: Option<(i32, Option<Key>)>| {
        if let Some((segment, start)) = place {
            let table = Arc::clone(&table);
            coming.spawn(async move { Ok((segment, table.page(segment, start).await?)) });
        }
    };
    let next_segment = || table.segment().map(|segment| (segment, None));
    ask(&mut coming, next_segment());
    while let Some(arrived) = coming.join_next().await {
        let (segment, mut page) = arrived??;
        let next = page.next.take();
        ask(&mut coming, next.map(|next| (segment, Some(next))).or_else(next_segment));
        read.pages += 1;
        read.add_consumed(page.consumed);
        // It takes milliseconds, in which the requests of others are to go out.
        tokio::task::block_in_place(|| hasher.page(&page, &table, &aim, &mut read))
            .with_context(|| format!("Scan {}", table.name))?;
    }
    Ok(read)
}

struct Hasher {
    canonical: Vec<u8>,
    drawn: Box<Drawn>,
}

impl Hasher {
    fn page(&mut self, page: &Page, table: &Table, aim: &Aim, read: &mut Read) -> Result<()> {
        for item in page.items() {
            let item = item?;
            self.canonical.clear();
            canonical::item(item, &mut self.canonical)?;
            match aim {
                Aim::Hash(_) => {
                    self.draw::<DRAWN>();
                    read.digest.add(&self.drawn);
                    if let Some(sketch) = &mut read.sketch {
                        sketch.add(Fingerprint::of(&self.drawn));
                    }
                }
                Aim::Find(wanted) => {
                    self.draw::<{ Fingerprint::DRAWN }>();
                    if wanted.contains_key(&Fingerprint::of(&self.drawn)) {
                        read.found.push(Found::of(item, &table.key)?);
                    }
                }
            }
        }
        Ok(())
    }

    /// The first `N` bytes of what is drawn from the item's hash; the rest is what earlier items left.
    fn draw<const N: usize>(&mut self) {
        blake3::Hasher::new().update(&self.canonical).finalize_xof().fill(&mut self.drawn[..N]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(items: &[&str]) -> String {
        let mut hasher = Hasher { canonical: Vec::new(), drawn: Box::new([0; DRAWN]) };
        let mut digest = Digest::default();
        for item in items {
            hasher.canonical.clear();
            canonical::item(item, &mut hasher.canonical).unwrap();
            hasher.draw::<DRAWN>();
            digest.add(&hasher.drawn);
        }
        digest.close(super::super::ALGORITHM.as_bytes())
    }

    #[test]
    fn the_hash_is_as_the_recipe_makes_it() {
        assert_eq!(hash(&[]), "bcabd479bb54aad8140f680544293602995cd8bbffa8f2a853634af5b2e14a01");
        let (a, b) = (r#"{"pk":{"S":"a"},"n":{"N":"1"}}"#, r#"{"n":{"N":"2.50"},"pk":{"S":"b"}}"#);
        let expected = "363379f68da1695d925fbeb38e1475c53420b6aeebd0e3b56c75e511a20773a0";
        assert_eq!(hash(&[a, b]), expected);
        assert_eq!(hash(&[b, a]), expected);
    }
}
