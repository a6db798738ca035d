//! Ports of the pretended host. A port has one holder, whatever the address that it listens at.

use std::net::IpAddr;

use crate::model::{NodeName, PortMapping, Protocol};
use crate::platform::{PlatformError, Retry};

use super::folder::{Folder, LockedFolder};

/// Those that IANA leaves to whoever needs one (RFC 6335, section 6).
const DYNAMIC_PORTS: std::ops::RangeInclusive<u16> = 49_152..=65_535;

pub(super) fn protocol_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    }
}

/// The machine or balancer that holds a port. What is not there holds nothing.
pub(super) fn holder(
    folder: &Folder,
    protocol: Protocol,
    port: u16,
) -> Result<Option<String>, PlatformError> {
    let file = folder.port_file(protocol_name(protocol), port);
    let Some(machine) = folder.read_text(&file)? else {
        return Ok(None);
    };
    Ok(folder.holds(&machine).then_some(machine))
}

/// The same mappings, each with a port of the host: the one asked for, or a free one.
pub(super) fn choose(
    folder: &LockedFolder<'_>,
    node: &NodeName,
    ports: &[PortMapping],
) -> Result<Vec<PortMapping>, PlatformError> {
    let mut chosen: Vec<PortMapping> = Vec::new();
    for mapping in ports {
        let what = || format!("publishing port {} of {node}", mapping.node_port);
        let is_free = |port: u16| -> Result<bool, PlatformError> {
            let taken_here = chosen
                .iter()
                .any(|other| other.host_port == Some(port) && other.protocol == mapping.protocol);
            Ok(!taken_here && holder(folder, mapping.protocol, port)?.is_none())
        };
        let port = match mapping.host_port {
            Some(port) if is_free(port)? => port,
            Some(port) => {
                return Err(PlatformError::Refused {
                    what: what(),
                    reason: format!("{} is in use", address(mapping.listen_address, port)),
                    help: Some("Choose another port, or none for a free one.".to_owned()),
                    retry: Retry::Never,
                });
            }
            None => first_free(is_free)?.ok_or_else(|| PlatformError::Refused {
                what: what(),
                reason: "no port of the host is free".to_owned(),
                help: None,
                retry: Retry::Never,
            })?,
        };
        chosen.push(PortMapping {
            host_port: Some(port),
            ..mapping.clone()
        });
    }
    Ok(chosen)
}

fn first_free(
    is_free: impl Fn(u16) -> Result<bool, PlatformError>,
) -> Result<Option<u16>, PlatformError> {
    for port in DYNAMIC_PORTS {
        if is_free(port)? {
            return Ok(Some(port));
        }
    }
    Ok(None)
}

/// Gives a machine the ports that were chosen for it.
pub(super) fn hold(
    folder: &LockedFolder<'_>,
    node: &NodeName,
    ports: &[PortMapping],
) -> Result<(), PlatformError> {
    for (protocol, port) in numbers(ports) {
        let file = folder.port_file(protocol_name(protocol), port);
        folder.write(&file, 0o644, node.as_str().as_bytes())?;
    }
    Ok(())
}

/// Takes a machine's ports back.
pub(super) fn release(
    folder: &LockedFolder<'_>,
    node: &NodeName,
    ports: &[PortMapping],
) -> Result<(), PlatformError> {
    for (protocol, port) in numbers(ports) {
        let file = folder.port_file(protocol_name(protocol), port);
        if folder.read_text(&file)?.as_deref() == Some(node.as_str()) {
            folder.remove_file(&file)?;
        }
    }
    Ok(())
}

fn numbers(ports: &[PortMapping]) -> impl Iterator<Item = (Protocol, u16)> {
    ports
        .iter()
        .filter_map(|mapping| Some((mapping.protocol, mapping.host_port?)))
}

pub(super) fn address(listen_address: IpAddr, port: u16) -> std::net::SocketAddr {
    (listen_address, port).into()
}
