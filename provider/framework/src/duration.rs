//! Durations as Terraform's users write them: Go's `1h30m`.
//!
//! Written here because the crates that read durations differ from Go's grammar: they allow spaces, days or
//! several spellings of a unit, and a configuration that works with us must not fail elsewhere.

use std::time::Duration;

/// Go counts in signed 64-bit nanoseconds.
const LONGEST: u128 = i64::MAX as u128;

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// Below zero.
    #[error("it is negative")]
    Negative,
    /// A number was expected.
    #[error("a number is missing before {0:?}")]
    NoNumber(String),
    /// A unit was expected at the end.
    #[error("a unit is missing after {0:?}: h, m, s, ms, us or ns")]
    NoUnit(String),
    /// Not one of Go's units.
    #[error("there is no unit {0:?}")]
    UnknownUnit(String),
    /// More than Go can hold.
    #[error("it is longer than 292 years")]
    TooLong,
}

/// Reads a duration of zero or more, to the nanosecond.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    if text.starts_with('-') {
        return Err(DurationError::Negative);
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    if text.is_empty() {
        return Err(DurationError::Empty);
    }
    // The one number that needs no unit.
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut nanoseconds: u128 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => digits(after),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(DurationError::NoNumber(rest.to_owned()));
        }
        let end = after.find(|next: char| next == '.' || next.is_ascii_digit());
        let (unit, after) = after.split_at(end.unwrap_or(after.len()));
        if unit.is_empty() {
            return Err(DurationError::NoUnit(rest.to_owned()));
        }
        nanoseconds = amount(whole, fraction, unit_length(unit)?)
            .and_then(|amount| nanoseconds.checked_add(amount))
            .filter(|sum| *sum <= LONGEST)
            .ok_or(DurationError::TooLong)?;
        rest = after;
    }
    u64::try_from(nanoseconds)
        .map(Duration::from_nanos)
        .map_err(|_| DurationError::TooLong)
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(
        text.find(|next: char| !next.is_ascii_digit())
            .unwrap_or(text.len()),
    )
}

fn unit_length(unit: &str) -> Result<u128, DurationError> {
    match unit {
        "ns" => Ok(1),
        // The micro sign, and the Greek letter that looks like it.
        "us" | "\u{b5}s" | "\u{3bc}s" => Ok(1_000),
        "ms" => Ok(1_000_000),
        "s" => Ok(1_000_000_000),
        "m" => Ok(60_000_000_000),
        "h" => Ok(3_600_000_000_000),
        other => Err(DurationError::UnknownUnit(other.to_owned())),
    }
}

/// Nanoseconds, cut below one; `None` where they are too many.
fn amount(whole: &str, fraction: &str, unit: u128) -> Option<u128> {
    let whole: u128 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    // Digits beyond the eighteenth are below a nanosecond for each unit.
    let fraction = fraction.get(..18).unwrap_or(fraction);
    let part = if fraction.is_empty() {
        0
    } else {
        fraction.parse::<u128>().ok()? * unit
    };
    let places = u32::try_from(fraction.len()).ok()?;
    whole
        .checked_mul(unit)?
        .checked_add(part / 10_u128.pow(places))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_go_reads() {
        for (text, nanoseconds) in [
            ("0", 0),
            ("0s", 0),
            ("300ms", 300_000_000),
            ("1h30m", 5_400_000_000_000),
            ("1h0m0.5s", 3_600_500_000_000),
            (".5m", 30_000_000_000),
            ("2.h", 7_200_000_000_000),
            ("+1us", 1_000),
            ("1\u{b5}s1\u{3bc}s", 2_000),
            ("1.9ns", 1),
            ("0.333333333333333333333h", 1_199_999_999_999),
            ("2562047h47m16.854775807s", 9_223_372_036_854_775_807),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_nanos(nanoseconds)), "{text}");
        }
    }

    #[test]
    fn it_says_what_is_wrong() {
        for (text, error) in [
            ("", DurationError::Empty),
            ("+", DurationError::Empty),
            ("-1h", DurationError::Negative),
            ("10", DurationError::NoUnit("10".to_owned())),
            ("1h30", DurationError::NoUnit("30".to_owned())),
            ("h", DurationError::NoNumber("h".to_owned())),
            (".s", DurationError::NoNumber(".s".to_owned())),
            ("1d", DurationError::UnknownUnit("d".to_owned())),
            ("1 h", DurationError::UnknownUnit(" h".to_owned())),
            ("2562047h47m16.854775808s", DurationError::TooLong),
            (
                "9999999999999999999999999999999999999999h",
                DurationError::TooLong,
            ),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }
}
