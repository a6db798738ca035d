//! What the account may use, and how much of it is left: zones, service offerings, templates, networks, limits.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::check::count;
use super::lists::ServiceOffering;
use super::{CloudStack, catalog::choose_zone};
use crate::model::{Offer, OfferedFlavor, OfferedImage, OfferedNetwork, Quota};
use crate::platform::PlatformError;

/// What is limited: our word, and the API's.
const LIMITED: [(&str, &str); 8] = [
    ("machines", "vm"),
    ("cores", "cpu"),
    ("memory", "memory"),
    ("networks", "network"),
    ("public_addresses", "ip"),
    ("volumes", "volume"),
    ("primary_storage", "primarystorage"),
    ("vpcs", "vpc"),
];

impl CloudStack {
    /// See `Platform::offer`.
    pub(super) async fn all_offered(&self) -> Result<Offer, PlatformError> {
        let (zones, sizes, networks, account) = tokio::try_join!(
            self.zones(),
            self.service_offerings(),
            self.networks(),
            self.account(),
        )?;
        // Templates are those of a zone.
        let templates = match choose_zone(&zones, self.shared.settings.zone.as_deref()) {
            Ok(_) => self.templates().await?,
            Err(_) => Vec::new(),
        };
        let images = templates.into_iter().map(|template| OfferedImage {
            name: template.name,
            id: template.id,
        });
        let networks = networks.into_iter().map(|network| OfferedNetwork {
            name: network.name,
            id: network.id,
            subnets: network.cidr.into_iter().collect(),
        });
        Ok(Offer {
            zones: zones.into_iter().map(|zone| zone.name).collect(),
            flavors: sizes.into_iter().map(offered).collect(),
            images: images.collect(),
            networks: networks.collect(),
            quotas: quotas(&account),
        })
    }
}

fn offered(size: ServiceOffering) -> OfferedFlavor {
    let said = |number: u64| Some(number).filter(|number| *number > 0);
    OfferedFlavor {
        name: size.name,
        id: size.id,
        cores: said(size.cpunumber),
        memory: said(size.memory),
        disk: None,
    }
}

/// What an account or project says that it has and may have. A limit that is no number is none.
fn quotas(account: &Map<String, Value>) -> BTreeMap<String, Quota> {
    let quotas = LIMITED.into_iter().filter_map(|(word, key)| {
        let used = count(account.get(&format!("{key}total"))?)?;
        let most = account.get(&format!("{key}limit")).and_then(count);
        Some((word.to_owned(), Quota { used, most }))
    });
    quotas.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn limits_are_numbers_or_texts_of_numbers_or_none() {
        let account = json!({
            "vmtotal": 3, "vmlimit": "20", "networktotal": 1, "networklimit": "Unlimited", "cpulimit": 40,
        });
        let quotas = quotas(account.as_object().unwrap());
        let wanted = BTreeMap::from([
            (
                "machines".to_owned(),
                Quota {
                    used: 3,
                    most: Some(20),
                },
            ),
            (
                "networks".to_owned(),
                Quota {
                    used: 1,
                    most: None,
                },
            ),
        ]);
        assert_eq!(quotas, wanted);
    }
}
