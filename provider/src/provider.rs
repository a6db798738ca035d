//! The provider: its configuration, and what it offers.

use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use coe_engine::engine::Engine;
use terraform_framework::{
    BoxedDataSource, BoxedEphemeral, BoxedResource, Call, Diagnostic, Diagnostics, Provider,
    data_source, ephemeral, resource,
};

use crate::configuration::{Choice, ProviderModel};
use crate::data_sources::cluster_ca_certificate::ClusterCaCertificateData;
use crate::data_sources::cluster_kubeconfig::ClusterKubeconfigData;
use crate::data_sources::cluster_nodes::ClusterNodesData;
use crate::data_sources::container_cluster::ContainerClusterData;
use crate::data_sources::container_clusters::ContainerClustersData;
use crate::data_sources::platform::PlatformData;
use crate::ephemeral::cluster_credentials::ClusterCredentials;
use crate::known_clusters::KnownClusters;
use crate::resources::cluster_node::ClusterNode;
use crate::resources::container_cluster::ContainerCluster;
use crate::resources::node_group::NodeGroup;

/// The provider `coe`.
#[derive(Default)]
pub struct CoeProvider {
    engine: EngineSlot,
    known: KnownClusters,
}

#[async_trait]
impl Provider for CoeProvider {
    type Model = ProviderModel;

    async fn configure(&self, config: Self::Model, _call: &Call) -> Result<(), Diagnostics> {
        self.engine.set(match config.choose()? {
            Choice::Platform(platform, settings) => {
                Reach::Configured(Engine::new(platform, settings))
            }
            Choice::Unknown => Reach::ConfigurationUnknown,
        });
        Ok(())
    }

    fn resources(&self) -> Vec<BoxedResource> {
        vec![
            resource(ContainerCluster {
                engine: self.engine.clone(),
                known: self.known.clone(),
            }),
            resource(ClusterNode {
                engine: self.engine.clone(),
            }),
            resource(NodeGroup {
                engine: self.engine.clone(),
            }),
        ]
    }

    fn data_sources(&self) -> Vec<BoxedDataSource> {
        vec![
            data_source(ClusterCaCertificateData {
                engine: self.engine.clone(),
            }),
            data_source(ClusterKubeconfigData {
                engine: self.engine.clone(),
            }),
            data_source(ClusterNodesData {
                engine: self.engine.clone(),
            }),
            data_source(ContainerClusterData {
                engine: self.engine.clone(),
            }),
            data_source(ContainerClustersData {
                engine: self.engine.clone(),
            }),
            data_source(PlatformData {
                engine: self.engine.clone(),
            }),
        ]
    }

    fn ephemeral_resources(&self) -> Vec<BoxedEphemeral> {
        vec![ephemeral(ClusterCredentials {
            engine: self.engine.clone(),
        })]
    }
}

/// Whether the platform can be reached.
#[derive(Clone, Default)]
pub(crate) enum Reach {
    /// Terraform has not configured the provider yet.
    #[default]
    NotConfigured,
    /// The configuration has values that are known only after apply.
    ConfigurationUnknown,
    /// It can.
    Configured(Engine),
}

/// The engine, once the provider is configured. Shared by all that the provider offers.
#[derive(Clone, Default)]
pub(crate) struct EngineSlot(Arc<RwLock<Reach>>);

impl EngineSlot {
    fn set(&self, reach: Reach) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = reach;
    }

    /// Whether the platform can be reached.
    pub(crate) fn reach(&self) -> Reach {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The engine, for a call that cannot go on without it.
    pub(crate) fn configured(&self) -> Result<Engine, Diagnostics> {
        match self.reach() {
            Reach::Configured(engine) => Ok(engine),
            Reach::ConfigurationUnknown => Err(Diagnostic::error(
                "The provider's configuration is not known yet",
                "An argument of the provider block comes from something that is made in this same apply, and this \
                 call needs it now. Apply what it comes from first (`-target`), or give the value itself.",
            )
            .into()),
            Reach::NotConfigured => Err(Self::not_configured()),
        }
    }

    /// The finding of a call that came before the configuration.
    pub(crate) fn not_configured() -> Diagnostics {
        Diagnostic::error(
            "The provider is not configured",
            "Terraform asked for something before it configured the provider. This is a bug in one of the two.",
        )
        .into()
    }
}
