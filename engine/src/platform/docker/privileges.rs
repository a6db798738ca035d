//! How many privileges nodes get: as many as the engine can grant.
//!
//! A node runs a container engine of its own and needs what `--privileged` gives. Some engines cannot
//! give that, because they lack a capability themselves, and the list of their capabilities is in no
//! answer of the API. So the first machine that is started is the question, once an engine and process;
//! machines that come at the same time wait for the answer.

use bollard::models::HostConfig;

/// What nodes of this engine get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Privileges {
    /// `--privileged`.
    Full,
    /// Everything of it that an engine without CAP_SYS_RESOURCE can grant; the node image makes the
    /// rest (docs/contracts/node-image.md).
    Lesser,
}

impl Privileges {
    pub(super) fn apply(self, config: &mut HostConfig) {
        match self {
            Self::Full => config.privileged = Some(true),
            Self::Lesser => {
                config.cap_add = Some(vec!["ALL".to_owned()]);
                config.cap_drop = Some(vec!["SYS_RESOURCE".to_owned()]);
                config.security_opt = Some(vec![
                    "seccomp=unconfined".to_owned(),
                    "apparmor=unconfined".to_owned(),
                ]);
                // The CLI's `systempaths=unconfined`.
                config.masked_paths = Some(Vec::new());
                config.readonly_paths = Some(Vec::new());
                config.device_cgroup_rules = Some(vec!["a *:* rwm".to_owned()]);
            }
        }
    }
}

/// Whether the engine's answer to a start says that it cannot grant `--privileged`.
pub(super) fn are_refused(reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    reason.contains("privileged mode") || reason.contains("operation not permitted")
}
