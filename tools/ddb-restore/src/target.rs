//! Whether a table that has the new name is the restore that is asked for.

use anyhow::{Result, bail};
use aws_sdk_dynamodb::types::TableDescription;
use jiff::Timestamp;

use crate::window::timestamp;

/// Refuses a table that is anything else than a restore of this source to this time. Without a time, any restore of the
/// source is the one that an earlier run made of the latest then.
///
/// # Errors
/// One line: what it is.
pub fn check(table: &TableDescription, source: &TableDescription, at: Option<Timestamp>) -> Result<()> {
    let name = table.table_name().unwrap_or_default();
    let other = "give another --to";
    let Some(summary) = table.restore_summary() else {
        bail!("{name} is there already, and no restore made it: {other}");
    };
    let of = summary.source_table_arn().unwrap_or("a table that is not told");
    if let Some(backup) = summary.source_backup_arn() {
        bail!("{name} is there already: it was restored from the backup {backup} of {of}: {other}");
    }
    if summary.source_table_arn() != source.table_arn() {
        bail!("{name} is there already: it is a restore of {of}: {other}");
    }
    // The service counts in whole seconds (Developer Guide, "Point-in-time recovery: how it works").
    let restored = timestamp(summary.restore_date_time());
    if let (Some(at), Some(restored)) = (at, restored)
        && at.as_second() != restored.as_second()
    {
        bail!("{name} is there already: it is {of} as it was at {restored}, and not at {at}: {other}");
    }
    Ok(())
}

/// The time to which a table was restored.
pub fn restored_at(table: &TableDescription) -> Option<Timestamp> {
    table.restore_summary().and_then(|summary| timestamp(summary.restore_date_time()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::types::RestoreSummary;
    use aws_sdk_dynamodb::types::builders::RestoreSummaryBuilder;
    use aws_smithy_types::DateTime;

    const ARN: &str = "arn:aws:dynamodb:us-east-1:1:table/old";

    fn refusal(summary: Option<RestoreSummaryBuilder>, at: Option<i64>) -> Option<String> {
        let summary = summary.map(|summary| summary.restore_in_progress(false).build().unwrap());
        let source = TableDescription::builder().table_name("old").table_arn(ARN).build();
        let table = TableDescription::builder().table_name("new").set_restore_summary(summary).build();
        let at = at.map(|at| Timestamp::from_second(at).unwrap());
        check(&table, &source, at).err().map(|error| error.to_string())
    }

    #[test]
    fn only_the_same_restore_is_taken_up() {
        let restore = || RestoreSummary::builder().restore_date_time(DateTime::from_millis(100_250));
        let ours = || Some(restore().source_table_arn(ARN));
        assert_eq!((refusal(ours(), None), refusal(ours(), Some(100))), (None, None));
        for (summary, at, expected) in [
            (None, None, "no restore made it"),
            (ours(), Some(101), "as it was at 1970-01-01T00:01:40.25Z, and not at 1970-01-01T00:01:41Z"),
            (
                Some(restore().source_table_arn(format!("{ARN}er"))),
                None,
                "a restore of arn:aws:dynamodb:us-east-1:1:table/older",
            ),
            (ours().map(|ours| ours.source_backup_arn("arn:b")), None, "from the backup arn:b"),
        ] {
            let refusal = refusal(summary, at).unwrap();
            assert!(refusal.starts_with("new is there already") && refusal.contains(expected), "{refusal}");
        }
    }
}
