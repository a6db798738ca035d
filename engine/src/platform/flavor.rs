//! The size of a machine on platforms that have no catalogue of sizes: `"<cpus>x<GiB>"`.

use std::str::FromStr;

use crate::model::{Flavor, MachineSize};

/// The least memory in which a node's own services start.
const LEAST_MEMORY_BYTES: i64 = 64 << 20;
/// Container engines refuse fewer than 0.01 CPUs.
const LEAST_NANO_CPUS: i64 = 10_000_000;

/// A size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    /// 10⁻⁹ of a CPU.
    pub(crate) nano_cpus: i64,
    /// Bytes.
    pub(crate) memory: i64,
}

impl From<Size> for MachineSize {
    fn from(size: Size) -> Self {
        Self {
            millicpus: u64::try_from(size.nano_cpus / 1_000_000).unwrap_or_default(),
            memory: u64::try_from(size.memory >> 20).unwrap_or_default(),
        }
    }
}

/// How large a machine of that flavor is; `None`: no flavor is named, or it is none.
pub(crate) fn size_of(flavor: Option<&Flavor>) -> Option<MachineSize> {
    let size: Size = flavor?.0.parse().ok()?;
    Some(size.into())
}

/// A flavor that is not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a size: it is \"<cpus>x<GiB>\", for example \"2x4\" or \"0.5x1.5\", with at least \
     0.01 CPUs and 0.0625 GiB"
)]
pub(crate) struct InvalidFlavor(pub(crate) String);

impl FromStr for Size {
    type Err = InvalidFlavor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidFlavor(text.to_owned());
        let (cpus, gibibytes) = text.split_once('x').ok_or_else(invalid)?;
        let size = Self {
            nano_cpus: scaled(cpus, 1e9).ok_or_else(invalid)?,
            memory: scaled(gibibytes, f64::from(1 << 30)).ok_or_else(invalid)?,
        };
        if size.nano_cpus < LEAST_NANO_CPUS || size.memory < LEAST_MEMORY_BYTES {
            return Err(invalid());
        }
        Ok(size)
    }
}

/// A plain decimal number times `factor`, if it is one and fits.
fn scaled(text: &str, factor: f64) -> Option<i64> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number = text.parse::<f64>().ok().filter(|_| plain)?;
    let scaled = (number * factor).round();
    // Far below 2⁵³, where every whole number is exact.
    #[allow(clippy::cast_possible_truncation)]
    (scaled < 1e15).then_some(scaled as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        let size = |text: &str| text.parse::<Size>().unwrap();
        assert_eq!(
            size("2x4"),
            Size {
                nano_cpus: 2_000_000_000,
                memory: 4 << 30
            }
        );
        assert_eq!(
            size("0.5x1.5"),
            Size {
                nano_cpus: 500_000_000,
                memory: 3 << 29
            }
        );
    }

    #[test]
    fn what_is_not_a_size_is_refused() {
        for text in [
            "", "2", "x", "2x", "x4", "2x4x1", "-1x4", "2 x 4", "1e3x4", "0x4", "2x0", "NaNx1",
        ] {
            assert_eq!(
                text.parse::<Size>(),
                Err(InvalidFlavor(text.to_owned())),
                "{text}"
            );
        }
    }
}
