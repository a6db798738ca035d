//! What the cloud offers: zone, sizes, templates, kinds of networks, each by its name or id.

use std::collections::BTreeMap;

use super::client::Call;
use super::lists::{NetworkOffering, ServiceOffering, Template, Zone, has};
use super::{CloudStack, NAME};
use crate::model::{Flavor, ImageName};
use crate::platform::{PlatformError, Retry};

/// What a cluster's network has to offer.
pub(super) const NEEDED_SERVICES: [&str; 5] = [
    "SourceNat",
    "PortForwarding",
    "Firewall",
    "Dhcp",
    "UserData",
];
/// A load balancer for the API of several machines.
pub(super) const BALANCES: &str = "Lb";

/// Something that the cloud offers.
pub(super) trait Offered {
    fn id(&self) -> &str;
    fn name(&self) -> &str;
}

macro_rules! offered {
    ($($kind:ty)*) => {
        $(impl Offered for $kind {
            fn id(&self) -> &str {
                &self.id
            }

            fn name(&self) -> &str {
                &self.name
            }
        })*
    };
}

offered! { Zone ServiceOffering Template NetworkOffering }

/// The one of that name, or else of that id. Names of the API's filters are parts of names in older clouds.
pub(super) fn named<'a, T: Offered>(offered: &'a [T], wanted: &str) -> Option<&'a T> {
    let by_name = offered.iter().find(|offered| offered.name() == wanted);
    by_name.or_else(|| offered.iter().find(|offered| offered.id() == wanted))
}

/// What there is, in a sentence.
pub(super) fn names<T: Offered>(offered: &[T]) -> String {
    let names: Vec<&str> = offered.iter().map(Offered::name).collect();
    format!("It has: {}.", names.join(", "))
}

impl CloudStack {
    pub(super) async fn zones(&self) -> Result<Vec<Zone>, PlatformError> {
        let call = Call::new("listZones").with("available", "true");
        self.shared.client.list("list zones", call, "zone").await
    }

    /// The zone that machines are made in; asked once.
    pub(super) async fn zone(&self) -> Result<Zone, PlatformError> {
        let known = &self.shared.zone;
        let zone = known.get_or_try_init(async || {
            let zones = self.zones().await?;
            let wanted = self.shared.settings.zone.as_deref();
            choose_zone(&zones, wanted).map_err(|(reason, help)| PlatformError::Refused {
                what: "choose a zone".to_owned(),
                reason,
                help: Some(help),
                retry: Retry::Never,
            })
        });
        zone.await.cloned()
    }

    pub(super) async fn service_offerings(&self) -> Result<Vec<ServiceOffering>, PlatformError> {
        let call = Call::new("listServiceOfferings");
        let client = &self.shared.client;
        client
            .list("list service offerings", call, "serviceoffering")
            .await
    }

    /// The templates that machines can be made from.
    pub(super) async fn templates(&self) -> Result<Vec<Template>, PlatformError> {
        let call = self
            .of_project(Call::new("listTemplates"))
            .await?
            .with("templatefilter", "executable")
            .with("zoneid", self.zone().await?.id);
        let client = &self.shared.client;
        client.list("list templates", call, "template").await
    }

    pub(super) async fn network_offerings(&self) -> Result<Vec<NetworkOffering>, PlatformError> {
        let call = Call::new("listNetworkOfferings")
            .with("state", "Enabled")
            .with("guestiptype", "Isolated")
            .with("zoneid", self.zone().await?.id);
        let client = &self.shared.client;
        client
            .list("list network offerings", call, "networkoffering")
            .await
    }

    /// The template that a machine is made from: the one that its cluster names, where the cloud has it, or else the one
    /// of the configuration.
    pub(super) async fn template_for(&self, image: &ImageName) -> Result<Template, PlatformError> {
        let templates = self.shared.templates.get_or_try_init(|| self.templates());
        let templates = templates.await?;
        let named = self.template_among(templates, image);
        named.map_err(|reason| PlatformError::NoImage {
            image: image.clone(),
            platform: NAME,
            reason,
        })
    }

