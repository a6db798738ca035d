//! What carries bytes from public addresses to machines, as the rules say.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, JoinSet};
use uuid::Uuid;

use crate::cloud::Cloud;
use crate::machines::Condition as MachineCondition;
use crate::ports::{Condition, Protocol};
use crate::refusal::{Code, Refusal};
use crate::settings::MachineKind;
use crate::state::{State, get};

/// How long a machine has to take a connection before the next one is tried.
const PATIENCE: Duration = Duration::from_secs(5);
/// Ranges that are longer are carried up to here.
const MOST_PORTS: usize = 256;

pub(crate) struct Wires {
    kind: MachineKind,
    /// Which of the loopback interface's many addresses are this server's: `127.a.b.0/24`.
    block: (u8, u8),
    /// Held, so that no other server takes the block.
    _claim: UdpSocket,
    listeners: Mutex<HashMap<SocketAddrV4, JoinHandle<()>>>,
}

impl Wires {
    pub(crate) fn new(kind: MachineKind) -> io::Result<Self> {
        let mut refused = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..64 {
            let [a, b, ..] = Uuid::new_v4().into_bytes();
            // 127.0 is for everybody.
            let block = (64 + a % 128, b);
            match UdpSocket::bind((Ipv4Addr::new(127, block.0, block.1, 1), 47_127)) {
                Ok(claim) => {
                    return Ok(Self {
                        kind,
                        block,
                        _claim: claim,
                        listeners: Mutex::default(),
                    });
                }
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    /// The addresses that the cloud can give.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> + use<> {
        let (a, b) = self.block;
        (2..=254).map(move |last| Ipv4Addr::new(127, a, b, last))
    }
}

/// Listens where the rules of now say, and nowhere else.
pub(crate) async fn settle(cloud: &Arc<Cloud>) -> Result<(), Refusal> {
    if cloud.wires.kind == MachineKind::None {
        return Ok(());
    }
    let mut listeners = cloud.wires.listeners.lock().await;
    let wanted = cloud.state().doors();
    let surplus: Vec<SocketAddrV4> = listeners
        .keys()
        .filter(|door| !wanted.contains(*door))
        .copied()
        .collect();
    for door in surplus {
        if let Some(listener) = listeners.remove(&door) {
            listener.abort();
            // It has left the port once it is over, and "cancelled" is how it ends.
            _ = listener.await;
        }
    }
    for door in wanted {
        if listeners.contains_key(&door) {
            continue;
        }
        let listener = TcpListener::bind(door).await.map_err(|error| {
            Refusal::new(Code(534), format!("cannot listen on {door}: {error}"))
        })?;
        let carried = carry(Arc::clone(cloud), listener, door);
        listeners.insert(door, tokio::spawn(carried));
    }
    Ok(())
}

/// Takes connections, until the rules say otherwise; those that are under way end with it.
async fn carry(cloud: Arc<Cloud>, listener: TcpListener, door: SocketAddrV4) {
    let mut under_way = JoinSet::new();
    loop {
        let Ok((client, from)) = listener.accept().await else {
            continue;
        };
        while under_way.try_join_next().is_some() {}
        let IpAddr::V4(from) = from.ip() else {
            continue;
        };
        let targets = cloud.state().targets(door, from);
        under_way.spawn(connect(client, targets));
    }
}

async fn connect(mut client: TcpStream, targets: Vec<SocketAddrV4>) {
    for target in targets {
        let reached = tokio::time::timeout(PATIENCE, TcpStream::connect(target)).await;
        if let Ok(Ok(mut machine)) = reached {
            // However it ends, both of them notice.
            _ = tokio::io::copy_bidirectional(&mut client, &mut machine).await;
            return;
        }
    }
}

impl State {
    /// The ports of public addresses that lead somewhere, and that the firewall opens to somebody.
    fn doors(&self) -> HashSet<SocketAddrV4> {
        let forwards = self
            .forwards
            .iter()
            .filter(|rule| rule.condition == Condition::Active && rule.protocol == Protocol::Tcp);
        let forwards = forwards.flat_map(|rule| {
            (rule.public.first..=rule.public.last)
                .take(MOST_PORTS)
                .map(move |port| (rule.address, port))
        });
        let balancers = self.balancers.iter();
        let balancers = balancers
            .filter(|rule| rule.condition == Condition::Active)
            .map(|rule| (rule.address, rule.public));
        let mut doors = HashSet::new();
        for (address, port) in forwards.chain(balancers) {
            let mut rules = self.firewall.iter();
            let opened = rules.any(|rule| rule.address == address && rule.opens(port));
            if let Some(address) = get(&self.addresses, address).filter(|_| opened) {
                doors.insert(SocketAddrV4::new(address.ip, port));
            }
        }
        doors
    }

    /// Where a connection of somebody leads to: the first that takes it has it.
    fn targets(&mut self, door: SocketAddrV4, client: Ipv4Addr) -> Vec<SocketAddrV4> {
        let mut addresses = self.addresses.iter();
        let Some(address) = addresses.find(|address| address.ip == *door.ip()) else {
            return Vec::new();
        };
        let (address, port) = (address.id, door.port());
        let mut rules = self.firewall.iter();
        if !rules.any(|rule| rule.address == address && rule.lets_in(client, port)) {
            return Vec::new();
        }
        let running = |id: Uuid| {
            get(&self.machines, id)
                .filter(|machine| machine.condition == MachineCondition::Running)
                .map(|machine| machine.address)
        };
        let mut forwards = self.forwards.iter();
        let forward = forwards.find(|rule| rule.address == address && rule.public.contains(port));
        if let Some(rule) = forward {
            let machine = running(rule.machine);
            return machine
                .map(|machine| rule.target(machine, port))
                .into_iter()
                .collect();
        }
        let mut balancers = self.balancers.iter_mut();
        let rule = balancers.find(|rule| rule.address == address && rule.public == port);
        let Some(rule) = rule else {
            return Vec::new();
        };
        let machines: Vec<Ipv4Addr> = rule.machines.iter().filter_map(|id| running(*id)).collect();
        let turn = rule.turn;
        rule.turn = turn.wrapping_add(1);
        let count = machines.len();
        (0..count)
            .map(|next| SocketAddrV4::new(machines[(turn + next) % count], rule.private))
            .collect()
    }
}
