//! What the labels of an object say, in whichever form a platform keeps them.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{PlatformError, Retry};
use crate::model::{ClusterId, NodeSpec, Owner};

/// On a machine: what its node was made as, JSON of `NodeSpec`.
pub(super) const NODE_SPEC: &str = "io.coe.node.spec";
/// On a machine: the address of its node.
pub(super) const NODE_ADDRESS: &str = "io.coe.node.address";
/// On a machine: the id of its node's network, which may be one that is not ours.
pub(super) const NETWORK_ID: &str = "io.coe.network.id";
/// On a machine of a cloud: by which key its SSH server is known.
pub(super) const HOST_KEY: &str = "io.coe.node.host-key";

/// How a description of ours begins, and the tag of what is ours.
pub(super) const OURS: &str = "io.coe";
/// The most characters of a description of a cloud's object, and of a value that is kept with it.
pub(super) const LONGEST: usize = 255;

/// Keys and values.
pub(super) type Labels = BTreeMap<String, String>;

/// Something that has labels.
pub(super) trait Labelled {
    /// The value of a label.
    fn label(&self, key: &str) -> Option<&str>;
}

impl Labelled for BTreeMap<String, String> {
    fn label(&self, key: &str) -> Option<&str> {
        self.get(key).map(String::as_str)
    }
}

impl Labelled for HashMap<String, String> {
    fn label(&self, key: &str) -> Option<&str> {
        self.get(key).map(String::as_str)
    }
}

/// The owner's labels.
pub(super) fn of_owner<L: FromIterator<(String, String)>>(owner: &Owner) -> L {
    let labels = owner.labels().into_iter();
    labels.map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The owner's labels and those of a node.
pub(super) fn of_node<L: FromIterator<(String, String)>>(owner: &Owner, node: &NodeSpec) -> L {
    let labels = owner.labels_of(node).into_iter();
    labels.map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The owner that an object's labels tell of.
pub(super) fn owner(object: &str, labels: &impl Labelled) -> Result<Owner, PlatformError> {
    Ok(Owner {
        cluster: parsed(object, labels, Owner::CLUSTER_ID)?,
        cluster_name: parsed(object, labels, Owner::CLUSTER_NAME)?,
        operation: parsed(object, labels, Owner::OPERATION_ID)?,
        deadline: parsed(object, labels, Owner::OPERATION_DEADLINE)?,
        host: labels.label(Owner::OPERATION_HOST).map(str::to_owned),
    })
}

/// Whether an object with these labels belongs to the cluster.
pub(super) fn belongs_to(labels: &impl Labelled, cluster: ClusterId) -> bool {
    labels
        .label(Owner::CLUSTER_ID)
        .is_some_and(|id| *id == cluster.to_string())
}

/// The value of a label.
pub(super) fn parsed<T>(object: &str, labels: &impl Labelled, key: &str) -> Result<T, PlatformError>
where
    T: FromStr,
    T::Err: Display,
{
    text(object, labels, key)?
        .parse()
        .map_err(|error: T::Err| unreadable(object, key, &error))
}

/// The value of a label that holds JSON.
pub(super) fn parsed_json<T: DeserializeOwned>(
    object: &str,
    labels: &impl Labelled,
    key: &str,
) -> Result<T, PlatformError> {
    serde_json::from_str(text(object, labels, key)?)
        .map_err(|error| unreadable(object, key, &error))
}

fn text<'a>(object: &str, labels: &'a impl Labelled, key: &str) -> Result<&'a str, PlatformError> {
    let text = labels.label(key);
    text.ok_or_else(|| unreadable(object, key, &"there is none"))
}

pub(super) fn unreadable(object: &str, key: &str, reason: &dyn Display) -> PlatformError {
    PlatformError::Refused {
        what: format!("read {key} of {object}"),
        reason: reason.to_string(),
        help: Some(format!(
            "Another version of this program may have made {object}, or it was changed by hand. Remove it by hand if \
             nothing needs it."
        )),
        retry: Retry::Never,
    }
}

/// The JSON of something that is kept on a platform.
pub(super) fn json<T: Serialize>(what: &str, value: &T) -> Result<String, PlatformError> {
    serde_json::to_string(value).map_err(|error| PlatformError::Refused {
        what: format!("write {what}"),
        reason: error.to_string(),
        help: None,
        retry: Retry::Never,
    })
}

/// The owner as a description: one line, whose parts are told apart by spaces, for objects that take labels only
/// once they are there.
pub(super) fn description(owner: &Owner) -> String {
    let line = format!(
        "{OURS} {} {} {} {} {}",
        owner.cluster,
        owner.operation,
        owner.deadline,
        owner.cluster_name,
        owner.host.as_deref().unwrap_or_default()
    );
    line.trim_end().chars().take(LONGEST).collect()
}

/// The owner that a description tells of; `None`: it is not of this program.
pub(super) fn described(description: &str) -> Option<Owner> {
    let mut parts = description.splitn(6, ' ');
    if parts.next() != Some(OURS) {
        return None;
    }
    Some(Owner {
        cluster: parts.next()?.parse().ok()?,
        operation: parts.next()?.parse().ok()?,
        deadline: parts.next()?.parse().ok()?,
        cluster_name: parts.next()?.parse().ok()?,
        host: parts.next().map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OperationId;

    fn owner(name: &str, host: Option<&str>) -> Owner {
        Owner {
            cluster: ClusterId::new(),
            cluster_name: name.parse().unwrap(),
            operation: OperationId::new(),
            deadline: "2026-11-27T22:33:35.123456789Z".parse().unwrap(),
            host: host.map(str::to_owned),
        }
    }

    #[test]
    fn a_description_tells_whose_an_object_is() {
        for host in [None, Some("laptop")] {
            let owner = owner("demo", host);
            assert_eq!(described(&description(&owner)), Some(owner));
        }
        assert_eq!(described(""), None);
        assert_eq!(described("io.coe and more"), None);
        assert_eq!(described("somebody's network"), None);
    }

    #[test]
    fn the_longest_description_fits_and_is_read() {
        let long = owner(&"n".repeat(63), Some(&"h".repeat(200)));
        let text = description(&long);
        assert_eq!(text.chars().count(), LONGEST);
        assert_eq!(described(&text).unwrap().cluster, long.cluster);
    }

    #[test]
    fn labels_tell_whose_an_object_is() {
        for host in [None, Some("laptop")] {
            let owner_is = owner("demo", host);
            let labels: Labels = of_owner(&owner_is);
            assert_eq!(super::owner("it", &labels).unwrap(), owner_is);
            assert!(belongs_to(&labels, owner_is.cluster));
            assert!(!belongs_to(&labels, ClusterId::new()));
        }
        let nothing = super::owner("it", &Labels::new()).unwrap_err();
        let said = nothing.to_string();
        assert!(said.contains("read io.coe.cluster.id of it"), "{said}");
    }
}
