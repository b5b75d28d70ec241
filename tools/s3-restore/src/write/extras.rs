//! What HEAD does not tell of a version: its tags and its ACL.

use aws_sdk_s3::operation::get_object_acl::GetObjectAclOutput;
use aws_sdk_s3::types::AccessControlPolicy;
use common::aws::Trouble;
use common::reject::{Failure, Reject};

use crate::input::Place;
use crate::refuse;
use crate::restore::Restorer;
use crate::write::copy::Wanted;

impl Restorer {
    /// The tags of a version, sorted; nothing where the store has no tags.
    pub async fn tags(&self, place: &Place, id: &str) -> Result<Option<Vec<(String, String)>>, Failure> {
        match self.ask_tags(place, id).await {
            Ok(tags) => Ok(Some(tags)),
            Err(trouble) if has_none(&trouble) => Ok(None),
            Err(trouble) => Err(refuse::trouble(trouble)),
        }
    }

    /// Whether the latest has the tags of the wanted version. Who may not read tags is left with their number.
    pub async fn same_tags(
        &self,
        wanted: &Wanted<'_>,
        target: &Place,
        latest: &str,
        tag_count: Option<i32>,
    ) -> Result<bool, Failure> {
        let source = self.ask_tags(wanted.place, wanted.version_id);
        match tokio::join!(source, self.ask_tags(target, latest)) {
            (Ok(one), Ok(two)) => Ok(one == two),
            (Err(trouble), _) | (_, Err(trouble)) => match trouble.status {
                _ if has_none(&trouble) => Ok(true),
                Some(403) => Ok(wanted.tag_count.unwrap_or_default() == tag_count.unwrap_or_default()),
                _ => Err(refuse::trouble(trouble)),
            },
        }
    }

    async fn ask_tags(&self, place: &Place, id: &str) -> Result<Vec<(String, String)>, Trouble> {
        let ask = self.client.get_object_tagging().bucket(&place.bucket).key(&place.key).version_id(id);
        let what = format!("GetObjectTagging {place} version {id}");
        let answer = ask.send().await.map_err(|err| Trouble::new(&what, &err))?;
        let mut tags: Vec<_> = answer.tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect();
        tags.sort_unstable();
        Ok(tags)
    }

    /// Whether the latest has the ACL of the wanted version.
    pub async fn same_acl(&self, wanted: &Wanted<'_>, target: &Place, latest: &str) -> Result<bool, Failure> {
        let source = self.ask_acl(wanted.place, wanted.version_id);
        match tokio::join!(source, self.ask_acl(target, latest)) {
            (Ok(one), Ok(two)) => Ok(one.grants == two.grants && one.owner == two.owner),
            (Err(trouble), _) | (_, Err(trouble)) if has_none(&trouble) => Ok(true),
            (Err(trouble), _) | (_, Err(trouble)) => Err(refuse::trouble(trouble)),
        }
    }

    /// Gives a copy the ACL of its source.
    ///
    /// # Errors
    /// A reject that names the copy, which stays as it is.
    pub async fn copy_acl(&self, wanted: &Wanted<'_>, target: &Place, copy: &str) -> Result<(), Failure> {
        match self.put_acl(wanted, target, copy).await {
            Ok(()) => Ok(()),
            // A bucket that its owner owns whole has no ACLs to lose.
            Err(trouble) if has_none(&trouble) => Ok(()),
            // Not even what ends the run ends it here: the copy is made, and a run that ends says nothing of it.
            Err(trouble) => {
                let message = format!("{}; the copy, version {copy}, is without it", trouble.message);
                let retryable = trouble.is_retryable() || trouble.is_fatal();
                Err(Reject { kind: "acl-not-kept", retryable, message }.into())
            }
        }
    }

    async fn put_acl(&self, wanted: &Wanted<'_>, target: &Place, copy: &str) -> Result<(), Trouble> {
        let GetObjectAclOutput { grants, owner, .. } = self.ask_acl(wanted.place, wanted.version_id).await?;
        let policy = AccessControlPolicy::builder().set_grants(grants).set_owner(owner).build();
        let put = self.client.put_object_acl().bucket(&target.bucket).key(&target.key).version_id(copy);
        let what = format!("PutObjectAcl {target} version {copy}");
        let sent = put.access_control_policy(policy).send().await;
        sent.map(|_| ()).map_err(|err| Trouble::new(&what, &err))
    }

    async fn ask_acl(&self, place: &Place, id: &str) -> Result<GetObjectAclOutput, Trouble> {
        let ask = self.client.get_object_acl().bucket(&place.bucket).key(&place.key).version_id(id);
        let what = format!("GetObjectAcl {place} version {id}");
        ask.send().await.map_err(|err| Trouble::new(&what, &err))
    }
}

/// Whether the store, or the bucket, does not have what was asked for at all.
fn has_none(trouble: &Trouble) -> bool {
    trouble.status == Some(501)
        || matches!(
            trouble.code.as_str(),
            "NotImplemented" | "AccessControlListNotSupported" | "NoSuchTagSet"
        )
}
