//! Flags that give the new cluster another setting than the source has.

use anyhow::Result;
use clap::{Args, ValueEnum};
use common::Usage;

use crate::cli::identifier;
use crate::mark;

/// Settings for the new cluster and its writer.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Settings that differ from the source")]
pub struct Overrides {
    /// Put the cluster into this DB subnet group
    #[arg(long, value_name = "NAME")]
    pub subnet_group: Option<String>,

    /// Put the cluster behind this VPC security group; can be given several times
    #[arg(long, value_name = "ID")]
    pub security_group: Vec<String>,

    /// Use this DB cluster parameter group
    #[arg(long, value_name = "NAME")]
    pub cluster_parameter_group: Option<String>,

    /// Listen on this port
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(i32).range(1150..=65535))]
    pub port: Option<i32>,

    /// The storage type
    #[arg(long, value_enum, value_name = "TYPE")]
    pub storage_type: Option<StorageType>,

    /// The least capacity of serverless instances, in ACUs
    #[arg(long, value_name = "ACU", value_parser = acu)]
    pub min_acu: Option<f64>,

    /// The most capacity of serverless instances, in ACUs
    #[arg(long, value_name = "ACU", value_parser = acu)]
    pub max_acu: Option<f64>,

    /// Protect the cluster from deletion
    #[arg(long, conflicts_with = "no_deletion_protection")]
    pub deletion_protection: bool,

    /// Do not protect the cluster from deletion
    #[arg(long)]
    pub no_deletion_protection: bool,

    /// Let roles log in with IAM
    #[arg(long, conflicts_with = "no_iam_authentication")]
    pub iam_authentication: bool,

    /// Do not let roles log in with IAM
    #[arg(long)]
    pub no_iam_authentication: bool,

    /// Copy the tags of the cluster to its snapshots
    #[arg(long, conflicts_with = "no_copy_tags_to_snapshot")]
    pub copy_tags_to_snapshot: bool,

    /// Do not copy the tags of the cluster to its snapshots
    #[arg(long)]
    pub no_copy_tags_to_snapshot: bool,

    /// Export this log to CloudWatch Logs; can be given several times
    #[arg(long, value_name = "LOG")]
    pub log_export: Vec<String>,

    /// The network type of the cluster
    #[arg(long, value_enum, value_name = "TYPE")]
    pub network_type: Option<NetworkType>,

    /// Whether the cluster is enrolled in RDS Extended Support, which is paid for
    #[arg(long, value_enum, value_name = "TYPE")]
    pub engine_lifecycle_support: Option<LifecycleSupport>,

    /// Keep so many seconds for backtracking (Aurora MySQL)
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(0..=259_200))]
    pub backtrack_window: Option<i64>,

    /// Retain automated backups for so many days
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(i32).range(1..=35))]
    pub backup_retention_period: Option<i32>,

    /// Encrypt the cluster with this KMS key instead of the source's
    #[arg(long, value_name = "KEY")]
    pub kms_key: Option<String>,

    /// Add a tag, or give one of the source another value; can be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = mark::tag)]
    pub tag: Vec<(String, String)>,

    /// Leave a tag of the source out; can be given several times
    #[arg(long, value_name = "KEY")]
    pub drop_tag: Vec<String>,

    /// Let RDS keep the master password in Secrets Manager; it gets a new one
    #[arg(long)]
    pub manage_master_user_password: bool,

    /// The name of the writer instead of the cluster's with -writer
    #[arg(long, value_name = "INSTANCE", value_parser = identifier)]
    pub writer_id: Option<String>,

    /// The class of the writer, such as db.r6g.large, or `same` for that of the source's writer [default: db.serverless]
    #[arg(long, value_name = "CLASS", value_parser = class)]
    pub instance_class: Option<Class>,

    /// Use this DB parameter group for the writer
    #[arg(long, value_name = "NAME")]
    pub instance_parameter_group: Option<String>,

    /// Use this certificate authority for the writer
    #[arg(long, value_name = "ID")]
    pub ca_certificate_identifier: Option<String>,
}

/// What the writer is made of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Class {
    /// As the source's writer.
    Same,
    /// This one.
    Named(String),
}

/// StorageType of an Aurora cluster.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "kebab-case")]
pub enum StorageType {
    /// Standard
    Aurora,
    /// I/O-Optimized
    AuroraIopt1,
}

/// NetworkType.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "UPPER")]
pub enum NetworkType {
    /// IPv4 only
    Ipv4,
    /// IPv4 and IPv6
    Dual,
}

/// EngineLifecycleSupport.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "kebab-case")]
pub enum LifecycleSupport {
    /// Enrolled
    OpenSourceRdsExtendedSupport,
    /// Not enrolled
    OpenSourceRdsExtendedSupportDisabled,
}

/// The word of the API for a value.
pub fn word(value: Option<impl ValueEnum>) -> Option<String> {
    value.as_ref().and_then(ValueEnum::to_possible_value).map(|value| value.get_name().to_owned())
}

/// A choice of two flags, where one was given.
pub fn either(yes: bool, no: bool) -> Option<bool> {
    (yes || no).then_some(yes)
}

impl Overrides {
    /// Refuses what does not go together.
    ///
    /// # Errors
    /// [`Usage`].
    pub fn check(&self) -> Result<()> {
        if let (Some(min), Some(max)) = (self.min_acu, self.max_acu)
            && min > max
        {
            return Err(Usage::Wrong("--min-acu is more than --max-acu".into()).into());
        }
        Ok(())
    }
}

fn acu(text: &str) -> Result<f64, String> {
    let halves = |acu: &f64| (0.0..=256.0).contains(acu) && (acu * 2.0).fract() == 0.0;
    let wrong = || format!("{text} is no capacity: 0 to 256 in steps of 0.5");
    text.parse().ok().filter(halves).ok_or_else(wrong)
}

fn class(text: &str) -> Result<Class, String> {
    match text {
        "same" => Ok(Class::Same),
        _ if text.starts_with("db.") => Ok(Class::Named(text.to_owned())),
        _ => Err(format!("{text:?} is no class, as in db.r6g.large, and not `same`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacities_come_in_halves() {
        assert_eq!(acu("0.5"), Ok(0.5));
        assert_eq!(acu("16"), Ok(16.0));
        for wrong in ["", "-1", "0.3", "257", "NaN", "inf"] {
            assert!(acu(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn values_are_spelled_as_the_service_spells_them() {
        assert_eq!(word(Some(NetworkType::Dual)), Some("DUAL".into()));
        assert_eq!(word(Some(NetworkType::Ipv4)), Some("IPV4".into()));
        assert_eq!(word(Some(StorageType::AuroraIopt1)), Some("aurora-iopt1".into()));
        assert_eq!(
            word(Some(LifecycleSupport::OpenSourceRdsExtendedSupportDisabled)),
            Some("open-source-rds-extended-support-disabled".into())
        );
        assert_eq!(word(None::<StorageType>), None);
    }
}
