//! What a platform has to make clusters from. Pure.

use std::collections::BTreeMap;

use ipnet::IpNet;

/// What a platform has to make clusters from, and how much of it is left; each list in the order of its names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offer {
    /// What fails together, by name.
    pub zones: Vec<String>,
    /// Sizes of machines that have names. None: a platform without machines of its own, or one that takes any size.
    pub flavors: Vec<OfferedFlavor>,
    /// What machines are made from.
    pub images: Vec<OfferedImage>,
    /// Networks that are there.
    pub networks: Vec<OfferedNetwork>,
    /// What is limited, by what it is, in the platform's own words.
    pub quotas: BTreeMap<String, Quota>,
}

/// A size of machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedFlavor {
    /// Its name.
    pub name: String,
    /// The platform's id of it.
    pub id: String,
    /// How many CPUs a machine has; `None`: whoever makes one says it.
    pub cores: Option<u64>,
    /// MiB of memory.
    pub memory: Option<u64>,
    /// GiB of disk; `None`: as much as its image.
    pub disk: Option<u64>,
}

/// What a machine is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedImage {
    /// Its name.
    pub name: String,
    /// The platform's id of it.
    pub id: String,
}

/// A network that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedNetwork {
    /// Its name.
    pub name: String,
    /// The platform's id of it.
    pub id: String,
    /// Its subnets.
    pub subnets: Vec<IpNet>,
}

/// How much of something there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How much there is.
    pub used: u64,
    /// How much there may be; `None`: any amount.
    pub most: Option<u64>,
}

impl Offer {
    /// The same, each list in the order of its names.
    #[must_use]
    pub fn in_order(mut self) -> Self {
        self.zones.sort();
        self.zones.dedup();
        self.flavors
            .sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
        self.images
            .sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
        self.networks
            .sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
        self
    }
}
