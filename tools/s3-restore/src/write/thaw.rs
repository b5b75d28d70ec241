//! Archived versions, whose content cannot be read before it is asked for.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{GlacierJobParameters, RestoreRequest, StorageClass};
use common::aws::Trouble;
use common::reject::{Failure, Reject};

use crate::input::Place;
use crate::refuse;
use crate::restore::Restorer;

/// Whether the content of a version can be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Archive {
    /// It can, or a thawed copy of it can.
    Readable,
    /// It was asked for and is on its way.
    Thawing,
    /// It was not asked for.
    Frozen,
}

impl Archive {
    /// As HEAD tells it (S3 API reference, HeadObject: `x-amz-restore` and `x-amz-archive-status`).
    pub fn of(head: &HeadObjectOutput) -> Self {
        let class = head.storage_class.as_ref();
        let archived = matches!(class, Some(StorageClass::Glacier | StorageClass::DeepArchive));
        let thaw = head.restore.as_deref().unwrap_or_default();
        match (archived || head.archive_status.is_some(), thaw) {
            (false, _) => Self::Readable,
            (true, thaw) if thaw.contains("ongoing-request=\"true\"") => Self::Thawing,
            (true, thaw) if thaw.contains("ongoing-request=\"false\"") => Self::Readable,
            (true, _) => Self::Frozen,
        }
    }
}

impl Restorer {
    /// Sees to it that an archived version becomes readable, as far as the user wants that.
    ///
    /// # Errors
    /// The reject of an archived version without `--thaw`.
    pub async fn thaw(&self, place: &Place, id: &str, head: &HeadObjectOutput) -> Result<(), Failure> {
        let thawing = Archive::of(head) == Archive::Thawing;
        let Some(thaw) = &self.options.thaw else {
            let class = head.storage_class.as_ref().map_or("an archive", StorageClass::as_str);
            let message = format!("{place}: version {id} is archived in {class}");
            return Err(Failure::Reject(match thawing {
                true => Reject::retryable("archived", format!("{message} and being thawed: try again later")),
                false => Reject::new("archived", format!("{message}: give --thaw DAYS to ask for it")),
            }));
        };
        if thawing || self.options.dry_run {
            return Ok(());
        }
        // An INTELLIGENT_TIERING object comes back for good (S3 API reference, RestoreObject).
        let days = (head.storage_class != Some(StorageClass::IntelligentTiering)).then_some(thaw.days);
        let parameters = GlacierJobParameters::builder().tier(thaw.tier.clone()).build();
        let request =
            RestoreRequest::builder().set_days(days).set_glacier_job_parameters(parameters.ok()).build();
        let restore = self.client.restore_object().bucket(&place.bucket).key(&place.key).version_id(id);
        match restore.restore_request(request).send().await {
            Ok(_) => Ok(()),
            Err(err) => {
                let trouble = Trouble::new(&format!("RestoreObject {place} version {id}"), &err);
                match trouble.code.as_str() {
                    "RestoreAlreadyInProgress" => Ok(()),
                    _ => Err(refuse::trouble(trouble)),
                }
            }
        }
    }
}
