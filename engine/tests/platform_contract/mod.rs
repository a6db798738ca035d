//! What holds for every platform. `docs/contracts/platform.md` says why, row by row.
//!
//! A platform's test binary brings a [`Harness`] and calls [`platform_contract!`] once.

#![allow(
    unreachable_pub,
    reason = "each test binary takes the suite in as a module of its own"
)]

mod balancers;
mod check;
mod claims;
mod fixture;
mod machines;
mod networks;
mod objects;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use coe_engine::model::{ImageName, Owner};
use coe_engine::platform::{MachineRequest, Platform};

pub use balancers::*;
pub use check::*;
pub use claims::*;
pub use fixture::{Cluster, Fixture, file, run, subjects};
pub use machines::*;
pub use networks::*;
pub use objects::*;

/// Kinds of objects that somebody else may have made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    Machine,
    Network,
    Volume,
}

/// What the suite needs of any platform beyond its interface.
#[async_trait]
pub trait Harness: Send + Sync + 'static {
    /// Whether nodes are reached at ports of the platform's host.
    const PUBLISHES_PORTS: bool = true;

    fn platform(&self) -> Arc<dyn Platform>;

    /// What machines are made from, which have `cat`. A platform of machines that exist takes any name.
    fn image(&self) -> ImageName;

    /// The same, as a user asks for it; `None`: the platform has no images.
    fn image_of_users(&self) -> Option<ImageName> {
        Some(self.image())
    }

    /// What a machine of `image` runs so that it stays up.
    fn command(&self) -> Vec<String>;

    /// Removes an object that [`MakesObjects::make_foreign`] made, if it is there.
    async fn remove_foreign(&self, _kind: Foreign, _name: &str) {}
}

/// What the suite needs of a platform that makes networks, machines and volumes: the hands of somebody who works on it
/// without this program.
#[async_trait]
pub trait MakesObjects: Harness {
    /// An image that nobody has and that cannot be fetched.
    fn missing_image(&self) -> ImageName;

    /// A flavor larger than any machine of the platform.
    fn huge_flavor(&self) -> String;

    /// Makes an object without labels.
    async fn make_foreign(&self, kind: Foreign, name: &str);

    /// Whether that object is there as it was made.
    async fn foreign_is_untouched(&self, kind: Foreign, name: &str) -> bool;

    /// Deletes a machine, and none of its volumes.
    async fn delete_machine_by_hand(&self, name: &str);

    /// Leaves a machine with the owner's labels as a process leaves it that was killed before it
    /// started the machine.
    async fn half_make_machine(&self, owner: &Owner, request: &MachineRequest);

    /// The labels of an object of ours, by its name on the platform.
    async fn labels(&self, kind: Foreign, name: &str) -> BTreeMap<String, String>;
}

/// Makes a test of each of the suite's functions: all of them, or `of every platform` those that also one holds
/// that makes nothing.
#[macro_export]
macro_rules! platform_contract {
    ($harness:expr) => {
        $crate::platform_contract!($harness, of every platform);
        $crate::platform_contract!($harness, of platforms that make objects);
        $crate::platform_contract!($harness, of platforms with balancers);
    };
    ($harness:expr, of every platform) => {
        $crate::platform_contract!($harness, of clouds whose machines keep their volumes);
        $crate::platform_contract!(@each $harness;
            a_file_is_read_also_while_the_machine_is_stopped
            a_deleted_machine_leaves_its_volumes
        );
    };
    ($harness:expr, of clouds whose machines keep their volumes) => {
        $crate::platform_contract!(@each $harness;
            ensured_twice_is_one_object
            observe_tells_what_was_made
            observe_finds_by_all_id_and_name
            a_record_is_replaced_as_a_whole
            one_operation_has_a_cluster_at_a_time
            of_many_claims_at_once_one_is_given
            a_claim_goes_with_the_record
            deleting_what_is_absent_succeeds
            deleting_leaves_other_clusters_alone
            deleting_everything_leaves_nothing
            a_call_that_was_dropped_converges
            boot_files_are_there
            files_that_are_put_are_read_back
            a_command_reads_its_input
            stop_and_start_keep_address_port_and_data
            ensure_starts_a_stopped_machine
            a_machine_made_again_begins_with_what_its_image_brings
            a_good_request_has_no_finding
        );
    };
    ($harness:expr, of platforms that make objects) => {
        $crate::platform_contract!(@each $harness;
            every_object_carries_its_owner
            a_foreign_machine_is_named_and_not_touched
            a_foreign_network_is_named_and_not_touched
            a_foreign_volume_is_named_and_not_touched
            the_same_name_in_another_cluster_is_foreign
            a_half_made_machine_is_made_anew
            a_machine_made_again_keeps_its_volumes
            chosen_ports_differ
            a_port_in_use_is_refused
            a_missing_image_is_named
            images_have_ids_and_content
            clusters_made_at_once_get_subnets_of_their_own
            a_given_subnet_is_used
            an_overlapping_subnet_is_refused
            networks_are_offered_by_name_and_id
            an_existing_network_is_used_and_not_deleted
            an_absent_network_is_refused
            a_cluster_is_no_conflict_with_itself
            check_names_foreign_objects
            check_finds_malformed_flavors
            check_finds_flavors_that_are_too_large
            check_finds_ports_in_use
            check_finds_overlapping_subnets
            check_finds_absent_networks
            check_tells_all_at_once
        );
    };
    ($harness:expr, of platforms with balancers) => {
        $crate::platform_contract!(@each $harness;
            a_balancer_is_made_once_and_observed
            a_balancer_that_leads_elsewhere_keeps_its_port
            a_balancer_goes_alone_and_before_its_network
        );
    };
    (@each $harness:expr; $($test:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                $crate::platform_contract::run($harness.await, $crate::platform_contract::$test)
                    .await;
            }
        )*
    };
}
