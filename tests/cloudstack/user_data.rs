//! What a machine is told at its first boot: registered under a name, or given with the call that makes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::accounts::Owner;
use crate::call::{Call, Method};
use crate::cloud::Cloud;
use crate::networks::extend;
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::state::State;

/// What HTTP's GET and POST carry of it at most.
const BY_GET: usize = 4096;
const BY_POST: usize = 1 << 20;

pub(crate) struct UserData {
    pub(crate) id: Uuid,
    pub(crate) owner: Owner,
    name: String,
    /// In base64, as it came.
    pub(crate) encoded: String,
}

impl UserData {
    fn view(&self, state: &State) -> Value {
        let mut view = Map::new();
        view.insert("id".to_owned(), self.id.to_string().into());
        state.people.tell(self.owner, &mut view);
        extend(
            &mut view,
            json!({ "name": self.name, "userdata": self.encoded, "params": "" }),
        );
        view.into()
    }
}

/// The parameter `userdata` in base64, if it is that and not too long.
pub(crate) fn given(call: &Call, settings: &Settings) -> Result<Option<String>, Refusal> {
    let Some(encoded) = call.text("userdata") else {
        return Ok(None);
    };
    let carried = match call.method {
        Method::Get => BY_GET,
        Method::Post => BY_POST,
    };
    let longest = carried.min(settings.user_data_bytes);
    if encoded.len() > longest {
        return Err(Refusal::parameter(format!(
            "User data has exceeded configurable max length: {longest}"
        )));
    }
    // In the alphabet of URLs as well.
    if decoded(encoded).is_none() {
        return Err(Refusal::parameter("User data needs to be base64 encoded."));
    }
    Ok(Some(encoded.to_owned()))
}

/// What it is.
pub(crate) fn decoded(encoded: &str) -> Option<Vec<u8>> {
    let standard = encoded.replace('-', "+").replace('_', "/");
    STANDARD.decode(standard).ok()
}

pub(crate) fn register_user_data(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let name = call.required("name")?.to_owned();
    call.required("userdata")?;
    let mut state = cloud.state();
    let encoded = given(call, &state.settings)?.unwrap_or_default();
    let owner = state.people.owner_for(call)?;
    for other in state.user_data.iter().filter(|other| other.owner == owner) {
        if other.name == name || other.encoded == encoded {
            return Err(Refusal::parameter(format!(
                "A userdata with name {name} or with the same content already exists for this account: {}",
                other.name
            )));
        }
    }
    let made = UserData {
        id: Uuid::new_v4(),
        owner,
        name,
        encoded,
    };
    let view = made.view(&state);
    state.user_data.push(made);
    Ok(json!({ "userdata": view }))
}

pub(crate) fn list_user_data(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let state = cloud.state();
    let found = state.listed(call, "id", &state.user_data)?;
    let found = found
        .into_iter()
        .filter(|one| call.text("name").is_none_or(|name| name == one.name));
    let found = found.map(|one| one.view(&state)).collect();
    call.page("userdata", found, state.settings.page_size)
}

pub(crate) fn delete_user_data(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let mut state = cloud.state();
    let id = state.own(call, "id", &state.user_data)?.id;
    if state
        .machines
        .iter()
        .any(|machine| machine.user_data_id == Some(id))
    {
        return Err(Refusal::internal(format!(
            "Cannot delete userdata {id}: it is in use by virtual machines"
        )));
    }
    state.user_data.retain(|one| one.id != id);
    state.forget(id);
    Ok(json!({ "success": true }))
}
