//! The command line, and the job it becomes.

mod help;

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::Result;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use aws_sdk_s3::types::{StorageClass, Tier};
use clap::{Args, Parser, ValueEnum};
use common::args::{Common, Rejects};
use common::aws::AwsArgs;
use common::s3::{S3Url, Shard};
use common::{Tool, Usage};
use jiff::Timestamp;

use crate::batch::args::{Batch, BatchFlags};
use crate::version::customer_key::CustomerKey;
use crate::version::headers::Replacement;
use help::EXAMPLES;

/// Make versions of S3 objects current again
///
/// Reads records with bucket, key and version_id, such as s3-versions writes, and makes each version the current one:
/// by removing the delete markers above it where that is enough, otherwise by copying it over the latest. A record
/// with a plan is carried out only while the key is as the plan found it. No data version is ever deleted. Each
/// record leaves with a field \"restore\" that says what was done and what an --undo needs.
#[derive(Debug, Parser)]
#[command(name = "s3-restore", version, after_long_help = EXAMPLES)]
pub struct Cli {
    /// Read records from FILE instead of stdin
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// Read CSV with the header key,version_id and perhaps bucket
    #[arg(long)]
    csv: bool,

    /// The bucket of records that name none
    #[arg(long, value_name = "NAME")]
    bucket: Option<String>,

    /// Only the records whose keys are in shard I of N, by the BLAKE3 of the key; I counts from 0
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,

    /// Read the output of an earlier run and put back what was current before
    #[arg(long, conflicts_with_all = ["csv", "method", "delete_newer", "to"])]
    undo: bool,

    /// How a version is made current again
    #[arg(long, value_enum, default_value_t)]
    method: Method,

    /// Carry out plans that delete a key born after the wanted instant, by adding a delete marker
    #[arg(long)]
    delete_newer: bool,

    /// Go on where a key was written to after its plan was made, or after a result in the journal
    #[arg(long)]
    force: bool,

    /// Restore aside: copy to this bucket, the whole key behind the prefix as it stands
    #[arg(long, value_name = "s3://BUCKET/PREFIX")]
    to: Option<S3Url>,

    /// Do everything but the writes
    #[arg(short = 'n', long)]
    dry_run: bool,

    /// Ask for archived versions to be readable for DAYS; a later run copies them
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(i32).range(1..))]
    thaw: Option<i32>,

    /// How quickly, and at what price
    #[arg(long, value_enum, default_value_t, requires = "thaw", value_name = "TIER")]
    thaw_tier: ThawTier,

    /// Keep intents and results in FILE: the same command with the same FILE resumes a run
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,

    /// Work on at most N records at once; fewer while S3 asks to slow down
    #[arg(long, value_name = "N", default_value = "64")]
    concurrency: NonZeroUsize,

    #[command(flatten)]
    rejects: Rejects,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    common: Common,
    // Flags after these would stand under their headings.
    #[command(flatten)]
    copy: CopyFlags,
    #[command(flatten)]
    batch: BatchFlags,
}

/// What a copy is given besides the content of its version.
#[derive(Args, Debug)]
#[command(next_help_heading = "Copies")]
struct CopyFlags {
    /// Keep the ACL too, which S3 does not copy
    #[arg(long)]
    acl: bool,

    /// Store copies in this class instead of that of their version
    #[arg(long, value_name = "CLASS", value_parser = storage_class)]
    storage_class: Option<StorageClass>,

    /// The key of versions encrypted with SSE-C: 32 bytes, or their base64 [env: DRKIT_SSE_C_KEY, in base64]
    #[arg(long, value_name = "FILE")]
    sse_c_key_file: Option<PathBuf>,

    /// Where metadata comes from: REPLACE drops ALL of the version's, and takes only what the next flags give
    #[arg(long, value_enum, default_value_t, ignore_case = true, value_name = "COPY|REPLACE")]
    metadata_directive: Directive,

    /// With REPLACE: the Content-Type
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,

    /// With REPLACE: the Cache-Control
    #[arg(long, value_name = "VALUE")]
    cache_control: Option<String>,

    /// With REPLACE: the Content-Disposition
    #[arg(long, value_name = "VALUE")]
    content_disposition: Option<String>,

    /// With REPLACE: the Content-Encoding
    #[arg(long, value_name = "VALUE")]
    content_encoding: Option<String>,

    /// With REPLACE: the Content-Language
    #[arg(long, value_name = "VALUE")]
    content_language: Option<String>,

    /// With REPLACE: the Expires, RFC 3339 with an offset, or @ and seconds since 1970
    #[arg(long, value_name = "TIME", value_parser = common::time::instant)]
    expires: Option<Timestamp>,

    /// With REPLACE: one entry of user metadata; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    metadata: Vec<(String, String)>,
}

/// How a version is made current again.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Method {
    /// Remove delete markers where nothing else lies above the version, otherwise copy
    #[default]
    Auto,
    /// Always copy
    Copy,
}

