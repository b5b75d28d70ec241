//! The header `Stripe-Signature` (Stripe's documentation, "Verify webhook signatures manually").

use std::fmt::Write as _;

use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key};

use crate::secret::Secrets;

/// Signs calls with every secret of an endpoint.
pub struct Signer(Vec<Key>);

impl Signer {
    /// One for these secrets.
    pub fn new(secrets: &Secrets) -> Self {
        Self(secrets.iter().map(|secret| Key::new(HMAC_SHA256, secret.as_bytes())).collect())
    }

    /// `t=SECONDS,v1=HEX,v1=HEX...` for a call at this second since 1970: the HMAC of `SECONDS.BODY` with each secret.
    pub fn header(&self, second: i64, body: &str) -> String {
        let mut header = format!("t={second}");
        for key in &self.0 {
            let mut mac = Context::with_key(key);
            mac.update(second.to_string().as_bytes());
            mac.update(b".");
            mac.update(body.as_bytes());
            header.push_str(",v1=");
            for byte in mac.sign().as_ref() {
                // Writing to a string cannot fail.
                let _ = write!(header, "{byte:02x}");
            }
        }
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The digests are those of Python's `hmac` module for the same texts.
    #[test]
    fn each_secret_signs_second_and_body() {
        let secrets = Secrets::of_test(&["whsec_one", "whsec_two"]);
        assert_eq!(
            Signer::new(&secrets).header(1_795_176_000, r#"{"id":"evt_1"}"#),
            "t=1795176000,\
             v1=8e4eb14f4dd993b394853af6bc5246085787297e503168b8700fe30ba96e34e5,\
             v1=75f5b0b0e891b48154ef5085d5f51158605d602045149ba2d0b237cf0fe22612"
        );
    }
}
