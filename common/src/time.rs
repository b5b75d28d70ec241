//! Instants as flags take them: never in a zone that the reader has to guess.

use std::time::Duration;

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

/// Reads an instant: RFC 3339 with an offset (`2026-11-20T10:00:00Z`) or `@` and seconds since 1970.
///
/// # Errors
/// A sentence for the user when the text is neither, or names no zone.
pub fn instant(text: &str) -> Result<Timestamp, String> {
    if let Some(epoch) = text.strip_prefix('@') {
        return epoch
            .parse()
            .ok()
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
            .ok_or_else(|| format!("{text} is not a number of seconds since 1970, as in @1763632800"));
    }
    text.parse::<Timestamp>().map_err(|_| {
        if text.parse::<jiff::civil::DateTime>().is_ok() {
            format!("{text} names no time zone: add Z for UTC or an offset such as +01:00")
        } else {
            format!("{text} is not a time: write 2026-11-20T10:00:00Z or @1763632800")
        }
    })
}

/// Reads an instant, or a span back from now (`2h`, `3d12h`), for flags that select what to read.
///
/// # Errors
/// As [`instant`].
pub fn instant_or_ago(text: &str) -> Result<Timestamp, String> {
    instant_or_before(text, Timestamp::now())
}

fn instant_or_before(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let Ok(span) = text.parse::<Span>() else {
        return instant(text);
    };
    span.to_duration(SpanRelativeTo::days_are_24_hours())
        .and_then(|duration| now.checked_sub(duration))
        .map_err(|_| format!("{text} reaches further back than can be counted: use hours or days"))
}

/// Reads a length of time that is not zero: `60s`, `5m`, `1h30m`; a day has 24 hours.
///
/// # Errors
/// A sentence for the user when the text is none.
pub fn length(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text} is no length of time, as in 60s or 5m");
    let span: Span = text.parse().map_err(|_| wrong())?;
    let signed: SignedDuration =
        span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    Duration::try_from(signed).ok().filter(|length| !length.is_zero()).ok_or_else(wrong)
}

/// Reads a number of minutes up to a day, as a length of time: `15m`, `1h`.
///
/// # Errors
/// A sentence for the user when the text is none.
pub fn minutes(text: &str) -> Result<Duration, String> {
    let length = length(text)?;
    let valid = length.as_secs().is_multiple_of(60) && length.subsec_nanos() == 0;
    (valid && length <= Duration::from_secs(86_400))
        .then_some(length)
        .ok_or_else(|| format!("{text} is not a number of minutes up to a day, as in 15m or 1h"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: &str = "2026-11-20T12:00:00Z";

    #[test]
    fn offsets_and_epochs_are_the_same_instant() {
        let noon = instant(NOON);
        assert_eq!(noon, instant("2026-11-20T13:00:00+01:00"));
        assert_eq!(noon, instant("@1795176000"));
    }

    #[test]
    fn a_time_without_zone_is_refused_with_the_remedy() {
        let refusal = instant("2026-11-20T12:00:00").unwrap_err();
        assert!(refusal.contains("no time zone"), "{refusal}");
        for nonsense in ["yesterday", "@", "@x", "", "2026-13-01T00:00:00Z"] {
            assert!(instant(nonsense).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn spans_count_back_from_now() {
        let now = instant(NOON).unwrap();
        assert_eq!(instant_or_before("2h", now), instant("2026-11-20T10:00:00Z"));
        assert_eq!(instant_or_before("1d2h", now), instant("2026-11-19T10:00:00Z"));
        assert_eq!(instant_or_before(NOON, now), Ok(now));
        assert!(instant_or_before("9000y", now).is_err());
    }

    #[test]
    fn a_length_is_a_span_above_nothing() {
        assert_eq!(length("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(length("1d"), Ok(Duration::from_secs(86_400)));
        for nonsense in ["0s", "-1m", "often", "5", ""] {
            assert!(length(nonsense).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn minutes_are_whole_and_few() {
        assert_eq!(minutes("1h"), Ok(Duration::from_secs(3600)));
        for wrong in ["90s", "0s", "25h", "1.5ms"] {
            assert!(minutes(wrong).is_err(), "{wrong}");
        }
    }
}
