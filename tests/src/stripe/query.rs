//! What a request asks of the list.

use percent_encoding::percent_decode_str;

use super::answer::error;

/// The most of a page.
const MOST: usize = 100;
/// The most types of one request.
const TYPES: usize = 20;

/// Where a page lies.
#[derive(Debug, Default, PartialEq)]
pub(super) enum Place {
    /// The newest events.
    #[default]
    Top,
    /// The events that are next older than this one.
    After(String),
    /// The events that are next newer than this one.
    Before(String),
}

/// The parameters of a list.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) limit: usize,
    pub(super) place: Place,
    /// The first and the last second.
    created: (i64, i64),
    kind: Option<String>,
    kinds: Vec<String>,
    delivered: Option<bool>,
}

impl Query {
    /// Reads the query of a URL. What is wrong with it comes back as the body of a refusal.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut query = Self {
            limit: 10,
            place: Place::Top,
            created: (i64::MIN, i64::MAX),
            kind: None,
            kinds: Vec::new(),
            delivered: None,
        };
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name), decoded(value));
            query
                .take(&name, value)
                .map_err(|message| error("invalid_request_error", Some(&name), &message))?;
        }
        if query.kind.is_some() && !query.kinds.is_empty() {
            let message = "You cannot filter by both `type` and `types`.";
            return Err(error("invalid_request_error", Some("types"), message));
        }
        Ok(query)
    }

    fn take(&mut self, name: &str, value: String) -> Result<(), String> {
        let number = || value.parse::<i64>().map_err(|_| format!("Invalid integer: {value}"));
        match name {
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=MOST).contains(limit));
                self.limit = limit.ok_or("Limit must be between 1 and 100.")?;
            }
            "starting_after" | "ending_before" if self.place != Place::Top => {
                return Err("You can only use one of `starting_after` and `ending_before`.".to_owned());
            }
            "starting_after" => self.place = Place::After(value),
            "ending_before" => self.place = Place::Before(value),
            "created[gt]" => self.created.0 = self.created.0.max(number()? + 1),
            "created[gte]" => self.created.0 = self.created.0.max(number()?),
            "created[lt]" => self.created.1 = self.created.1.min(number()? - 1),
            "created[lte]" => self.created.1 = self.created.1.min(number()?),
            "type" => self.kind = Some(value),
            "types[]" if self.kinds.len() == TYPES => return Err("At most 20 types.".to_owned()),
            "types[]" => self.kinds.push(value),
            "delivery_success" => {
                self.delivered = Some(value.parse().map_err(|_| format!("Invalid boolean: {value}"))?);
            }
            _ => return Err(format!("Received unknown parameter: {name}")),
        }
        Ok(())
    }

    /// Whether the list has an event of this second, type and delivery.
    pub(super) fn takes(&self, created: i64, kind: &str, delivered: bool) -> bool {
        let wanted = match &self.kind {
            Some(pattern) => matches(pattern, kind),
            None => self.kinds.is_empty() || self.kinds.iter().any(|wanted| wanted == kind),
        };
        let (first, last) = self.created;
        wanted && (first..=last).contains(&created) && self.delivered.is_none_or(|wanted| wanted == delivered)
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// Whether a name fits a pattern, of which each `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            ends.into_iter().any(|at| matches(rest, &name[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name) in
            [("invoice.*", "invoice.paid"), ("*", ""), ("*.paid", "invoice.paid"), ("a*c*", "abcd")]
        {
            assert!(matches(pattern, name), "{pattern}");
        }
        for (pattern, name) in
            [("invoice.*", "invoiceitem.created"), ("invoice", "invoice.paid"), ("a*c", "abcd")]
        {
            assert!(!matches(pattern, name), "{pattern}");
        }
    }
}
