//! What an earlier run did, once more: its receipts and its rejects, and whether what it imported is there still.

use anyhow::Result;
use common::Reject;
use common::input::Item;

use crate::document::{Id, id_of, named};
use crate::import::Flow;
use crate::lookup::Wanted;
use crate::receipt::Receipt;
use crate::refused::reject;
use crate::resume::Earlier;
use crate::source::Document;

impl Flow {
    /// Writes again what an earlier run wrote about a batch.
    pub(super) async fn repeat(&mut self, earlier: Earlier) -> Result<()> {
        let Earlier { receipt, failures, imported } = earlier;
        let checked = self.missing(&imported).await?;
        let missing = checked.as_ref().map_or(0, Vec::len);
        let accepted = receipt.documents - failures.len() - missing;
        let rejected = failures.len() + missing;
        self.import.ctx.counts.done(accepted as u64);
        self.totals.accepted += accepted as u64;
        self.totals.rejected += rejected as u64;
        // As it was in the run that is repeated, so that what follows has the same batches.
        self.import.limits = self.import.limits.next();
        for (failure, document) in failures {
            let reject = reject(&failure, document.text(), "");
            self.import.rejects.write(&reject, &Item::Record(document.input))?;
        }
        let is_checked = checked.is_some();
        let missing = checked.unwrap_or_default();
        let gone = imported.into_iter().enumerate().filter(|(index, _)| missing.binary_search(index).is_ok());
        for (_, document) in gone {
            let message = format!(
                "{}: an earlier run imported it, and it is not there now: import it again without this journal",
                named(document.text())
            );
            self.import.rejects.write(&Reject::new("superseded", message), &Item::Record(document.input))?;
        }
        let receipt = Receipt {
            accepted: Some(accepted),
            rejected: Some(rejected),
            replayed: true,
            checked: (!is_checked).then_some(false),
            dry_run: self.import.sender.is_none(),
            ..receipt
        };
        self.import.receipts.write(&[receipt]).await
    }

    /// The places of those documents that are not there; nothing where it was not looked for all of them.
    async fn missing(&self, imported: &[Document]) -> Result<Option<Vec<usize>>> {
        let Some(lookup) = &self.import.check else { return Ok(None) };
        let id = |document: &Document| match id_of(document.text()) {
            Ok(Id::Text(id)) => Some(id.into_owned()),
            _ => None,
        };
        // Typesense has made up the id of one that has none.
        let Some(ids) = imported.iter().map(id).collect::<Option<Vec<_>>>() else { return Ok(None) };
        let there = lookup.find(&ids, Wanted::Id).await?;
        Ok(Some((0..ids.len()).filter(|&index| !there.contains_key(&ids[index])).collect()))
    }
}
