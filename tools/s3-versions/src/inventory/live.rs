//! `--verify-live`: the answer of a key as the bucket gives it now.

use anyhow::Result;
use aws_sdk_s3::Client;
use common::s3::{Lister, Plan};
use common::{Failure, Reject};
use serde::Deserialize;

use super::answers::Form;
use crate::keys;
use crate::view::Writer;

/// The bucket that the report tells of.
pub struct Live {
    pub client: Client,
    pub form: Form,
}

/// A key as the bucket has it.
pub struct Checked {
    /// Its record, unless it has none any more, as a line.
    pub lines: Vec<u8>,
    pub records: u64,
    /// Whether the report says otherwise, or could not say it.
    pub differs: bool,
}

/// What makes two records ask for the same.
#[derive(Deserialize, PartialEq)]
struct Gist {
    version_id: String,
    plan: Option<Plan>,
}

impl Live {
    /// Lists the versions of exactly this key and answers anew; `line` is the report's answer, if it has one.
    ///
    /// # Errors
    /// A key that is gone or may not be listed is rejected.
    pub async fn check(&self, key: &str, line: Option<&[u8]>) -> Result<Checked, Failure> {
        let Form { bucket, view, select, .. } = &self.form;
        let mut lister = Lister::of_key(self.client.clone(), bucket, key);
        let mut writer = Writer::new(bucket, *view, select);
        let mut found = false;
        while let Some(entries) =
            lister.next().await.map_err(|trouble| keys::refused(trouble, bucket, Some(bucket)))?
        {
            found |= !entries.is_empty();
            for entry in entries {
                writer.push(entry)?;
            }
            if found && writer.is_settled(key) {
                break;
            }
        }
        if !found {
            let message = format!("s3://{bucket}/{key} is in the report and has no version any more");
            return Err(Reject::new("no-such-key", message).into());
        }
        writer.finish()?;
        let (lines, records) = writer.take();
        let differs = gist(line)? != gist((records > 0).then_some(&lines))?;
        Ok(Checked { lines, records, differs })
    }
}

fn gist(line: Option<&[u8]>) -> Result<Option<Gist>> {
    let read = line.map(serde_json::from_slice::<Gist>).transpose()?;
    Ok(read.map(|mut gist| {
        // A report need not have ETags.
        if let Some(plan) = &mut gist.plan {
            plan.current_etag = None;
        }
        gist
    }))
}
