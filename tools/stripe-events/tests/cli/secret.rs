//! The key is nobody else's.

use std::fs;

use testkit::fault::{Fault, Plan, Proxy, Rule};
use testkit::stripe::{Options, Refusal, TEST_KEY};

use crate::{ids, names, run, stripe, tool};

#[test]
fn a_key_comes_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    fs::write(&file, format!("{TEST_KEY}\nmore\n")).unwrap();
    let stripe = stripe(2);
    let flags = ["--since", "evt_1", "--key-file", file.to_str().unwrap()];
    let output = tool(&stripe, &flags).env("STRIPE_API_KEY", "sk_test_wrong").run();
    assert_eq!(ids(output.assert_code(0)), names(2..=2));
    fs::write(&file, "").unwrap();
    let output = run(&stripe, &flags);
    assert!(output.assert_code(2).stderr.contains("no Stripe API key"), "{}", output.stderr);
}

#[test]
fn no_message_and_no_argument_has_the_key() {
    let stripe = stripe(20);
    stripe.set(Options { page: 5, ..Options::default() });
    // A server that says it back, in a refusal that is tried again and in the last one.
    stripe.refuse(Refusal::new(429, &format!("slower, {TEST_KEY}")));
    let output = run(&stripe, &["--since", "evt_1", "-vv"]);
    assert!(output.assert_code(0).stderr.contains("slower, ***"), "{}", output.stderr);
    assert!(!output.stderr.contains(TEST_KEY), "{}", output.stderr);

    let key = "sk_test_that_nobody_knows";
    let output = tool(&stripe, &["--since", "evt_1", "-vv"]).env("STRIPE_API_KEY", key).run();
    assert!(output.assert_code(1).stderr.contains("Invalid API Key provided: ***"), "{}", output.stderr);
    assert!(!output.stderr.contains(key), "{}", output.stderr);

    let proxy = Proxy::start(stripe.url(), Plan::new(1).rule(Rule::new(Fault::Hang)));
    let running = tool(&stripe, &["--since", "evt_1", "--api-base", proxy.url()]).spawn();
    while proxy.count("Hang") == 0 {
        std::thread::yield_now();
    }
    let line = fs::read(format!("/proc/{}/cmdline", running.pid())).unwrap();
    let line = String::from_utf8_lossy(&line);
    assert!(line.contains("evt_1") && !line.contains(TEST_KEY), "{line}");
    running.signal("TERM");
    running.wait();
}
