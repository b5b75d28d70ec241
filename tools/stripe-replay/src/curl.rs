//! A call as a command that can be read, changed and run.

use std::time::Duration;

use crate::send::JSON;
use crate::target::Target;

/// The call for a body. Its signature is a placeholder: a real one would be too old soon.
pub fn command(target: &Target, timeout: Duration, body: &str) -> String {
    format!(
        "curl -i --max-time {} -H {} -H {} --data-binary {} {}\n",
        timeout.as_secs_f64(),
        quoted(&format!("Content-Type: {JSON}")),
        quoted("Stripe-Signature: t=TIMESTAMP,v1=SIGNATURE"),
        quoted(body),
        quoted(target.url().as_str()),
    )
}

/// One word for a shell, whatever is in it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_one_word() {
        let target = "https://a/b?c=d&e".parse().unwrap();
        assert_eq!(
            command(&target, Duration::from_millis(1500), r#"{"a":"it's $x"}"#),
            "curl -i --max-time 1.5 -H 'Content-Type: application/json; charset=utf-8' \
             -H 'Stripe-Signature: t=TIMESTAMP,v1=SIGNATURE' \
             --data-binary '{\"a\":\"it'\\''s $x\"}' 'https://a/b?c=d&e'\n"
        );
    }
}
