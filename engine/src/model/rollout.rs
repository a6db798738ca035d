//! How the nodes of a cluster that is there are worked on one after another.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How many workers are made again at a time, and at whose cost: never nobody, so that it comes to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "PaceFields", into = "PaceFields")]
pub struct Pace(PaceFields);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct PaceFields {
    max_surge: u32,
    max_unavailable: u32,
}

/// A pace at which nothing would move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "with no worker more than are wanted and none less, no worker can be made again: one of the two numbers has to be 1 or more"
)]
pub struct NoPace;

impl Pace {
    /// `max_surge` workers more than are wanted, and `max_unavailable` less, at the most.
    pub fn new(max_surge: u32, max_unavailable: u32) -> Result<Self, NoPace> {
        if max_surge == 0 && max_unavailable == 0 {
            return Err(NoPace);
        }
        Ok(Self(PaceFields {
            max_surge,
            max_unavailable,
        }))
    }

    /// How many workers more than are wanted there may be meanwhile.
    pub fn max_surge(self) -> u32 {
        self.0.max_surge
    }

    /// How many workers less than are wanted may be in service meanwhile.
    pub fn max_unavailable(self) -> u32 {
        self.0.max_unavailable
    }

    /// How many are made again at a time.
    pub fn at_a_time(self) -> usize {
        let sum = self.0.max_surge.saturating_add(self.0.max_unavailable);
        usize::try_from(sum).unwrap_or(usize::MAX)
    }
}

impl Default for Pace {
    /// One after the other, and none more than are wanted.
    fn default() -> Self {
        Self(PaceFields {
            max_surge: 0,
            max_unavailable: 1,
        })
    }
}

impl TryFrom<PaceFields> for Pace {
    type Error = NoPace;

    fn try_from(fields: PaceFields) -> Result<Self, NoPace> {
        Self::new(fields.max_surge, fields.max_unavailable)
    }
}

impl From<Pace> for PaceFields {
    fn from(pace: Pace) -> Self {
        pace.0
    }
}

/// Whether what keeps work on a node is listened to while the node is drained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Budgets {
    /// It is: work that may not go stays, and the drain fails when its time is up.
    #[default]
    Respected,
    /// It is not.
    Ignored,
}

/// How the work of a node is moved off it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Drain {
    /// How long it may take.
    pub timeout: Duration,
    /// Whether what keeps work there counts.
    pub budgets: Budgets,
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            timeout: Duration::from_mins(5),
            budgets: Budgets::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_at_which_nothing_moves_is_none_wherever_it_comes_from() {
        assert_eq!(Pace::new(0, 0), Err(NoPace));
        let kept = r#"{"max_surge":0,"max_unavailable":0}"#;
        assert!(serde_json::from_str::<Pace>(kept).is_err());
    }

    #[test]
    fn those_that_are_more_are_made_beside_those_that_are_less() {
        for (max_surge, max_unavailable, at_a_time) in [(0, 1, 1), (1, 0, 1), (2, 3, 5)] {
            let pace = Pace::new(max_surge, max_unavailable).unwrap();
            assert_eq!(pace.at_a_time(), at_a_time);
        }
    }
}
