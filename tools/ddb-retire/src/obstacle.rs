//! What stands in the way of a retirement, apart from requests.

use aws_sdk_dynamodb::types::{TableDescription, TableStatus};

/// Why the table must not be retired as it is: one sentence for each reason.
pub fn of(table: &TableDescription, lift_protection: bool) -> Vec<String> {
    let mut reasons = Vec::new();
    let name = table.table_name().unwrap_or_default();
    match table.table_status() {
        Some(TableStatus::Active | TableStatus::Creating | TableStatus::Updating | TableStatus::Deleting) => {
        }
        status => reasons.push(format!(
            "{name} is {}: it can be neither backed up nor exported",
            status.map_or("in no known state", TableStatus::as_str)
        )),
    }
    if table.restore_summary().is_some_and(|restore| restore.restore_in_progress()) {
        reasons.push(format!("{name} is still being restored"));
    }
    if table.deletion_protection_enabled() == Some(true) && !lift_protection {
        reasons.push("deletion protection is on: say --lift-protection to turn it off".into());
    }
    let regions: Vec<_> = table.replicas().iter().filter_map(|replica| replica.region_name()).collect();
    if !regions.is_empty() || !table.global_table_witnesses().is_empty() {
        reasons.push(format!(
            "{name} is a replica of a global table ({}): the others keep its data and go on writing it here; take this \
             replica out of the global table first (aws dynamodb update-table --replica-updates)",
            regions.join(", ")
        ));
    } else if table.global_table_version() == Some("2017.11.29") {
        reasons.push(format!(
            "{name} is a replica of a global table (version 2017.11.29): take it out of that first"
        ));
    }
    reasons
}

/// Why the table that takes the other's place is not ready for that.
pub fn of_replacement(
    name: &str,
    found: Option<&TableDescription>,
    recovers: bool,
    old_recovers: bool,
) -> Option<String> {
    let Some(found) = found else {
        return Some(format!("there is no table {name} (--restored)"));
    };
    let is_restoring = found.restore_summary().is_some_and(|restore| restore.restore_in_progress());
    match found.table_status() {
        Some(TableStatus::Active) if is_restoring => Some(format!("{name} is still being restored")),
        Some(TableStatus::Active) if old_recovers && !recovers => {
            Some(format!("{name} has no point-in-time recovery, and the table that it replaces has"))
        }
        Some(TableStatus::Active) => None,
        status => {
            Some(format!("{name} is {}, not ACTIVE", status.map_or("in no known state", TableStatus::as_str)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::types::builders::TableDescriptionBuilder;
    use aws_sdk_dynamodb::types::{GlobalTableWitnessDescription, ReplicaDescription, RestoreSummary};
    use aws_smithy_types::DateTime;

    fn table() -> TableDescriptionBuilder {
        TableDescription::builder().table_name("old").table_status(TableStatus::Active)
    }

    fn restore(goes_on: bool) -> RestoreSummary {
        let summary = RestoreSummary::builder().restore_in_progress(goes_on);
        summary.restore_date_time(DateTime::from_secs(1)).build().unwrap()
    }

    #[test]
    fn each_reason_is_told() {
        assert_eq!(of(&table().restore_summary(restore(false)).build(), false), [""; 0]);
        let witness = GlobalTableWitnessDescription::builder().region_name("us-west-2").build();
        for (table, expected) in [
            (table().table_status(TableStatus::Archived), "old is ARCHIVED"),
            (table().restore_summary(restore(true)), "still being restored"),
            (table().deletion_protection_enabled(true), "--lift-protection"),
            (table().replicas(ReplicaDescription::builder().region_name("eu-west-1").build()), "(eu-west-1)"),
            (table().global_table_witnesses(witness), "replica of a global table"),
            (table().global_table_version("2017.11.29"), "version 2017.11.29"),
        ] {
            let reasons = of(&table.build(), false);
            assert!(matches!(&reasons[..], [one] if one.contains(expected)), "{expected}: {reasons:?}");
        }
        assert_eq!(of(&table().deletion_protection_enabled(true).build(), true), [""; 0]);
        assert_eq!(of(&table().global_table_version("2019.11.21").build(), false), [""; 0]);
    }

    #[test]
    fn a_replacement_serves() {
        assert_eq!(of_replacement("new", Some(&table().build()), true, true), None);
        assert_eq!(of_replacement("new", Some(&table().build()), false, false), None);
        let creating = table().table_status(TableStatus::Creating).build();
        let restoring = table().restore_summary(restore(true)).build();
        for (found, expected) in [
            (None, "there is no table new"),
            (Some(&creating), "new is CREATING, not ACTIVE"),
            (Some(&restoring), "new is still being restored"),
            (Some(&table().build()), "no point-in-time recovery"),
        ] {
            let reason = of_replacement("new", found, false, true);
            assert!(reason.as_ref().is_some_and(|reason| reason.contains(expected)), "{reason:?}");
        }
    }
}
