//! What an operator of the cloud offers: the zone, sizes, templates, kinds of networks.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::accounts::Role;
use crate::call::Call;
use crate::cloud::Cloud;
use crate::refusal::{Code, Refusal};
use crate::state::State;

#[derive(Debug)]
pub(crate) struct Zone {
    pub(crate) id: Uuid,
    pub(crate) name: &'static str,
}

/// A size of machines.
#[derive(Debug)]
pub(crate) struct ServiceOffering {
    pub(crate) id: Uuid,
    pub(crate) name: &'static str,
    pub(crate) processors: u32,
    pub(crate) memory_mb: u32,
}

#[derive(Debug)]
pub(crate) struct DiskOffering {
    id: Uuid,
    name: &'static str,
    size_gb: u32,
}

/// Whether a template's machines take keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SshKeys {
    Supported,
    Ignored,
}

#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) id: Uuid,
    pub(crate) name: &'static str,
    pub(crate) ssh_keys: SshKeys,
    /// What its machines are made of; `None`: what the settings say.
    pub(crate) image: Option<&'static str>,
}

/// `tests/testbeds/cloudstack-machine-kubernetes` builds it.
const KUBERNETES_IMAGE: &str = "coe/cloudstack-machine-kubernetes:v1.34.4";

/// A kind of networks, by the services that it has.
#[derive(Debug)]
pub(crate) struct NetworkOffering {
    pub(crate) id: Uuid,
    pub(crate) name: &'static str,
    pub(crate) services: &'static [&'static str],
}

#[derive(Debug)]
pub(crate) struct Catalog {
    pub(crate) zone: Zone,
    pub(crate) service_offerings: Vec<ServiceOffering>,
    disk_offerings: Vec<DiskOffering>,
    pub(crate) templates: Vec<Template>,
    pub(crate) network_offerings: Vec<NetworkOffering>,
}

impl Catalog {
    pub(crate) fn new() -> Self {
        let size = |name, processors, memory_mb| ServiceOffering {
            id: Uuid::new_v4(),
            name,
            processors,
            memory_mb,
        };
        let template = |name, ssh_keys, image| Template {
            id: Uuid::new_v4(),
            name,
            ssh_keys,
            image,
        };
        let network = |name, services| NetworkOffering {
            id: Uuid::new_v4(),
            name,
            services,
        };
        Self {
            zone: Zone {
                id: Uuid::new_v4(),
                name: "zone-1",
            },
            service_offerings: vec![
                size("small", 2, 2048),
                size("large", 4, 4096),
                size("tiny", 1, 512),
            ],
            disk_offerings: vec![DiskOffering {
                id: Uuid::new_v4(),
                name: "disk-20",
                size_gb: 20,
            }],
            templates: vec![
                template("debian-12", SshKeys::Supported, None),
                template(
                    "debian-13-kubernetes",
                    SshKeys::Supported,
                    Some(KUBERNETES_IMAGE),
                ),
                template("no-keys", SshKeys::Ignored, None),
            ],
            network_offerings: vec![
                network(
                    "DefaultIsolatedNetworkOfferingWithSourceNatService",
                    &[
                        "SourceNat",
                        "StaticNat",
                        "PortForwarding",
                        "Firewall",
                        "Lb",
                        "Dhcp",
                        "Dns",
                        "UserData",
                        "Vpn",
                    ],
                ),
                network(
                    "no-lb",
                    &[
                        "SourceNat",
                        "StaticNat",
                        "PortForwarding",
                        "Firewall",
                        "Dhcp",
                        "Dns",
                        "UserData",
                    ],
                ),
            ],
        }
    }
}

impl NetworkOffering {
    pub(crate) fn has(&self, service: &str) -> bool {
        self.services.contains(&service)
    }

    /// The services, as replies have them.
    pub(crate) fn view_services(&self) -> Value {
        let services = self
            .services
            .iter()
            .map(|service| json!({ "name": service, "provider": [{ "name": "VirtualRouter" }] }));
        services.collect()
    }
}

