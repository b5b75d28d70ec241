//! Names that a repeat finds again: they depend on nothing but the table.

use common::s3::S3Url;

/// Bytes in the name of a backup (API reference, CreateBackup).
const LIMIT: usize = 255;

/// The backup of the table that has this name and this `TableId`. A table that is created later under the same name has
/// another id, and so another backup.
pub fn backup(table: &str, table_id: &str) -> String {
    let tail = format!("-retire-{table_id}");
    let head = table.get(..LIMIT.saturating_sub(tail.len())).unwrap_or(table);
    format!("{head}{tail}")
}

/// The client token of the `nth` export of a table: the same for a request that is sent again, and another once the export
/// is known. It may hold anything but `$` (API reference, ExportTableToPointInTime).
pub fn client_token(table_id: &str, place: &S3Url, nth: usize) -> String {
    format!("ddb-retire {table_id} {place} {nth}").replace('$', "%24")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "3f1a7d1c-90b6-4c1e-8f43-0a7a54b7b0d7";

    #[test]
    fn a_token_is_new_only_for_another_export() {
        let token = |place: &str, nth| client_token(ID, &place.parse().unwrap(), nth);
        assert_eq!(token("s3://b/a$", 1), token("s3://b/a$", 1));
        assert_ne!(token("s3://b/a", 1), token("s3://b/a", 2));
        assert_ne!(token("s3://b/a", 1), token("s3://b/b", 1));
        assert!(!token("s3://b/a$", 1).contains('$'));
    }

    proptest! {
        #[test]
        fn every_name_is_one_that_dynamodb_takes(table in "[a-zA-Z0-9_.-]{3,255}") {
            let name = backup(&table, ID);
            prop_assert!((3..=LIMIT).contains(&name.len()) && name.ends_with(ID), "{name}");
            prop_assert!(name.starts_with(&table[..table.len().min(200)]), "{name}");
        }
    }
}
