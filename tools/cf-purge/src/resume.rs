//! What earlier runs with the same journal left: what they planned is finished, what they did is told again.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::Result;

use crate::cloudfront::{explained, is_unknown};
use crate::covered::Covered;
use crate::send::Sender;

impl Sender {
    /// Sends what an earlier run was about to send, under the same references, and repeats the receipts of what
    /// CloudFront accepted. Returns the keys that need nothing more.
    ///
    /// # Errors
    /// As [`Sender::send`], or CloudFront does not say how far an invalidation is.
    pub async fn resume(&mut self) -> Result<Covered> {
        let kept = Arc::clone(&self.kept);
        let earlier = kept.earlier()?;
        self.part = earlier.parts;
        self.budget.count(earlier.paid);
        let paths: usize = earlier.planned.iter().map(|one| one.batch.paths.len()).sum();
        if paths > 0 {
            let cost = self.budget.spend(paths as u64)?;
            tracing::info!("planned by an earlier run: paths and wildcards {paths}, cost at most {cost}");
        }
        let mut gone = HashSet::new();
        for made in kept.made() {
            let (batch, mut accepted) = made?;
            if self.ctx.stop.is_cancelled() {
                return Ok(Covered::default());
            }
            accepted.status = match self.cloudfront.status(&accepted.id).await {
                Ok(status) => status,
                Err(trouble) if is_unknown(&trouble) => {
                    tracing::warn!(
                        "the invalidation {} of an earlier run is superseded: CloudFront does not know it any more, and \
                         its {} keys are purged again as they come",
                        accepted.id,
                        batch.keys()
                    );
                    gone.insert(accepted.reference);
                    continue;
                }
                Err(trouble) => return Err(explained(trouble)),
            };
            self.tell(batch, accepted).await?;
        }
        let covered = kept.covered(&earlier, &gone)?;
        for planned in earlier.planned {
            if !self.make(planned).await? {
                break;
            }
        }
        Ok(covered)
    }
}
