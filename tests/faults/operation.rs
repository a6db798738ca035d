//! What is done to a cluster of one control plane and some workers while something goes wrong.

use std::fmt;

/// One operation, in the order in which a cluster meets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Create,
    ScaleUp,
    ScaleDown,
    Destroy,
}

impl Operation {
    pub(crate) const ALL: [Self; 4] = [Self::Create, Self::ScaleUp, Self::ScaleDown, Self::Destroy];
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Create => "create",
            Self::ScaleUp => "scale up",
            Self::ScaleDown => "scale down",
            Self::Destroy => "destroy",
        })
    }
}
