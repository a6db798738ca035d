//! Machines that boot: containers, reached as one reaches machines in a cloud.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coe_tests::await_condition;
use coe_tests::cloudstack::Cloud;
use coe_tests::docker::docker;
use serde_json::json;
use tempfile::TempDir;

use crate::fixture::{Site, text};

/// A key that is registered with the cloud as `key`.
struct Key(TempDir);

impl Key {
    fn registered(cloud: &Cloud) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(folder.path().join("key"))
            .status();
        assert!(made.expect("ssh-keygen starts").success());
        let public = std::fs::read_to_string(folder.path().join("key.pub")).expect("a key");
        cloud.ask(
            "registerSSHKeyPair",
            &[("name", "key"), ("publickey", &public)],
        );
        Self(folder)
    }

    /// What a command wrote that a user ran, who came to an address and port.
    fn on(&self, address: &str, port: &str, command: &str) -> Option<String> {
        let output = Command::new("ssh")
            .args(["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"])
            .args([
                "-o",
                "UserKnownHostsFile=/dev/null",
                "-o",
                "ConnectTimeout=5",
            ])
            .arg("-i")
            .arg(self.0.path().join("key"))
            .args(["-p", port, &format!("debian@{address}"), command])
            .output()
            .expect("ssh starts");
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(text)
    }
}

/// How many objects of each kind carry a label: containers and networks.
fn objects(label: &str) -> [usize; 2] {
    let filter = format!("label={label}");
    let lists: [&[&str]; 2] = [&["ps", "--all", "--quiet"], &["network", "ls", "--quiet"]];
    lists.map(|list| {
        docker(&[list, &["--filter", &filter]].concat())
            .lines()
            .count()
    })
}

#[test]
fn machines_boot_and_are_reached_as_the_rules_say() {
    let cloud = Cloud::start();
    let site = Site::of(&cloud, "net");
    let key = Key::registered(&cloud);
    let data = "#cloud-config\nwrite_files:\n- path: /etc/told\n  content: |\n    by user data\n";
    let data = STANDARD.encode(data);
    let begun = ["one", "two"].map(|name| {
        let call = site.machine(name, &[("keypair", "key"), ("userdata", &data)]);
        cloud.ask("deployVirtualMachine", &call)
    });
    let machines = begun.map(|begun| {
        let made = cloud.await_job(&text(&begun, "jobid"));
        text(&made.expect("a machine")["virtualmachine"], "id")
    });
    let (address, ip) = site.address(&cloud);
    let forward = cloud.run(
        "createPortForwardingRule",
        &[
            ("ipaddressid", &address),
            ("protocol", "tcp"),
            ("publicport", "2222"),
            ("privateport", "22"),
            ("virtualmachineid", &machines[0]),
            ("openfirewall", "false"),
        ],
    );
    let firewall = |port: &str, from: &str| {
        let made = cloud.run(
            "createFirewallRule",
            &[
                ("ipaddressid", &address),
                ("protocol", "tcp"),
                ("startport", port),
                ("endport", port),
                ("cidrlist", from),
            ],
        );
        text(&made["firewallrule"], "id")
    };
    // A rule leads in, and no firewall rule lets anybody in; then it lets in somebody else.
    let refused = |port: u16| {
        let door = std::net::TcpStream::connect((ip.as_str(), port));
        let Ok(mut door) = door else { return true };
        std::io::Read::read(&mut door, &mut [0]).unwrap_or(0) == 0
    };
    assert!(refused(2222));
    let elsewhere = firewall("2222", "203.0.113.0/24");
    assert!(refused(2222));
    cloud.run("deleteFirewallRule", &[("id", &elsewhere)]);
    firewall("2222", "127.0.0.0/8");

    let said = || {
        key.on(
            &ip,
            "2222",
            "hostname && cat /etc/told && sudo id -un && ip route show default",
        )
    };
    await_condition("the machine lets its user in", || said().is_some());
    let lines = said().expect("it does");
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines[..3], ["one", "by user data", "root"]);

    // What is for the world goes nowhere until a rule lets it out.
    assert!(lines[3].contains(".254 "), "{lines:?}");
    let everything = [("networkid", site.network.as_str()), ("protocol", "all")];
    cloud.run("createEgressFirewallRule", &everything);
    let lines = said().expect("it is still there");
    assert!(lines.ends_with(".1 dev eth0"), "{lines}");

    // Behind one port, two machines take turns, and one that has stopped is passed over.
    let balancer = cloud.run(
        "createLoadBalancerRule",
        &[
            ("name", "ssh"),
            ("algorithm", "roundrobin"),
            ("publicipid", &address),
            ("publicport", "2200"),
            ("privateport", "22"),
        ],
    );
    let balancer = text(&balancer["loadbalancer"], "id");
    cloud.run(
        "assignToLoadBalancerRule",
        &[
            ("id", &balancer),
            ("virtualmachineids", &machines.join(",")),
        ],
    );
    let turn = || key.on(&ip, "2200", "hostname");
    await_condition("both machines let their user in", || {
        let mut names = [turn(), turn()];
        names.sort();
        names == [Some("one".to_owned()), Some("two".to_owned())]
    });
    let container = text(&cloud.state()["machines"]["two"], "container");
    docker(&["kill", &container]);
    await_condition("the cloud sees that the machine has ended", || {
        cloud.state()["machines"]["two"]["state"] == "Stopped"
    });
    assert_eq!([turn(), turn()], [(); 2].map(|()| Some("one".to_owned())));

    // It comes back as it was, at its address.
    cloud.run("startVirtualMachine", &[("id", &machines[1])]);
    await_condition("the machine is back", || turn().as_deref() == Some("two"));

    let rule = text(&forward["portforwardingrule"], "id");
    cloud.run("deletePortForwardingRule", &[("id", &rule)]);
    assert!(refused(2222));
    cloud.set(&json!({ "expunge_delay_seconds": 0 }));
    for machine in &machines {
        cloud.run("destroyVirtualMachine", &[("id", machine)]);
    }
    await_condition("the machines are expunged", || {
        cloud.state()["machines"] == json!({})
    });
    cloud.run("deleteNetwork", &[("id", &site.network)]);
    assert_eq!(objects(cloud.label()), [0, 0]);
    assert!(refused(2200));
}

#[test]
fn a_cloud_that_ends_leaves_nothing() {
    let cloud = Cloud::start();
    let site = Site::of(&cloud, "net");
    site.deploy(&cloud, "one");
    // One that is under way when it ends.
    cloud.ask("deployVirtualMachine", &site.machine("two", &[]));
    let label = cloud.label().to_owned();
    assert_eq!(objects(&label)[1], 1);
    assert_ne!(objects(&label)[0], 0);
    drop(cloud);
    assert_eq!(objects(&label), [0, 0]);
}
