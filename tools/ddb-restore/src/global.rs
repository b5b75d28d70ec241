//! What a restore means for a global table.

use aws_sdk_dynamodb::types::TableDescription;

/// The regions of the other replicas, or nothing where the table is no global one.
pub fn regions(table: &TableDescription) -> Option<Vec<&str>> {
    let regions: Vec<_> = table.replicas().iter().filter_map(|replica| replica.region_name()).collect();
    // Of the older kind the description names no replicas (API reference, TableDescription).
    let is_global = !regions.is_empty() || table.global_table_version() == Some("2017.11.29");
    is_global.then_some(regions)
}

/// What has to be known of it, in one sentence.
pub fn note(from: &str, to: &str, regions: &[&str]) -> String {
    let others = if regions.is_empty() { "its other regions".to_owned() } else { regions.join(", ") };
    format!(
        "{from} is a global table: {to} is an independent table in this region, without replicas; {others} go on with \
         {from}; replicas have to be added to {to}, and every region led to it"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::types::ReplicaDescription;

    #[test]
    fn a_global_table_has_replicas_or_the_old_version() {
        let replica = ReplicaDescription::builder().region_name("eu-west-1").build();
        let table = TableDescription::builder;
        assert_eq!(regions(&table().build()), None);
        assert_eq!(regions(&table().global_table_version("2019.11.21").build()), None);
        assert_eq!(regions(&table().replicas(replica).build()), Some(vec!["eu-west-1"]));
        assert_eq!(regions(&table().global_table_version("2017.11.29").build()), Some(vec![]));
        assert!(note("a", "b", &[]).contains("its other regions go on with a"));
    }
}
