//! Clusters beside one another in a network that none of them made.

use super::*;

#[tokio::test]
async fn clusters_in_one_network_have_addresses_of_their_own() {
    let bench = Bench::new();
    let network = bench.folder.path().join("networks/shared");
    std::fs::create_dir_all(&network).unwrap();
    std::fs::write(
        network.join("network.json"),
        r#"{"subnet": "10.77.0.0/24"}"#,
    )
    .unwrap();
    let of = |cluster: &str| ClusterSpec {
        name: cluster.parse().unwrap(),
        network: NetworkSpec::Existing("shared".to_owned()),
        ..spec(1, 2)
    };
    let (one, other) = (of("one"), of("other"));
    let (one, other) = tokio::join!(bench.create(&one), bench.create(&other));
    let addresses: BTreeSet<_> = [&one, &other]
        .into_iter()
        .flat_map(|cluster| cluster.nodes().into_values())
        .map(|node| node.address)
        .collect();
    assert_eq!(addresses.len(), 6, "{addresses:?}");

    // A cluster that is gone gives its addresses back, also to whoever asks in the same process.
    bench.engine.delete(one.id(), &operation()).await.unwrap();
    let again = bench.create(&of("one")).await;
    let nodes = |cluster: &Cluster| -> Vec<_> {
        let nodes = cluster.nodes().into_values();
        nodes.map(|node| node.address).collect()
    };
    assert_eq!(
        nodes(&again).iter().collect::<BTreeSet<_>>(),
        nodes(&one).iter().collect::<BTreeSet<_>>()
    );
}
