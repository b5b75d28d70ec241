//! Every example of the README and the help runs as it stands.

use std::fs;

use testkit::examples;
use testkit::stripe::{Stripe, TEST_KEY, ago, event};
use testkit::tool::Tool;

/// Stands for jq where a machine has none: an example asks it for an id.
const BEFORE: &str = "jq() { sed 's/.*\"id\":\"\\([^\"]*\\)\".*/\\1/'; }\n";

#[test]
fn they_all_run() {
    let stripe = Stripe::start();
    for (n, id) in ["evt_0", "evt_1SWqkLFJ4nK2", "evt_2", "evt_3"].iter().enumerate() {
        let text = event(id, ago(3000 - n as i64), "invoice.paid");
        stripe.add(text.replace("\"pending_webhooks\":0", "\"pending_webhooks\":1"));
    }
    stripe.add_to("acct_1SGYxh2", event("evt_connected", ago(2000), "invoice.paid"));
    stripe
        .add(event("evt_live", ago(2000), "invoice.paid").replace("\"livemode\":false", "\"livemode\":true"));
    let at = jiff::Timestamp::from_second(ago(3600)).unwrap().to_string();
    for example in examples::of("stripe-events") {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("processed.jsonl"), "{\"id\":\"evt_2\"}\n").unwrap();
        fs::write(folder.path().join("stripe.key"), testkit::stripe::LIVE_KEY).unwrap();
        let output = Tool::bash(&format!("{BEFORE}{}", example.script))
            .env("STRIPE_API_KEY", TEST_KEY)
            .env("STRIPE_API_BASE", stripe.url())
            .env("AT", &at)
            .cwd(folder.path())
            .run();
        assert_eq!(output.code, Some(0), "{}: {}: {}", example.page, example.script, output.stderr);
        assert!(!output.stderr.contains("done 0"), "{}: {}: {}", example.page, example.script, output.stderr);
    }
}
