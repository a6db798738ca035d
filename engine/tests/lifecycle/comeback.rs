//! Nodes whose machines come back are the members that they were.

use super::*;

fn member_ids(cluster: &Cluster) -> Vec<String> {
    let members = cluster.observed.members.iter().flatten();
    members.map(|(_, member)| member.id.clone()).collect()
}

#[tokio::test]
async fn an_error_while_a_node_comes_back_does_not_cost_it_its_membership() {
    let spec = spec(3, 1);
    for node in ["bar-control-plane-2", "bar-worker-1"] {
        for nth in 1..=10 {
            let bench = Bench::new();
            let cluster = bench.create(&spec).await;
            let machine = &cluster.observed.machines[&name(node)];
            bench.platform().stop_machine(machine).await.unwrap();

            let faults = vec![fault(Call::Run, nth, FaultKind::FailBefore)];
            let failing = engine_in(&bench.folder, faults);
            // It may fail before the node is there again: the next update carries on.
            _ = failing.update(cluster.id(), &spec, &operation()).await;
            let repaired = bench.update(&cluster, &spec).await;
            assert_serves(&repaired);
            let what = format!("{node} after a failed answer {nth}");
            assert_eq!(member_ids(&repaired), member_ids(&cluster), "{what}");
        }
    }
}
