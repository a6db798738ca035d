//! Subnets of pods and services.

use std::ops::RangeInclusive;

use ipnet::Ipv4Net;

use crate::coe::labels::NoValue;

/// A whole subnet whose prefix is one of `prefixes`.
pub(super) fn parse(text: &str, prefixes: RangeInclusive<u8>) -> Result<Ipv4Net, NoValue> {
    let allowed = format!(
        "It is an IPv4 subnet from /{} to /{}, such as 10.200.0.0/16",
        prefixes.start(),
        prefixes.end()
    );
    let Ok(given) = text.parse::<Ipv4Net>() else {
        return Err(NoValue::allowed(allowed));
    };
    let prefix = given.prefix_len().clamp(*prefixes.start(), *prefixes.end());
    let whole = Ipv4Net::new_assert(given.addr(), prefix).trunc();
    if whole == given {
        return Ok(given);
    }
    Err(NoValue {
        meant: Some(whole.to_string()),
        allowed,
    })
}
