//! Two who know nothing of each other, with journals of their own, and one cluster.

use coe_engine::engine::{Fate, Over, Spared};
use coe_engine::model::{OperationId, Owner};
use jiff::Timestamp;

use super::*;

/// Runs to its second half and stays there until its task is aborted.
fn update_that_hangs(bench: &Bench, cluster: &Cluster) -> tokio::task::JoinHandle<()> {
    let hangs = vec![fault(Call::EnsureMachine, 1, FaultKind::Hang)];
    let (engine, id) = (engine_in(&bench.folder, hangs), cluster.id());
    tokio::spawn(async move {
        _ = engine.update(id, &spec(1, 3), &operation()).await;
    })
}

async fn await_claim(bench: &Bench, cluster: &Cluster) {
    let claim = format!("clusters/{}/claim.json", cluster.id());
    while !bench.folder.path().join(&claim).exists() {
        tokio::task::yield_now().await;
    }
}

fn assert_claimed<T: std::fmt::Debug>(result: Result<T, Failure>) {
    let failure = result.unwrap_err();
    assert!(
        matches!(failure.error, EngineError::Claimed { .. }),
        "{failure}"
    );
    let said = failure.to_string();
    assert!(said.contains("is being changed by operation"), "{said}");
}

#[tokio::test]
async fn of_two_users_the_second_is_told_of_the_first() {
    let bench = Bench::new();
    let cluster = bench.create(&spec(1, 2)).await;
    let first = update_that_hangs(&bench, &cluster);
    await_claim(&bench, &cluster).await;

    let (second, id) = (bench.restarted(), cluster.id());
    assert_claimed(second.update(id, &spec(1, 1), &operation()).await);
    assert_claimed(second.delete(id, &operation()).await);
    assert_claimed(second.add_node(id, &extra(), &operation()).await);
    assert_serves(&bench.read(&cluster).await);

    first.abort();
    _ = first.await;
    bench.let_the_claim_run_out(&cluster);
    second.delete(id, &operation()).await.unwrap();
    bench
        .assert_nothing_is_left("the second user's deletion")
        .await;
}

/// The operation may have had all its effects, so that nothing but a look comes after it.
#[tokio::test]
async fn a_claim_whose_time_is_up_goes_with_the_next_look() {
    let bench = Bench::new();
    let cluster = bench.create(&spec(1, 2)).await;
    let first = update_that_hangs(&bench, &cluster);
    await_claim(&bench, &cluster).await;
    first.abort();
    _ = first.await;

    bench.read(&cluster).await;
    let claim = bench.claim(&cluster).await;
    assert!(
        claim.is_some(),
        "its time is not up, and nobody knows it to be dead"
    );
    bench.let_the_claim_run_out(&cluster);
    bench.read(&cluster).await;
    assert_eq!(bench.claim(&cluster).await, None);
}

/// Who knows that a computer is gone need not wait for the end of its operation's time.
#[tokio::test]
async fn a_claim_ends_when_its_operation_is_said_to_be_dead_and_no_other_is() {
    let bench = Bench::new();
    let cluster = bench.create(&spec(1, 2)).await;
    let first = update_that_hangs(&bench, &cluster);
    await_claim(&bench, &cluster).await;
    first.abort();
    _ = first.await;

    let (second, id) = (bench.restarted(), cluster.id());
    let held = second.claims(None).await.unwrap().remove(0);
    assert!(matches!(held.fate, Fate::Spared(Spared::MayLive)));
    let dead = held.holder.operation;
    let another = OperationId::new();
    for said in [None, Some(another)] {
        let refused = second.end_claim(id, dead, said).await.unwrap_err();
        let told = refused.to_string();
        assert!(told.contains(&format!("gc --ended {dead}")), "{told}");
    }
    second.end_claim(id, another, Some(another)).await.unwrap();
    assert_eq!(bench.claim(&cluster).await, Some(held.holder));

    let held = second.claims(Some(dead)).await.unwrap().remove(0);
    assert!(matches!(held.fate, Fate::Over(Over::Said)));
    second.end_claim(id, dead, Some(dead)).await.unwrap();
    assert_eq!(bench.claim(&cluster).await, None);
    second.end_claim(id, dead, Some(dead)).await.unwrap();
    bench.update(&cluster, &spec(1, 3)).await;
}

impl Bench {
    async fn claim(&self, cluster: &Cluster) -> Option<Owner> {
        let scope = Scope::Id(cluster.id());
        let mut seen = self.platform().observe(&scope).await.unwrap();
        seen.pop().unwrap().claim
    }

    fn let_the_claim_run_out(&self, cluster: &Cluster) {
        let file = self
            .folder
            .path()
            .join("clusters")
            .join(cluster.id().to_string());
        let file = file.join("claim.json");
        let mut labels: BTreeMap<String, String> =
            serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let until = labels
            .values_mut()
            .find(|value| value.parse::<Timestamp>().is_ok());
        *until.unwrap() = Timestamp::UNIX_EPOCH.to_string();
        std::fs::write(&file, serde_json::to_vec(&labels).unwrap()).unwrap();
    }
}

#[tokio::test]
async fn an_operation_that_ends_gives_the_cluster_back_whatever_it_came_to() {
    let bench = Bench::new();
    let cluster = bench.create(&spec(1, 1)).await;
    let fails = (1..=2).map(|nth| fault(Call::EnsureMachine, nth, FaultKind::FailBefore));
    let failing = engine_in(&bench.folder, fails.collect());
    let failed = failing
        .update(cluster.id(), &spec(1, 2), &operation())
        .await;
    assert!(failed.is_err());
    bench.update(&cluster, &spec(1, 2)).await;
    let claim = format!("clusters/{}/claim.json", cluster.id());
    assert!(!bench.folder.path().join(claim).exists());
}
