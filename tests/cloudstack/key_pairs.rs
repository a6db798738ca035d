//! SSH keys, by name.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::accounts::Owner;
use crate::call::Call;
use crate::cloud::Cloud;
use crate::networks::extend;
use crate::refusal::Refusal;
use crate::state::State;

pub(crate) struct KeyPair {
    id: Uuid,
    pub(crate) owner: Owner,
    pub(crate) name: String,
    pub(crate) public_key: String,
}

impl KeyPair {
    fn view(&self, state: &State) -> Value {
        let mut view = Map::new();
        view.insert("id".to_owned(), self.id.to_string().into());
        state.people.tell(self.owner, &mut view);
        let fingerprint = fingerprint(&self.public_key);
        extend(
            &mut view,
            json!({ "name": self.name, "fingerprint": fingerprint }),
        );
        view.into()
    }
}

fn blob(public_key: &str) -> Option<Vec<u8>> {
    let mut words = public_key.split_whitespace();
    let kind = words.next()?;
    let blob = STANDARD.decode(words.next()?).ok()?;
    (kind.starts_with("ssh-") || kind.starts_with("ecdsa-")).then_some(blob)
}

/// CloudStack's is of MD5, which nothing here computes: this is of the key all the same, and of that form.
fn fingerprint(public_key: &str) -> String {
    use aws_lc_rs::digest;
    let digest = digest::digest(&digest::SHA256, &blob(public_key).unwrap_or_default());
    let bytes: Vec<String> = digest.as_ref()[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    bytes.join(":")
}

pub(crate) fn register_ssh_key_pair(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let name = call.required("name")?.to_owned();
    let public_key = call.required("publickey")?.trim().to_owned();
    if blob(&public_key).is_none() {
        return Err(Refusal::parameter("Public key is invalid"));
    }
    let mut state = cloud.state();
    let owner = state.people.owner_for(call)?;
    for pair in state.key_pairs.iter().filter(|pair| pair.owner == owner) {
        if pair.name == name {
            return Err(Refusal::parameter(format!(
                "A key pair with name '{name}' already exists for this account."
            )));
        }
        if pair.public_key == public_key {
            return Err(Refusal::parameter(format!(
                "A key pair with key '{public_key}' already exists for this account."
            )));
        }
    }
    let pair = KeyPair {
        id: Uuid::new_v4(),
        owner,
        name,
        public_key,
    };
    let view = pair.view(&state);
    state.key_pairs.push(pair);
    Ok(json!({ "keypair": view }))
}

pub(crate) fn list_ssh_key_pairs(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let state = cloud.state();
    let mut found = Vec::new();
    for pair in &state.key_pairs {
        let asked = call.text("name").is_none_or(|name| name == pair.name)
            && call
                .text("fingerprint")
                .is_none_or(|asked| asked == fingerprint(&pair.public_key));
        if asked && state.people.lists(call, pair.owner)? {
            found.push(pair.view(&state));
        }
    }
    call.page("sshkeypair", found, state.settings.page_size)
}

pub(crate) fn delete_ssh_key_pair(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let name = call.required("name")?;
    let mut state = cloud.state();
    let owner = state.people.owner_for(call)?;
    let is_it = |pair: &KeyPair| pair.owner == owner && pair.name == name;
    if !state.key_pairs.iter().any(is_it) {
        return Err(Refusal::parameter(format!(
            "A key pair with name '{name}' does not exist for account."
        )));
    }
    state.key_pairs.retain(|pair| !is_it(pair));
    Ok(json!({ "success": true }))
}
