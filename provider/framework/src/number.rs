//! Terraform's numbers: decimal, of any size, without loss.

use std::{fmt, str::FromStr};

use bigdecimal::{BigDecimal, ToPrimitive};

/// The most digits that a number may take when it is written out. Terraform itself keeps about 155
/// significant ones; the bound is there so that `1e999999999` cannot fill the memory.
const MOST_DIGITS: u64 = 16_384;

/// A number as Terraform knows it: 0.1 stays 0.1, and 2^64 + 1 keeps its last digit.
///
/// Two numbers are equal when their values are, however they were written: `1.50` is `1.5`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Number(BigDecimal);

/// Why something is no number that Terraform knows.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NumberError {
    /// Not written as a decimal number.
    #[error("{0:?} is not a decimal number")]
    NotDecimal(String),
    /// Infinite, or the result of an undefined calculation.
    #[error("{0} is not a finite number")]
    NotFinite(f64),
    /// Longer than any number that Terraform can tell from its neighbour.
    #[error("a number of more than {MOST_DIGITS} digits is not supported")]
    TooLong,
}

impl Number {
    /// The number as an `i64`, where it is an integer that fits.
    pub fn to_i64(&self) -> Option<i64> {
        self.integer()?.to_i64()
    }

    /// The number as a `u64`, where it is an integer that fits.
    pub fn to_u64(&self) -> Option<u64> {
        self.integer()?.to_u64()
    }

    /// The nearest `f64`; beyond its range an infinity.
    pub fn to_f64(&self) -> f64 {
        // The standard library rounds correctly; every text that a `BigDecimal` writes is one it reads.
        self.0.to_scientific_notation().parse().unwrap_or(f64::NAN)
    }

    /// The `f64` that is this number to the last digit, where there is one: for 0.5, not for 0.1.
    pub fn to_exact_f64(&self) -> Option<f64> {
        let nearest = self.to_f64();
        (Self::from_exact_f64(nearest).ok()? == *self).then_some(nearest)
    }

    /// Every digit of the binary fraction: 0.1 becomes 0.1000000000000000055511151231257827….
    ///
    /// What the wire means by a float. For a person's 0.1 use `Number::try_from`.
    pub fn from_exact_f64(number: f64) -> Result<Self, NumberError> {
        BigDecimal::try_from(number)
            .map_err(|_| NumberError::NotFinite(number))?
            .try_into()
    }

    /// Whether it has no fraction.
    pub fn is_integer(&self) -> bool {
        self.0.is_integer()
    }

    fn integer(&self) -> Option<&BigDecimal> {
        self.is_integer().then_some(&self.0)
    }
}

impl From<Number> for BigDecimal {
    fn from(number: Number) -> Self {
        number.0
    }
}

impl TryFrom<BigDecimal> for Number {
    type Error = NumberError;

    fn try_from(number: BigDecimal) -> Result<Self, NumberError> {
        let length = number
            .digits()
            .saturating_add(number.fractional_digit_count().unsigned_abs());
        if length > MOST_DIGITS {
            return Err(NumberError::TooLong);
        }
        Ok(Self(number.normalized()))
    }
}

macro_rules! from_integer {
    ($($integer:ty),*) => {$(
        impl From<$integer> for Number {
            fn from(number: $integer) -> Self {
                Self(BigDecimal::from(number).normalized())
            }
        }
    )*};
}

from_integer!(i8, i16, i32, i64, u8, u16, u32, u64);

/// The shortest decimal number that is read as this `f64`: 0.1 becomes 0.1, as a person means it.
impl TryFrom<f64> for Number {
    type Error = NumberError;

    fn try_from(number: f64) -> Result<Self, NumberError> {
        if number.is_finite() {
            format!("{number:e}").parse()
        } else {
            Err(NumberError::NotFinite(number))
        }
    }
}

impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        // Before it is parsed: reading digits takes quadratic time. Sign, point and exponent are extra.
        if text.len() as u64 > MOST_DIGITS + 32 {
            return Err(NumberError::TooLong);
        }
        let decimal = BigDecimal::from_str(text)
            .map_err(|_| NumberError::NotDecimal(text.chars().take(64).collect()))?;
        decimal.try_into()
    }
}

/// All digits, never an exponent.
impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write_plain_string(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        text.parse().unwrap()
    }

    #[test]
    fn it_is_written_without_an_exponent() {
        assert_eq!(number("1e20").to_string(), "100000000000000000000");
        assert_eq!(number("1e-9").to_string(), "0.000000001");
        assert_eq!(number("-1.50").to_string(), "-1.5");
        assert_eq!(
            number("18446744073709551617").to_string(),
            "18446744073709551617"
        );
    }

    #[test]
    fn the_way_it_was_written_does_not_matter() {
        assert_eq!(number("1.500"), number("15e-1"));
        assert_eq!(number("-0"), Number::from(0));
    }

    #[test]
    fn integers_are_given_only_where_nothing_is_lost() {
        assert_eq!(number("9223372036854775807").to_i64(), Some(i64::MAX));
        assert_eq!(number("9223372036854775808").to_i64(), None);
        assert_eq!(number("9223372036854775808").to_u64(), Some(1 << 63));
        assert_eq!(number("1.5").to_i64(), None);
        assert_eq!(number("-1").to_u64(), None);
    }

    #[test]
    fn a_float_is_exact_only_where_it_is_a_binary_fraction() {
        assert_eq!(number("0.5").to_exact_f64(), Some(0.5));
        assert_eq!(number("0.1").to_exact_f64(), None);
        assert_eq!(
            Number::from_exact_f64(0.1).unwrap().to_exact_f64(),
            Some(0.1)
        );
        assert_eq!(Number::try_from(0.1).unwrap(), number("0.1"));
        let smallest = f64::from_bits(1);
        assert_eq!(
            Number::from_exact_f64(smallest).unwrap().to_exact_f64(),
            Some(smallest)
        );
    }

    #[test]
    fn numbers_that_would_fill_the_memory_are_refused() {
        assert_eq!("1e999999999".parse::<Number>(), Err(NumberError::TooLong));
        assert_eq!("1e-999999999".parse::<Number>(), Err(NumberError::TooLong));
        assert_eq!(
            "1".repeat(100_000).parse::<Number>(),
            Err(NumberError::TooLong)
        );
        assert!("1e99999999999999999999999".parse::<Number>().is_err());
        assert!("twelve".parse::<Number>().is_err());
        assert!(Number::try_from(f64::INFINITY).is_err());
    }
}
