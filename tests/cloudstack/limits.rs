//! How much of everything an account or a project may have.

use serde_json::{Map, Value, json};

use crate::accounts::Owner;
use crate::call::Call;
use crate::cloud::Cloud;
use crate::refusal::{Code, Refusal};
use crate::state::State;

/// What is counted: CloudStack's number of it, its name, and what an account's reply calls it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resource {
    number: u8,
    name: &'static str,
    short: &'static str,
    count: fn(&State, Owner) -> usize,
}

pub(crate) const MACHINES: Resource = Resource {
    number: 0,
    name: "user_vm",
    short: "vm",
    count: |state, owner| state.counted(owner).count(),
};
pub(crate) const ADDRESSES: Resource = Resource {
    number: 1,
    name: "public_ip",
    short: "ip",
    count: |state, owner| (state.addresses.iter().filter(|one| one.owner == owner)).count(),
};
pub(crate) const NETWORKS: Resource = Resource {
    number: 6,
    name: "network",
    short: "network",
    count: |state, owner| (state.networks.iter().filter(|one| one.owner == owner)).count(),
};
pub(crate) const PROCESSORS: Resource = Resource {
    number: 8,
    name: "cpu",
    short: "cpu",
    count: |state, owner| (state.counted(owner).map(|one| one.processors as usize)).sum(),
};
pub(crate) const MEMORY: Resource = Resource {
    number: 9,
    name: "memory",
    short: "memory",
    count: |state, owner| (state.counted(owner).map(|one| one.memory_mb as usize)).sum(),
};
const ALL: [Resource; 5] = [MACHINES, ADDRESSES, NETWORKS, PROCESSORS, MEMORY];

impl State {
    /// The machines that count: what is destroyed or never came to be does not.
    fn counted(&self, owner: Owner) -> impl Iterator<Item = &crate::machines::Machine> {
        self.machines
            .iter()
            .filter(move |machine| machine.owner == owner && machine.counts())
    }

    fn limit_of(&self, resource: Resource) -> Option<usize> {
        self.settings.limits.get(resource.name).copied()
    }

    /// Refuses `more` of something where that is more than there may be.
    pub(crate) fn check_limit(
        &self,
        owner: Owner,
        resource: Resource,
        more: usize,
    ) -> Result<(), Refusal> {
        let Some(limit) = self.limit_of(resource) else {
            return Ok(());
        };
        if (resource.count)(self, owner) + more <= limit {
            return Ok(());
        }
        let mut of = Map::new();
        self.people.tell(owner, &mut of);
        let of = of.get("account").or_else(|| of.get("project"));
        Err(Refusal::new(
            Code(self.settings.limit_code),
            format!(
                "Maximum number of resources of type '{}' for account name={} in domain id={} has been exceeded.",
                resource.name,
                of.and_then(Value::as_str).unwrap_or_default(),
                self.people.domain
            ),
        ))
    }
}

/// What an account has, and may have.
pub(crate) fn tell(state: &State, owner: Owner, into: &mut Map<String, Value>) {
    for resource in ALL {
        let (limit, count) = (state.limit_of(resource), (resource.count)(state, owner));
        let text = |number: Option<usize>| {
            number.map_or_else(|| "Unlimited".to_owned(), |number| number.to_string())
        };
        let available = limit.map(|limit| limit.saturating_sub(count));
        into.insert(format!("{}limit", resource.short), text(limit).into());
        into.insert(format!("{}total", resource.short), count.into());
        into.insert(
            format!("{}available", resource.short),
            text(available).into(),
        );
    }
}

pub(crate) fn list_resource_limits(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let state = cloud.state();
    let owner = state.people.owner_for(call)?;
    let mut found = Vec::new();
    for resource in ALL {
        let number = i64::from(resource.number);
        if call
            .number("resourcetype")?
            .is_some_and(|asked| asked != number)
        {
            continue;
        }
        let max = state
            .limit_of(resource)
            .and_then(|limit| i64::try_from(limit).ok());
        let mut view = Map::new();
        state.people.tell(owner, &mut view);
        view.insert("resourcetype".to_owned(), number.to_string().into());
        view.insert("resourcetypename".to_owned(), resource.name.into());
        view.insert("max".to_owned(), json!(max.unwrap_or(-1)));
        found.push(view.into());
    }
    call.page("resourcelimit", found, state.settings.page_size)
}
