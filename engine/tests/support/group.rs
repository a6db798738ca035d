//! A group of nodes beside the pool of a small cluster.

use std::collections::{BTreeMap, BTreeSet};

use coe_engine::model::{Drain, NodeGroupSpec, Pace};

/// A group of so many nodes beside its pool.
pub(crate) fn group(count: u32) -> NodeGroupSpec {
    NodeGroupSpec {
        name: "large".parse().unwrap(),
        count,
        min_count: None,
        max_count: None,
        flavor: None,
        image: None,
        labels: BTreeMap::from([("size".to_owned(), "large".to_owned())]),
        taints: BTreeSet::new(),
        pace: Pace::default(),
        drain: Drain::default(),
    }
}
