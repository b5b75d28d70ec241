//! The flags of `--batch`, and what they ask for.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use common::s3::S3Url;

/// What S3 Batch Operations is to do.
#[derive(Args, Debug)]
#[command(next_help_heading = "S3 Batch Operations")]
pub struct BatchFlags {
    /// Copy by jobs of S3 Batch Operations, with manifests and reports under this prefix
    #[arg(
        long,
        value_name = "s3://BUCKET/PREFIX",
        requires = "batch_role",
        conflicts_with_all = ["undo", "method", "force", "to", "acl", "metadata_directive", "thaw", "journal"],
    )]
    batch: Option<S3Url>,

    /// The IAM role that the jobs run as; they belong to its account
    #[arg(long, value_name = "ARN", requires = "batch")]
    batch_role: Option<Role>,

    /// Let jobs run at once; without this each waits until it is confirmed
    #[arg(long, requires = "batch")]
    confirm: bool,

    /// Wait for the jobs, and write a record or a reject for each version that they were given
    #[arg(long, requires = "batch")]
    wait: bool,

    /// The longest that --wait waits for all jobs
    #[arg(long, requires = "wait", value_name = "TIME", default_value = "24h", value_parser = common::time::length)]
    timeout: Duration,

    /// Ask S3 for nothing that records say: for more keys than can be looked at one by one
    #[arg(long, requires = "batch")]
    trust_records: bool,

    /// The folder for records that no job can carry out
    #[arg(long, value_name = "FOLDER", requires = "batch", default_value = ".")]
    apart: PathBuf,
}

/// The same, ready to be done.
#[derive(Debug)]
pub struct Batch {
    /// Where manifests and reports go.
    pub place: S3Url,
    pub role: Role,
    /// Whether jobs run without being confirmed.
    pub confirm: bool,
    /// How long to wait for the jobs; nothing where nobody waits.
    pub wait: Option<Duration>,
    /// Whether size and storage class are those of the records, and no version is looked at before or after.
    pub trust_records: bool,
    /// The folder for what is set apart.
    pub apart: PathBuf,
}

impl BatchFlags {
    /// What they ask for, where they ask for jobs at all.
    pub fn batch(self) -> Option<Batch> {
        let (place, role) = self.batch.zip(self.batch_role)?;
        Some(Batch {
            place,
            role,
            confirm: self.confirm,
            wait: self.wait.then_some(self.timeout),
            trust_records: self.trust_records,
            apart: self.apart,
        })
    }
}

/// `arn:PARTITION:iam::ACCOUNT:role/NAME`. A job can only be given a role of its own account, so the account of the jobs
/// is read from it (S3 Control API reference, CreateJob).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Role {
    pub arn: String,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
    /// Twelve digits.
    pub account: String,
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<_> = text.splitn(6, ':').collect();
        match parts[..] {
            ["arn", partition, "iam", "", account, name]
                if !partition.is_empty()
                    && account.len() == 12
                    && account.bytes().all(|digit| digit.is_ascii_digit())
                    && name.strip_prefix("role/").is_some_and(|name| !name.is_empty()) =>
            {
                Ok(Self { arn: text.into(), partition: partition.into(), account: account.into() })
            }
            _ => Err(format!("{text} is no role's ARN, as in arn:aws:iam::123456789012:role/batch")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_tells_account_and_partition() {
        let role: Role = "arn:aws-cn:iam::123456789012:role/path/batch".parse().unwrap();
        assert_eq!((role.partition.as_str(), role.account.as_str()), ("aws-cn", "123456789012"));
        for wrong in [
            "batch",
            "arn:aws:iam::12345678901:role/batch",
            "arn:aws:iam::123456789012:user/batch",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:s3:::bucket",
            "arn::iam::123456789012:role/batch",
        ] {
            assert!(wrong.parse::<Role>().is_err(), "{wrong}");
        }
    }
}
