use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Literal, refuse};
use crate::{Diagnostics, Path, Value, schema::Validator};

#[derive(Debug)]
struct Cidr;

/// A network in CIDR notation, IPv4 or IPv6: `10.89.0.0/16`.
pub fn cidr() -> impl Validator {
    Cidr
}

const RULE: &str = "be a network such as \"10.89.0.0/16\"";

/// Why a text is no network.
#[derive(Debug, PartialEq, Eq)]
enum Flaw {
    NotCidr,
    /// The address is inside this network, and not its first.
    HostBits(String),
}

fn check(text: &str) -> Result<(), Flaw> {
    let (address, prefix) = text.split_once('/').ok_or(Flaw::NotCidr)?;
    let address: IpAddr = address.parse().map_err(|_| Flaw::NotCidr)?;
    if prefix.is_empty() || !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Flaw::NotCidr);
    }
    let prefix: u32 = prefix.parse().map_err(|_| Flaw::NotCidr)?;
    let network = network(address, prefix).ok_or(Flaw::NotCidr)?;
    if network == address {
        Ok(())
    } else {
        Err(Flaw::HostBits(format!("{network}/{prefix}")))
    }
}

/// The first address of the network; `None` where the prefix is longer than an address.
fn network(address: IpAddr, prefix: u32) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX
                .checked_shl(32_u32.checked_sub(prefix)?)
                .unwrap_or(0);
            (address & Ipv4Addr::from(mask)).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX
                .checked_shl(128_u32.checked_sub(prefix)?)
                .unwrap_or(0);
            (address & Ipv6Addr::from(mask)).into()
        }
    })
}

impl Validator for Cidr {
    fn description(&self) -> String {
        format!("must {RULE}")
    }

    fn validate(&self, value: &Value, path: &Path) -> Diagnostics {
        match value.as_str().map(check) {
            Some(Ok(())) => Diagnostics::new(),
            Some(Err(Flaw::HostBits(network))) => refuse(
                path,
                RULE,
                format!("the address of a machine in {network}: {}", Literal(value)),
            ),
            Some(Err(Flaw::NotCidr)) | None => refuse(path, RULE, Literal(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validators::answer;

    #[test]
    fn networks_of_both_families_are_known() {
        for network in [
            "10.89.0.0/16",
            "0.0.0.0/0",
            "10.0.0.1/32",
            "fd00::/8",
            "::/0",
            "::1/128",
        ] {
            assert_eq!(answer(&cidr(), network), "", "{network}");
        }
        for other in [
            "10.89.0.0",
            "10.89.0.0/33",
            "10.89/16",
            "10.0.0.0/+8",
            "fd00::/129",
            "",
        ] {
            assert!(
                answer(&cidr(), other).contains("must be a network"),
                "{other}"
            );
        }
        assert!(answer(&cidr(), "10.0.0.1/16").contains("10.0.0.0/16"));
    }
}
