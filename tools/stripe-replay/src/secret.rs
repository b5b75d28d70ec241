//! The secrets of the endpoint: read once, kept for signing and for hiding.

use std::path::Path;

use anyhow::Result;
use common::Usage;

/// The variable that Stripe's own examples use.
const VARIABLE: &str = "STRIPE_WEBHOOK_SECRET";
/// What begins like this is something else of Stripe's: keys, and the id of an endpoint.
const NO_SECRETS: [&str; 4] = ["sk_", "rk_", "pk_", "we_"];

/// Signing secrets, as they stand in Stripe's Dashboard.
pub struct Secrets(Vec<String>);

impl Secrets {
    /// Those of the file, or of the variable where there is none.
    ///
    /// # Errors
    /// [`Usage`] when there is no secret, or what is there is none.
    pub fn read(file: Option<&Path>) -> Result<Self> {
        let secrets = match file {
            Some(path) => {
                let name = path.display().to_string();
                let text = std::fs::read_to_string(path)
                    .map_err(|error| Usage::Wrong(format!("cannot read the secret {name}: {error}")))?;
                of(&text, &name)
            }
            None => of(&std::env::var(VARIABLE).unwrap_or_default(), VARIABLE),
        };
        let secrets = secrets.map_err(Usage::Wrong)?;
        secrets.iter().for_each(|secret| common::secret::keep(secret));
        Ok(Self(secrets))
    }

    /// These.
    #[cfg(test)]
    pub fn of_test(secrets: &[&str]) -> Self {
        Self(secrets.iter().map(|&secret| secret.to_owned()).collect())
    }

    /// Each secret: the whole text is the key, with its `whsec_`.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// A text of the handler's without the secrets that it may give away.
    pub fn hide(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }
}

fn of(text: &str, place: &str) -> Result<Vec<String>, String> {
    let parts = text.split(|letter: char| letter == ',' || letter.is_whitespace());
    let secrets: Vec<_> = parts.filter(|part| !part.is_empty()).map(str::to_owned).collect();
    if secrets.is_empty() {
        return Err(format!(
            "no secret in {place}: set {VARIABLE} to the endpoint's whsec_..., or give --secret-file"
        ));
    }
    let wrong = NO_SECRETS.iter().find(|start| secrets.iter().any(|secret| secret.starts_with(*start)));
    match wrong {
        Some(start) => Err(format!("{place} holds a {start}..., not the whsec_... of the endpoint")),
        None => Ok(secrets),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_secrets_stand_in_one_text() {
        assert_eq!(of("whsec_a,whsec_b\n", "x").unwrap(), ["whsec_a", "whsec_b"]);
        assert_eq!(of(" whsec_a\n\twhsec_b ", "x").unwrap(), ["whsec_a", "whsec_b"]);
        assert!(of(" ,\n", "FILE").unwrap_err().contains("no secret in FILE"));
    }

    #[test]
    fn a_key_is_no_secret_and_is_not_repeated() {
        for text in ["sk_live_hush", "rk_test_hush", "whsec_a,we_hush"] {
            let why = of(text, "FILE").unwrap_err();
            assert!(why.contains("whsec_") && !why.contains("hush"), "{why}");
        }
    }

    #[test]
    fn secrets_are_hidden_wherever_they_stand() {
        let secrets = Secrets::of_test(&["whsec_a", "whsec_b"]);
        assert_eq!(secrets.hide("expected whsec_b or whsec_a, whsec_a"), "expected *** or ***, ***");
    }
}
