//! What the project may use, and how much of it is left: zones, flavors, images, networks, quotas.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::OpenStack;
use super::client::{Call, Service};
use super::image::{ListedFlavor, ListedImage};
use super::network::{Listed, ListedSubnet, NETWORK, SUBNET};
use crate::model::{Finding, Offer, OfferedFlavor, OfferedImage, OfferedNetwork, Quota, Subject};
use crate::platform::PlatformError;

/// What is limited, by the words of [`Offer::quotas`].
pub(super) type Quotas = BTreeMap<String, Quota>;

#[derive(Deserialize)]
struct ComputeAnswer {
    limits: Limits,
}

#[derive(Deserialize)]
struct Limits {
    absolute: BTreeMap<String, i64>,
}

#[derive(Deserialize)]
struct NetworkAnswer {
    quota: BTreeMap<String, Detail>,
}

#[derive(Deserialize)]
struct Detail {
    used: i64,
    limit: i64,
}

#[derive(Deserialize)]
struct ZonesAnswer {
    #[serde(rename = "availabilityZoneInfo")]
    zones: Vec<ListedZone>,
}

#[derive(Deserialize)]
struct ListedZone {
    #[serde(rename = "zoneName")]
    name: String,
    #[serde(rename = "zoneState")]
    state: ZoneState,
}

#[derive(Deserialize)]
struct ZoneState {
    available: bool,
}

/// Less than nothing: as much as one likes.
fn quota(used: i64, most: i64) -> Quota {
    Quota {
        used: u64::try_from(used).unwrap_or_default(),
        most: u64::try_from(most).ok(),
    }
}

/// What Nova limits: our word, how it is counted, and how it is limited.
const OF_COMPUTE: [(&str, &str, &str); 3] = [
    ("machines", "totalInstancesUsed", "maxTotalInstances"),
    ("cores", "totalCoresUsed", "maxTotalCores"),
    ("memory", "totalRAMUsed", "maxTotalRAMSize"),
];

/// What Neutron limits: our word, and its own.
const OF_NETWORK: [(&str, &str); 6] = [
    ("networks", "network"),
    ("subnets", "subnet"),
    ("ports", "port"),
    ("routers", "router"),
    ("security_groups", "security_group"),
    ("security_group_rules", "security_group_rule"),
];

impl OpenStack {
    /// The zones of Nova's that take machines.
    pub(super) async fn zones(&self) -> Result<Vec<String>, PlatformError> {
        let call = Call::get(Service::Compute, "/os-availability-zone");
        let answer: ZonesAnswer = self.shared.client.ask("list zones", call).await?;
        let open = answer.zones.into_iter().filter(|zone| zone.state.available);
        Ok(open.map(|zone| zone.name).collect())
    }

    /// What Nova and Neutron let the project have. What Neutron does not tell the project is left out.
    pub(super) async fn quotas(&self) -> Result<Quotas, PlatformError> {
        let client = &self.shared.client;
        let compute = async {
            let call = Call::get(Service::Compute, "/limits");
            let answer: ComputeAnswer = client.ask("ask for quotas", call).await?;
            Ok::<_, PlatformError>(answer.limits.absolute)
        };
        let network = async {
            let path = format!("/quotas/{}/details.json", client.project().await?);
            let call = Call::get(Service::Network, path);
            match client.ask::<NetworkAnswer>("ask for quotas", call).await {
                Ok(answer) => Ok(answer.quota),
                // Clouds may keep it to operators, and those older than Ocata do not have it.
                Err(failure) if failure.is_absent() || failure.is_forbidden() => {
                    Ok(BTreeMap::new())
                }
                Err(failure) => Err(PlatformError::from(failure)),
            }
        };
        let (compute, network) = tokio::try_join!(compute, network)?;
        let mut quotas = Quotas::new();
        for (word, used, most) in OF_COMPUTE {
            if let (Some(used), Some(most)) = (compute.get(used), compute.get(most)) {
                quotas.insert(word.to_owned(), quota(*used, *most));
            }
        }
        for (word, name) in OF_NETWORK {
            if let Some(detail) = network.get(name) {
                quotas.insert(word.to_owned(), quota(detail.used, detail.limit));
            }
        }
        Ok(quotas)
    }

    /// See `Platform::offer`.
    pub(super) async fn all_offered(&self) -> Result<Offer, PlatformError> {
        let images = ("/images", "images");
        let client = &self.shared.client;
        let (zones, flavors, images, networks, subnets, quotas) = tokio::try_join!(
            self.zones(),
            self.flavors(),
            client.list::<ListedImage>("list images", Service::Image, images, "status=active"),
            self.neutron_everywhere::<Listed>(NETWORK, ""),
            self.neutron_everywhere::<ListedSubnet>(SUBNET, ""),
            self.quotas(),
        )?;
        let images = images.into_iter().map(|image| OfferedImage {
            name: image.name.unwrap_or_else(|| image.id.clone()),
            id: image.id,
        });
        let networks = networks.into_iter().map(|network| OfferedNetwork {
            subnets: subnets
                .iter()
                .filter(|subnet| subnet.network_id == network.id)
                .map(|subnet| subnet.cidr)
                .collect(),
            name: network.name,
            id: network.id,
        });
        Ok(Offer {
            zones,
            flavors: flavors.into_iter().map(offered).collect(),
            images: images.collect(),
            networks: networks.collect(),
            quotas,
        })
    }
}

fn offered(flavor: ListedFlavor) -> OfferedFlavor {
    OfferedFlavor {
        name: flavor.name,
        id: flavor.id,
        cores: Some(flavor.vcpus),
        memory: Some(flavor.ram),
        // Nova: 0 is as large as the image.
        disk: Some(flavor.disk).filter(|disk| *disk > 0),
    }
}

/// What the quota has no room for.
pub(super) fn beyond_quota(
    quotas: &Quotas,
    word: &str,
    wanted: u64,
    subject: Subject,
) -> Option<Finding> {
    let Quota { used, most } = *quotas.get(word)?;
    let most = most.filter(|most| used.saturating_add(wanted) > *most)?;
    if wanted == 0 {
        return None;
    }
    let what = match word {
        "memory" => "MiB of memory".to_owned(),
        word => word.replace('_', " "),
    };
    Some(Finding::error(
        subject,
        format!("the project's quota has no room for {wanted} more {what}"),
        format!(
            "It has {used} of {most}. Ask for less, give back what is not needed, or ask for a larger quota."
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_a_quota_is_said_with_its_figures() {
        let quotas = Quotas::from([
            ("machines".to_owned(), quota(8, 10)),
            ("memory".to_owned(), quota(0, -1)),
            ("routers".to_owned(), quota(12, 10)),
        ]);
        let beyond = |word, wanted| {
            let finding = beyond_quota(&quotas, word, wanted, Subject::Workers)?;
            Some(format!("{}. {}", finding.summary, finding.detail))
        };
        assert_eq!(beyond("machines", 2), None);
        let said = beyond("machines", 3).unwrap();
        assert!(
            said.contains("no room for 3 more machines. It has 8 of 10."),
            "{said}"
        );
        assert_eq!(beyond("memory", u64::MAX), None, "there is no limit");
        assert_eq!(beyond("routers", 0), None, "none is asked for");
        assert_eq!(beyond("ports", 500), None, "nothing is known of it");
    }
}
