//! Affinity groups: which machines shall not share a host, or shall.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::accounts::Owner;
use crate::call::Call;
use crate::cloud::Cloud;
use crate::jobs::{self, Subject};
use crate::networks::extend;
use crate::refusal::Refusal;
use crate::state::{State, get};

pub(crate) struct AffinityGroup {
    pub(crate) id: Uuid,
    pub(crate) owner: Owner,
    pub(crate) name: String,
    kind: String,
    description: String,
}

const KINDS: [&str; 4] = [
    "host anti-affinity",
    "host affinity",
    "non-strict host anti-affinity",
    "non-strict host affinity",
];

impl AffinityGroup {
    fn view(&self, state: &State) -> Value {
        let mut view = Map::new();
        view.insert("id".to_owned(), self.id.to_string().into());
        state.people.tell(self.owner, &mut view);
        let members = state.machines.iter();
        let members = members.filter(|machine| machine.affinity_groups.contains(&self.id));
        let members: Vec<Uuid> = members.map(|machine| machine.id).collect();
        extend(
            &mut view,
            json!({
                "name": self.name, "type": self.kind, "description": self.description,
                "virtualmachineIds": members,
            }),
        );
        view.into()
    }
}

pub(crate) fn create_affinity_group(cloud: &Arc<Cloud>, call: &Call) -> Result<Value, Refusal> {
    let name = call.required("name")?.to_owned();
    let kind = call.required("type")?.to_lowercase();
    if !KINDS.contains(&kind.as_str()) {
        return Err(Refusal::parameter(format!(
            "Unable to create affinity group, invalid affinity group type {kind}"
        )));
    }
    let id = Uuid::new_v4();
    {
        let mut state = cloud.state();
        let owner = state.people.owner_for(call)?;
        let mut groups = state.affinity_groups.iter();
        if groups.any(|group| group.owner == owner && group.name == name) {
            return Err(Refusal::parameter(format!(
                "Unable to create affinity group, a group with name {name} already exists."
            )));
        }
        state.affinity_groups.push(AffinityGroup {
            id,
            owner,
            name,
            kind,
            description: call.text("description").unwrap_or_default().to_owned(),
        });
    }
    let at = Arc::clone(cloud);
    jobs::begin(
        cloud,
        call,
        Subject::made("AffinityGroup", id),
        async move {
            let state = at.state();
            let view = get(&state.affinity_groups, id).map(|group| group.view(&state));
            Ok(json!({ "affinitygroup": view }))
        },
    )
}

pub(crate) fn list_affinity_groups(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let state = cloud.state();
    let found = state.listed(call, "id", &state.affinity_groups)?;
    let found = found.into_iter().filter(|group| {
        call.text("name").is_none_or(|name| name == group.name)
            && call.text("type").is_none_or(|kind| kind == group.kind)
    });
    let found = found.map(|group| group.view(&state)).collect();
    call.page("affinitygroup", found, state.settings.page_size)
}

pub(crate) fn delete_affinity_group(cloud: &Arc<Cloud>, call: &Call) -> Result<Value, Refusal> {
    let id = {
        let state = cloud.state();
        if let Some(name) = call.text("name").filter(|_| call.text("id").is_none()) {
            let owner = state.people.owner_for(call)?;
            let mut groups = state.affinity_groups.iter();
            let group = groups.find(|group| group.owner == owner && group.name == name);
            let group = group.ok_or_else(|| {
                Refusal::parameter(format!("Unable to find affinity group by name {name}"))
            })?;
            group.id
        } else {
            state.own(call, "id", &state.affinity_groups)?.id
        }
    };
    let at = Arc::clone(cloud);
    jobs::begin(
        cloud,
        call,
        Subject::changed("AffinityGroup", id),
        async move {
            let mut state = at.state();
            state.affinity_groups.retain(|group| group.id != id);
            for machine in &mut state.machines {
                machine.affinity_groups.retain(|group| *group != id);
            }
            state.forget(id);
            Ok(json!({ "success": true }))
        },
    )
}