    pub(super) fn template_among(
        &self,
        templates: &[Template],
        image: &ImageName,
    ) -> Result<Template, String> {
        let default = self.shared.settings.template.as_deref();
        let found = named(templates, &image.0);
        let found = found.or_else(|| named(templates, default?));
        found.cloned().ok_or_else(|| {
            let wanted = default.unwrap_or(&image.0);
            format!(
                "the zone has no template {wanted:?} that the account may use. {}",
                names(templates)
            )
        })
    }

    /// See `Platform::image_ids`.
    pub(super) async fn ids_of_images(
        &self,
        images: &[ImageName],
    ) -> Result<BTreeMap<ImageName, String>, PlatformError> {
        if images.is_empty() {
            return Ok(BTreeMap::new());
        }
        let templates = self.templates().await?;
        let ids = images.iter().filter_map(|image| {
            let found = named(&templates, &image.0)?;
            Some((image.clone(), found.id.clone()))
        });
        Ok(ids.collect())
    }

    /// The size of a machine that is asked for like that.
    pub(super) fn wanted_size<'a>(&'a self, flavor: Option<&'a Flavor>) -> Option<&'a str> {
        let default = self.shared.settings.service_offering.as_deref();
        flavor.map(|Flavor(name)| name.as_str()).or(default)
    }

    /// The service offering of a machine.
    pub(super) async fn offering_for(
        &self,
        flavor: Option<&Flavor>,
    ) -> Result<ServiceOffering, PlatformError> {
        let refused = |reason: String, help: String| PlatformError::Refused {
            what: "choose the size of a machine".to_owned(),
            reason,
            help: Some(help),
            retry: Retry::Never,
        };
        let Some(wanted) = self.wanted_size(flavor) else {
            let help = format!(
                "Give `flavor`, or `{NAME}.service_offering` in the provider's configuration."
            );
            return Err(refused("nobody names a service offering".to_owned(), help));
        };
        let offerings = &self.shared.service_offerings;
        let offerings = offerings.get_or_try_init(|| self.service_offerings());
        let offerings = offerings.await?;
        let found = named(offerings, wanted).cloned();
        found.ok_or_else(|| {
            let reason = format!("the cloud has no service offering {wanted:?}");
            refused(reason, names(offerings))
        })
    }

    /// What clusters' networks are made of.
    pub(super) async fn network_offering(&self) -> Result<NetworkOffering, PlatformError> {
        let offerings = self.network_offerings().await?;
        let wanted = self.shared.settings.network_offering.as_deref();
        let chosen = choose_network_offering(&offerings, wanted);
        chosen
            .cloned()
            .map_err(|(reason, help)| PlatformError::Refused {
                what: "choose a network offering".to_owned(),
                reason,
                help: Some(help),
                retry: Retry::Never,
            })
    }
}

/// The zone that is meant, or what is wrong and what helps.
pub(super) fn choose_zone(zones: &[Zone], wanted: Option<&str>) -> Result<Zone, (String, String)> {
    let help = names(zones);
    let zone = match (wanted, zones) {
        (Some(wanted), _) => named(zones, wanted)
            .ok_or_else(|| (format!("the cloud has no zone {wanted:?}"), help.clone()))?,
        (None, [only]) => only,
        (None, []) => return Err(("the cloud has no zone that can be used".to_owned(), help)),
        (None, _) => {
            return Err((
                "the cloud has several zones, and none is named".to_owned(),
                help,
            ));
        }
    };
    let reason = if zone.networktype.eq_ignore_ascii_case("Basic") {
        "is a basic zone, which has no networks of clusters' own"
    } else if zone.allocationstate.eq_ignore_ascii_case("Disabled") {
        "is disabled"
    } else {
        return Ok(zone.clone());
    };
    Err((format!("zone {:?} {reason}", zone.name), help))
}

