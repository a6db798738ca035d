//! What was last observed of a cluster, kept in the resource's private state.
//!
//! A plan must be the same however often Terraform asks, so it is made from what the last refresh saw and not
//! from a look of its own.

use coe_engine::model::ObservedCluster;
use terraform_framework::Private;

const KEY: &str = "observed";

/// Keeps `observed` for the next plan.
///
/// Without the CA's certificate, which no plan asks for: Terraform copies the private states of all instances of a
/// resource for each instance that it plans.
pub(super) fn keep(private: &Private, observed: &ObservedCluster) {
    let baseline = ObservedCluster {
        ca_certificate: None,
        ..observed.clone()
    };
    match serde_json::to_value(baseline) {
        Ok(value) => private.set(KEY, value),
        // Without a baseline the next plan asks for a refresh; with an old one it would be wrong.
        Err(_) => private.remove(KEY),
    }
}

/// What was last kept. `None` where nothing was, or by a version of the provider that kept it in another shape.
pub(super) fn last(private: &Private) -> Option<ObservedCluster> {
    serde_json::from_value(private.get(KEY)?).ok()
}
