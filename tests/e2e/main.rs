//! Real terraform, a real Docker Engine, real Swarm and Kubernetes clusters. Each test counts what is on the engine when it
//! is done: nothing may be left.

mod bad_input;
mod cloudstack;
mod cluster_node;
mod credentials;
mod destroy;
mod engine;
mod gc;
mod hosts;
mod import;
mod interrupt;
mod kill;
mod kubernetes;
mod kubernetes_settings;
mod lifecycle;
mod node_group;
mod openstack;
mod parallel;
mod planning;
mod protection;
mod reads;
mod repair;
mod secrecy;
mod simulated;
mod stop_start;
mod watch;
mod workload;

use coe_tests::await_condition;
