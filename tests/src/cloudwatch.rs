//! CloudWatch as far as RDS tells it of connections and DynamoDB of requests: GetMetricData, DescribeAlarms and
//! PutMetricAlarm over the protocol that the SDK speaks, which moto does not.
//!
//! An instance has the same number of connections in every minute, up to the last whole one (API reference,
//! GetMetricData: a value carries the first second of its minute). A table has values only where a test says so.

use std::collections::HashMap;

use aws_smithy_cbor::data::Type;
use aws_smithy_cbor::decode::DeserializeError;
use aws_smithy_cbor::{Decoder, Encoder};
use aws_smithy_types::DateTime;

use crate::answering::{Answer, Server};

/// Seconds of one value.
const MINUTE: i64 = 60;
/// Alarms on one page.
const PAGE: usize = 50;

/// A running CloudWatch. It ends when it is dropped.
pub struct CloudWatch(Server<State>);

#[derive(Default)]
struct State {
    connections: HashMap<String, u32>,
    /// Metric, values of the dimensions, second, amount.
    consumed: Vec<(String, Vec<String>, i64, f64)>,
    /// Name, and the request that made it: an alarm is described with the members that it was put with.
    alarms: Vec<(String, Vec<u8>)>,
    refusal: Option<&'static str>,
    requests: usize,
}

impl CloudWatch {
    /// Starts one that knows no instance, and so has no value of any.
    ///
    /// # Panics
    /// If the system gives no port or thread.
    pub fn start() -> Self {
        Self(Server::start(State::default(), |state, head, body| state.answer(head.uri.path(), body)))
    }

    /// Where it listens: for `AWS_ENDPOINT_URL_CLOUDWATCH`.
    pub fn url(&self) -> &str {
        self.0.url()
    }

    /// Gives an instance this many connections, now and always.
    pub fn connections(&self, instance: &str, connections: u32) {
        self.0.state().connections.insert(instance.to_owned(), connections);
    }

    /// Gives a metric of DynamoDB this value in the minute of this second. `of` is the table, and then the index or the
    /// operation where the metric has that too.
    pub fn consumed(&self, metric: &str, of: &[&str], second: i64, amount: f64) {
        let of = of.iter().map(ToString::to_string).collect();
        let minute = second.div_euclid(MINUTE) * MINUTE;
        self.0.state().consumed.push((metric.to_owned(), of, minute, amount));
    }

    /// Adds an alarm on some metric of a table.
    pub fn alarm(&self, name: &str, table: &str) {
        let mut alarm = Encoder::new(Vec::new());
        alarm.map(5).str("AlarmName").str(name).str("Namespace").str("AWS/DynamoDB");
        alarm.str("MetricName").str("ThrottledRequests").str("Threshold").double(1.0);
        alarm.str("Dimensions").array(1);
        alarm.map(2).str("Name").str("TableName").str("Value").str(table);
        self.0.state().alarms.push((name.to_owned(), alarm.into_writer()));
    }

    /// The names of all alarms, in the order in which they were made.
    pub fn alarms(&self) -> Vec<String> {
        self.0.state().alarms.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Answers every request with this error code and status 403 from now on.
    pub fn refuse(&self, code: &'static str) {
        self.0.state().refusal = Some(code);
    }

    /// How many requests came in.
    pub fn requests(&self) -> usize {
        self.0.state().requests
    }
}

impl State {
    fn answer(&mut self, path: &str, body: &[u8]) -> Answer {
        self.requests += 1;
        let operation = path.rsplit('/').next().unwrap_or_default();
        let asked = Asked::read(body);
        if let (None, "PutMetricAlarm", Ok(asked)) = (self.refusal, operation, &asked) {
            self.alarms.retain(|(name, _)| *name != asked.alarm);
            self.alarms.push((asked.alarm.clone(), body.to_owned()));
        }
        let (status, body) = match (self.refusal, operation, asked) {
            (Some(code), ..) => (403, error(code)),
            (None, "GetMetricData", Ok(asked)) => (200, self.values(&asked)),
            (None, "DescribeAlarms", Ok(asked)) => (200, self.alarms(&asked)),
            (None, "PutMetricAlarm", Ok(_)) => (200, nothing()),
            _ => (400, error("ValidationError")),
        };
        let headers = [("content-type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")];
        Answer::new(status, &headers, body)
    }

    /// One page: those of the names that are asked for, or all.
    fn alarms(&self, asked: &Asked) -> Vec<u8> {
        let is_asked_for = |name: &String| asked.names.is_empty() || asked.names.contains(name);
        let mut left = self.alarms.iter().filter(|(name, _)| is_asked_for(name)).skip(asked.seen);
        let page: Vec<_> = left.by_ref().take(PAGE).collect();
        let mut body = Encoder::new(Vec::new());
        match left.next() {
            Some(_) => body.map(2).str("NextToken").str(&(asked.seen + PAGE).to_string()),
            None => body.map(1),
        };
        body.str("MetricAlarms").array(page.len());
        let mut body = body.into_writer();
        body.extend(page.into_iter().flat_map(|(_, alarm)| alarm));
        body
    }

