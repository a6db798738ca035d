//! What lists hold, and how much of it.

use coe_tests::cloudstack::Cloud;
use serde_json::json;

use crate::fixture::{Site, code, id_of, names, text};

#[test]
fn a_page_has_a_number_and_a_size() {
    let cloud = Cloud::pretended();
    let list = |parameters: &[(&str, &str)]| cloud.ask("listServiceOfferings", parameters);
    assert_eq!(list(&[])["count"], 3);
    let first = list(&[("page", "1"), ("pagesize", "2")]);
    assert_eq!(names(&first, "serviceoffering"), ["small", "large"]);
    assert_eq!(first["count"], 3);
    let second = list(&[("page", "2"), ("pagesize", "2")]);
    assert_eq!(names(&second, "serviceoffering"), ["tiny"]);
    let third = list(&[("page", "3"), ("pagesize", "2")]);
    assert_eq!(third, json!({ "count": 3 }));
    assert_eq!(list(&[("name", "huge")]), json!({}));

    for wrong in [
        &[("page", "1")][..],
        &[("pagesize", "2")],
        &[("page", "1"), ("pagesize", "501")],
    ] {
        assert_eq!(code(cloud.try_ask("listServiceOfferings", wrong)), 431);
    }
    cloud.set(&json!({ "page_size": 2 }));
    let cut = list(&[]);
    assert_eq!(cut["count"], 3);
    assert_eq!(names(&cut, "serviceoffering").len(), 2);
}

#[test]
fn a_machines_name_is_matched_in_part_and_tags_are_matched_one_by_one() {
    let cloud = Cloud::pretended();
    let site = Site::of(&cloud, "net");
    let (one, other) = (site.deploy(&cloud, "web-1"), site.deploy(&cloud, "web-10"));
    let list = |parameters: &[(&str, &str)]| {
        names(
            &cloud.ask("listVirtualMachines", parameters),
            "virtualmachine",
        )
    };
    assert_eq!(list(&[("name", "web-1")]), ["web-1", "web-10"]);
    assert_eq!(list(&[("id", &other)]), ["web-10"]);

    for (id, key, value) in [
        (&one, "role", "a"),
        (&one, "of", "x"),
        (&other, "role", "b"),
    ] {
        cloud.run(
            "createTags",
            &[
                ("resourceids", id),
                ("resourcetype", "UserVm"),
                ("tags[0].key", key),
                ("tags[0].value", value),
            ],
        );
    }
    assert_eq!(list(&[("tags[0].key", "role")]), ["web-1", "web-10"]);
    let a = [("tags[0].key", "role"), ("tags[0].value", "a")];
    assert_eq!(list(&a), ["web-1"]);
    // One of them is enough.
    let either = [a[0], a[1], ("tags[1].key", "role"), ("tags[1].value", "b")];
    assert_eq!(list(&either), ["web-1", "web-10"]);

    let again = cloud.try_run(
        "createTags",
        &[
            ("resourceids", &one),
            ("resourcetype", "UserVm"),
            ("tags[0].key", "role"),
            ("tags[0].value", "c"),
        ],
    );
    assert_eq!(code(again), 530);
    let tags = cloud.ask("listTags", &[("resourceid", &one)]);
    assert_eq!(tags["count"], 2);
    cloud.run(
        "deleteTags",
        &[
            ("resourceids", &one),
            ("resourcetype", "UserVm"),
            ("tags[0].key", "role"),
        ],
    );
    assert_eq!(list(&[("tags[0].key", "role")]), ["web-10"]);
}

#[test]
fn what_never_was_is_refused_and_what_is_gone_is_not_listed() {
    let cloud = Cloud::pretended();
    let site = Site::of(&cloud, "net");
    let machine = site.deploy(&cloud, "one");
    cloud.run(
        "destroyVirtualMachine",
        &[("id", &machine), ("expunge", "true")],
    );
    assert_eq!(
        cloud.ask("listVirtualMachines", &[("id", &machine)]),
        json!({})
    );
    let never = "00000000-0000-4000-8000-000000000000";
    for id in [never, "12"] {
        assert_eq!(
            code(cloud.try_ask("listVirtualMachines", &[("id", id)])),
            431
        );
    }
    assert_eq!(code(cloud.try_ask("listTemplates", &[])), 431);
    let state = cloud.state();
    assert_eq!(state["unknown_parameters"], json!([]), "{state}");
    cloud.ask("listZones", &[("nmae", "zone-1")]);
    assert_eq!(
        cloud.state()["unknown_parameters"],
        json!(["listzones nmae"])
    );
}

