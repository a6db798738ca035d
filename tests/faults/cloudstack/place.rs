//! At which calls something goes wrong.

use std::collections::BTreeMap;
use std::fmt;

use coe_tests::cloudstack::Cloud;

/// The n-th call of a command, from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// In lower case.
    pub(crate) command: String,
    pub(crate) nth: u64,
}

/// What is done when it is answered, and begins no job.
const DONE_AT_ONCE: [&str; 3] = ["createnetwork", "registeruserdata", "deleteuserdata"];

impl Place {
    /// Whether the call changes nothing.
    pub(crate) fn is_read(&self) -> bool {
        self.command.starts_with("list") || self.command.starts_with("query")
    }

    pub(crate) fn begins_job(&self) -> bool {
        !self.is_read() && !DONE_AT_ONCE.contains(&self.command.as_str())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.command, self.nth)
    }
}

/// How often each command was called.
pub(crate) type Calls = BTreeMap<String, u64>;

/// Those since the counters began anew.
pub(crate) fn calls_of(cloud: &Cloud) -> Calls {
    let state = cloud.state();
    let calls = state["calls"].as_object().into_iter().flatten();
    calls
        .filter_map(|(command, count)| Some((command.clone(), count.as_u64()?)))
        .collect()
}

/// All calls of a run: those that change something first, because of them there is more to tell.
pub(crate) fn places(calls: &Calls) -> Vec<Place> {
    let mut places: Vec<Place> = calls
        .iter()
        .flat_map(|(command, count)| {
            (1..=*count).map(|nth| Place {
                command: command.clone(),
                nth,
            })
        })
        .collect();
    places.sort_by_key(Place::is_read);
    places
}
