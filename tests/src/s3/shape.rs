//! How the keys of a synthetic bucket look: each follows from its number, and its number from it.

use std::ops::Range;
use std::str::FromStr;

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use super::content::mix;

/// What stands behind the prefix and the folder of a synthetic key. Keys with higher numbers are higher in binary
/// order, whatever the shape.
///
/// ```
/// use testkit::s3::{Shape, Synthetic};
///
/// let bucket = Synthetic { keys: 730, shape: Shape::Dates, ..Synthetic::default() };
/// assert_eq!(bucket.key(31), "data/2025/02/01/00:00:00.000Z-0000000031");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Shape {
    /// The number, in ten digits.
    #[default]
    Counter,
    /// 99 of 100 keys share 60 bytes and end in the number; the others are spread over the room before and behind.
    Skewed,
    /// Instants, even over the years 2025 and 2026, and the number.
    Dates,
    /// 32 hex digits that look random.
    Hex,
    /// Eight ideographs that look random.
    Cjk,
}

const COMMON: &str = "hosts/eu-central-1/production/web-frontends/access/log-2026-";
pub(super) const LOWER_HEX: &[u8; 16] = b"0123456789abcdef";
/// Digits that sort above [`COMMON`], as those of [`LOWER_HEX`] sort below.
const HIGH: &[u8; 16] = b"klmnopqrstuvwxyz";

const FIRST_MS: i64 = 1_735_689_600_000;
const SPAN_MS: u64 = 730 * 24 * 60 * 60 * 1000;

/// The first of 2^14 ideographs in a row, and how many bits one of them stands for.
const IDEOGRAPH: u32 = 0x4e00;
const BITS: u32 = 14;

impl Shape {
    /// Appends what is its own in key `index` of so many.
    pub(super) fn push(self, text: &mut String, index: u64, keys: u64) {
        match self {
            Self::Counter => push_digits::<10>(text, index),
            Self::Skewed => {
                let common = common(keys);
                if index < common.start {
                    push_base16::<16>(text, spread(index, common.start), LOWER_HEX);
                } else if index < common.end {
                    text.push_str(COMMON);
                    push_digits::<10>(text, index);
                } else {
                    push_base16::<16>(text, spread(index - common.end, keys - common.end), HIGH);
                }
            }
            Self::Dates => {
                let offset = u128::from(index) * u128::from(SPAN_MS) / u128::from(keys);
                push_instant(text, i64::try_from(offset).unwrap_or(i64::MAX));
                push_digits::<10>(text, index);
            }
            Self::Hex => push_base16::<32>(text, wide(index, keys), LOWER_HEX),
            Self::Cjk => {
                let number = wide(index, keys) >> 16;
                let digit =
                    |place| u32::try_from(number >> (place * BITS) & ((1 << BITS) - 1)).unwrap_or_default();
                text.extend((0..8).rev().filter_map(|place| char::from_u32(IDEOGRAPH + digit(place))));
            }
        }
    }

    /// The number of the key that this would be if it is one of ours.
    pub(super) fn index(self, text: &str, keys: u64) -> Option<u64> {
        match self {
            Self::Counter | Self::Dates => digits(text),
            Self::Skewed => {
                let common = common(keys);
                if text.starts_with(COMMON) {
                    return digits(text);
                }
                match text.as_bytes().first()? {
                    first if LOWER_HEX.contains(first) => unspread(base16(text, LOWER_HEX)?, common.start),
                    _ => Some(common.end + unspread(base16(text, HIGH)?, keys - common.end)?),
                }
            }
            Self::Hex => unspread(base16(text, LOWER_HEX)?, keys),
            Self::Cjk => {
                let digit = |c| u32::from(c).checked_sub(IDEOGRAPH).filter(|digit| *digit < 1 << BITS);
                let number =
                    text.chars().take(5).try_fold(0_u128, |all, c| Some(all << BITS | u128::from(digit(c)?)));
                unspread(u64::try_from(number? >> (5 * BITS - 64)).ok()?, keys)
            }
        }
    }
}

impl FromStr for Shape {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> anyhow::Result<Self> {
        Ok(match name {
            "counter" => Self::Counter,
            "skewed" => Self::Skewed,
            "dates" => Self::Dates,
            "hex" => Self::Hex,
            "cjk" => Self::Cjk,
            _ => anyhow::bail!("expected counter, skewed, dates, hex or cjk"),
        })
    }
}

/// The keys of a skewed bucket that have the common beginning.
fn common(keys: u64) -> Range<u64> {
    let others = keys / 100;
    others / 2..keys - others.div_ceil(2)
}

/// Number `index` of so many that are spread over 64 bits and look random, in ascending order.
fn spread(index: u64, count: u64) -> u64 {
    let room = u64::MAX / count;
    index * room + mix(index) % room
}

/// The index that [`spread`] made this of.
fn unspread(number: u64, count: u64) -> Option<u64> {
    number.checked_div(u64::MAX.checked_div(count)?)
}

/// [`spread`] with 64 more bits behind.
fn wide(index: u64, count: u64) -> u128 {
    u128::from(spread(index, count)) << 64 | u128::from(mix(!index))
}

// A page holds a thousand keys, ids and ETags: `format!` took most of the time that a page costs.

/// A number in as many digits of this alphabet, an even number of them.
pub(super) fn push_base16<const DIGITS: usize>(
    text: &mut String,
    number: impl Into<u128>,
    alphabet: &[u8; 16],
) {
    let bytes = number.into().to_be_bytes();
    let mut digits = [0; DIGITS];
    for (pair, byte) in digits.rchunks_mut(2).zip(bytes.iter().rev()) {
        pair.copy_from_slice(&[alphabet[usize::from(byte >> 4)], alphabet[usize::from(byte & 15)]]);
    }
    text.push_str(std::str::from_utf8(&digits).unwrap_or_default());
}

/// The number in the first 16 digits.
fn base16(text: &str, alphabet: &[u8; 16]) -> Option<u64> {
    let digit = |byte: &u8| alphabet.iter().position(|known| known == byte);
    text.as_bytes().get(..16)?.iter().try_fold(0, |all, byte| Some(all << 4 | digit(byte)? as u64))
}

/// A decimal number, filled up with zeros to as many digits.
pub(super) fn push_digits<const DIGITS: usize>(text: &mut String, mut number: u64) {
    let mut digits = [0; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789"[(number % 10) as usize];
        number /= 10;
    }
    text.push_str(std::str::from_utf8(&digits).unwrap_or_default());
}

/// The number in the last ten digits.
fn digits(text: &str) -> Option<u64> {
    let last = text.get(text.len().checked_sub(10)?..)?;
    last.bytes().all(|byte| byte.is_ascii_digit()).then(|| last.parse().ok())?
}

/// `2026/01/31/10:11:12.123Z-`, so long after the first instant.
fn push_instant(text: &mut String, offset_ms: i64) {
    let time =
        Timestamp::from_millisecond(FIRST_MS).unwrap_or_default() + SignedDuration::from_millis(offset_ms);
    let time = Offset::UTC.to_datetime(time);
    push_digits::<4>(text, time.year().unsigned_abs().into());
    for (number, mark) in [
        (time.month(), '/'),
        (time.day(), '/'),
        (time.hour(), '/'),
        (time.minute(), ':'),
        (time.second(), ':'),
    ] {
        text.push(mark);
        push_digits::<2>(text, number.unsigned_abs().into());
    }
    text.push('.');
    push_digits::<3>(text, time.millisecond().unsigned_abs().into());
    text.push_str("Z-");
}