/// Whether a list that asks for an `id` and a `name` asks for this one.
fn is_asked_for(call: &Call, id: Uuid, name: &str) -> Result<bool, Refusal> {
    let keyword = call.text("keyword").map(str::to_lowercase);
    Ok(call.id("id")?.is_none_or(|asked| asked == id)
        && call.text("name").is_none_or(|asked| asked == name)
        && keyword.is_none_or(|keyword| name.to_lowercase().contains(&keyword)))
}

/// An object of a list that never changes.
struct Listed {
    id: Uuid,
    name: &'static str,
    view: Value,
}

/// Those that a call asks for; `called` is what they are called in the reply.
fn fixed(
    state: &State,
    call: &Call,
    called: &str,
    all: impl Iterator<Item = Listed>,
) -> Result<Value, Refusal> {
    check_zone(&state.catalog, call)?;
    let asked = call.id("id")?;
    let mut known = asked.is_none();
    let mut found = Vec::new();
    for listed in all {
        known |= asked == Some(listed.id);
        if is_asked_for(call, listed.id, listed.name)? {
            found.push(listed.view);
        }
    }
    match asked {
        Some(id) if !known => Err(call.no_entity("id", id)),
        _ => call.page(called, found, state.settings.page_size),
    }
}

/// Whether the zone that a list may name is this one.
fn check_zone(catalog: &Catalog, call: &Call) -> Result<(), Refusal> {
    match call.id("zoneid")? {
        Some(zone) if zone != catalog.zone.id => Err(call.no_entity("zoneid", zone)),
        _ => Ok(()),
    }
}

pub(crate) fn list_zones(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let state = cloud.state();
    let Zone { id, name } = state.catalog.zone;
    let view = json!({
        "id": id, "name": name, "networktype": "Advanced", "securitygroupsenabled": false,
        "allocationstate": "Enabled", "localstorageenabled": false, "dns1": "127.0.0.11",
        "internaldns1": "127.0.0.11", "guestcidraddress": "10.1.1.0/24", "type": "Core", "tags": [],
    });
    fixed(
        &state,
        call,
        "zone",
        std::iter::once(Listed { id, name, view }),
    )
}

pub(crate) fn list_service_offerings(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let state = cloud.state();
    let listed = state.catalog.service_offerings.iter().map(|offering| {
        let view = json!({
            "id": offering.id, "name": offering.name, "displaytext": offering.name,
            "cpunumber": offering.processors, "cpuspeed": 1000, "memory": offering.memory_mb,
            "storagetype": "shared", "iscustomized": false, "issystem": false, "defaultuse": false,
            "offerha": false, "limitcpuuse": false, "isvolatile": false, "provisioningtype": "thin",
            "state": "Active", "rootdisksize": 0,
        });
        Listed {
            id: offering.id,
            name: offering.name,
            view,
        }
    });
    fixed(&state, call, "serviceoffering", listed)
}

pub(crate) fn list_disk_offerings(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let state = cloud.state();
    let listed = state.catalog.disk_offerings.iter().map(|offering| {
            let view = json!({
                "id": offering.id, "name": offering.name, "displaytext": offering.name,
                "disksize": offering.size_gb, "iscustomized": false, "storagetype": "shared", "state": "Active",
            });
            Listed { id: offering.id, name: offering.name, view }
        });
    fixed(&state, call, "diskoffering", listed)
}

