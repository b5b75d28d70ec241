//! Whether a replica can take over.

use serde_json::{Value, json};

use crate::{Incident, error, record};

const METRIC: &str = "ReplicationLatency";

impl Incident {
    pub fn replicate(&self, status: &str) {
        let replica = json!({ "RegionName": "eu-west-1", "ReplicaStatus": status,
            "ReplicaArn": "arn:aws:dynamodb:eu-west-1:1:table/t" });
        self.front.show(&self.table, "Replicas", json!([replica]));
    }

    pub fn lag(&self, minutes_ago: i64, ms: f64) {
        let at = jiff::Timestamp::now().as_second() - minutes_ago * 60;
        self.cloudwatch.consumed(METRIC, &[&self.table, "eu-west-1"], at, ms);
    }

    fn flip(&self, flags: &[&str]) -> testkit::tool::Output {
        self.plain().args(["--from", &self.table, "--flip", "eu-west-1"]).args(flags).run()
    }

    #[track_caller]
    fn unhealthy(&self, flags: &[&str], kind: &str, expected: &str) {
        let output = self.flip(flags);
        assert!(output.assert_code(3).stdout.is_empty());
        let rejects = output.rejects();
        assert_eq!((rejects.len(), &rejects[0]["error"]["kind"]), (1, &json!(kind)));
        let message = rejects[0]["error"]["message"].as_str().unwrap();
        assert!(message.contains("in eu-west-1 cannot take over") && message.contains(expected), "{message}");
        assert_eq!(
            (&rejects[0]["record"]["flip"]["healthy"], &rejects[0]["error"]["retryable"]),
            (&json!(false), &json!(true))
        );
    }
}

#[test]
fn a_replica_that_is_active_and_near_can_take_over() {
    let incident = Incident::new();
    incident.replicate("ACTIVE");
    incident.lag(6, 90_000.0);
    incident.lag(2, 812.5);
    let told = record(incident.flip(&[]).assert_code(0));
    assert_eq!((&told["table"], &told["region"]), (&json!(incident.table), &json!("eu-west-1")));
    let flip = &told["flip"];
    assert_eq!(
        (&flip["healthy"], &flip["lag_ms"], &flip["max_lag_ms"]),
        (&json!(true), &json!(812.5), &json!(5000))
    );
    assert_eq!((&flip["replica_status"], &flip["from_region"]), (&json!("ACTIVE"), &json!("us-east-1")));
    assert_eq!(flip["replica_arn"], "arn:aws:dynamodb:eu-west-1:1:table/t");
    assert!(flip["lag_at"].is_string());
    assert_eq!(incident.changes(), [""; 0]);
    incident.unhealthy(&["--max-lag", "500ms"], "replica-lags", "812.5 ms behind");
}

#[test]
fn one_that_is_not_active_cannot() {
    for status in ["CREATING", "INACCESSIBLE_ENCRYPTION_CREDENTIALS", "REGION_DISABLED"] {
        let incident = Incident::new();
        incident.replicate(status);
        incident.lag(2, 1.0);
        incident.unhealthy(&[], "replica-unhealthy", &format!("it is {status}"));
    }
}

#[test]
fn one_of_which_nothing_is_known_cannot() {
    let incident = Incident::new();
    incident.replicate("ACTIVE");
    incident.lag(15, 1.0);
    incident.unhealthy(&[], "lag-unknown", "no ReplicationLatency of the last 10 minutes");
}

#[test]
fn strong_consistency_has_no_lag() {
    let incident = Incident::new();
    incident.replicate("ACTIVE");
    incident.front.show(&incident.table, "MultiRegionConsistency", json!("STRONG"));
    let told = record(incident.flip(&[]).assert_code(0));
    assert_eq!((&told["flip"]["healthy"], &told["flip"]["lag_ms"]), (&json!(true), &Value::Null));
    assert_eq!(incident.cloudwatch.requests(), 0);
}

#[test]
fn a_replica_that_is_not_there_is_told() {
    let incident = Incident::new();
    let output = incident.flip(&[]);
    assert!(error(output.assert_code(1)).contains("has no replicas"), "{}", output.stderr);
    incident.replicate("ACTIVE");
    for (region, expected) in [
        ("ap-south-1", "no replica in ap-south-1: it has some in eu-west-1"),
        ("us-east-1", "is the region that is asked already"),
    ] {
        let output = incident.plain().args(["--from", &incident.table, "--flip", region]).run();
        assert!(error(output.assert_code(1)).contains(expected), "{}", output.stderr);
    }
}

#[test]
fn a_cloudwatch_that_does_not_answer_ends_the_run() {
    let incident = Incident::new();
    incident.replicate("ACTIVE");
    incident.cloudwatch.refuse("AccessDenied");
    let output = incident.flip(&[]);
    assert!(
        error(output.assert_code(1)).contains("GetMetricData of ReplicationLatency: AccessDenied"),
        "{}",
        output.stderr
    );
}
