//! The fake Stripe is held to what its API reference says of lists.
#![expect(clippy::unwrap_used, reason = "a request that fails has failed its test")]

use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use testkit::stripe::{LIVE_KEY, Options, Refusal, Stripe, TEST_KEY, ago, event};

/// A server with `evt_1` to `evt_N`, of which three share each second.
fn stripe(count: i64) -> Stripe {
    let stripe = Stripe::start();
    let start = ago(1000);
    for n in 1..=count {
        stripe.add(event(
            &format!("evt_{n}"),
            start + n / 3,
            if n % 2 == 0 { "invoice.paid" } else { "charge.paid" },
        ));
    }
    stripe
}

fn get(stripe: &Stripe, target: &str) -> RequestBuilder {
    Client::new().get(format!("{}{target}", stripe.url())).bearer_auth(TEST_KEY)
}

async fn told(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    assert!(answer.headers()["request-id"].to_str().unwrap().starts_with("req_"));
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

/// The numbers of the events of a page, and whether there are more.
async fn page(stripe: &Stripe, query: &str) -> (Vec<i64>, bool) {
    let (status, list) = told(get(stripe, &format!("/v1/events?{query}"))).await;
    assert_eq!(
        (status, &list["object"], &list["url"]),
        (200, &"list".into(), &"/v1/events".into()),
        "{list}"
    );
    let number = |event: &Value| event["id"].as_str().unwrap().trim_start_matches("evt_").parse().unwrap();
    (list["data"].as_array().unwrap().iter().map(number).collect(), list["has_more"] == true)
}

/// The status, code and parameter of a refusal.
async fn refused(stripe: &Stripe, target: &str) -> (u16, String, String) {
    let (status, body) = told(get(stripe, target)).await;
    let word = |name: &str| body["error"][name].as_str().unwrap_or_default().to_owned();
    (status, word("code"), word("param"))
}

fn down(from: i64, to: i64) -> Vec<i64> {
    (to..=from).rev().collect()
}

#[tokio::test]
async fn a_list_is_newest_first_in_pages_of_ten() {
    let stripe = stripe(150);
    assert_eq!(page(&stripe, "").await, (down(150, 141), true));
    assert_eq!(page(&stripe, "limit=100").await, (down(150, 51), true));
    assert_eq!(page(&stripe, "limit=100&starting_after=evt_101").await, (down(100, 1), false));
    assert_eq!(page(&stripe, "limit=99&starting_after=evt_101").await, (down(100, 2), true));
    assert_eq!(page(&stripe, "starting_after=evt_1").await, (vec![], false));
    for limit in ["0", "101", "x", "-1"] {
        assert_eq!(
            refused(&stripe, &format!("/v1/events?limit={limit}")).await,
            (400, String::new(), "limit".into())
        );
    }
    stripe.set(Options { page: 2, ..Options::default() });
    assert_eq!(page(&stripe, "limit=100").await, (vec![150, 149], true));
}

#[tokio::test]
async fn a_page_before_a_cursor_is_what_is_next_newer() {
    let stripe = stripe(30);
    assert_eq!(page(&stripe, "limit=5&ending_before=evt_10").await, (down(15, 11), true));
    assert_eq!(page(&stripe, "limit=5&ending_before=evt_25").await, (down(30, 26), false));
    assert_eq!(page(&stripe, "ending_before=evt_30").await, (vec![], false));
    stripe.add(event("evt_31", ago(0), "invoice.paid"));
    assert_eq!(page(&stripe, "ending_before=evt_30").await, (vec![31], false));
    let both = refused(&stripe, "/v1/events?ending_before=evt_1&starting_after=evt_2").await;
    assert_eq!(both, (400, String::new(), "starting_after".into()));
    stripe.set(Options { repeats: true, ..Options::default() });
    assert_eq!(page(&stripe, "ending_before=evt_29").await, (vec![31, 30, 29], false));
}

#[tokio::test]
async fn filters_are_those_of_the_reference() {
    let stripe = stripe(12);
    let second = told(get(&stripe, "/v1/events/evt_6")).await.1["created"].as_i64().unwrap();
    let at = |name: &str| format!("created[{name}]={second}");
    // Events 6 to 8 are of that second.
    let all = [at("lt"), at("gte"), at("lte"), at("gt")];
    let mut found = Vec::new();
    for query in &all {
        found.push(page(&stripe, &format!("limit=100&{query}")).await.0);
    }
    assert_eq!([&found[1][..], &found[0]].concat(), down(12, 1));
    assert_eq!([&found[3][..], &found[2]].concat(), down(12, 1));
    assert_eq!(found[1].len(), found[3].len() + 3);

    assert_eq!(page(&stripe, "type=invoice.*&limit=2").await, (vec![12, 10], true));
    assert_eq!(page(&stripe, "type=charge.paid&limit=2&ending_before=evt_8").await, (vec![11, 9], false));
    assert_eq!(page(&stripe, "types[]=charge.paid&types%5B%5D=none").await.0, [11, 9, 7, 5, 3, 1]);
    assert_eq!(page(&stripe, "types[]=charge.*").await.0, Vec::<i64>::new());
    assert_eq!(refused(&stripe, "/v1/events?type=a&types[]=b").await.2, "types");
    let many = "types[]=a&".repeat(20);
    assert_eq!(page(&stripe, &many).await, (vec![], false));
    assert_eq!(
        refused(&stripe, &format!("/v1/events?{many}types[]=a")).await,
        (400, String::new(), "types[]".into())
    );
    assert_eq!(refused(&stripe, "/v1/events?page=2").await.0, 400);

    stripe.add(event("evt_13", ago(1), "a.b").replace("\"pending_webhooks\":0", "\"pending_webhooks\":1"));
    assert_eq!(page(&stripe, "delivery_success=false").await, (vec![13], false));
    assert_eq!(page(&stripe, "delivery_success=true&limit=1").await, (vec![12], true));
}

#[tokio::test]
async fn what_is_not_there_is_missing() {
    let stripe = stripe(3);
    stripe.add(event("evt_0", ago(30 * 86_400 + 1), "invoice.paid"));
    stripe.add_to("acct_1", event("evt_9", ago(1), "invoice.paid"));
    for id in ["evt_0", "evt_9", "evt_nobody"] {
        for cursor in ["starting_after", "ending_before"] {
            let refusal = refused(&stripe, &format!("/v1/events?{cursor}={id}")).await;
            assert_eq!(refusal, (400, "resource_missing".into(), cursor.into()));
        }
        let refusal = refused(&stripe, &format!("/v1/events/{id}")).await;
        assert_eq!(refusal, (404, "resource_missing".into(), "id".into()));
    }
    assert_eq!(page(&stripe, "").await.0, [3, 2, 1]);
    assert_eq!(told(get(&stripe, "/v1/events/evt_2")).await.1["id"], "evt_2");
    assert_eq!(refused(&stripe, "/v1/charges").await.0, 404);
}

#[tokio::test]
async fn a_key_and_an_account_see_their_own() {
    let stripe = stripe(1);
    stripe.add(event("evt_2", ago(1), "a.b").replace("\"livemode\":false", "\"livemode\":true"));
    stripe.add_to("acct_1", event("evt_3", ago(1), "a.b"));
    let url = format!("{}/v1/events", stripe.url());
    let first = |body: Value| body["data"][0]["id"].as_str().unwrap_or_default().to_owned();
    let basic = |key: &str| Client::new().get(&url).basic_auth(key, Some(""));
    assert_eq!(first(told(basic(TEST_KEY)).await.1), "evt_1");
    assert_eq!(first(told(basic(LIVE_KEY)).await.1), "evt_2");
    assert_eq!(first(told(basic(TEST_KEY).header("Stripe-Account", "acct_1")).await.1), "evt_3");
    for wrong in [basic("sk_test_other"), Client::new().get(&url), Client::new().get(&url).bearer_auth("")] {
        assert_eq!(told(wrong).await.0, 401);
    }
    stripe.set(Options { mixed: true, ..Options::default() });
    assert_eq!(page(&stripe, "").await.0, [2, 1]);
}

#[tokio::test]
async fn an_event_keeps_its_bytes() {
    let stripe = Stripe::start();
    let text = event("evt_1", ago(5), "a.b");
    stripe.add(text.clone());
    let body = |target: &'static str| {
        let request = get(&stripe, target);
        async { request.send().await.unwrap().text().await.unwrap() }
    };
    assert!(body("/v1/events").await.contains("\n          \"amount\": 1.10,\n"));
    stripe.set(Options { pretty: false, ..Options::default() });
    let expected = format!(r#"{{"object":"list","data":[{text}],"has_more":false,"url":"/v1/events"}}"#);
    assert_eq!(body("/v1/events").await, expected);
    assert_eq!(body("/v1/events/evt_1").await, text);
}

#[tokio::test]
async fn requests_are_refused_in_turn_and_bring_new_events() {
    let stripe = stripe(2);
    stripe.refuse(Refusal::new(429, "slower").header("stripe-should-retry", "true"));
    stripe.refuse(Refusal::new(500, "broken"));
    stripe.add_later([event("evt_3", ago(0), "a.b")]);
    let answer = get(&stripe, "/v1/events").send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["stripe-should-retry"]),
        (429, &"true".parse().unwrap())
    );
    assert_eq!(told(get(&stripe, "/v1/events")).await.1["error"]["message"], "broken");
    assert_eq!(page(&stripe, "").await.0, [2, 1]);
    assert_eq!(page(&stripe, "").await.0, [3, 2, 1]);
    assert_eq!(stripe.requests(), ["/v1/events", "/v1/events", "/v1/events?", "/v1/events?"]);
}
