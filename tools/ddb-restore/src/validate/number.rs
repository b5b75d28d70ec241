//! Numbers of DynamoDB by their value: `1`, `1.0` and `10E-1` are one number.

use std::io::Write as _;

/// Writes the value of a number: a minus sign below zero, the digits without zeros at either end, `e`, and the power of
/// ten that they are multiplied with; `0e0` for zero. No digit is lost, however many there are.
///
/// Nothing where the text is no number.
pub fn write(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let (is_negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let start = out.len();
    out.extend(is_negative.then_some(b'-'));
    let digits = whole.bytes().chain(fraction.bytes()).skip_while(|digit| *digit == b'0');
    let at = out.len();
    out.extend(digits);
    let mut power = i64::from(exponent) - i64::try_from(fraction.len()).ok()?;
    while out.len() > at && out.ends_with(b"0") {
        out.pop();
        power += 1;
    }
    if out.len() == at {
        out.truncate(start);
        out.push(b'0');
        power = 0;
    }
    write!(out, "e{power}").ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(text: &str) -> Option<String> {
        let mut out = Vec::new();
        write(text, &mut out).map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn spellings_of_one_number_are_one() {
        for (spellings, expected) in [
            (&["1", "1.0", "1E0", "+1", "10e-1", "0.1E+1", "001.", "1.000"][..], "1e0"),
            (&["0", "-0", "0.00", "0E99", ".0", "-0.0e-130"], "0e0"),
            (&["-120", "-1.2E2", "-0.12e3"], "-12e1"),
            (&["1E-130", "0.1e-129"], "1e-130"),
            (&["9.9999999999999999999999999999999999999E+125"], "99999999999999999999999999999999999999e88"),
        ] {
            for spelling in spellings {
                assert_eq!(value(spelling).as_deref(), Some(expected), "{spelling}");
            }
        }
        let (one, other) =
            ("12345678901234567890123456789012345678", "12345678901234567890123456789012345679");
        assert_ne!(value(one), value(other));
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["", "-", ".", "e1", "1e", "1e1.5", "--1", "1 ", "NaN", "Infinity", "1.2.3", "0x1", "१"]
        {
            assert_eq!(value(text), None, "{text}");
        }
    }

    /// Another way to the value: two numbers are equal if their difference is zero, digit by digit in columns.
    fn columns(is_negative: bool, digits: &[u8], point: usize, exponent: i32) -> Vec<i8> {
        let mut columns = vec![0i8; 400];
        for (n, digit) in digits.iter().enumerate() {
            let place = i32::try_from(point).unwrap() - 1 - i32::try_from(n).unwrap() + exponent + 200;
            let digit = i8::try_from(*digit).unwrap();
            columns[usize::try_from(place).unwrap()] = if is_negative { -digit } else { digit };
        }
        columns
    }

    fn spelled(is_negative: bool, digits: &[u8], point: usize, exponent: i32) -> String {
        let digits: String = digits.iter().map(u8::to_string).collect();
        let (whole, fraction) = digits.split_at(point);
        format!("{}{whole}.{fraction}E{exponent}", if is_negative { "-" } else { "" })
    }

    prop_compose! {
        fn parts()(
            is_negative: bool,
            digits in prop::collection::vec(prop_oneof![Just(0u8), 0u8..10], 1..40),
            at in 0usize..40,
            exponent in -60i32..60,
        ) -> (bool, Vec<u8>, usize, i32) {
            let point = at.min(digits.len());
            (is_negative, digits, point, exponent)
        }
    }

    proptest! {
        #[test]
        fn two_are_equal_exactly_if_their_columns_are(one in parts(), other in parts(), shift in 0i32..20) {
            let (is_negative, digits, point, exponent) = one.clone();
            // The same number, with its point elsewhere and zeros around it.
            let mut wider = vec![0];
            wider.extend(&digits);
            wider.extend(vec![0; usize::try_from(shift).unwrap()]);
            let moved = (is_negative, wider.clone(), wider.len(), exponent - i32::try_from(digits.len() - point).unwrap() - shift);
            for other in [other, moved] {
                let same = columns(one.0, &one.1, one.2, one.3) == columns(other.0, &other.1, other.2, other.3);
                let ours = value(&spelled(one.0, &one.1, one.2, one.3));
                prop_assert!(ours.is_some());
                prop_assert_eq!(ours == value(&spelled(other.0, &other.1, other.2, other.3)), same);
            }
        }
    }
}
