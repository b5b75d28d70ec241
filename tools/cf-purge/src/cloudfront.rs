//! The four things that are asked of CloudFront, and what its answers mean.

use std::collections::HashMap;
use std::fmt::Display;
use std::time::Duration;

use anyhow::{Result, anyhow};
use aws_sdk_cloudfront::Client;
use aws_sdk_cloudfront::config::Builder;
use aws_sdk_cloudfront::config::retry::RetryConfig;
use aws_sdk_cloudfront::types::{InvalidationBatch, Paths};
use aws_types::SdkConfig;
use common::aws::Trouble;
use serde::Serialize;

use crate::batch::{Batch, Load};

/// Summaries in one page of ListInvalidations (its maximum).
const PAGE: i32 = 100;

/// Tries of one request to create, and the first pause between two: how long to go on is for the caller to say.
const TRIES: u32 = 3;
const BACKOFF: Duration = Duration::from_millis(300);

/// The code of a [`Trouble`] with an answer, or a request, that lacks something.
const INCOMPLETE: &str = "Incomplete";

/// One distribution.
pub struct CloudFront {
    client: Client,
    distribution: String,
    /// Sizes of invalidations that were in progress when last looked at; they never change.
    sizes: HashMap<String, Load>,
}

/// How far an invalidation is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub enum Status {
    /// Some edges may still have the old objects.
    InProgress,
    /// No edge has them.
    Completed,
}

impl Status {
    /// Servers for rehearsals write the word in capitals.
    fn of(text: &str) -> Self {
        if text.eq_ignore_ascii_case("Completed") { Self::Completed } else { Self::InProgress }
    }
}

/// An invalidation that CloudFront has accepted.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// Its id.
    pub id: String,
    /// How far it was when it was accepted. An earlier one with the same reference may be completed.
    pub status: Status,
    /// When it was created, in RFC 3339.
    pub created: String,
    /// Its CallerReference.
    pub reference: String,
    /// Whether an earlier run made it, and this one only repeats its receipts.
    pub replayed: bool,
}

impl CloudFront {
    /// Connects, and proves that the distribution is there and may be read.
    ///
    /// # Errors
    /// One line: no such distribution, no permission, no server.
    pub async fn connect(config: &SdkConfig, distribution: &str) -> Result<Self> {
        let client = Client::new(config);
        let probe = client.list_invalidations().distribution_id(distribution).max_items(1);
        let what = format!("ListInvalidations of {distribution}");
        let answer = probe.send().await;
        answer.map_err(|error| explained(Trouble::new(&what, &error)))?;
        Ok(Self { client, distribution: distribution.to_owned(), sizes: HashMap::new() })
    }

    /// What is in progress now, whoever started it.
    ///
    /// The list runs from the newest to the oldest (API reference, ListInvalidations), and is read up to the first page
    /// that has nothing in progress. CloudFront counts for itself what may be hidden behind that.
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn in_progress(&mut self) -> Result<Load, Trouble> {
        let what = format!("ListInvalidations of {}", self.distribution);
        let mut marker = None;
        let mut sizes = HashMap::new();
        loop {
            let request =
                self.client.list_invalidations().distribution_id(&self.distribution).max_items(PAGE);
            let page = request.set_marker(marker).send().await;
            let page = page.map_err(|error| Trouble::new(&what, &error))?;
            let list = page.invalidation_list();
            let summaries = list.map(|list| list.items()).unwrap_or_default();
            let mut found = false;
            for summary in
                summaries.iter().filter(|summary| Status::of(summary.status()) == Status::InProgress)
            {
                found = true;
                let size = match self.sizes.get(summary.id()) {
                    Some(&size) => size,
                    None => self.size(summary.id()).await?,
                };
                sizes.insert(summary.id().to_owned(), size);
            }
            marker = list
                .filter(|list| list.is_truncated())
                .and_then(|list| list.next_marker())
                .map(str::to_owned);
            if marker.is_none() || !found {
                break;
            }
        }
        self.sizes = sizes;
        Ok(self.sizes.values().copied().sum())
    }

