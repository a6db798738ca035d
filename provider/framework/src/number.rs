//! Terraform's numbers: decimal, of any size, without loss.

use bigdecimal::BigDecimal;

/// A number as Terraform knows it: 0.1 stays 0.1, and 2^64 + 1 keeps its last digit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Number(BigDecimal);

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self(BigDecimal::from(number))
    }
}
