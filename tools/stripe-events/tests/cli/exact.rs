//! Each event is what Stripe sent.

use testkit::stripe::{Options, Stripe, ago};

use crate::run;

#[test]
fn numbers_order_and_escapes_stay() {
    let created = ago(60);
    let text = format!(
        r#"{{"type":"a.b","created":{created},"livemode":false,"object":"event","n":[1.10,1E5,-0,123456789012345678901234567890],"s":"caf\u00e9 é \/ \" \\","t":{{"a  b":" : , "}},"e":{{}},"f":[],"id":"evt_1","pending_webhooks":0}}"#
    );
    for pretty in [true, false] {
        let stripe = Stripe::start();
        stripe.set(Options { pretty, ..Options::default() });
        stripe.add(text.clone());
        let output = run(&stripe, &["--since", "1h"]);
        assert_eq!(output.assert_code(0).text(), format!("{text}\n"), "{pretty}");
    }
}
