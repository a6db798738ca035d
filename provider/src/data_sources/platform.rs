//! `coe_platform`: what the platform has to make clusters from.

use std::collections::BTreeMap;

use async_trait::async_trait;
use coe_engine::model::{Offer, OfferedFlavor, OfferedImage, OfferedNetwork, Quota};
use terraform_framework::{Attr, Call, DataSource, Diagnostics, Model};

use crate::diagnostics::failed;
use crate::operation::{LOOK_TIMEOUT, look};
use crate::provider::EngineSlot;

/// What the platform has.
pub(crate) struct PlatformData {
    pub(crate) engine: EngineSlot,
}

/// What clusters can be made from on the platform of the provider's configuration, and how much of it is left: one look,
/// each list in the order of its names. Modules choose from it, and checks of plans ask it.
///
/// A list is empty where the platform has no such thing: a Docker Engine has images and networks, machines that exist
/// have zones alone.
#[derive(Model, Clone)]
pub(crate) struct PlatformModel {
    /// Which platform: `docker`, `hosts`, `openstack`, `cloudstack`, `simulated`.
    #[attribute(computed)]
    name: Attr<String>,
    /// What fails together, by name.
    #[attribute(computed)]
    zones: Attr<Vec<String>>,
    /// Sizes of machines, for `flavor`.
    #[attribute(computed)]
    flavors: Attr<Vec<FlavorModel>>,
    /// What machines are made from, for `image`.
    #[attribute(computed)]
    images: Attr<Vec<ImageModel>>,
    /// Networks that are there, for `network = { id = … }`.
    #[attribute(computed)]
    networks: Attr<Vec<NetworkModel>>,
    /// What is limited, by what it is: `machines`, `cores`, `memory` (MiB), `networks` and others, as the platform tells.
    #[attribute(computed)]
    quotas: Attr<BTreeMap<String, QuotaModel>>,
}

/// A size of machines.
#[derive(Model, Clone)]
pub(crate) struct FlavorModel {
    /// Its name.
    #[attribute(computed)]
    name: Attr<String>,
    /// Its id.
    #[attribute(computed)]
    id: Attr<String>,
    /// How many CPUs; null: whoever makes a machine says it.
    #[attribute(computed)]
    cores: Attr<u64>,
    /// MiB of memory; null: whoever makes a machine says it.
    #[attribute(computed)]
    memory: Attr<u64>,
    /// GiB of disk; null: as much as its image.
    #[attribute(computed)]
    disk: Attr<u64>,
}

/// What a machine is made from.
#[derive(Model, Clone)]
pub(crate) struct ImageModel {
    /// Its name.
    #[attribute(computed)]
    name: Attr<String>,
    /// Its id.
    #[attribute(computed)]
    id: Attr<String>,
}

/// A network.
#[derive(Model, Clone)]
pub(crate) struct NetworkModel {
    /// Its name.
    #[attribute(computed)]
    name: Attr<String>,
    /// Its id.
    #[attribute(computed)]
    id: Attr<String>,
    /// Its subnets, as CIDRs.
    #[attribute(computed)]
    subnets: Attr<Vec<String>>,
}

/// How much of something there may be.
#[derive(Model, Clone)]
pub(crate) struct QuotaModel {
    /// How much there is.
    #[attribute(computed)]
    used: Attr<u64>,
    /// How much there may be; null: any amount.
    #[attribute(computed)]
    limit: Attr<u64>,
    /// How much is left; null: any amount.
    #[attribute(computed)]
    left: Attr<u64>,
}

#[async_trait]
impl DataSource for PlatformData {
    type Model = PlatformModel;

    const NAME: &'static str = "coe_platform";

    async fn read(&self, _config: Self::Model, call: &Call) -> Result<Self::Model, Diagnostics> {
        let engine = self.engine.configured()?;
        let ask = async {
            let offer = engine.offer().await;
            offer.map_err(failed("The platform could not be asked what it has"))
        };
        let offer = look(call, LOOK_TIMEOUT, ask).await?;
        Ok(PlatformModel::of(engine.platform_name(), offer))
    }
}

impl PlatformModel {
    fn of(name: &str, offer: Offer) -> Self {
        let quotas = offer.quotas.into_iter();
        let quotas = quotas.map(|(what, quota)| (what, QuotaModel::of(quota)));
        Self {
            name: name.to_owned().into(),
            zones: Attr::Known(offer.zones),
            flavors: Attr::Known(offer.flavors.into_iter().map(FlavorModel::of).collect()),
            images: Attr::Known(offer.images.into_iter().map(ImageModel::of).collect()),
            networks: Attr::Known(offer.networks.into_iter().map(NetworkModel::of).collect()),
            quotas: Attr::Known(quotas.collect()),
        }
    }
}

impl FlavorModel {
    fn of(flavor: OfferedFlavor) -> Self {
        Self {
            name: flavor.name.into(),
            id: flavor.id.into(),
            cores: flavor.cores.into(),
            memory: flavor.memory.into(),
            disk: flavor.disk.into(),
        }
    }
}

impl ImageModel {
    fn of(image: OfferedImage) -> Self {
        Self {
            name: image.name.into(),
            id: image.id.into(),
        }
    }
}

impl NetworkModel {
    fn of(network: OfferedNetwork) -> Self {
        let subnets = network.subnets.iter().map(ToString::to_string);
        Self {
            name: network.name.into(),
            id: network.id.into(),
            subnets: Attr::Known(subnets.collect()),
        }
    }
}

impl QuotaModel {
    fn of(quota: Quota) -> Self {
        let left = quota.most.map(|most| most.saturating_sub(quota.used));
        Self {
            used: quota.used.into(),
            limit: quota.most.into(),
            left: left.into(),
        }
    }
}
