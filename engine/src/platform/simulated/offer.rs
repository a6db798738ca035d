//! What a simulated platform has: networks, and room.

use crate::model::{self, Offer, OfferedNetwork};
use crate::platform::PlatformError;

use super::folder::{Folder, Kind};
use super::network::NetworkFile;
use super::settings::Quota;

pub(super) fn of(folder: &Folder, quota: Quota) -> Result<Offer, PlatformError> {
    let names = folder.names_in(&folder.all(Kind::Network))?;
    let of = |there: usize, most: Option<u32>| model::Quota {
        used: there as u64,
        most: most.map(u64::from),
    };
    let machines = folder.names_in(&folder.all(Kind::Machine))?.len();
    let quotas = [
        ("machines", of(machines, quota.machines)),
        ("networks", of(names.len(), quota.networks)),
    ];
    let mut networks = Vec::new();
    for name in names {
        let file = folder.object_file(Kind::Network, &name);
        if let Some(network) = folder.read_json::<NetworkFile>(&file)? {
            networks.push(OfferedNetwork {
                id: name.clone(),
                name,
                subnets: vec![network.subnet],
            });
        }
    }
    Ok(Offer {
        networks,
        quotas: quotas.map(|(what, quota)| (what.to_owned(), quota)).into(),
        ..Offer::default()
    })
}