/// Where the metadata of a copy comes from.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
enum Directive {
    /// From the version
    #[default]
    #[value(name = "COPY")]
    Copy,
    /// From the command line alone
    #[value(name = "REPLACE")]
    Replace,
}

/// A retrieval tier of S3 Glacier (S3 API reference, RestoreObject).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
enum ThawTier {
    /// Hours
    #[default]
    #[value(alias = "Standard")]
    Standard,
    /// Half a day or more, the cheapest
    #[value(alias = "Bulk")]
    Bulk,
    /// Minutes, the dearest; not for DEEP_ARCHIVE
    #[value(alias = "Expedited")]
    Expedited,
}

/// What is to be done, with nothing left to parse.
pub struct Job {
    /// Nothing for stdin.
    pub file: Option<PathBuf>,
    pub csv: bool,
    pub undo: bool,
    pub bucket: Option<String>,
    pub shard: Option<Shard>,
    pub options: Options,
    pub journal: Option<PathBuf>,
    /// Nothing where copies are made here.
    pub batch: Option<Batch>,
    pub concurrency: NonZeroUsize,
    pub rejects: Rejects,
    pub aws: AwsArgs,
}

/// What holds for every record.
pub struct Options {
    pub method: Method,
    pub delete_newer: bool,
    pub force: bool,
    pub to: Option<S3Url>,
    pub dry_run: bool,
    pub acl: bool,
    pub storage_class: Option<StorageClass>,
    pub replacement: Option<Replacement>,
    pub customer_key: Option<CustomerKey>,
    pub thaw: Option<Thaw>,
}

/// A request for archived versions.
pub struct Thaw {
    /// How long the readable copy stays.
    pub days: i32,
    pub tier: Tier,
}

impl Tool for Cli {
    const CHANGES: bool = true;

    fn common(&self) -> &Common {
        &self.common
    }

    fn changes(&self) -> bool {
        !self.dry_run
    }
}

impl Cli {
    /// The job that the flags describe.
    ///
    /// # Errors
    /// [`Usage`] for flags that do not go together or an SSE-C key that is none.
    pub fn job(self) -> Result<Job> {
        let replacement = self.copy.replacement()?;
        let options = Options {
            method: self.method,
            delete_newer: self.delete_newer,
            force: self.force,
            to: self.to,
            dry_run: self.dry_run,
            acl: self.copy.acl,
            storage_class: self.copy.storage_class,
            replacement,
            customer_key: CustomerKey::find(self.copy.sse_c_key_file.as_deref())?,
            thaw: self.thaw.map(|days| Thaw { days, tier: self.thaw_tier.into() }),
        };
        Ok(Job {
            file: self.file,
            csv: self.csv,
            undo: self.undo,
            bucket: self.bucket,
            shard: self.shard,
            options,
            journal: self.journal,
            batch: self.batch.batch(),
            concurrency: self.concurrency,
            rejects: self.rejects,
            aws: self.aws,
        })
    }
}

impl CopyFlags {
    fn replacement(&self) -> Result<Option<Replacement>> {
        let given = [
            (self.content_type.is_some(), "--content-type"),
            (self.cache_control.is_some(), "--cache-control"),
            (self.content_disposition.is_some(), "--content-disposition"),
            (self.content_encoding.is_some(), "--content-encoding"),
            (self.content_language.is_some(), "--content-language"),
            (self.expires.is_some(), "--expires"),
            (!self.metadata.is_empty(), "--metadata"),
        ];
        match (self.metadata_directive, given.iter().find(|(given, _)| *given)) {
            (Directive::Copy, None) => return Ok(None),
            (Directive::Copy, Some((_, flag))) => {
                let message =
                    format!("{flag} needs --metadata-directive REPLACE, which drops all other metadata");
                return Err(Usage::Wrong(message).into());
            }
            (Directive::Replace, _) => {}
        }
        let expires =
            self.expires.map(|at| DateTime::from_secs(at.as_second()).fmt(DateTimeFormat::HttpDate));
        let metadata: HashMap<_, _> = self.metadata.iter().cloned().collect();
        Ok(Some(Replacement {
            content_type: self.content_type.clone(),
            cache_control: self.cache_control.clone(),
            content_disposition: self.content_disposition.clone(),
            content_encoding: self.content_encoding.clone(),
            content_language: self.content_language.clone(),
            expires: expires.transpose()?,
            metadata,
        }))
    }
}

impl From<ThawTier> for Tier {
    fn from(tier: ThawTier) -> Self {
        match tier {
            ThawTier::Standard => Self::Standard,
            ThawTier::Bulk => Self::Bulk,
            ThawTier::Expedited => Self::Expedited,
        }
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_ascii_lowercase(), value.to_owned())),
        _ => Err(format!("{text} is not NAME=VALUE")),
    }
}

fn storage_class(text: &str) -> Result<StorageClass, String> {
    StorageClass::try_parse(text)
        .map_err(|_| format!("{text} is not one of {}", StorageClass::values().join(", ")))
}
