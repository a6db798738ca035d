//! The commands that the cloud knows, and the parameters of each.

use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;

use crate::call::Call;
use crate::cloud::Cloud;
use crate::refusal::Refusal;
use crate::{
    accounts, addresses, affinity_groups, balancers, catalog, firewall, forwards, jobs, key_pairs,
    life, limits, machines, networks, tags, user_data,
};

type Outcome = Result<Value, Refusal>;
type Slow =
    for<'a> fn(&'a Arc<Cloud>, &'a Call) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// How a command is done.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    /// It changes nothing.
    Read(fn(&Cloud, &Call) -> Outcome),
    /// It is done when it is answered.
    Change(fn(&Cloud, &Call) -> Outcome),
    /// The same, but that it takes a while.
    ChangeSlowly(Slow),
    /// It begins a job.
    Begin(fn(&Arc<Cloud>, &Call) -> Outcome),
}

impl Run {
    pub(crate) fn is_read(self) -> bool {
        matches!(self, Self::Read(_))
    }
}

pub(crate) struct Command {
    pub(crate) name: &'static str,
    pub(crate) run: Run,
    /// Separated by blanks.
    parameters: &'static str,
}

/// What every call may have.
const COMMON: &str =
    "apikey command response signature signatureversion expires account domainid projectid";
const OF_LISTS: &str = "page pagesize listall isrecursive keyword tags id ids name fordisplay";
const OF_JOBS: &str = "customjobid";

impl Command {
    pub(crate) fn of(name: &str) -> Option<&'static Self> {
        ALL.iter()
            .find(|command| command.name.eq_ignore_ascii_case(name))
    }

    /// Whether CloudStack's command has a parameter of that name; `tags[0].key` is one of `tags`.
    pub(crate) fn knows(&self, parameter: &str) -> bool {
        let name = parameter.split('[').next().unwrap_or_default();
        let more = match self.run {
            Run::Read(_) => OF_LISTS,
            Run::Begin(_) => OF_JOBS,
            Run::Change(_) | Run::ChangeSlowly(_) => "",
        };
        [COMMON, more, self.parameters]
            .iter()
            .any(|names| names.split(' ').any(|known| known == name))
    }
}

const fn command(name: &'static str, run: Run, parameters: &'static str) -> Command {
    Command {
        name,
        run,
        parameters,
    }
}

const CREATE_NETWORK: Slow = |cloud, call| Box::pin(networks::create_network(cloud, call));

