//! Whether anybody reads or writes the table: what CloudWatch counted of it and its indexes, minute by minute.
//!
//! DynamoDB reports nothing for a minute in which nothing happens, so that a minute without a value is a quiet one.

use aws_sdk_cloudwatch::Client;
use aws_sdk_dynamodb::types::TableDescription;
use common::aws::Trouble;
use common::cloudwatch::{Counted, MINUTE, Series, counted, shown};

/// How long CloudWatch keeps values of one minute, in seconds (API reference, GetMetricData: 15 days), less a day.
const KEPT: i64 = 14 * 86_400;
/// The requests for items (Developer Guide, "DynamoDB metrics and dimensions", Operation).
const OPERATIONS: [&str; 10] = [
    "BatchGetItem",
    "BatchWriteItem",
    "DeleteItem",
    "GetItem",
    "PutItem",
    "Query",
    "Scan",
    "TransactGetItems",
    "TransactWriteItems",
    "UpdateItem",
];

/// The time that must be quiet, in seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Nothing is read or written since then.
    pub since: i64,
    /// The instant of the archive: nothing is written since then either.
    pub archived: Option<i64>,
    pub now: i64,
}

/// What is known of the requests to a table.
#[derive(Debug, Default, PartialEq)]
pub struct Requests {
    /// Read and write capacity units consumed since [`Span::since`].
    pub units: (f64, f64),
    /// Why this is not quiet: one sentence for each thing that was seen.
    pub reasons: Vec<String>,
}

/// A metric, and what it means.
struct Watched {
    dimensions: Vec<(&'static str, String)>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Read,
    Write,
    Request(&'static str),
}

/// Asks CloudWatch for what happened to the table.
///
/// # Errors
/// A request that failed after all its tries.
pub async fn requests(client: &Client, table: &TableDescription, span: Span) -> Result<Requests, Trouble> {
    let watched = watched(table);
    let dimensions: Vec<Vec<(&str, &str)>> = watched
        .iter()
        .map(|one| one.dimensions.iter().map(|(name, value)| (*name, value.as_str())).collect())
        .collect();
    let series = watched.iter().zip(&dimensions).map(|(one, dimensions)| Series {
        namespace: "AWS/DynamoDB",
        metric: one.kind.metric(),
        dimensions,
        stat: one.kind.stat(),
    });
    let all = counted(client, &series.collect::<Vec<_>>(), span.start(), span.now).await?;
    Ok(span.judge(watched.iter().zip(&all)))
}

/// The table, each global secondary index, which has metrics of its own, and each operation.
fn watched(table: &TableDescription) -> Vec<Watched> {
    let name = table.table_name().unwrap_or_default();
    let of_table = || vec![("TableName", name.to_owned())];
    let mut things = vec![of_table()];
    things.extend(table.global_secondary_indexes().iter().map(|index| {
        let index = index.index_name().unwrap_or_default().to_owned();
        [of_table(), vec![("GlobalSecondaryIndexName", index)]].concat()
    }));
    let units = things.into_iter().flat_map(|dimensions| {
        [Kind::Read, Kind::Write].map(|kind| Watched { dimensions: dimensions.clone(), kind })
    });
    let requests = OPERATIONS.into_iter().map(|operation| Watched {
        dimensions: [of_table(), vec![("Operation", operation.to_owned())]].concat(),
        kind: Kind::Request(operation),
    });
    units.chain(requests).collect()
}

impl Kind {
    fn metric(self) -> &'static str {
        match self {
            Self::Read => "ConsumedReadCapacityUnits",
            Self::Write => "ConsumedWriteCapacityUnits",
            Self::Request(_) => "SuccessfulRequestLatency",
        }
    }

    fn stat(self) -> &'static str {
        match self {
            Self::Read | Self::Write => "Sum",
            Self::Request(_) => "SampleCount",
        }
    }
}

impl Watched {
    /// What happened, in words.
    fn seen(&self, amount: f64, at: i64) -> String {
        let mut values = self.dimensions.iter().map(|(_, value)| value.as_str());
        let table = values.next().unwrap_or_default();
        let at = shown(at);
        match (self.kind, values.next()) {
            (Kind::Request(operation), _) => {
                format!("{table} answered {amount} {operation} requests at {at}")
            }
            (Kind::Read, None) => format!("{table} was read at {at} ({amount} read units)"),
            (Kind::Write, None) => format!("{table} was written at {at} ({amount} write units)"),
            (Kind::Read, Some(index)) => format!("index {index} was read at {at} ({amount} read units)"),
            (Kind::Write, Some(index)) => format!("index {index} was written at {at} ({amount} write units)"),
        }
    }
}

