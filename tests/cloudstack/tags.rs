//! Tags: a key and a value on a thing.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::accounts::Owner;
use crate::call::Call;
use crate::cloud::Cloud;
use crate::jobs;
use crate::refusal::Refusal;
use crate::state::{State, get};

pub(crate) struct Tag {
    pub(crate) resource: Uuid,
    pub(crate) key: String,
    pub(crate) value: String,
    kind: Kind,
    owner: Owner,
}

/// What can be tagged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    UserVm,
    Network,
    PublicIpAddress,
    FirewallRule,
    PortForwardingRule,
    LoadBalancer,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::UserVm,
        Self::Network,
        Self::PublicIpAddress,
        Self::FirewallRule,
        Self::PortForwardingRule,
        Self::LoadBalancer,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::UserVm => "UserVm",
            Self::Network => "Network",
            Self::PublicIpAddress => "PublicIpAddress",
            Self::FirewallRule => "FirewallRule",
            Self::PortForwardingRule => "PortForwardingRule",
            Self::LoadBalancer => "LoadBalancer",
        }
    }

    fn named(name: &str) -> Result<Self, Refusal> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| Refusal::parameter(format!("Invalid resource type: {name}")))
    }

    /// Whose the thing is, if there is one.
    fn owner(self, state: &State, id: Uuid) -> Option<Owner> {
        match self {
            Self::UserVm => get(&state.machines, id).map(|found| found.owner),
            Self::Network => get(&state.networks, id).map(|found| found.owner),
            Self::PublicIpAddress => get(&state.addresses, id).map(|found| found.owner),
            Self::FirewallRule => get(&state.firewall, id)
                .map(|found| found.owner)
                .or_else(|| get(&state.egress, id).map(|found| found.owner)),
            Self::PortForwardingRule => get(&state.forwards, id).map(|found| found.owner),
            Self::LoadBalancer => get(&state.balancers, id).map(|found| found.owner),
        }
    }
}

impl Tag {
    pub(crate) fn view(&self, state: &State) -> Value {
        let mut view = Map::new();
        view.insert("key".to_owned(), self.key.clone().into());
        view.insert("value".to_owned(), self.value.clone().into());
        view.insert("resourcetype".to_owned(), self.kind.name().into());
        view.insert("resourceid".to_owned(), self.resource.to_string().into());
        state.people.tell(self.owner, &mut view);
        view.into()
    }
}

/// The things that a call names, and what kind of things they are.
fn resources(state: &State, call: &Call) -> Result<(Kind, Vec<(Uuid, Owner)>), Refusal> {
    let kind = Kind::named(call.required("resourcetype")?)?;
    call.required("resourceids")?;
    let mut found = Vec::new();
    for id in call.ids("resourceids")? {
        let owner = kind.owner(state, id).ok_or_else(|| {
            Refusal::parameter(format!(
                "Unable to find resource by uuid {id} and type {}",
                kind.name()
            ))
        })?;
        state.people.check(call.caller, owner, &id.to_string())?;
        found.push((id, owner));
    }
    Ok((kind, found))
}

pub(crate) fn create_tags(cloud: &Arc<Cloud>, call: &Call) -> Result<Value, Refusal> {
    let tags = call.pairs("tags")?;
    call.required("resourceids")?;
    if tags.is_empty() {
        return Err(Refusal::parameter(
            "Unable to execute API command createtags due to missing parameter tags",
        ));
    }
    resources(&cloud.state(), call)?;
    let (at, again) = (Arc::clone(cloud), call.clone());
    jobs::begin(cloud, call, None, async move {
        let mut state = at.state();
        let (kind, resources) = resources(&state, &again)?;
        // All or none.
        let mut made = Vec::new();
        for (resource, owner) in resources {
            for (key, value) in &tags {
                let taken = state
                    .tags
                    .iter()
                    .any(|tag| tag.resource == resource && tag.key == *key);
                if taken {
                    return Err(Refusal::internal(format!(
                        "tag {key} already on {} with id {resource}",
                        kind.name()
                    )));
                }
                made.push(Tag {
                    resource,
                    key: key.clone(),
                    value: value.clone().unwrap_or_default(),
                    kind,
                    owner,
                });
            }
        }
        state.tags.extend(made);
        Ok(json!({ "success": true }))
    })
}

pub(crate) fn delete_tags(cloud: &Arc<Cloud>, call: &Call) -> Result<Value, Refusal> {
    let tags = call.pairs("tags")?;
    let (_, resources) = resources(&cloud.state(), call)?;
    let at = Arc::clone(cloud);
    jobs::begin(cloud, call, None, async move {
        at.state().tags.retain(|tag| {
            let of_these = resources.iter().any(|(id, _)| *id == tag.resource);
            let named = tags.is_empty()
                || tags.iter().any(|(key, value)| {
                    tag.key == *key && value.as_ref().is_none_or(|value| *value == tag.value)
                });
            !(of_these && named)
        });
        Ok(json!({ "success": true }))
    })
}

pub(crate) fn list_tags(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let kind = call.text("resourcetype").map(Kind::named).transpose()?;
    let resource = call.id("resourceid")?;
    let state = cloud.state();
    let mut found = Vec::new();
    for tag in &state.tags {
        let asked = kind.is_none_or(|kind| kind == tag.kind)
            && resource.is_none_or(|id| id == tag.resource)
            && call.text("key").is_none_or(|key| key == tag.key)
            && call.text("value").is_none_or(|value| value == tag.value);
        if asked && state.people.lists(call, tag.owner)? {
            found.push(tag.view(&state));
        }
    }
    call.page("tag", found, state.settings.page_size)
}