    /// Creates an invalidation, or finds the one that has this reference and these paths already.
    ///
    /// # Errors
    /// A request that failed after a few quick tries: the caller knows how long to go on.
    pub async fn create(&mut self, batch: &Batch, reference: &str) -> Result<Accepted, Trouble> {
        let what = format!("CreateInvalidation of {} paths in {}", batch.paths.len(), self.distribution);
        let unmade = |error: &dyn Display| incomplete(&what, error);
        let paths = batch.paths.iter().map(|sent| sent.path.clone()).collect();
        let quantity = i32::try_from(batch.paths.len()).map_err(|error| unmade(&error))?;
        let paths = Paths::builder().quantity(quantity).set_items(Some(paths)).build();
        let content = InvalidationBatch::builder()
            .paths(paths.map_err(|error| unmade(&error))?)
            .caller_reference(reference)
            .build()
            .map_err(|error| unmade(&error))?;
        let request =
            self.client.create_invalidation().distribution_id(&self.distribution).invalidation_batch(content);
        let few = RetryConfig::standard().with_max_attempts(TRIES).with_initial_backoff(BACKOFF);
        let quick = Builder::new().retry_config(few);
        let answer = request.customize().config_override(quick).send().await;
        let answer = answer.map_err(|error| Trouble::new(&what, &error))?;
        let made = answer.invalidation().ok_or_else(|| unmade(&"the answer has no invalidation"))?;
        self.sizes.insert(made.id().to_owned(), batch.load());
        Ok(Accepted {
            id: made.id().to_owned(),
            status: Status::of(made.status()),
            created: made.create_time().to_string(),
            reference: reference.to_owned(),
            replayed: false,
        })
    }

    /// How far an invalidation is.
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn status(&self, id: &str) -> Result<Status, Trouble> {
        self.get(id).await.map(|got| Status::of(got.status()))
    }

    async fn size(&self, id: &str) -> Result<Load, Trouble> {
        let got = self.get(id).await?;
        let paths = got.invalidation_batch().and_then(|batch| batch.paths());
        let paths = paths.map(|paths| paths.items()).unwrap_or_default();
        Ok(paths.iter().map(|path| Load::of(path.ends_with('*'))).sum())
    }

    async fn get(&self, id: &str) -> Result<aws_sdk_cloudfront::types::Invalidation, Trouble> {
        let answer = self.client.get_invalidation().distribution_id(&self.distribution).id(id).send().await;
        let what = format!("GetInvalidation {id} of {}", self.distribution);
        let answer = answer.map_err(|error| Trouble::new(&what, &error))?;
        answer.invalidation.ok_or_else(|| incomplete(&what, &"the answer has no invalidation"))
    }
}

fn incomplete(what: &str, why: &dyn Display) -> Trouble {
    Trouble { code: INCOMPLETE.into(), message: format!("{what}: {why}"), status: None }
}

/// Whether the same request may succeed later.
pub fn passes(trouble: &Trouble) -> bool {
    match trouble.code.as_str() {
        "TooManyInvalidationsInProgress" => true,
        // An answer that makes no sense makes none the next time either.
        INCOMPLETE => false,
        // One that broke off is asked for again: the reference finds what was made.
        _ => trouble.is_retryable(),
    }
}

/// Whether CloudFront does not know an invalidation, or not any more.
pub fn is_unknown(trouble: &Trouble) -> bool {
    trouble.code == "NoSuchInvalidation"
}

/// The end of the run, with what to do about it where that is known.
pub fn explained(trouble: Trouble) -> anyhow::Error {
    let remedy = match trouble.code.as_str() {
        "NoSuchDistribution" => "check --distribution-id, and whose account it is in",
        "AccessDenied" | "AccessDeniedException" => {
            "needed are cloudfront:CreateInvalidation, GetInvalidation and ListInvalidations on the distribution"
        }
        "InvalidationBatchAlreadyExists" => {
            "other paths were purged under this reference before: give another --run-id"
        }
        _ => return trouble.into(),
    };
    anyhow!("{} ({remedy})", trouble.message)
}