pub(crate) fn list_templates(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let filters = [
        "featured",
        "self",
        "selfexecutable",
        "sharedexecutable",
        "executable",
        "community",
        "all",
    ];
    let filter = call.required("templatefilter")?.to_lowercase();
    if !filters.contains(&filter.as_str()) {
        return Err(Refusal::parameter(format!(
            "Please specify a valid template filter: {filter}"
        )));
    }
    if filter == "all" && call.caller.role == Role::User {
        return Err(Refusal::parameter(
            "Filter all can be specified by root admins only",
        ));
    }
    // The operator's templates are featured ones, and nobody has one of his own.
    let nobodys = ["self", "selfexecutable", "sharedexecutable", "community"];
    let has_any = !nobodys.contains(&filter.as_str());
    let state = cloud.state();
    let zone = &state.catalog.zone;
    let domain = state.people.domain;
    let templates = state.catalog.templates.iter().filter(|_| has_any);
    let listed = templates.map(|template| {
            let keys = template.ssh_keys == SshKeys::Supported;
            let view = json!({
                "id": template.id, "name": template.name, "displaytext": template.name, "ispublic": true,
                "isready": true, "isfeatured": true, "passwordenabled": true, "sshkeyenabled": keys,
                "format": "QCOW2", "hypervisor": "KVM", "ostypename": "Debian GNU/Linux 12 (64-bit)",
                "status": "Download Complete", "zoneid": zone.id, "zonename": zone.name,
                "size": 2_147_483_648_u64, "physicalsize": 536_870_912_u64, "templatetype": "USER",
                "account": "admin", "domain": "ROOT", "domainid": domain, "crossZones": false,
                "isdynamicallyscalable": false, "isextractable": true, "tags": [], "details": {},
                "requireshvm": true, "arch": "x86_64",
            });
            Listed { id: template.id, name: template.name, view }
        });
    fixed(&state, call, "template", listed)
}

pub(crate) fn list_network_offerings(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let wanted: Vec<&str> = call.list("supportedservices").collect();
    let state = cloud.state();
    let offerings = state.catalog.network_offerings.iter();
    let isolated = |kind: &str| kind.eq_ignore_ascii_case("Isolated");
    let offerings = offerings.filter(|offering| {
        wanted.iter().all(|one| offering.has(one)) && call.text("guestiptype").is_none_or(isolated)
    });
    let listed = offerings.map(|offering| {
            let view = json!({
                "id": offering.id, "name": offering.name, "displaytext": offering.name, "guestiptype": "Isolated",
                "traffictype": "Guest", "state": "Enabled", "availability": "Optional", "isdefault": true,
                "specifyvlan": false, "conservemode": true, "specifyipranges": false, "ispersistent": false,
                "egressdefaultpolicy": false, "forvpc": false, "networkrate": 200, "details": {},
                "service": offering.view_services(),
            });
            Listed { id: offering.id, name: offering.name, view }
        });
    fixed(&state, call, "networkoffering", listed)
}

pub(crate) fn list_capabilities(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let settings = &cloud.state().settings;
    let mut capability = json!({
        "cloudstackversion": settings.version, "userpublictemplateenabled": true, "securitygroupsenabled": false,
        "supportELB": "false", "projectinviterequired": false, "allowusercreateprojects": true,
        "customdiskofferingmaxsize": 1024, "customdiskofferingminsize": 1, "regionsecondaryenabled": false,
        "kvmsnapshotenabled": false, "allowuserviewdestroyedvm": settings.view_destroyed,
        "allowuserexpungerecovervm": settings.expunge, "allowuserexpungerecovervolume": true,
        "allowuserviewalldomainaccounts": false, "kubernetesserviceenabled": false, "dynamicrolesenabled": true,
    });
    if let Some(throttle) = settings.throttle {
        capability["apilimitinterval"] = throttle.seconds.into();
        capability["apilimitmax"] = throttle.calls.into();
    }
    // Not a list, whatever its name: a page of it is all of it.
    call.number("pagesize")?;
    Ok(json!({ "capability": capability }))
}

pub(crate) fn list_capacity(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    if call.caller.role != Role::Administrator {
        return Err(Refusal::new(
            Code::UNSUPPORTED,
            "The given command does not exist or it is not available for user",
        ));
    }
    let state = cloud.state();
    let zone = &state.catalog.zone;
    let used = state
        .machines
        .iter()
        .filter(|machine| machine.is_on_a_host())
        .count();
    let total = state.settings.capacity.unwrap_or(1000);
    // Counted in machines of 1 GiB, as the capacity is one of machines.
    let mut view = Map::new();
    view.insert("type".to_owned(), 0.into());
    view.insert("name".to_owned(), "MEMORY".into());
    view.insert("zoneid".to_owned(), zone.id.to_string().into());
    view.insert("zonename".to_owned(), zone.name.into());
    view.insert("capacityused".to_owned(), (used << 30).into());
    view.insert("capacitytotal".to_owned(), (total << 30).into());
    call.page("capacity", vec![view.into()], state.settings.page_size)
}