#[rustfmt::skip]
static ALL: &[Command] = &[
    command("listCapabilities", Run::Read(catalog::list_capabilities), ""),
    command("listCapacity", Run::Read(catalog::list_capacity), "zoneid type clusterid podid fetchlatest sortby"),
    command("listUsers", Run::Read(accounts::list_users), "username accounttype state"),
    command("listAccounts", Run::Read(accounts::list_accounts), "accounttype state details showicon"),
    command("listProjects", Run::Read(accounts::list_projects), "state displaytext details"),
    command("listResourceLimits", Run::Read(limits::list_resource_limits), "resourcetype resourcetypename"),
    command("listZones", Run::Read(catalog::list_zones), "available networktype showcapacities"),
    command("listServiceOfferings", Run::Read(catalog::list_service_offerings),
        "zoneid virtualmachineid issystem cpunumber cpuspeed memory state templateid"),
    command("listDiskOfferings", Run::Read(catalog::list_disk_offerings), "zoneid storagetype state"),
    command("listTemplates", Run::Read(catalog::list_templates),
        "templatefilter zoneid hypervisor showremoved showunique details arch"),
    command("listNetworkOfferings", Run::Read(catalog::list_network_offerings),
        "zoneid guestiptype state availability supportedservices traffictype forvpc isdefault specifyvlan \
         sourcenatsupported istagged displaytext networkid"),
    command("listNetworks", Run::Read(networks::list_networks),
        "zoneid type networkfilter supportedservices canusefordeploy acltype traffictype issystem forvpc vpcid \
         restartrequired physicalnetworkid associatednetworkid"),
    command("createNetwork", Run::ChangeSlowly(CREATE_NETWORK),
        "name displaytext networkofferingid zoneid gateway netmask startip endip networkdomain acltype vpcid aclid \
         physicalnetworkid subdomainaccess displaynetwork externalid publicmtu privatemtu dns1 dns2 sourcenatipaddress"),
    command("deleteNetwork", Run::Begin(networks::delete_network), "id forced"),
    command("listPublicIpAddresses", Run::Read(addresses::list_public_ip_addresses),
        "associatednetworkid networkid zoneid ipaddress issourcenat isstaticnat forloadbalancing forvirtualnetwork \
         allocatedonly state vlanid vpcid physicalnetworkid"),
    command("associateIpAddress", Run::Begin(addresses::associate_ip_address),
        "networkid zoneid vpcid ipaddress isportable regionid fordisplay"),
    command("disassociateIpAddress", Run::Begin(addresses::disassociate_ip_address), "id ipaddress"),
    command("listFirewallRules", Run::Read(firewall::list_firewall_rules), "ipaddressid networkid"),
    command("createFirewallRule", Run::Begin(firewall::create_firewall_rule),
        "ipaddressid protocol startport endport cidrlist icmptype icmpcode type fordisplay"),
    command("deleteFirewallRule", Run::Begin(firewall::delete_firewall_rule), "id"),
    command("listEgressFirewallRules", Run::Read(firewall::list_egress_rules), "networkid ipaddressid"),
    command("createEgressFirewallRule", Run::Begin(firewall::create_egress_rule),
        "networkid protocol startport endport cidrlist destcidrlist icmptype icmpcode type fordisplay"),
    command("deleteEgressFirewallRule", Run::Begin(firewall::delete_egress_rule), "id"),
    command("listPortForwardingRules", Run::Read(forwards::list_port_forwarding_rules), "ipaddressid networkid"),
    command("createPortForwardingRule", Run::Begin(forwards::create_port_forwarding_rule),
        "ipaddressid protocol publicport publicendport privateport privateendport virtualmachineid openfirewall \
         cidrlist networkid vmguestip fordisplay"),
    command("deletePortForwardingRule", Run::Begin(forwards::delete_port_forwarding_rule), "id"),
    command("listLoadBalancerRules", Run::Read(balancers::list_load_balancer_rules),
        "publicipid networkid virtualmachineid zoneid"),
    command("createLoadBalancerRule", Run::Begin(balancers::create_load_balancer_rule),
        "name description algorithm publicport privateport publicipid networkid zoneid openfirewall cidrlist \
         protocol fordisplay"),
    command("deleteLoadBalancerRule", Run::Begin(balancers::delete_load_balancer_rule), "id"),
    command("assignToLoadBalancerRule", Run::Begin(balancers::assign), "id virtualmachineids vmidipmap"),
    command("removeFromLoadBalancerRule", Run::Begin(balancers::remove), "id virtualmachineids vmidipmap"),
    command("listLoadBalancerRuleInstances", Run::Read(balancers::list_instances), "applied lbvmips"),
    command("listVirtualMachines", Run::Read(machines::list_virtual_machines),
        "networkid zoneid templateid serviceofferingid affinitygroupid state details hypervisor keypair groupid \
         podid hostid storageid vpcid userid userdataid displayvm isvnf"),
    command("deployVirtualMachine", Run::Begin(machines::deploy_virtual_machine),
        "zoneid serviceofferingid templateid networkids name displayname userdata userdataid userdatadetails keypair \
         keypairs affinitygroupids affinitygroupnames rootdisksize details startvm ipaddress iptonetworklist \
         hypervisor diskofferingid size group hostid keyboard displayvm customid boottype bootmode password"),
    command("startVirtualMachine", Run::Begin(life::start_virtual_machine), "id hostid considerlasthost"),
    command("stopVirtualMachine", Run::Begin(life::stop_virtual_machine), "id forced"),
    command("destroyVirtualMachine", Run::Begin(life::destroy_virtual_machine), "id expunge volumeids"),
    command("expungeVirtualMachine", Run::Begin(life::expunge_virtual_machine), "id"),
    command("createTags", Run::Begin(tags::create_tags), "resourceids resourcetype tags customer"),
    command("deleteTags", Run::Begin(tags::delete_tags), "resourceids resourcetype tags"),
    command("listTags", Run::Read(tags::list_tags), "resourceid resourcetype key value customer"),
    command("createAffinityGroup", Run::Begin(affinity_groups::create_affinity_group), "name type description"),
    command("listAffinityGroups", Run::Read(affinity_groups::list_affinity_groups), "type virtualmachineid"),
    command("deleteAffinityGroup", Run::Begin(affinity_groups::delete_affinity_group), "id name"),
    command("registerSSHKeyPair", Run::Change(key_pairs::register_ssh_key_pair), "name publickey"),
    command("listSSHKeyPairs", Run::Read(key_pairs::list_ssh_key_pairs), "fingerprint"),
    command("deleteSSHKeyPair", Run::Change(key_pairs::delete_ssh_key_pair), "name"),
    command("registerUserData", Run::Change(user_data::register_user_data), "name userdata params"),
    command("listUserData", Run::Read(user_data::list_user_data), ""),
    command("deleteUserData", Run::Change(user_data::delete_user_data), "id"),
    command("queryAsyncJobResult", Run::Read(jobs::query_async_job_result), "jobid"),
    command("listAsyncJobs", Run::Read(jobs::list_async_jobs), "startdate"),
];