#[test]
fn a_project_has_things_of_its_own() {
    let cloud = Cloud::pretended();
    let project = id_of(&cloud, "listProjects", "project", "web");
    let pair = |name| {
        [
            ("name", name),
            ("publickey", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== x"),
        ]
    };
    cloud.ask("registerSSHKeyPair", &pair("own"));
    assert_eq!(code(cloud.try_ask("registerSSHKeyPair", &pair("own"))), 431);
    let of_project = [&pair("project's")[..], &[("projectid", &project)]].concat();
    let made = cloud.ask("registerSSHKeyPair", &of_project);
    assert_eq!(text(&made["keypair"], "project"), "web");

    let list = |parameters: &[(&str, &str)]| {
        names(&cloud.ask("listSSHKeyPairs", parameters), "sshkeypair")
    };
    assert_eq!(list(&[("listall", "true")]), ["own"]);
    assert_eq!(list(&[("projectid", &project)]), ["project's"]);
    assert_eq!(list(&[("projectid", "-1")]), ["own", "project's"]);
}

#[test]
fn limits_are_kept_and_told() {
    let cloud = Cloud::pretended();
    let site = Site::of(&cloud, "net");
    cloud.set(&json!({ "limits": { "user_vm": 1, "public_ip": 1, "network": 1 } }));
    site.deploy(&cloud, "one");
    let more = cloud.try_ask("deployVirtualMachine", &site.machine("two", &[]));
    let refusal = more.expect_err("there is one already");
    assert_eq!(refusal.code, 532);
    assert!(
        refusal.text.contains("'user_vm' for account name=coe"),
        "{}",
        refusal.text
    );
    let more = cloud.try_ask("associateIpAddress", &[("networkid", &site.network)]);
    assert_eq!(code(more), 532);

    let limits = cloud.ask("listResourceLimits", &[("resourcetype", "0")]);
    assert_eq!(limits["resourcelimit"][0]["max"], 1);
    let account = cloud.ask("listAccounts", &[])["account"][0].clone();
    assert_eq!(account["vmtotal"], 1);
    assert_eq!(account["vmavailable"], "0");
    assert_eq!(account["memorylimit"], "Unlimited");

    cloud.set(&json!({ "limits": { "user_vm": 9 }, "capacity": 1 }));
    let more = cloud.try_run("deployVirtualMachine", &site.machine("two", &[]));
    assert_eq!(code(more), 533);
    // It is there, for somebody to destroy.
    assert_eq!(cloud.state()["machines"]["two"]["state"], "Error");
}

#[test]
fn what_is_one_accounts_is_hidden_from_another() {
    let cloud = Cloud::pretended();
    let site = Site::of(&cloud, "net");
    let machine = site.deploy(&cloud, "one");
    let everything = [("listall", "true")];
    let list = "listVirtualMachines";
    assert_eq!(cloud.try_ask_as_other(list, &everything), Ok(json!({})));
    let seen = cloud.try_ask_as_admin(list, &everything);
    assert_eq!(names(&seen.expect("a list"), "virtualmachine"), ["one"]);
    let call = [("id", machine.as_str())];
    let destroyed = cloud.try_ask_as_other("destroyVirtualMachine", &call);
    assert_eq!(code(destroyed), 531);
    let capacity = [("type", "0")];
    assert_eq!(code(cloud.try_ask("listCapacity", &capacity)), 432);
    assert!(cloud.try_ask_as_admin("listCapacity", &capacity).is_ok());
}

#[test]
fn user_data_is_base64_and_not_longer_than_it_may_be() {
    let cloud = Cloud::pretended();
    let site = Site::of(&cloud, "net");
    let deploy = |data: &str| {
        let call = site.machine("one", &[("userdata", data)]);
        cloud.try_ask("deployVirtualMachine", &call)
    };
    assert_eq!(code(deploy("#cloud-config")), 431);
    assert_eq!(code(deploy(&"YQ==".repeat(8193))), 431);
    assert!(deploy(&"YWFh".repeat(8192)).is_ok());

    let named = |name| [("name", name), ("userdata", "YWFh")];
    let made = cloud.ask("registerUserData", &named("boot"));
    let id = text(&made["userdata"], "id");
    assert_eq!(code(cloud.try_ask("registerUserData", &named("boot"))), 431);
    let call = site.machine("two", &[("userdataid", &id)]);
    let machine = cloud.run("deployVirtualMachine", &call);
    assert_eq!(text(&machine["virtualmachine"], "userdataid"), id);
    assert_eq!(code(cloud.try_ask("deleteUserData", &[("id", &id)])), 530);
}
