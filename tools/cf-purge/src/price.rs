//! What invalidations cost.

use std::fmt;
use std::str::FromStr;

use anyhow::{Result, bail};

/// The price of one path or wildcard, in thousandths of a dollar (CloudFront pricing: 0.005 USD, whatever a wildcard
/// reaches). The account's first 1,000 paths of a month are free, but others may have used them, so that they
/// are not counted on.
const PATH: u64 = 5;

/// Dollars, counted in thousandths.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Usd(u64);

impl Usd {
    /// The most that so many paths and wildcards can cost.
    pub fn of_paths(paths: u64) -> Self {
        Self(paths.saturating_mul(PATH))
    }
}

/// What a run has spent and may spend.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    spent: u64,
    most: Option<Usd>,
}

impl Budget {
    /// A run that may spend so much.
    pub fn new(most: Option<Usd>) -> Self {
        Self { spent: 0, most }
    }

    /// Counts what earlier runs of the same purge spent.
    pub fn count(&mut self, paths: u64) {
        self.spent = self.spent.saturating_add(paths);
    }

    /// Takes the price of so many more paths and wildcards out of the budget and returns it.
    ///
    /// # Errors
    /// When that is more than is left. Nothing is taken then.
    pub fn spend(&mut self, paths: u64) -> Result<Usd> {
        let spent = self.spent.saturating_add(paths);
        let cost = Usd::of_paths(spent);
        if let Some(most) = self.most.filter(|&most| cost > most) {
            let before = match self.spent {
                0 => String::new(),
                sent => format!(" after {sent} that were sent"),
            };
            bail!(
                "{paths} paths{before} can cost {cost} in all, --max-cost is {most}: \
                 raise it, or fold more with a lower --max-paths"
            );
        }
        self.spent = spent;
        Ok(Usd::of_paths(paths))
    }
}

impl FromStr for Usd {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("{text} is no amount of dollars, as in 10 or 2.50");
        let digits = text.strip_prefix('$').unwrap_or(text);
        let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
        let number = |text: &str| {
            let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| text.parse::<u64>().ok()).flatten().ok_or_else(wrong)
        };
        if part.len() > 3 {
            return Err(format!("{text} is finer than a tenth of a cent"));
        }
        let thousandths = number(&format!("{part:0<3}"))?;
        if part.is_empty() {
            return Err(wrong());
        }
        number(whole)?
            .checked_mul(1000)
            .and_then(|dollars| dollars.checked_add(thousandths))
            .map(Self)
            .ok_or_else(wrong)
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dollars, thousandths) = (self.0 / 1000, self.0 % 1000);
        if thousandths.is_multiple_of(10) {
            write!(f, "${dollars}.{:02}", thousandths / 10)
        } else {
            write!(f, "${dollars}.{thousandths:03}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_paths_cost_five_thousand_dollars() {
        assert_eq!(Usd::of_paths(1_000_000).to_string(), "$5000.00");
        assert_eq!(Usd::of_paths(1).to_string(), "$0.005");
        assert_eq!(Usd::of_paths(3).to_string(), "$0.015");
        assert_eq!(Usd::of_paths(2).to_string(), "$0.01");
    }

    #[test]
    fn a_budget_counts_what_was_spent_before() {
        let mut budget = Budget::new(Some(Usd(50)));
        assert_eq!(budget.spend(8).ok(), Some(Usd(40)));
        assert!(budget.spend(3).is_err());
        assert_eq!(budget.spend(2).ok(), Some(Usd(10)));
        assert!(budget.spend(1).is_err());
        assert!(Budget::new(None).spend(u64::MAX).is_ok());
    }

    #[test]
    fn amounts_are_read_to_the_tenth_of_a_cent() {
        for (text, thousandths) in [("0", 0), ("10", 10_000), ("2.5", 2_500), ("$0.005", 5), ("1.25", 1_250)]
        {
            assert_eq!(text.parse(), Ok(Usd(thousandths)), "{text}");
        }
        for text in ["", ".", "1.", ".5", "-1", "+1", "1.+5", "1e3", "ten", "0.0005", "99999999999999999999"]
        {
            assert!(text.parse::<Usd>().is_err(), "{text}");
        }
    }
}