impl Span {
    /// The first second of the first minute that counts.
    fn start(self) -> i64 {
        let oldest = self.archived.map_or(self.since, |archived| self.since.min(archived));
        let oldest = oldest.max(self.now - KEPT);
        oldest.div_euclid(MINUTE) * MINUTE
    }

    fn judge<'a>(self, seen: impl Iterator<Item = (&'a Watched, &'a Counted)>) -> Requests {
        let mut found = Requests::default();
        let since = self.since.div_euclid(MINUTE) * MINUTE;
        for (watched, counted) in seen {
            let recent: f64 = counted.range(since..).map(|(_, amount)| amount).sum();
            match watched.kind {
                Kind::Read => found.units.0 += recent,
                Kind::Write => found.units.1 += recent,
                Kind::Request(_) => {}
            }
            let last = |from| counted.range(from..).rev().find(|&(_, &amount)| amount > 0.0);
            if let Some((&at, &amount)) = last(since) {
                found.reasons.push(watched.seen(amount, at));
            } else if let (Kind::Write, Some((&at, &amount))) = (watched.kind, last(self.after_archive())) {
                found.reasons.push(format!(
                    "{}, after its archive was made: make another with --backup NAME or --export URL",
                    watched.seen(amount, at)
                ));
            }
        }
        if let Some(archived) = self.archived.filter(|&archived| archived < self.now - KEPT) {
            found.reasons.push(format!(
                "its archive is of {}, and CloudWatch no longer knows of writes since: make another with --backup NAME \
                 or --export URL",
                shown(archived)
            ));
        }
        found
    }

    /// The first minute that the archive does not hold as a whole.
    fn after_archive(self) -> i64 {
        self.archived.map_or(i64::MAX, |archived| archived.div_euclid(MINUTE) * MINUTE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::types::GlobalSecondaryIndexDescription;

    const NOON: i64 = 1_795_176_000;

    fn table() -> TableDescription {
        let index = GlobalSecondaryIndexDescription::builder().index_name("by_user").build();
        TableDescription::builder().table_name("t-1").global_secondary_indexes(index).build()
    }

    /// What is told of one metric with one value some minutes before noon.
    fn told(index: usize, minutes: i64, archived: Option<i64>) -> Requests {
        let watched = watched(&table());
        let span = Span { since: NOON - 900, archived: archived.map(|ago| NOON - ago * MINUTE), now: NOON };
        let counted = Counted::from([(NOON - minutes * MINUTE, 2.5), (NOON - MINUTE, 0.0)]);
        span.judge(std::iter::once((&watched[index], &counted)))
    }

    #[test]
    fn table_indexes_and_operations_are_watched() {
        let watched = watched(&table());
        assert_eq!(watched.len(), 4 + OPERATIONS.len());
        assert_eq!(watched[3].dimensions[1], ("GlobalSecondaryIndexName", "by_user".to_owned()));
    }

    #[test]
    fn one_request_is_enough() {
        for (index, expected) in [
            (0, "t-1 was read at 2026-11-20T11:50:00Z (2.5 read units)"),
            (1, "t-1 was written at"),
            (2, "index by_user was read at"),
            (3, "index by_user was written at"),
            (4, "t-1 answered 2.5 BatchGetItem requests at"),
        ] {
            for (minutes, is_busy) in [(10, true), (15, true), (16, false)] {
                let reasons = told(index, minutes, None).reasons;
                assert_eq!(reasons.len(), usize::from(is_busy), "{index} {minutes}: {reasons:?}");
                assert!(minutes != 10 || reasons[0].starts_with(expected), "{reasons:?}");
            }
        }
        assert_eq!((told(0, 10, None).units, told(3, 10, None).units), ((2.5, 0.0), (0.0, 2.5)));
        assert_eq!(told(0, 16, None), Requests::default());
    }

    #[test]
    fn an_archive_must_hold_the_last_write() {
        assert_eq!(told(0, 60, Some(120)), Requests::default(), "a read changes nothing");
        assert_eq!(told(1, 121, Some(120)), Requests::default(), "a write before it is in it");
        for minutes in [60, 120] {
            let reasons = told(1, minutes, Some(120)).reasons;
            assert!(
                matches!(&reasons[..], [one] if one.contains("after its archive was made")),
                "{reasons:?}"
            );
        }
        let old = told(0, 60, Some(15 * 24 * 60)).reasons;
        assert!(matches!(&old[..], [one] if one.contains("no longer knows")), "{old:?}");
    }
}
