//! Documents that are there already, where an earlier run may have made them: whose they are shows in what is there.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use anyhow::Result;

use crate::batch::Batch;
use crate::document::{Id, id_of};
use crate::lookup::{Wanted, is_same};
use crate::refused::reject;
use crate::results::Failure;
use crate::send::{Outcome, Sender};

/// How often it is looked for documents that Typesense says are there: a node may be behind the one that said so.
const LOOKS: u32 = 20;
/// Time between two looks.
const AGAIN: Duration = Duration::from_millis(500);

impl Sender {
    /// Counts those as accepted that are there as they were sent, and rejects the others.
    ///
    /// # Errors
    /// Typesense does not show what is there; too many rejects.
    pub(super) async fn settle(
        &self,
        batch: &Batch,
        conflicts: Vec<(usize, Failure)>,
        outcome: &mut Outcome,
    ) -> Result<()> {
        if conflicts.is_empty() {
            return Ok(());
        }
        // Of two with one id, Typesense has made the first that it did not refuse, and refused the second.
        let refused: HashSet<_> = outcome.failures.iter().map(|(index, _)| *index).collect();
        let mut makers = HashMap::new();
        for index in (0..batch.len()).filter(|index| !refused.contains(index)) {
            if let Some(id) = id(batch, index) {
                makers.entry(id).or_insert(index);
            }
        }
        let mut ids: Vec<_> = conflicts.iter().filter_map(|(index, _)| id(batch, *index)).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut looks = 1;
        let there = loop {
            let there = self.lookup.find(&ids, Wanted::Whole).await?;
            if there.len() == ids.len() || looks == LOOKS || !self.cluster.sleep(AGAIN).await {
                break there;
            }
            looks += 1;
        };
        for (index, failure) in conflicts {
            let text = batch.text(index);
            let is_ours = id(batch, index).is_some_and(|id| {
                makers.get(&id) == Some(&index) && there.get(&id).is_some_and(|there| is_same(text, there))
            });
            if is_ours {
                outcome.accepted[index] = true;
                self.ctx.counts.done(1);
            } else {
                let reject = reject(&failure, text, "; what is there is not this document as it was sent");
                self.rejects.write(&reject, &batch.input(index))?;
                outcome.failures.push((index, failure));
            }
        }
        Ok(())
    }
}

fn id(batch: &Batch, index: usize) -> Option<String> {
    match id_of(batch.text(index)) {
        Ok(Id::Text(id)) => Some(id.into_owned()),
        _ => None,
    }
}
