//! Jobs, and what goes wrong with calls.

use coe_tests::cloudstack::Cloud;
use serde_json::{Value, json};

use crate::fixture::{Site, code, names, text};

const OWN_ID: &str = "6b0e7d0a-5a0f-4e0c-9a77-0d6f3a1b2c3d";

#[test]
fn a_job_is_found_by_the_id_that_its_caller_chose() {
    let cloud = Cloud::pretended();
    let site = Site::of(&cloud, "net");
    cloud.set(&json!({
        "faults": [{ "command": "deployVirtualMachine", "kind": "drop" }],
    }));
    let call = site.machine("one", &[("customjobid", OWN_ID)]);
    assert_eq!(code(cloud.try_ask("deployVirtualMachine", &call)), 0);
    let made = cloud.await_job(OWN_ID).expect("the job was begun");
    assert_eq!(text(&made["virtualmachine"], "state"), "Running");

    // Whoever calls again has made a second machine by the time that the job's id is noticed.
    let again = site.machine("two", &[("customjobid", OWN_ID)]);
    assert_eq!(code(cloud.try_ask("deployVirtualMachine", &again)), 530);
    let machines = cloud.ask("listVirtualMachines", &[]);
    assert_eq!(names(&machines, "virtualmachine"), ["one", "two"]);
    assert_eq!(cloud.state()["machines"]["two"]["state"], "Stopped");
    let malformed = site.machine("three", &[("customjobid", "mine")]);
    assert_eq!(code(cloud.try_ask("deployVirtualMachine", &malformed)), 431);
    assert_eq!(cloud.state()["machines"]["three"], Value::Null);
}

#[test]
fn a_restart_fails_the_jobs_that_run() {
    let cloud = Cloud::pretended();
    let site = Site::of(&cloud, "net");
    cloud.set(&json!({ "job_seconds": { "deployVirtualMachine": 60 } }));
    let begun = cloud.ask("deployVirtualMachine", &site.machine("one", &[]));
    let job = text(&begun, "jobid");
    assert_eq!(
        cloud.ask("queryAsyncJobResult", &[("jobid", &job)])["jobstatus"],
        0
    );
    assert_eq!(
        cloud.ask("listAsyncJobs", &[])["asyncjobs"][0]["jobid"],
        *job
    );
    cloud.set(&json!({ "restart": { "seconds": 0.2 } }));
    assert_eq!(code(cloud.try_ask("listZones", &[])), 503);
    coe_tests::await_condition("the cloud is back", || {
        cloud.try_ask("listZones", &[]).is_ok()
    });
    let refusal = cloud.await_job(&job).expect_err("the job is failed");
    assert_eq!(
        refusal.text,
        "job cancelled because of management server restart or shutdown"
    );

    cloud.set(&json!({ "restarted_jobs": "tell_nothing" }));
    let begun = cloud.ask("deployVirtualMachine", &site.machine("two", &[]));
    cloud.set(&json!({ "restart": {} }));
    let job = text(&begun, "jobid");
    coe_tests::await_condition("the cloud is back", || {
        cloud
            .try_ask("queryAsyncJobResult", &[("jobid", &job)])
            .is_ok()
    });
    let ended = cloud.ask("queryAsyncJobResult", &[("jobid", &job)]);
    assert_eq!(
        (&ended["jobstatus"], &ended["jobresult"]),
        (&json!(2), &Value::Null)
    );
}

#[test]
fn a_machine_that_is_destroyed_before_its_deploy_began_does_not_come_to_be() {
    let cloud = Cloud::pretended();
    let site = Site::of(&cloud, "net");
    cloud.set(&json!({ "job_seconds": { "deployVirtualMachine": 0.5 } }));
    let begun = cloud.ask("deployVirtualMachine", &site.machine("one", &[]));
    cloud.run("destroyVirtualMachine", &[("id", &text(&begun, "id"))]);
    assert_eq!(code(cloud.await_job(&text(&begun, "jobid"))), 530);
    assert_eq!(cloud.state()["machines"]["one"]["state"], "Destroyed");
}

#[test]
fn jobs_are_forgotten_in_time() {
    let cloud = Cloud::with(&json!({ "machines": "none", "job_expiry_seconds": 0.1 }));
    let site = Site::of(&cloud, "net");
    let begun = cloud.ask("deployVirtualMachine", &site.machine("one", &[]));
    let job = text(&begun, "jobid");
    coe_tests::await_condition("the job is forgotten", || {
        cloud
            .try_ask("queryAsyncJobResult", &[("jobid", &job)])
            .is_err()
    });
}

