//! All that the cloud has.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Instant;

use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::accounts::{Owner, People};
use crate::addresses::Address;
use crate::affinity_groups::AffinityGroup;
use crate::balancers::Balancer;
use crate::call::Call;
use crate::catalog::Catalog;
use crate::faults::Faults;
use crate::firewall::{EgressRule, FirewallRule};
use crate::forwards::Forward;
use crate::jobs::Job;
use crate::key_pairs::KeyPair;
use crate::machines::Machine;
use crate::networks::Network;
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::tags::Tag;
use crate::user_data::UserData;

/// What has an id and is somebody's.
pub(crate) trait Entity {
    fn id(&self) -> Uuid;
    fn owner(&self) -> Owner;
}

macro_rules! entities {
    ($($kind:ty),*) => {
        $(impl Entity for $kind {
            fn id(&self) -> Uuid {
                self.id
            }

            fn owner(&self) -> Owner {
                self.owner
            }
        })*
    };
}

entities!(
    Address,
    AffinityGroup,
    Balancer,
    EgressRule,
    FirewallRule,
    Forward,
    Machine,
    Network,
    UserData
);

/// The one of that id.
pub(crate) fn get<T: Entity>(all: &[T], id: Uuid) -> Option<&T> {
    all.iter().find(|entity| entity.id() == id)
}

/// The same, to change it.
pub(crate) fn get_mut<T: Entity>(all: &mut [T], id: Uuid) -> Option<&mut T> {
    all.iter_mut().find(|entity| entity.id() == id)
}

/// Where the cloud is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Serving,
    Restarting,
}

pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) phase: Phase,
    pub(crate) people: People,
    pub(crate) catalog: Catalog,
    pub(crate) networks: Vec<Network>,
    pub(crate) addresses: Vec<Address>,
    pub(crate) firewall: Vec<FirewallRule>,
    pub(crate) egress: Vec<EgressRule>,
    pub(crate) forwards: Vec<Forward>,
    pub(crate) balancers: Vec<Balancer>,
    pub(crate) machines: Vec<Machine>,
    pub(crate) affinity_groups: Vec<AffinityGroup>,
    pub(crate) key_pairs: Vec<KeyPair>,
    pub(crate) user_data: Vec<UserData>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) jobs: Vec<Job>,
    /// Ids of what there was: lists of them are empty, and not refused.
    pub(crate) gone: HashSet<Uuid>,
    pub(crate) faults: Faults,
    pub(crate) calls: BTreeMap<String, u64>,
    pub(crate) unknown_parameters: BTreeSet<String>,
    /// When the calls were made that the throttle counts.
    pub(crate) recent: Vec<Instant>,
}

impl State {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            phase: Phase::Serving,
            people: People::new(),
            catalog: Catalog::new(),
            networks: Vec::new(),
            addresses: Vec::new(),
            firewall: Vec::new(),
            egress: Vec::new(),
            forwards: Vec::new(),
            balancers: Vec::new(),
            machines: Vec::new(),
            affinity_groups: Vec::new(),
            key_pairs: Vec::new(),
            user_data: Vec::new(),
            tags: Vec::new(),
            jobs: Vec::new(),
            gone: HashSet::new(),
            faults: Faults::default(),
            calls: BTreeMap::new(),
            unknown_parameters: BTreeSet::new(),
            recent: Vec::new(),
        }
    }

    /// The cloud's clock.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::now() + jiff::SignedDuration::from_secs(self.settings.clock_skew_seconds)
    }

    /// The one that a parameter names, and that the caller may work on.
    pub(crate) fn own<'a, T: Entity>(
        &self,
        call: &Call,
        name: &str,
        all: &'a [T],
    ) -> Result<&'a T, Refusal> {
        let id = call.required_id(name)?;
        self.own_with_id(call, name, all, id)
    }

    /// The same, where the id is known already.
    pub(crate) fn own_with_id<'a, T: Entity>(
        &self,
        call: &Call,
        name: &str,
        all: &'a [T],
        id: Uuid,
    ) -> Result<&'a T, Refusal> {
        let Some(found) = get(all, id) else {
            return Err(if self.gone.contains(&id) {
                Refusal::parameter(format!("Unable to find the entity by {name} {id}"))
            } else {
                call.no_entity(name, id)
            });
        };
        self.people
            .check(call.caller, found.owner(), &id.to_string())?;
        Ok(found)
    }

    /// Those of `all` that a call lists: the caller's, with the ids and tags that it names. `id` is what the
    /// parameter is called that names one.
    pub(crate) fn listed<'a, T: Entity>(
        &self,
        call: &Call,
        id: &str,
        all: &'a [T],
    ) -> Result<Vec<&'a T>, Refusal> {
        let mut ids = call.ids("ids")?;
        ids.extend(call.id(id)?);
        let unknown = ids
            .iter()
            .find(|id| get(all, **id).is_none() && !self.gone.contains(*id));
        if let Some(unknown) = unknown {
            return Err(call.no_entity(id, *unknown));
        }
        let tags = call.pairs("tags")?;
        let mut listed = Vec::new();
        for entity in all {
            let asked = (ids.is_empty() || ids.contains(&entity.id()))
                && self.has_any_tag(entity.id(), &tags);
            if asked && self.people.lists(call, entity.owner())? {
                listed.push(entity);
            }
        }
        Ok(listed)
    }

    /// CloudStack lists what has one of the tags, not all of them.
    fn has_any_tag(&self, resource: Uuid, tags: &[(String, Option<String>)]) -> bool {
        tags.is_empty()
            || self.tags.iter().any(|tag| {
                tag.resource == resource
                    && tags.iter().any(|(key, value)| {
                        tag.key == *key && value.as_ref().is_none_or(|value| tag.value == *value)
                    })
            })
    }

    /// What every reply of an owned and tagged thing has.
    pub(crate) fn tell_common(&self, id: Uuid, owner: Owner, into: &mut Map<String, Value>) {
        into.insert("id".to_owned(), id.to_string().into());
        self.people.tell(owner, into);
        let tags = self.tags.iter().filter(|tag| tag.resource == id);
        let tags: Vec<Value> = tags.map(|tag| tag.view(self)).collect();
        into.insert("tags".to_owned(), tags.into());
    }

    /// It is gone, with its tags.
    pub(crate) fn forget(&mut self, id: Uuid) {
        self.gone.insert(id);
        self.tags.retain(|tag| tag.resource != id);
    }
}

/// As CloudStack writes a moment.
pub(crate) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string()
}
