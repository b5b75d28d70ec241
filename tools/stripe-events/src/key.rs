//! The API key, and the mode that it is of.

use anyhow::Result;
use common::{Usage, secret};
use reqwest::header::HeaderValue;

use crate::cli::Cli;

/// A secret or restricted key of Stripe's.
pub struct Key {
    text: String,
    is_live: bool,
}

impl Key {
    /// The key of the command line.
    ///
    /// # Errors
    /// [`Usage`]: there is none, it is none of Stripe's, or not of the mode that the flags ask for.
    pub fn of(cli: &Cli) -> Result<Self> {
        let text = secret::given(cli.key_file.as_deref(), "STRIPE_API_KEY")?;
        Ok(Self::checked(text, cli.live).map_err(|why| Usage::Wrong(why.to_owned()))?)
    }

    fn checked(text: Option<String>, live: bool) -> Result<Self, &'static str> {
        let text = text.ok_or("no Stripe API key: set STRIPE_API_KEY or give --key-file")?;
        let is_of = |mode| ["sk", "rk"].iter().any(|kind| text.starts_with(&format!("{kind}_{mode}_")));
        let is_live = is_of("live");
        match (is_live, live) {
            _ if !(is_live || is_of("test")) || !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Err("the Stripe API key is neither sk_test_..., rk_test_..., sk_live_... nor rk_live_...")
            }
            (true, false) => Err("the Stripe API key is one of live mode: give --live to read live events"),
            (false, true) => Err("--live is given, and the Stripe API key is one of test mode"),
            _ => Ok(Self { text, is_live }),
        }
    }

    /// Whether it is of live mode.
    pub fn is_live(&self) -> bool {
        self.is_live
    }

    /// The value of the header `Authorization`; it is not shown where headers are.
    pub fn bearer(&self) -> Result<HeaderValue> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.text))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str, live: bool) -> Result<bool, &'static str> {
        Key::checked(Some(text.to_owned()), live).map(|key| key.is_live())
    }

    #[test]
    fn a_key_is_of_the_mode_that_is_asked_for() {
        for kind in ["sk", "rk"] {
            assert_eq!(checked(&format!("{kind}_test_1"), false), Ok(false));
            assert_eq!(checked(&format!("{kind}_live_1"), true), Ok(true));
            assert!(checked(&format!("{kind}_test_1"), true).is_err_and(|why| why.contains("test mode")));
            assert!(checked(&format!("{kind}_live_1"), false).is_err_and(|why| why.contains("--live")));
        }
        for wrong in ["pk_test_1", "whsec_1", "sk_org_live_1", "sk_test_1\n", "sk_test_é", "x"] {
            assert!(checked(wrong, false).is_err_and(|why| why.contains("neither")), "{wrong}");
        }
    }

    #[test]
    fn a_key_is_not_shown_with_the_headers() {
        let bearer = Key { text: "sk_test_1".to_owned(), is_live: false }.bearer().unwrap();
        assert_eq!(bearer.to_str().unwrap(), "Bearer sk_test_1");
        assert!(!format!("{bearer:?}").contains("sk_test_1"), "{bearer:?}");
    }
}