    fn values(&self, asked: &Asked) -> Vec<u8> {
        let mut body = Encoder::new(Vec::new());
        body.map(1).str("MetricDataResults").array(asked.queries.len());
        for query in &asked.queries {
            let values = self.of(query, asked.start, asked.end);
            body.map(4).str("Id").str(&query.id).str("StatusCode").str("Complete");
            body.str("Timestamps").array(values.len());
            for (minute, _) in &values {
                body.timestamp(&DateTime::from_secs(*minute));
            }
            body.str("Values").array(values.len());
            for (_, value) in &values {
                body.double(*value);
            }
        }
        body.into_writer()
    }

    /// The minutes that are known of a metric, and its values.
    fn of(&self, query: &Query, start: i64, end: i64) -> Vec<(i64, f64)> {
        let first = start.div_euclid(MINUTE) * MINUTE;
        if query.metric == "DatabaseConnections" {
            let known = query.of.first().and_then(|instance| self.connections.get(instance));
            let minutes = (first..=end - MINUTE).step_by(60);
            return minutes.filter_map(|minute| Some((minute, f64::from(*known?)))).collect();
        }
        let of_query = self.consumed.iter().filter(|(metric, of, at, _)| {
            *metric == query.metric && *of == query.of && (first..end).contains(at)
        });
        of_query.map(|&(_, _, at, amount)| (at, amount)).collect()
    }
}

fn error(code: &str) -> Vec<u8> {
    let mut body = Encoder::new(Vec::new());
    body.map(2).str("__type").str(code).str("message").str("not allowed here");
    body.into_writer()
}

fn nothing() -> Vec<u8> {
    let mut body = Encoder::new(Vec::new());
    body.map(0);
    body.into_writer()
}

/// A request: its queries, and the time that is asked for in seconds since 1970; or the name of an alarm, or the names of
/// several and how many others were in the pages before.
#[derive(Default)]
struct Asked {
    alarm: String,
    names: Vec<String>,
    seen: usize,
    queries: Vec<Query>,
    start: i64,
    end: i64,
}

#[derive(Default)]
struct Query {
    id: String,
    metric: String,
    /// The values of its dimensions.
    of: Vec<String>,
}

impl Asked {
    fn read(body: &[u8]) -> Result<Self, DeserializeError> {
        let mut asked = Self::default();
        let mut body = Decoder::new(body);
        map(&mut body, &mut |key, body| {
            match key {
                "AlarmName" => asked.alarm = body.string()?,
                "AlarmNames" => list(body, &mut |body| {
                    asked.names.push(body.string()?);
                    Ok(())
                })?,
                "NextToken" => asked.seen = body.string()?.parse().unwrap_or_default(),
                "StartTime" => asked.start = body.timestamp()?.secs(),
                "EndTime" => asked.end = body.timestamp()?.secs(),
                "MetricDataQueries" => list(body, &mut |body| {
                    let mut asked_for = Query::default();
                    query(body, &mut asked_for)?;
                    asked.queries.push(asked_for);
                    Ok(())
                })?,
                _ => body.skip()?,
            }
            Ok(())
        })?;
        Ok(asked)
    }
}

/// Reads what is nested in a query down to the values of its dimensions.
fn query(body: &mut Decoder<'_>, asked: &mut Query) -> Result<(), DeserializeError> {
    map(body, &mut |key, body| match key {
        "Id" => body.string().map(|read| asked.id = read),
        "MetricName" => body.string().map(|read| asked.metric = read),
        "MetricStat" | "Metric" => query(body, asked),
        "Dimensions" => list(body, &mut |body| query(body, asked)),
        "Value" => body.string().map(|read| asked.of.push(read)),
        _ => body.skip(),
    })
}

fn map(
    body: &mut Decoder<'_>,
    read: &mut dyn FnMut(&str, &mut Decoder<'_>) -> Result<(), DeserializeError>,
) -> Result<(), DeserializeError> {
    let mut left = body.map()?;
    while goes_on(body, &mut left)? {
        let key = body.string()?;
        read(&key, body)?;
    }
    Ok(())
}

fn list(
    body: &mut Decoder<'_>,
    read: &mut dyn FnMut(&mut Decoder<'_>) -> Result<(), DeserializeError>,
) -> Result<(), DeserializeError> {
    let mut left = body.list()?;
    while goes_on(body, &mut left)? {
        read(body)?;
    }
    Ok(())
}

/// Whether a map or list has another entry: it says before how many there are, or has a mark at its end.
fn goes_on(body: &mut Decoder<'_>, left: &mut Option<u64>) -> Result<bool, DeserializeError> {
    match left {
        Some(0) => Ok(false),
        Some(left) => {
            *left -= 1;
            Ok(true)
        }
        None if body.datatype()? == Type::Break => body.skip().map(|()| false),
        None => Ok(true),
    }
}
