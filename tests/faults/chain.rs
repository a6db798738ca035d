//! The life of one cluster, with something that goes wrong in each of its operations.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use coe_tests::docker::objects_of;
use coe_tests::engine_proxy::EngineProxy;
use coe_tests::terraform::Run;
use coe_tests::{Stack, await_condition, process};

use crate::coe::Coe;
use crate::kind::Kind;
use crate::operation::Operation;

/// Where the faults of a life are: at the n-th call of each operation, from 1.
pub(crate) type Places = BTreeMap<Operation, usize>;

/// How it went on after one fault.
pub(crate) struct Trial<K> {
    pub(crate) operation: Operation,
    pub(crate) kind: K,
    pub(crate) nth: usize,
    /// The call that it happened at.
    pub(crate) call: String,
    pub(crate) outcome: Outcome,
}

/// What the next apply made of it.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Why it did not come to what is configured, with an empty plan after it.
    pub(crate) failure: Option<String>,
    /// The cluster was whole and in no state, and was imported as the message says.
    pub(crate) imported: bool,
    /// What is there and should not be.
    pub(crate) orphans: Vec<String>,
    /// What is there more than once.
    pub(crate) duplicates: Vec<String>,
}

/// Lives a life; an operation without a place has no fault.
pub(crate) fn live(kind: Kind, places: &Places) -> Vec<Trial<Kind>> {
    let life = Life::new();
    let mut trials = Vec::new();
    for operation in Operation::ALL {
        life.configure(kind, operation);
        let Some(&nth) = places.get(&operation) else {
            _ = life.terraform(operation).succeeded();
            continue;
        };
        let call = life.run_with_fault(operation, kind, nth);
        let outcome = life.apply_again(operation);
        let is_lost = outcome.failure.is_some();
        if let Some(call) = call {
            trials.push(Trial {
                operation,
                kind,
                nth,
                call,
                outcome,
            });
        }
        if is_lost {
            break;
        }
    }
    trials
}

/// How many calls each operation makes when nothing goes wrong.
pub(crate) fn calls_of_a_good_life() -> BTreeMap<Operation, usize> {
    let life = Life::new();
    let mut calls = BTreeMap::new();
    for operation in Operation::ALL {
        life.configure(Kind::Error, operation);
        life.run_with_fault(operation, Kind::Error, usize::MAX);
        calls.insert(operation, life.proxy.calls());
        let outcome = life.apply_again(operation);
        assert!(
            outcome.failure.is_none() && outcome.orphans.is_empty(),
            "{operation} without a fault: {:?}, {:?}",
            outcome.failure,
            outcome.orphans
        );
    }
    calls
}

struct Life {
    coe: Coe,
    proxy: EngineProxy,
    stack: Stack,
}

impl Life {
    fn new() -> Self {
        let stack = Stack::on_docker("faults");
        let proxy = EngineProxy::in_folder(stack.folder());
        let stack = stack.with_environment("DOCKER_HOST", proxy.docker_host());
        Self {
            coe: Coe::of_environment(),
            proxy,
            stack,
        }
    }

    fn configure(&self, kind: Kind, operation: Operation) {
        // A reply is late when nobody waits for it any more; the other faults need no deadline.
        let timeouts = if kind == Kind::LateReply {
            let deadline = self.coe.deadline();
            format!(
                "timeouts = {{\n    create = \"{deadline}\"\n    read = \"20s\"\n    update = \"{deadline}\"\n    \
                 delete = \"{deadline}\"\n  }}"
            )
        } else {
            String::new()
        };
        // What is destroyed is what was there before.
        let workers = self.coe.workers(match operation {
            Operation::Destroy => Operation::ScaleDown,
            operation => operation,
        });
        let arguments = format!("node_count = {workers}\n  {timeouts}");
        self.stack.configure(&self.coe.configuration(&arguments));
    }

    fn command(operation: Operation) -> [&'static str; 3] {
        let command = match operation {
            Operation::Destroy => "destroy",
            _ => "apply",
        };
        [command, "-auto-approve", "-input=false"]
    }

    fn terraform(&self, operation: Operation) -> Run {
        self.stack.terraform(&Self::command(operation))
    }

    /// The call that the fault happened at; `None`: there were not so many.
    fn run_with_fault(&self, operation: Operation, kind: Kind, nth: usize) -> Option<String> {
        // Every call counts, those of the first plan too, so the fault is there before terraform is.
        let terraform = Arc::new(AtomicU32::new(0));
        self.proxy.arm(kind.fault(&terraform), nth);
        let child = self.stack.start(&Self::command(operation));
        terraform.store(child.id(), Ordering::SeqCst);
        // How it ends is the fault's affair; what is told is what the next one makes of it.
        child.wait_with_output().expect("terraform ends");
        await_condition("the providers have ended", || {
            process::working_in(self.stack.folder()).is_empty()
        });
        self.proxy.disarm()
    }

    fn apply_again(&self, operation: Operation) -> Outcome {
        let mut outcome = Outcome::default();
        let mut again = self.terraform(operation);
        if again.status() != Some(0) && again.unwrapped().contains("terraform import") {
            outcome.imported = true;
            let import = ["import", "coe_container_cluster.this", self.stack.name()];
            again = self.stack.terraform(&import);
            if again.status() == Some(0) {
                again = self.terraform(operation);
            }
        }
        if again.status() != Some(0) {
            outcome.failure = Some(again.to_string());
        } else if operation != Operation::Destroy {
            let plan = self
                .stack
                .terraform(&["plan", "-input=false", "-detailed-exitcode"]);
            if plan.status() != Some(0) {
                outcome.failure = Some(plan.to_string());
            }
        }
        let expected = self.expected(operation);
        let mut seen = BTreeMap::new();
        for object in objects_of(self.stack.name()) {
            // A record's name holds its revision: which one it is does not matter, that there is one does.
            let object = match object.split_once("-record-") {
                Some((cluster, _)) => format!("{cluster}-record"),
                None => object,
            };
            *seen.entry(object).or_insert(0) += 1;
        }
        for (object, count) in &seen {
            if !expected.contains(object) {
                outcome.orphans.push(object.clone());
            } else if *count > 1 {
                outcome.duplicates.push(object.clone());
            }
        }
        let missing: Vec<_> = expected
            .iter()
            .filter(|object| !seen.contains_key(*object))
            .collect();
        if outcome.failure.is_none() && !missing.is_empty() {
            outcome.failure = Some(format!("missing: {missing:?}"));
        }
        outcome
    }

    /// The objects of a cluster that is as it was asked for.
    fn expected(&self, operation: Operation) -> Vec<String> {
        if operation == Operation::Destroy {
            return Vec::new();
        }
        let name = self.stack.name();
        let control_plane = format!("{name}-control-plane-1");
        let workers = 1..=self.coe.workers(operation);
        let nodes: Vec<_> = std::iter::once(control_plane.clone())
            .chain(workers.map(|ordinal| format!("{name}-worker-{ordinal}")))
            .collect();
        let containers = nodes.iter().map(|node| format!("container {node}"));
        let volume = |node: &str, volume: &str| format!("volume {node}-{volume}");
        let volumes = nodes.iter().flat_map(|node| {
            let of_each = self.coe.volumes_of_worker().iter();
            of_each.map(move |name| volume(node, name))
        });
        let more = self.coe.more_volumes_of_control_plane().iter();
        containers
            .chain(volumes)
            .chain(more.map(|name| volume(&control_plane, name)))
            .chain([format!("network {name}"), format!("volume {name}-record")])
            .collect()
    }
}
