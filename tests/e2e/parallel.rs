//! Several clusters of one plan are made at once.

use coe_tests::Stack;

#[test]
fn clusters_of_one_plan_do_not_get_in_each_others_way() {
    let stack = Stack::on_docker("many");
    stack.configure(
        "resource \"coe_container_cluster\" \"this\" {\n  count = 3\n  name = \"NAME\"\n  coe = \"swarm\"\n  image = \
         \"IMAGE\"\n  node_count = 0\n}\n"
            .replace("\"NAME\"", "\"NAME-${count.index}\"")
            .as_str(),
    );
    stack.apply();
    let networks: Vec<_> = (0..3)
        .map(|index| stack.state(&format!("coe_container_cluster.this[{index}]")))
        .map(|cluster| {
            assert_eq!(cluster["health"], "HEALTHY");
            cluster["network_id"].to_string()
        })
        .collect();
    assert!(networks[0] != networks[1] && networks[1] != networks[2]);
    stack.assert_plan_is_empty();

    stack.destroy();
    for index in 0..3 {
        let left = coe_tests::docker::objects_of(&format!("{}-{index}", stack.name()));
        assert_eq!(left, Vec::<String>::new());
    }
}
