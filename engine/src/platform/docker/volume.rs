//! Node volumes: they outlive their node's machine.

use std::collections::HashMap;

use bollard::errors::Error as ApiError;
use bollard::models::{Volume, VolumeCreateRequest};
use bollard::query_parameters::{ListVolumesOptionsBuilder, RemoveVolumeOptions};
use futures_util::future::try_join_all;

use super::connection::{is_absent, status};
use super::{Docker, labels};
use crate::model::{ClusterId, NodeName, NodeSpec, NodeVolume, Owner, VolumeLife};
use crate::platform::PlatformError;

/// The engine's name of a node's volume.
pub(super) fn name_of(node: &NodeName, volume: &NodeVolume) -> String {
    format!("{node}-{}", volume.name)
}

impl Docker {
    /// Makes sure that the node's volumes are there, for a machine that is about to be made: those that end with a
    /// machine are empty, so that the engine fills them from the image.
    pub(super) async fn renew_node_volumes(
        &self,
        owner: &Owner,
        node: &NodeSpec,
    ) -> Result<(), PlatformError> {
        let of_node = labels::filter_of_node(owner.cluster, &node.name);
        let there = self.list_volumes(Some(of_node)).await?;
        try_join_all(node.volumes.iter().map(async |volume| {
            let name = name_of(&node.name, volume);
            let is_there = there.iter().any(|there| there.name == name);
            if is_there && volume.life == VolumeLife::Machine {
                // One that a container has is of a machine that is being made already.
                let may_stay = |error: &ApiError| status(error) == Some(409);
                self.remove_volume_unless(&name, may_stay).await?;
            }
            let labels = labels::of_volume(owner, node, volume);
            self.ensure_volume(owner.cluster, name, labels).await
        }))
        .await?;
        Ok(())
    }

    /// Makes sure that the volume is there; it as it is.
    pub(super) async fn ensure_volume(
        &self,
        cluster: ClusterId,
        name: String,
        labels: HashMap<String, String>,
    ) -> Result<Volume, PlatformError> {
        let request = VolumeCreateRequest {
            name: Some(name.clone()),
            labels: Some(labels),
            ..VolumeCreateRequest::default()
        };
        let docker = self.clone();
        let call = async move { docker.post_volume(request).await };
        let volume = self.shared.making.make(cluster, call).await?;
        if labels::belongs_to(&volume.labels, cluster) {
            Ok(volume)
        } else {
            Err(PlatformError::Foreign {
                kind: "volume",
                name,
            })
        }
    }

    async fn post_volume(&self, request: VolumeCreateRequest) -> Result<Volume, PlatformError> {
        let what = format!("create volume {}", request.name.as_deref().unwrap_or(""));
        // A create of a volume that exists answers with the one that exists (API 1.41, VolumeCreate).
        let volume = self.client().await?.create_volume(request).await;
        volume.map_err(|error| self.failure(what, error))
    }

    /// The volumes that pass the filters.
    pub(super) async fn list_volumes(
        &self,
        filters: Option<labels::Filters>,
    ) -> Result<Vec<Volume>, PlatformError> {
        let options = ListVolumesOptionsBuilder::new()
            .filters(&filters.unwrap_or_default())
            .build();
        let listed = self.client().await?.list_volumes(Some(options)).await;
        let listed = listed.map_err(|error| self.failure("list volumes", error))?;
        Ok(listed.volumes.unwrap_or_default())
    }

    /// Deletes a volume; its absence is success.
    pub(super) async fn remove_volume(&self, name: &str) -> Result<(), PlatformError> {
        self.remove_volume_unless(name, |_| false).await
    }

    /// The same; a refusal that `may_stay` takes is success as well.
    async fn remove_volume_unless(
        &self,
        name: &str,
        may_stay: impl Fn(&ApiError) -> bool,
    ) -> Result<(), PlatformError> {
        let options = None::<RemoveVolumeOptions>;
        match self.client().await?.remove_volume(name, options).await {
            Err(error) if !is_absent(&error) && !may_stay(&error) => {
                Err(self.failure(format!("remove volume {name}"), error))
            }
            _ => Ok(()),
        }
    }

    /// See `Platform::delete_volumes`.
    pub(super) async fn remove_node_volumes(
        &self,
        cluster: ClusterId,
        node: &NodeName,
    ) -> Result<(), PlatformError> {
        self.shared.making.nothing_is_made(cluster).await;
        let volumes = self
            .list_volumes(Some(labels::filter_of_node(cluster, node)))
            .await?;
        try_join_all(
            volumes
                .iter()
                .map(|volume| self.remove_volume(&volume.name)),
        )
        .await?;
        Ok(())
    }
}
