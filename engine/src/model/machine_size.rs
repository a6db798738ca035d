//! How large a machine is, or has to be. Pure.

use std::fmt;

/// How large a machine is, or has to be at the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MachineSize {
    /// Thousandths of a CPU.
    pub millicpus: u64,
    /// MiB.
    pub memory: u64,
}

impl MachineSize {
    /// Whether it has all that `least` has.
    pub fn has(self, least: Self) -> bool {
        self.millicpus >= least.millicpus && self.memory >= least.memory
    }
}

impl fmt::Display for MachineSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.millicpus / 1000, self.millicpus % 1000);
        write!(formatter, "{whole}")?;
        if part > 0 {
            let digits = format!("{part:03}");
            write!(formatter, ".{}", digits.trim_end_matches('0'))?;
        }
        let unit = if (whole, part) == (1, 0) {
            "CPU"
        } else {
            "CPUs"
        };
        write!(formatter, " {unit} and {} MiB of memory", self.memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_said_in_cpus_and_memory() {
        for (millicpus, memory, said) in [
            (1000, 2048, "1 CPU and 2048 MiB of memory"),
            (2000, 512, "2 CPUs and 512 MiB of memory"),
            (50, 64, "0.05 CPUs and 64 MiB of memory"),
        ] {
            assert_eq!(MachineSize { millicpus, memory }.to_string(), said);
        }
    }

    #[test]
    fn a_size_has_another_if_it_lacks_neither_cpus_nor_memory() {
        let size = |millicpus, memory| MachineSize { millicpus, memory };
        let least = size(2000, 2048);
        assert!(least.has(least) && size(4000, 8192).has(least));
        assert!(!size(1999, 8192).has(least) && !size(4000, 2047).has(least));
    }
}
