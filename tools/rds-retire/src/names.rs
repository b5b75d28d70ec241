//! Names that a repeat finds again: they depend on nothing but the cluster.

/// Bytes in the identifier of a snapshot (API reference, CreateDBClusterSnapshot).
const LIMIT: usize = 63;

/// The snapshots of one cluster's retirement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Names {
    /// The one that is made before anything is deleted.
    pub snapshot: String,
    /// The one that RDS makes while it deletes the cluster.
    pub last: String,
}

impl Names {
    /// Those of the cluster that has this name and this `DbClusterResourceId`. A cluster that is created later under the
    /// same name has another resource id, and so other snapshots.
    pub fn of(cluster: &str, resource_id: &str) -> Self {
        Self { snapshot: name(cluster, "retire", resource_id), last: name(cluster, "final", resource_id) }
    }
}

fn name(cluster: &str, role: &str, resource_id: &str) -> String {
    let id = resource_id.strip_prefix("cluster-").unwrap_or(resource_id).to_ascii_lowercase();
    let tail = format!("-{role}-{id}");
    let room = LIMIT.saturating_sub(tail.len());
    let head = cluster.get(..room).unwrap_or(cluster).trim_end_matches('-');
    format!("{head}{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "cluster-ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    #[test]
    fn a_name_says_the_cluster_the_role_and_which_of_its_name_it_was() {
        let names = Names::of("app-prod", ID);
        assert_eq!(names.snapshot, "app-prod-retire-abcdefghijklmnopqrstuvwxyz");
        assert_eq!(names.last, "app-prod-final-abcdefghijklmnopqrstuvwxyz");
        assert_ne!(names, Names::of("app-prod", "cluster-ZBCDEFGHIJKLMNOPQRSTUVWXYZ"));
    }

    proptest! {
        #[test]
        fn every_name_is_one_that_rds_takes(cluster in "[a-z](-?[a-z0-9]){0,31}") {
            let Names { snapshot, last } = Names::of(&cluster, ID);
            prop_assert_ne!(&snapshot, &last);
            for name in [snapshot, last] {
                prop_assert!(name.len() <= LIMIT && !name.contains("--") && !name.ends_with('-'), "{name}");
            }
        }
    }
}
