//! How many privileges nodes get: as many as the engine can grant.
//!
//! A node runs a container engine of its own and needs what `--privileged` gives. Some engines cannot
//! give that, because they lack a capability themselves, and what they have is in no answer of the
//! API: only a start shows it. So a container that does nothing is started, once an engine and process;
//! machines that come at the same time wait for the answer. It is removed by the engine as soon as it
//! has ended. One that was never started, because this process was killed in between, carries its node's
//! labels, and goes with the cluster's network.

use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::CreateContainerOptionsBuilder;

use super::connection::status;
use super::{Docker, labels};
use crate::model::{ClusterId, NodeSpec, Owner};
use crate::platform::{PlatformError, Retry};

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

impl Docker {
    /// What this engine grants, asked once. `node` is the one that is waited for.
    pub(super) async fn privileges(
        &self,
        owner: &Owner,
        node: &NodeSpec,
    ) -> Result<Privileges, PlatformError> {
        if let Some(granted) = self.shared.privileges.get() {
            return Ok(*granted);
        }
        let (docker, owner, node) = (self.clone(), owner.clone(), node.clone());
        let cluster = owner.cluster;
        let ask = async move {
            // A question whose asker went away goes on, and its answer is as good.
            let _one_at_a_time = docker.shared.asking.lock().await;
            if let Some(granted) = docker.shared.privileges.get() {
                return Ok(*granted);
            }
            let granted = docker.ask_privileges(&owner, &node).await?;
            Ok(*docker.shared.privileges.get_or_init(|| granted))
        };
        self.shared.making.make(cluster, ask).await
    }

    async fn ask_privileges(
        &self,
        owner: &Owner,
        node: &NodeSpec,
    ) -> Result<Privileges, PlatformError> {
        let client = self.client().await?;
        let name = format!("{}-privileges", node.name);
        let what = || format!("ask the engine for privileges with container {name}");
        let mut labels = labels::of_node(owner, node);
        labels.insert(labels::PRIVILEGES.to_owned(), String::new());
        let mut host_config = HostConfig {
            auto_remove: Some(true),
            network_mode: Some("none".to_owned()),
            ..HostConfig::default()
        };
        Privileges::Full.apply(&mut host_config);
        let body = ContainerCreateBody {
            image: Some(node.image.0.clone()),
            entrypoint: Some(vec!["true".to_owned()]),
            labels: Some(labels),
            host_config: Some(host_config),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptionsBuilder::new().name(&name).build();
        let id = match client.create_container(Some(options), body).await {
            Ok(made) => made.id,
            // An engine with user namespaces refuses at once.
            Err(error) if are_refused(&error.to_string()) => return Ok(Privileges::Lesser),
            // Left behind by a process that was killed between the two calls.
            Err(error) if status(&error) == Some(409) => {
                if !self.remove_privilege_questions(owner.cluster).await? {
                    return Err(PlatformError::Foreign {
                        kind: "container",
                        name,
                    });
                }
                return Err(PlatformError::Refused {
                    what: what(),
                    reason: "it was there from before, and was removed".to_owned(),
                    help: None,
                    retry: Retry::Later,
                });
            }
            Err(error) => return Err(self.failure(what(), error)),
        };
        match client.start_container(&id, None).await {
            Err(error) if are_refused(&error.to_string()) => Ok(Privileges::Lesser),
            Err(error) if status(&error).is_none() => Err(self.failure(what(), error)),
            // Any other answer comes after the privileges were granted: the image may have no `true`.
            _ => Ok(Privileges::Full),
        }
    }
}

impl Docker {
    /// Removes what a process that was killed left behind while it asked, and says whether there was any.
    pub(super) async fn remove_privilege_questions(
        &self,
        cluster: ClusterId,
    ) -> Result<bool, PlatformError> {
        let mut filters = labels::filter_of_cluster(cluster);
        filters
            .entry("label".to_owned())
            .or_default()
            .push(labels::PRIVILEGES.to_owned());
        let left = self.list_containers(Some(filters)).await?;
        for container in &left {
            if let Some(id) = &container.id {
                self.remove_container(id).await?;
            }
        }
        Ok(!left.is_empty())
    }
}

/// Whether the engine's answer says that it cannot grant `--privileged`.
fn are_refused(reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    reason.contains("privileged mode") || reason.contains("operation not permitted")
}
