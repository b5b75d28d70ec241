//! Events as Stripe's API gives them (API reference, "The Event object").

use common::journal::Id;
use common::{Record, Reject};
use serde::Deserialize;

use crate::cli::Order;

/// An event that may be sent.
pub struct Event {
    /// Its id, such as `evt_1NG8Du2eZvKYlo2CUI79vXWy`.
    pub id: String,
    /// Its type, such as `invoice.paid`.
    pub kind: String,
    /// When it came about, in seconds since 1970.
    pub created: i64,
    /// The API version in which it is written; nothing where Stripe gave none.
    pub api_version: Option<String>,
    /// What it must wait for: the events before it in the same lane.
    pub lane: Id,
    /// Whether an earlier run had begun to send it.
    pub resent: bool,
    /// The event as it was read, which is the body of its calls.
    pub record: Record,
}

#[derive(Deserialize)]
struct View {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    created: i64,
    livemode: bool,
    api_version: Option<String>,
    account: Option<String>,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    id: Option<String>,
    object: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    object: Option<String>,
}

impl Event {
    /// The event of a record.
    ///
    /// # Errors
    /// `bad-record` for what is no event, `thin-event` for one of API v2, which webhook endpoints of API v1 never get,
    /// `live-event` for a live one where those are not wanted.
    pub fn of(record: Record, order: Order, live: bool) -> Result<Self, (Reject, Record)> {
        match view(&record, live) {
            Ok(View { id, kind, created, api_version, account, data, .. }) => {
                let lane = lane(order, &id, account, data.object);
                Ok(Self { id, kind, created, api_version, lane, resent: false, record })
            }
            Err(reject) => Err((reject, record)),
        }
    }
}

fn view(record: &Record, live: bool) -> Result<View, Reject> {
    let named: Named = record.view().map_err(|why| Reject::bad_record(format!("no event: {why}")))?;
    match named.object.as_deref() {
        Some("event") => {}
        Some(thin) if thin.starts_with("v2.core.event") => {
            let message = "an event of API v2, which has no snapshot to send: fetch its object instead";
            return Err(Reject::new("thin-event", message));
        }
        Some("list") => return Err(Reject::bad_record("a list and no event: read it with --from-json")),
        _ => return Err(Reject::bad_record("no event: its `object` is not \"event\"")),
    }
    let view: View = record.view().map_err(|why| Reject::bad_record(format!("no event: {why}")))?;
    if view.livemode && !live {
        let message = format!("{}: a live event; give --live to send live events", view.id);
        return Err(Reject::new("live-event", message));
    }
    Ok(view)
}

fn lane(order: Order, id: &str, account: Option<String>, object: Object) -> Id {
    match order {
        Order::Global => Id::of(&[]),
        Order::None => Id::of(&[id]),
        Order::Object => {
            let account = account.unwrap_or_default();
            match (object.id, object.object) {
                (Some(object), _) => Id::of(&[&account, &object]),
                // Such as the balance, of which an account has one, and an invoice that is not there yet.
                (None, kind) => Id::of(&[&account, "", &kind.unwrap_or_default()]),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(object: &str, more: &str, order: Order) -> Result<Event, Reject> {
        let text = format!(
            r#"{{"object":"event","id":"evt_1","type":"a.b","created":5,"livemode":false,"api_version":null{more},"data":{{"object":{object}}}}}"#
        );
        Event::of(Record::parse(text).unwrap(), order, false).map_err(|(reject, _)| reject)
    }

    fn lane_of(object: &str, more: &str) -> Id {
        event(object, more, Order::Object).unwrap().lane
    }

    #[test]
    fn a_lane_is_an_object_of_an_account() {
        let one = lane_of(r#"{"id":"sub_1","object":"subscription"}"#, "");
        assert_eq!(one, lane_of(r#"{"id":"sub_1"}"#, r#","request":{"id":null}"#));
        for other in [
            lane_of(r#"{"id":"sub_2","object":"subscription"}"#, ""),
            lane_of(r#"{"id":"sub_1","object":"subscription"}"#, r#","account":"acct_1""#),
            lane_of(r#"{"object":"subscription"}"#, ""),
            lane_of(r#"{"object":"balance"}"#, ""),
        ] {
            assert_ne!(one, other);
        }
        assert_eq!(lane_of(r#"{"object":"balance","a":1}"#, ""), lane_of(r#"{"object":"balance"}"#, ""));
    }

    #[test]
    fn the_other_orders_have_one_lane_or_one_for_each_event() {
        let of =
            |order| [r#"{"id":"a"}"#, r#"{"id":"b"}"#].map(|object| event(object, "", order).unwrap().lane);
        let [a, b] = of(Order::Global);
        assert_eq!(a, b);
        assert_eq!(of(Order::None)[0], Id::of(&["evt_1"]));
    }

    #[test]
    fn what_is_no_event_to_send_says_why() {
        let kind = |text: &str| {
            let record = Record::parse(text.to_owned()).unwrap();
            Event::of(record, Order::Object, false).err().map(|(reject, _)| reject.kind)
        };
        let whole =
            r#"{"object":"event","id":"e","type":"t","created":1,"livemode":false,"data":{"object":{}}}"#;
        assert_eq!(kind(whole), None);
        assert_eq!(kind(&whole.replace("false", "true")), Some("live-event"));
        assert_eq!(kind(r#"{"id":"e","object":"v2.core.event"}"#), Some("thin-event"));
        for part in [
            "\"id\":\"e\",",
            "\"type\":\"t\",",
            "\"created\":1,",
            "\"livemode\":false,",
            "\"object\":\"event\",",
        ] {
            assert_eq!(kind(&whole.replace(part, "")), Some("bad-record"), "{part}");
        }
        for text in ["{}", r#"{"object":"charge"}"#, r#"{"object":7}"#, &whole.replace("{}", "[]")] {
            assert_eq!(kind(text), Some("bad-record"), "{text}");
        }
    }
}