/// The offering of networks that is meant, or what is wrong and what helps.
pub(super) fn choose_network_offering<'a>(
    offerings: &'a [NetworkOffering],
    wanted: Option<&str>,
) -> Result<&'a NetworkOffering, (String, String)> {
    let Some(wanted) = wanted else {
        let is_usable = |offering: &&NetworkOffering| {
            offering.isdefault
                && !offering.forvpc
                && !offering.specifyvlan
                && offering.state == "Enabled"
                && offering.guestiptype.eq_ignore_ascii_case("Isolated")
                && missing_services(offering).is_empty()
        };
        // Of several the one that has a load balancer.
        let usable = offerings.iter().filter(is_usable);
        let best = usable.max_by_key(|offering| has(&offering.service, BALANCES));
        return best.ok_or_else(|| {
            let reason = "none of the cloud's default offerings of isolated networks has source NAT, port forwarding, \
                          firewall, DHCP and user data";
            (
                reason.to_owned(),
                format!("Name one as `network_offering`. {}", names(offerings)),
            )
        });
    };
    let found = named(offerings, wanted).ok_or_else(|| {
        (
            format!("the zone has no offering {wanted:?} of isolated networks"),
            names(offerings),
        )
    })?;
    let missing = missing_services(found);
    if !missing.is_empty() {
        return Err((
            format!(
                "network offering {wanted:?} does not offer {}",
                missing.join(", ")
            ),
            format!(
                "A cluster's network needs {}; `{BALANCES}` is used where it is there.",
                NEEDED_SERVICES.join(", ")
            ),
        ));
    }
    Ok(found)
}

fn missing_services(offering: &NetworkOffering) -> Vec<&'static str> {
    let missing = NEEDED_SERVICES
        .into_iter()
        .filter(|needed| !has(&offering.service, needed));
    missing.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offering(name: &str, services: &[&str]) -> NetworkOffering {
        let services: Vec<_> = services
            .iter()
            .map(|name| serde_json::json!({ "name": name }))
            .collect();
        serde_json::from_value(serde_json::json!({
            "id": format!("id-{name}"), "name": name, "guestiptype": "Isolated", "state": "Enabled",
            "isdefault": true, "service": services,
        }))
        .unwrap()
    }

    #[test]
    fn the_default_offering_is_one_with_all_that_is_needed_and_a_load_balancer() {
        let all = [&NEEDED_SERVICES[..], &[BALANCES]].concat();
        let offerings = [
            offering("little", &["Dhcp"]),
            offering("no-balancer", &NEEDED_SERVICES),
            offering("all", &all),
        ];
        let chosen = |wanted| choose_network_offering(&offerings, wanted);
        assert_eq!(chosen(None).unwrap().name, "all");
        assert_eq!(chosen(Some("no-balancer")).unwrap().name, "no-balancer");
        assert_eq!(chosen(Some("id-all")).unwrap().name, "all");
        let (reason, _) = chosen(Some("little")).unwrap_err();
        assert!(
            reason.contains("SourceNat, PortForwarding, Firewall, UserData"),
            "{reason}"
        );
        let (reason, help) = chosen(Some("none")).unwrap_err();
        assert!(reason.contains("no offering \"none\""), "{reason}");
        assert_eq!(help, "It has: little, no-balancer, all.");
    }

    #[test]
    fn a_zone_is_the_one_that_is_named_or_the_only_one() {
        let zone = |name: &str| Zone {
            id: format!("id-{name}"),
            name: name.to_owned(),
            networktype: "Advanced".to_owned(),
            allocationstate: "Enabled".to_owned(),
        };
        let basic = Zone {
            networktype: "Basic".to_owned(),
            ..zone("basic")
        };
        assert_eq!(choose_zone(&[zone("one")], None).unwrap().name, "one");
        assert!(choose_zone(&[zone("one"), zone("two")], None).is_err());
        assert_eq!(
            choose_zone(&[zone("one"), zone("two")], Some("two"))
                .unwrap()
                .name,
            "two"
        );
        let (reason, _) = choose_zone(&[basic], None).unwrap_err();
        assert!(reason.contains("basic zone"), "{reason}");
        let (reason, help) = choose_zone(&[zone("one")], Some("two")).unwrap_err();
        assert_eq!(
            (reason.as_str(), help.as_str()),
            ("the cloud has no zone \"two\"", "It has: one.")
        );
    }
}
