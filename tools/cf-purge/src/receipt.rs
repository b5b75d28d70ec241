//! Receipts: the records on stdout, one for each path or wildcard.

use anyhow::Result;
use common::receipts;
use common::{Ctx, pipe};
use serde::Serialize;

use crate::batch::Batch;
use crate::cloudfront::{Accepted, Status};

/// A receipt without an invalidation is a rehearsal's.
#[derive(Serialize)]
struct Receipt<'a> {
    path: &'a str,
    keys: u64,
    distribution_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    invalidation_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caller_reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    replayed: bool,
}

/// Where receipts go, and what is the same in all of them.
pub struct Receipts {
    /// The way there.
    pub out: receipts::Receipts,
    distribution: String,
    run_id: String,
    dry_run: bool,
}

impl Receipts {
    /// Receipts of one run, or of its rehearsal.
    pub fn new(ctx: Ctx, lines: pipe::Lines, distribution: String, run_id: String, dry_run: bool) -> Self {
        Self { out: receipts::Receipts::new(ctx, lines), distribution, run_id, dry_run }
    }

    /// Writes the receipts of an invalidation, or of what would be one; to stderr where stdout takes no more.
    ///
    /// # Errors
    /// When stderr does not take them either.
    pub async fn write(&self, batch: &Batch, accepted: Option<(&Accepted, Status)>) -> Result<()> {
        let receipts = batch.paths.iter().map(|sent| Receipt {
            path: &sent.path,
            keys: sent.keys,
            distribution_id: &self.distribution,
            invalidation_id: accepted.map(|(accepted, _)| accepted.id.as_str()),
            status: accepted.map(|(_, status)| status),
            created: accepted.map(|(accepted, _)| accepted.created.as_str()),
            caller_reference: accepted.map(|(accepted, _)| accepted.reference.as_str()),
            run_id: accepted.map(|_| self.run_id.as_str()),
            dry_run: self.dry_run,
            replayed: accepted.is_some_and(|(accepted, _)| accepted.replayed),
        });
        self.out.write(&receipts.collect::<Vec<_>>()).await
    }

    /// The CallerReference of a batch in this part of the run.
    pub fn reference(&self, batch: &Batch, part: u64) -> String {
        batch.reference(&self.distribution, &self.run_id, part)
    }
}
