//! The life of one swarm in a cloud, with something that goes wrong in each of its operations.

use std::collections::BTreeMap;
use std::process::Child;

use coe_tests::cloudstack::{Cloud, login_key};
use coe_tests::{Stack, await_condition, process};
use serde_json::json;

use super::kind::Kind;
use super::place::{Calls, Place, calls_of};
use crate::chain::{Outcome, Trial};
use crate::operation::Operation;

/// Where the faults of a life are.
pub(crate) type Places = BTreeMap<Operation, Place>;

/// An operation without a fault: its calls, and what is there after it.
pub(crate) struct Good {
    pub(crate) calls: Calls,
    inventory: Vec<String>,
}

/// A life without faults.
pub(crate) type GoodLife = BTreeMap<Operation, Good>;

/// Lives it.
pub(crate) fn good_life() -> GoodLife {
    let life = Life::new();
    let mut good = GoodLife::new();
    for operation in Operation::ALL {
        life.configure(operation);
        life.cloud.set(&json!({ "forget_calls": true }));
        let run = life.stack.terraform(&command(operation));
        _ = run.succeeded();
        let calls = calls_of(&life.cloud);
        let inventory = life.cloud.inventory(life.stack.name());
        good.insert(operation, Good { calls, inventory });
    }
    assert_eq!(good[&Operation::Destroy].inventory, Vec::<String>::new());
    good
}

/// Lives a life with faults; an operation without a place has none, and those after the last one are not lived.
pub(crate) fn live(kind: Kind, places: &Places, good: &GoodLife) -> Vec<Trial<Kind>> {
    let life = Life::new();
    let mut trials = Vec::new();
    for operation in Operation::ALL {
        life.configure(operation);
        let Some(place) = places.get(&operation) else {
            if places.keys().all(|with_fault| *with_fault < operation) {
                break;
            }
            _ = life.stack.terraform(&command(operation)).succeeded();
            continue;
        };
        let was_reached = life.run_with_fault(operation, kind, place);
        let outcome = life.apply_again(operation, good);
        let is_lost = outcome.failure.is_some();
        if was_reached {
            trials.push(Trial {
                operation,
                kind,
                nth: usize::try_from(place.nth).unwrap_or(usize::MAX),
                call: place.command.clone(),
                outcome,
            });
        }
        if is_lost {
            break;
        }
    }
    trials
}

struct Life {
    stack: Stack,
    cloud: Cloud,
}

fn command(operation: Operation) -> [&'static str; 3] {
    let command = match operation {
        Operation::Destroy => "destroy",
        _ => "apply",
    };
    [command, "-auto-approve", "-input=false"]
}

/// How many workers there are when an operation has succeeded.
fn workers(operation: Operation) -> usize {
    match operation {
        Operation::ScaleUp => 2,
        // What is destroyed is what was there before.
        Operation::Create | Operation::ScaleDown | Operation::Destroy => 1,
    }
}

impl Life {
    fn new() -> Self {
        let cloud = Cloud::start();
        let stack = Stack::on_cloudstack("faults");
        let variables = cloud.environment();
        let stack = variables.into_iter().fold(stack, |stack, (name, value)| {
            stack.with_environment(name, value)
        });
        login_key(stack.folder());
        Self { stack, cloud }
    }

    fn configure(&self, operation: Operation) {
        let key = self.stack.folder().join("key");
        self.stack.configure(&format!(
            "provider \"coe\" {{\n  cloudstack = {{\n    template         = \"debian-12\"\n    service_offering = \
             \"small\"\n    ssh              = {{ private_key_file = \"{}\" }}\n  }}\n}}\n\nresource \
             \"coe_container_cluster\" \"this\" {{\n  name       = \"NAME\"\n  coe        = \"swarm\"\n  node_count = \
             {}\n}}\n",
            key.display(),
            workers(operation)
        ));
    }

    /// Whether the fault came to pass: there were that many calls.
    fn run_with_fault(&self, operation: Operation, kind: Kind, place: &Place) -> bool {
        // Every call counts, those of the first plan too, so the fault is there before terraform is.
        self.cloud.set(&json!({ "faults": [kind.fault(place)] }));
        let mut child = self.stack.start(&command(operation));
        let id = child.id();
        kind.meanwhile(&self.cloud, id, || has_ended(&mut child));
        // How it ends is the fault's affair; what is told is what the next one makes of it.
        child.wait_with_output().expect("terraform ends");
        await_condition("the providers have ended", || {
            process::working_in(self.stack.folder()).is_empty()
        });
        let was_reached = self.cloud.state()["faults_waiting"] == 0;
        self.cloud.set(&json!({ "disarm": true }));
        was_reached
    }

    fn apply_again(&self, operation: Operation, good: &GoodLife) -> Outcome {
        let mut outcome = Outcome::default();
        let mut again = self.stack.terraform(&command(operation));
        if again.status() != Some(0) && again.unwrapped().contains("terraform import") {
            outcome.imported = true;
            let import = ["import", "coe_container_cluster.this", self.stack.name()];
            again = self.stack.terraform(&import);
            if again.status() == Some(0) {
                again = self.stack.terraform(&command(operation));
            }
        }
        if again.status() != Some(0) {
            outcome.failure = Some(again.to_string());
        } else if operation != Operation::Destroy {
            let plan = ["plan", "-input=false", "-detailed-exitcode"];
            let plan = self.stack.terraform(&plan);
            if plan.status() != Some(0) {
                outcome.failure = Some(plan.to_string());
            }
        }
        let mut missing = good[&operation].inventory.clone();
        for object in self.cloud.inventory(self.stack.name()) {
            match missing.iter().position(|expected| *expected == object) {
                Some(position) => drop(missing.remove(position)),
                None if good[&operation].inventory.contains(&object) => {
                    outcome.duplicates.push(object);
                }
                None => outcome.orphans.push(object),
            }
        }
        if outcome.failure.is_none() && !missing.is_empty() {
            outcome.failure = Some(format!("missing: {missing:?}"));
        }
        outcome
    }
}

fn has_ended(child: &mut Child) -> bool {
    child.try_wait().expect("it is a child").is_some()
}
