//! Machines that exist: containers that boot systemd and sshd, with keys that were made for one test.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use crate::await_condition;
use crate::docker::{docker, try_docker};

const IMAGE: &str = "coe/machine:bookworm";
const KUBERNETES_IMAGE: &str = "coe/machine-kubernetes:v1.34.4";

/// Some machines. They go when it is dropped.
pub struct Machines {
    keys: TempDir,
    image: &'static str,
    prefix: String,
    names: Vec<String>,
}

impl Machines {
    /// Boots machines of these names, which only who has the key of this test can log in on.
    pub fn boot(names: &[&str]) -> Self {
        let mut machines = Self::without_machines();
        for name in names {
            machines.add(name, "");
        }
        machines
    }

    /// The same, of machines that bring Kubernetes along.
    pub fn boot_with_kubernetes(names: &[&str]) -> Self {
        let mut machines = Self::without_machines();
        machines.image = KUBERNETES_IMAGE;
        for name in names {
            machines.add(name, "");
        }
        machines
    }

    /// No machine yet, and a key.
    pub fn without_machines() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let keys = tempfile::tempdir().expect("a folder");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(keys.path().join("key"))
            .status();
        assert!(made.expect("ssh-keygen starts").success());
        Self {
            keys,
            image: IMAGE,
            prefix: format!("m{}-{count}", std::process::id()),
            names: Vec::new(),
        }
    }

    /// Boots one more, whose users log in by the key under that condition of `authorized_keys`.
    pub fn add(&mut self, name: &str, condition: &str) {
        self.names.push(name.to_owned());
        let key = fs::read_to_string(self.keys.path().join("key.pub")).expect("a key");
        let authorized = format!("MACHINE_AUTHORIZED_KEY={condition} {}", key.trim());
        let container = self.container(name);
        let options = [
            "--tmpfs=/run",
            "--tmpfs=/tmp",
            "--cap-add=ALL",
            "--cap-drop=SYS_RESOURCE",
            "--security-opt=seccomp=unconfined",
            "--security-opt=apparmor=unconfined",
            "--security-opt=systempaths=unconfined",
            "--device-cgroup-rule=a *:* rwm",
            "--cgroupns=private",
        ];
        let mut run = vec!["run", "--detach", "--tty", "--name", &container];
        run.extend(["--hostname", name, "--env", &authorized]);
        run.extend(options);
        run.push(self.image);
        docker(&run);
        await_condition("sshd listens", || {
            self.try_on(name, "systemctl is-active --quiet ssh").is_ok()
        });
    }

    /// Nothing reaches the machine any more. A container that is killed would lose its address to another one.
    pub fn lose(&self, name: &str) {
        self.silence(name, "-I");
    }

    /// A machine that was lost is reached again.
    pub fn find_again(&self, name: &str) {
        self.silence(name, "-D");
    }

    fn silence(&self, name: &str, change: &str) {
        let rules = format!(
            "iptables -w {change} INPUT -i eth0 -j DROP && iptables -w {change} OUTPUT -o eth0 -j DROP"
        );
        self.on(name, &rules);
    }

    /// The machine's container.
    pub fn container(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    /// What a shell script wrote on a machine.
    pub fn on(&self, name: &str, script: &str) -> String {
        docker(&["exec", &self.container(name), "sh", "-c", script])
    }

    /// The same, or what it complained of.
    pub fn try_on(&self, name: &str, script: &str) -> Result<String, String> {
        try_docker(&["exec", &self.container(name), "sh", "-c", script])
    }

    /// The machine's address.
    pub fn address(&self, name: &str) -> String {
        let format = "--format={{.NetworkSettings.IPAddress}}";
        docker(&["inspect", format, &self.container(name)])
    }

    /// By which key the machine is known.
    pub fn host_key(&self, name: &str) -> String {
        let key = self.on(name, "cat /etc/ssh/ssh_host_ed25519_key.pub");
        key.split(' ').take(2).collect::<Vec<_>>().join(" ")
    }

    /// The key that logs in on them.
    pub fn private_key(&self) -> String {
        fs::read_to_string(self.keys.path().join("key")).expect("a key")
    }

    /// A machine's arguments in the provider's configuration: a user who becomes root by sudo.
    pub fn arguments(&self, name: &str) -> String {
        let (address, key) = (self.address(name), self.host_key(name));
        format!("address = \"{address}\", user = \"admin\", host_key = \"{key}\"")
    }

    /// The block of the provider whose machines are these, with these arguments of `ssh` beside the key.
    pub fn provider(&self, names: &[&str], ssh: &str) -> String {
        let mut machines = String::new();
        for name in names {
            // Writing to a text cannot fail.
            _ = writeln!(machines, "      {name} = {{ {} }}", self.arguments(name));
        }
        self.provider_of(&machines, ssh)
    }

    /// The same, with machines as they are given.
    pub fn provider_of(&self, machines: &str, ssh: &str) -> String {
        let key = self.keys.path().join("key");
        format!(
            "provider \"coe\" {{\n  hosts = {{\n    machines = {{\n{machines}    }}\n    ssh = {{ private_key_file = \
             \"{}\"{ssh} }}\n  }}\n}}\n",
            key.display()
        )
    }

    /// The machine is as it was before a cluster had it.
    pub fn assert_clean(&self, name: &str) {
        let left = self.on(
            name,
            "find /var/lib/docker /etc/docker -mindepth 1 -maxdepth 1 2>/dev/null; \
             find /var/lib/coe/machine.json /var/lib/coe/clusters 2>/dev/null; \
             systemctl is-active coe-node.service; ls /sys/class/net | grep -v '^eth0$\\|^lo$'; pidof dockerd; \
             iptables -S | grep -v '^-P'; iptables -t nat -S | grep -v '^-P'; true",
        );
        let left: Vec<&str> = left.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(left, ["inactive"], "machine {name} should be clean");
        assert_eq!(self.on(name, "hostname"), name);
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        for name in &self.names {
            let remove = ["rm", "--force", "--volumes"];
            let _ = Command::new("docker")
                .args(remove)
                .arg(self.container(name))
                .output();
        }
    }
}
