//! One operation at a time, whatever machine it runs on.

use std::sync::Arc;

use coe_engine::model::{OperationId, Owner};
use futures_util::future::join_all;

use super::{Cluster, Fixture, Harness};

/// Another operation on the same cluster.
fn another(cluster: &Cluster) -> Owner {
    Owner {
        operation: OperationId::new(),
        ..cluster.owner.clone()
    }
}

async fn claim(
    cluster: &Cluster,
    owner: &Owner,
    instead_of: Option<OperationId>,
) -> Option<OperationId> {
    let holder = cluster.platform.claim(owner, instead_of).await.unwrap();
    holder.map(|holder| holder.operation)
}

pub async fn one_operation_has_a_cluster_at_a_time<H: Harness>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    cluster.ensure_network().await;
    let (first, second, third) = (another(&cluster), another(&cluster), another(&cluster));

    assert_eq!(claim(&cluster, &first, None).await, None);
    assert_eq!(claim(&cluster, &first, None).await, None, "asked again");
    let told = cluster.platform.claim(&second, None).await.unwrap();
    assert_eq!(told, Some(first.clone()), "until when, and where, is told");

    let dead = Some(first.operation);
    assert_eq!(claim(&cluster, &second, dead).await, None);
    assert_eq!(claim(&cluster, &third, dead).await, Some(second.operation));

    let release = |owner: &Owner| {
        let operation = owner.operation;
        let cluster = cluster.clone();
        async move {
            cluster
                .platform
                .release(cluster.id(), operation)
                .await
                .unwrap();
        }
    };
    release(&first).await;
    assert_eq!(claim(&cluster, &third, None).await, Some(second.operation));
    release(&second).await;
    assert_eq!(claim(&cluster, &third, None).await, None);
    release(&third).await;
    release(&third).await;
}

pub async fn of_many_claims_at_once_one_is_given<H: Harness>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    cluster.ensure_network().await;
    let dead = another(&cluster);
    for instead_of in [None, Some(dead.operation)] {
        if instead_of.is_some() {
            assert_eq!(claim(&cluster, &dead, None).await, None);
        }
        let claimants: Vec<Owner> = (0..8).map(|_| another(&cluster)).collect();
        let claims = claimants
            .iter()
            .map(|owner| claim(&cluster, owner, instead_of));
        let told = join_all(claims).await;
        let given = told.iter().filter(|holder| holder.is_none()).count();
        assert!(given <= 1, "{told:?}");
        for claimant in &claimants {
            let operation = claimant.operation;
            cluster
                .platform
                .release(cluster.id(), operation)
                .await
                .unwrap();
        }
    }
}

pub async fn a_claim_goes_with_the_record<H: Harness>(fixture: Arc<Fixture<H>>) {
    let cluster = fixture.cluster();
    let owner = &cluster.owner;
    cluster
        .platform
        .put_record(owner, &cluster.record(""))
        .await
        .unwrap();
    assert_eq!(claim(&cluster, &another(&cluster), None).await, None);
    let seen = cluster.observe().await.unwrap();
    assert_eq!(
        seen.owner, *owner,
        "a claim does not change whose a cluster is"
    );

    cluster.platform.delete_record(cluster.id()).await.unwrap();
    assert!(cluster.observe().await.is_none());
    assert_eq!(claim(&cluster, &another(&cluster), None).await, None);
    let seen = cluster.observe().await;
    assert!(
        seen.is_some(),
        "a claim alone is found, or nobody would remove it"
    );
}
