//! What to do about the errors of RDS.

use anyhow::{Result, anyhow};
use common::aws::Trouble;
use common::wait::Look;

/// The end of the run, with what to do about it where that is known. The codes are those of the API's service model.
pub fn explained(trouble: Trouble) -> anyhow::Error {
    let remedy = match trouble.code.as_str() {
        "AccessDenied" | "AccessDeniedException" => "the README lists the permissions that are needed",
        "DBClusterNotFoundFault" => "check the name, --region and --profile",
        "DBClusterAutomatedBackupNotFoundFault" => {
            "its backups were not retained, or their retention is over"
        }
        "DBClusterQuotaExceededFault" | "InstanceQuotaExceeded" | "StorageQuotaExceeded" => {
            "delete what is not needed, or ask for a higher quota in Service Quotas"
        }
        "DBClusterParameterGroupNotFound" => "give one that is there with --cluster-parameter-group",
        "DBParameterGroupNotFound" => "give one that is there with --instance-parameter-group",
        "DBSubnetGroupNotFoundFault" | "DBSubnetGroupDoesNotCoverEnoughAZs" | "InvalidSubnet" => {
            "give another --subnet-group"
        }
        "InvalidVPCNetworkStateFault" => "see that --subnet-group and --security-group are of one VPC",
        "InvalidDBClusterStateFault" => "wait until the cluster is available, and run the same command again",
        "InvalidRestoreFault" => "see that the subnet group is in a VPC and the time is within the window",
        "KMSKeyNotAccessibleFault" => "enable the key and allow its use, or give another with --kms-key",
        "InsufficientStorageClusterCapacity" | "InsufficientDBClusterCapacityFault" => {
            "try again later, or with a --subnet-group in other Availability Zones"
        }
        "InsufficientDBInstanceCapacity" => "try again later, or with another --instance-class",
        "DBClusterRoleQuotaExceeded" => "the source has more roles than a new cluster may have",
        "DomainNotFoundFault" => "the directory of the source is gone",
        "NetworkTypeNotSupported" => "give the --network-type that the subnet group supports",
        "StorageTypeNotSupported" | "StorageTypeNotAvailableFault" => "give another --storage-type",
        _ => return trouble.into(),
    };
    anyhow!("{} ({remedy})", trouble.message)
}

/// A look that failed: what may pass is looked at again, the rest ends the run.
///
/// # Errors
/// What does not pass.
pub fn missed<T>(trouble: Trouble) -> Result<Look<T>> {
    if trouble.is_retryable() { Ok(Look::Missed(trouble.message)) } else { Err(explained(trouble)) }
}
