//! Ports of public addresses: which protocol, which range, and which rules meet on them.

use serde_json::Value;
use uuid::Uuid;

use crate::call::Call;
use crate::refusal::{Code, Refusal};
use crate::state::State;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Tcp,
    Udp,
    Icmp,
    All,
}

impl Protocol {
    pub(crate) fn of(call: &Call) -> Result<Self, Refusal> {
        Self::named(call.required("protocol")?)
    }

    pub(crate) fn named(name: &str) -> Result<Self, Refusal> {
        Ok(match name.to_lowercase().as_str() {
            "tcp" | "6" => Self::Tcp,
            "udp" | "17" => Self::Udp,
            "icmp" | "1" => Self::Icmp,
            "all" | "any" => Self::All,
            other => return Err(Refusal::parameter(format!("Invalid protocol: {other}"))),
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::All => "all",
        }
    }
}

/// From the first to the last port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ports {
    pub(crate) first: u16,
    pub(crate) last: u16,
}

impl Ports {
    /// Those between two parameters, the second of which is the first one where it is left out.
    pub(crate) fn of(call: &Call, first: &str, last: &str) -> Result<Self, Refusal> {
        let first = call.port(first)?;
        let last = call.optional_port(last)?.unwrap_or(first);
        if last < first {
            return Err(Refusal::parameter(format!(
                "Start port can't be bigger than end port: {first}-{last}"
            )));
        }
        Ok(Self { first, last })
    }

    pub(crate) fn one(port: u16) -> Self {
        Self {
            first: port,
            last: port,
        }
    }

    pub(crate) fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }

    pub(crate) fn meets(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    pub(crate) fn length(self) -> u16 {
        self.last - self.first
    }
}

/// Whether a rule is in force yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    Add,
    Active,
}

impl Condition {
    pub(crate) fn view(self) -> Value {
        match self {
            Self::Add => "Add",
            Self::Active => "Active",
        }
        .into()
    }
}

impl State {
    /// Refuses what would lead a port of an address to two places.
    pub(crate) fn check_ports(
        &self,
        address: Uuid,
        protocol: Protocol,
        ports: Ports,
    ) -> Result<(), Refusal> {
        let forwards = self.forwards.iter().filter(|rule| rule.address == address);
        let balancers = self.balancers.iter().filter(|rule| rule.address == address);
        let taken = forwards
            .map(|rule| (rule.id, rule.protocol, rule.public))
            .chain(balancers.map(|rule| (rule.id, Protocol::Tcp, Ports::one(rule.public))))
            .find(|(_, other, taken)| *other == protocol && taken.meets(ports));
        taken.map_or(Ok(()), |(rule, _, taken)| Err(conflict(ports, rule, taken)))
    }
}

pub(crate) fn conflict(wanted: Ports, rule: Uuid, taken: Ports) -> Refusal {
    Refusal::new(
        Code::CONFLICT,
        format!(
            "The range specified, {}-{}, conflicts with rule {rule} which has {}-{}",
            wanted.first, wanted.last, taken.first, taken.last
        ),
    )
}