#[test]
fn faults_befall_the_calls_that_they_are_for() {
    let cloud = Cloud::pretended();
    let site = Site::of(&cloud, "net");
    cloud.set(&json!({ "forget_calls": true, "faults": [
        { "command": "listZones", "call": 2, "kind": "fail", "code": 530, "text": "out of order" },
        { "command": "listUsers", "kind": "close" },
        { "command": "stopVirtualMachine", "kind": "fail_job", "code": 534, "text": "no agent" },
        { "command": "destroyVirtualMachine", "kind": "fail_job_after" },
    ] }));
    cloud.ask("listZones", &[]);
    let refusal = cloud
        .try_ask("listZones", &[])
        .expect_err("it is the second");
    assert_eq!((refusal.code, refusal.text.as_str()), (530, "out of order"));
    cloud.ask("listZones", &[]);
    assert_eq!(code(cloud.try_ask("listUsers", &[])), 0);
    assert_eq!((cloud.calls("listZones"), cloud.calls("listUsers")), (3, 1));

    let machine = site.deploy(&cloud, "one");
    let stopped = cloud.try_run("stopVirtualMachine", &[("id", &machine)]);
    assert_eq!(code(stopped), 534);
    assert_eq!(cloud.state()["machines"]["one"]["state"], "Running");
    let destroyed = cloud.try_run("destroyVirtualMachine", &[("id", &machine)]);
    assert_eq!(code(destroyed), 530);
    assert_eq!(cloud.state()["machines"]["one"]["state"], "Destroyed");
    assert_eq!(cloud.state()["faults_waiting"], 0);
}

#[test]
fn a_machine_stops_starts_and_goes_in_its_time() {
    let cloud = Cloud::pretended();
    let site = Site::of(&cloud, "net");
    let machine = site.deploy(&cloud, "one");
    let id = [("id", machine.as_str())];
    let state = || cloud.state()["machines"]["one"]["state"].clone();
    cloud.run("stopVirtualMachine", &id);
    assert_eq!(state(), "Stopped");
    cloud.run("startVirtualMachine", &id);
    assert_eq!(state(), "Running");
    cloud.set(&json!({ "end_machine": "one" }));
    assert_eq!(state(), "Stopped");

    cloud.set(&json!({ "destroy_fails": 1, "expunge": false }));
    assert_eq!(code(cloud.try_run("destroyVirtualMachine", &id)), 530);
    let expunge = [id[0], ("expunge", "true")];
    assert_eq!(code(cloud.try_ask("destroyVirtualMachine", &expunge)), 531);
    cloud.run("destroyVirtualMachine", &id);
    assert_eq!(state(), "Destroyed");
    // Who owns it does not see it any more, but its network is held.
    assert_eq!(cloud.ask("listVirtualMachines", &[]), json!({}));
    let network = [("id", site.network.as_str())];
    assert_eq!(code(cloud.try_run("deleteNetwork", &network)), 536);
    cloud.set(&json!({ "view_destroyed": true }));
    assert_eq!(cloud.ask("listVirtualMachines", &[])["count"], 1);
    cloud.set(&json!({ "expunge_delay_seconds": 0 }));
    coe_tests::await_condition("the machine is expunged", || state() == Value::Null);
    cloud.run("deleteNetwork", &network);
    assert_eq!(cloud.ask("listNetworks", &[]), json!({}));
}

#[test]
fn affinity_groups_have_machines_and_names_of_their_own() {
    let cloud = Cloud::pretended();
    let site = Site::of(&cloud, "net");
    let apart = [("name", "apart"), ("type", "host anti-affinity")];
    let group = cloud.run("createAffinityGroup", &apart)["affinitygroup"].clone();
    let id = text(&group, "id");
    assert_eq!(code(cloud.try_ask("createAffinityGroup", &apart)), 431);
    let wrong = [("name", "other"), ("type", "neighbours")];
    assert_eq!(code(cloud.try_ask("createAffinityGroup", &wrong)), 431);
    let call = site.machine("one", &[("affinitygroupids", &id)]);
    let machine = cloud.run("deployVirtualMachine", &call)["virtualmachine"].clone();
    assert_eq!(names(&machine, "affinitygroup"), ["apart"]);
    let members = &cloud.ask("listAffinityGroups", &[])["affinitygroup"][0]["virtualmachineIds"];
    assert_eq!(members, &json!([machine["id"]]));
    cloud.run("deleteAffinityGroup", &[("id", &id)]);
    assert_eq!(cloud.ask("listAffinityGroups", &[]), json!({}));
}
