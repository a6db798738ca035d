//! Processes that die in the middle of an operation, and what the next one makes of what they left.
//!
//! The process is real: this executable, started again with only the test `child`, which kills itself at an
//! event that its parent names.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use coe_engine::cluster::{Cluster, NodeStatus};
use coe_engine::engine::{Engine, Fate, Settings, Spared};
use coe_engine::error::{EngineError, Failure};
use coe_engine::model::{
    ClusterId, ClusterSpec, ClusterStatus, Health, OnCreateFailure, OperationId,
};
use coe_engine::operation::{Event, Operation, ProgressSink};
use coe_engine::platform::simulated::{Simulated, SimulatedSettings};
use coe_engine::platform::{Platform, Scope};
use coe_engine::saga::journal::JournalError;
use jiff::SignedDuration;
use support::{extra, operation_within, spec};

/// What a child does, and the event at which it dies: `create 3`.
const ORDER: &str = "COE_TEST_CRASH_ORDER";
/// The folder of the platform and of the journals.
const FOLDER: &str = "COE_TEST_CRASH_FOLDER";

/// What a child does at the event that it was told.
#[derive(Clone, Copy, PartialEq)]
enum At {
    /// It dies.
    Die,
    /// It stays where it is until it is killed.
    Stay,
}

/// Counts events, and acts at one of them.
struct Fuse {
    remaining: AtomicUsize,
    at: At,
}

impl ProgressSink for Fuse {
    fn report(&self, _event: Event) {
        if self.remaining.fetch_sub(1, Ordering::SeqCst) != 1 {
            return;
        }
        match self.at {
            At::Die => {
                let me = rustix::process::getpid();
                rustix::process::kill_process(me, rustix::process::Signal::KILL).unwrap();
            }
            At::Stay => println!("STAYS"),
        }
        loop {
            std::thread::park();
        }
    }
}

/// Tells nobody.
struct Silent;

impl ProgressSink for Silent {
    fn report(&self, _event: Event) {}
}

fn operation(progress: Arc<dyn ProgressSink>) -> Operation {
    operation_within(SignedDuration::from_mins(5), progress)
}

fn platform_in(folder: &Path) -> Simulated {
    Simulated::new(SimulatedSettings::in_folder(folder.join("platform")))
}

fn engine_in(folder: &Path) -> Engine {
    let settings = Settings {
        journal_dir: Some(folder.join("journal")),
        ..Settings::default()
    };
    Engine::new(Arc::new(platform_in(folder)), settings)
}

/// What the started children run; nothing for who runs the tests.
#[tokio::test]
async fn child() {
    let (Ok(order), Ok(folder)) = (std::env::var(ORDER), std::env::var(FOLDER)) else {
        return;
    };
    let words: Vec<&str> = order.split(' ').collect();
    let fuse = Fuse {
        remaining: AtomicUsize::new(words[1].parse().unwrap()),
        at: if words[2] == "stay" {
            At::Stay
        } else {
            At::Die
        },
    };
    let (engine, operation) = (engine_in(Path::new(&folder)), operation(Arc::new(fuse)));
    let done = match words[0] {
        "create" => create(&engine, &spec(1, 2), &operation).await.map(drop),
        "update" => {
            let id = words[3].parse().unwrap();
            let wanted = spec(3, 1);
            engine.update(id, &wanted, &operation).await.map(drop)
        }
        "add" => {
            let id = words[3].parse().unwrap();
            engine.add_node(id, &extra(), &operation).await.map(drop)
        }
        _ => engine.delete(words[3].parse().unwrap(), &operation).await,
    };
    done.unwrap_or_else(|failure| panic!("{failure}"));
}

async fn create(
    engine: &Engine,
    spec: &ClusterSpec,
    operation: &Operation,
) -> Result<Cluster, Failure> {
    engine
        .create(spec, OnCreateFailure::Rollback, operation)
        .await
}

/// A platform and journals that go with the test.
struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn engine(&self) -> Engine {
        engine_in(self.0.path())
    }

    fn start(&self, order: &str) -> Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["child", "--exact", "--nocapture"])
            .env(ORDER, order)
            .env(FOLDER, self.0.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Runs a child; `false`: it came to its end before the event.
    fn dies(&self, order: &str) -> bool {
        let Output {
            status,
            stdout,
            stderr,
        } = self.start(order).wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
        assert!(status.success() || status.signal() == Some(9), "{said}");
        !status.success()
    }

    async fn create(&self) -> Cluster {
        create(&self.engine(), &spec(1, 2), &operation(Arc::new(Silent)))
            .await
            .unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// Deletes the cluster; then nothing may be left, also of the journal.
    async fn delete(&self, id: ClusterId, after: &str) {
        let engine = self.engine();
        let deleted = engine.delete(id, &operation(Arc::new(Silent))).await;
        deleted.unwrap_or_else(|failure| panic!("{after}: {failure}"));
        let left = platform_in(self.0.path())
            .observe(&Scope::All)
            .await
            .unwrap();
        assert!(left.is_empty(), "left after {after}: {left:#?}");
        assert_eq!(self.journals(), Vec::<String>::new(), "after {after}");
    }

    fn journals(&self) -> Vec<String> {
        std::fs::read_dir(self.0.path().join("journal"))
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect()
    }

    /// What all journals say.
    fn remembered(&self) -> String {
        let folder = self.0.path().join("journal");
        let read = |name: &String| std::fs::read_to_string(folder.join(name)).unwrap();
        self.journals().iter().map(read).collect()
    }

    async fn only_cluster(&self) -> Cluster {
        let found = platform_in(self.0.path()).observe(&Scope::All).await;
        let found = found.unwrap();
        assert_eq!(found.len(), 1, "one cluster and no leftovers: {found:#?}");
        self.engine().read(found[0].id).await.unwrap().unwrap()
    }
}

fn assert_serves(cluster: &Cluster, nodes: usize, after: &str) {
    assert_eq!(cluster.status(), ClusterStatus::Running, "{after}");
    assert_eq!(cluster.health(), Health::Healthy, "{after}");
    assert_eq!(cluster.nodes().len(), nodes, "{after}");
}

/// At least so many deaths in one operation, or the fuse does not work.
const FEWEST_DEATHS: usize = 6;

#[tokio::test]
async fn a_create_that_is_killed_at_any_event_is_unwound_by_the_next_one_at_once() {
    let bench = Bench::new();
    let mut event = 1;
    while bench.dies(&format!("create {event} die")) {
        let after = format!("a death at event {event}");
        let (engine, wanted) = (bench.engine(), spec(1, 2));
        for left in engine.namesakes(&wanted.name).await.unwrap() {
            let goes_on = engine.goes_on_with(&left, &wanted).await.unwrap();
            assert_eq!(goes_on, left.is_complete(), "{after}");
        }
        let cluster = bench.create().await;
        assert_serves(&bench.only_cluster().await, 3, &after);
        assert!(!bench.remembered().contains("-----BEGIN"), "{after}");
        assert!(!bench.remembered().contains("SWMTKN"), "{after}");
        bench.delete(cluster.id(), &after).await;
        event += 1;
    }
    assert!(event > FEWEST_DEATHS, "{event}");
}

#[tokio::test]
async fn an_update_that_is_killed_at_any_event_is_carried_on_by_the_next_one() {
    let mut event = 1;
    loop {
        let bench = Bench::new();
        let id = bench.create().await.id();
        let died = bench.dies(&format!("update {event} die {id}"));
        let after = format!("a death at event {event}");
        let engine = bench.engine();
        let operation = operation(Arc::new(Silent));
        let updated = engine.update(id, &spec(3, 1), &operation).await;
        let updated = updated.unwrap_or_else(|failure| panic!("{after}: {failure}"));
        assert_serves(&updated, 4, &after);
        assert_eq!(bench.remembered().contains("died"), died, "{after}");
        bench.delete(id, &after).await;
        if !died {
            break;
        }
        event += 1;
    }
    assert!(event > FEWEST_DEATHS, "{event}");
}

#[tokio::test]
async fn an_add_of_a_node_that_is_killed_at_any_event_is_carried_on_by_the_next_one() {
    let mut event = 1;
    loop {
        let bench = Bench::new();
        let id = bench.create().await.id();
        let died = bench.dies(&format!("add {event} die {id}"));
        if !died {
            break;
        }
        let after = format!("a death at event {event}");
        let engine = bench.engine();
        let operation = operation(Arc::new(Silent));
        let added = engine.add_node(id, &extra(), &operation).await;
        let added = added.unwrap_or_else(|failure| panic!("{after}: {failure}"));
        assert_eq!(added.status, NodeStatus::Ready, "{after}");
        assert_eq!(added.labels, extra().labels, "{after}");
        assert_serves(&bench.only_cluster().await, 4, &after);
        // Now somebody has it.
        let again = engine.add_node(id, &extra(), &operation).await;
        let error = again.unwrap_err().error;
        assert!(matches!(error, EngineError::NodeExists { .. }), "{error}");
        bench.delete(id, &after).await;
        event += 1;
    }
    assert!(event > FEWEST_DEATHS, "{event}");
}

#[tokio::test]
async fn a_delete_that_is_killed_at_any_event_is_finished_by_the_next_one() {
    let mut event = 1;
    loop {
        let bench = Bench::new();
        let id = bench.create().await.id();
        let died = bench.dies(&format!("delete {event} die {id}"));
        bench.delete(id, &format!("a death at event {event}")).await;
        if !died {
            break;
        }
        event += 1;
    }
    assert!(event > FEWEST_DEATHS, "{event}");
}

#[tokio::test]
async fn a_create_that_lives_is_not_disturbed_and_is_named() {
    let bench = Bench::new();
    let mut child = bench.start("create 7 stay");
    let stays = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()))
        .map(Result::unwrap)
        .any(|line| line.contains("STAYS"));
    assert!(stays);
    let engine = bench.engine();
    let refused = create(&engine, &spec(1, 2), &operation(Arc::new(Silent))).await;
    let error = refused.unwrap_err().error;
    assert!(
        matches!(&error, EngineError::Journal(JournalError::Busy(other, _)) if other.begun.process == child.id()),
        "{error}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    let cluster = bench.create().await;
    bench.delete(cluster.id(), "the child's death").await;
}

#[tokio::test]
async fn of_two_creates_of_one_name_at_once_one_wins_and_the_other_leaves_nothing() {
    for _ in 0..5 {
        let bench = Bench::new();
        let never = "create 1000000 die";
        let children = [bench.start(never), bench.start(never)];
        let ended = children.map(|child| child.wait_with_output().unwrap());
        let said: Vec<_> = ended
            .iter()
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
            .collect();
        let won = ended
            .iter()
            .filter(|output| output.status.success())
            .count();
        assert_eq!(won, 1, "{said:#?}");
        let cluster = bench.only_cluster().await;
        assert_serves(&cluster, 3, "two creates");
        bench.delete(cluster.id(), "two creates").await;
    }
}

#[tokio::test]
async fn without_its_journal_a_leftover_is_spared_until_its_deadline() {
    let bench = Bench::new();
    assert!(bench.dies("create 7 die"));
    std::fs::remove_dir_all(bench.0.path().join("journal")).unwrap();
    let engine = bench.engine();
    let refused = create(&engine, &spec(1, 2), &operation(Arc::new(Silent))).await;
    let error = refused.unwrap_err().error;
    assert!(matches!(error, EngineError::Unfinished { .. }), "{error}");
    let left = platform_in(bench.0.path()).observe(&Scope::All).await;
    bench.delete(left.unwrap()[0].id, "the refusal").await;
}

/// What is garbage: `over`, `at work` or `may live`.
async fn fates(engine: &Engine, ended: Option<OperationId>) -> Vec<&'static str> {
    let garbage = engine.garbage(ended).await.unwrap();
    let fates = garbage.iter().map(|leftover| match leftover.fate {
        Fate::Over(_) => "over",
        Fate::Spared(Spared::AtWork(_)) => "at work",
        Fate::Spared(Spared::MayLive) => "may live",
        Fate::Spared(Spared::NotKnown(_)) => "not known",
    });
    fates.collect()
}

#[tokio::test]
async fn what_a_dead_create_left_is_garbage_at_once_here_and_elsewhere_when_it_is_said() {
    let bench = Bench::new();
    let removal = operation(Arc::new(Silent));
    assert!(bench.dies("create 7 die"));
    assert_eq!(fates(&bench.engine(), None).await, ["over"]);

    // As another machine sees it: without the journal.
    let settings = Settings::default();
    let elsewhere = Engine::new(Arc::new(platform_in(bench.0.path())), settings);
    let spared = elsewhere.garbage(None).await.unwrap().remove(0);
    assert!(matches!(spared.fate, Fate::Spared(Spared::MayLive)));
    assert!(spared.begun.is_some(), "its record or its journal tells");
    let (id, dead) = (spared.observed.id, spared.observed.owner.operation);
    let refused = elsewhere.remove_garbage(id, None, &removal);
    let error = refused.await.unwrap_err().error;
    assert!(
        error.to_string().contains(&format!("gc --ended {dead}")),
        "{error}"
    );
    assert_eq!(
        fates(&elsewhere, Some(OperationId::new())).await,
        ["may live"],
        "another operation was said to have ended"
    );
    assert_eq!(fates(&elsewhere, Some(dead)).await, ["over"]);
    let removed = elsewhere.remove_garbage(id, Some(dead), &removal);
    removed.await.unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(fates(&elsewhere, None).await, [""; 0]);
    bench.delete(id, "the removal").await;
}

#[tokio::test]
async fn what_a_living_create_makes_is_no_garbage_whatever_is_said() {
    let bench = Bench::new();
    let removal = operation(Arc::new(Silent));
    let mut child = bench.start("create 7 stay");
    let stays = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()))
        .map(Result::unwrap)
        .any(|line| line.contains("STAYS"));
    assert!(stays);
    let engine = bench.engine();
    let alive = engine.garbage(None).await.unwrap().remove(0).observed;
    let said = Some(alive.owner.operation);
    assert_eq!(fates(&engine, said).await, ["at work"]);
    let refused = engine.remove_garbage(alive.id, said, &removal);
    let error = refused.await.unwrap_err().error;
    assert!(
        matches!(&error, EngineError::Journal(JournalError::Busy(..))),
        "{error}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(fates(&engine, None).await, ["over"]);
    bench.delete(alive.id, "the child's death").await;
}

#[tokio::test]
async fn a_finished_cluster_is_no_garbage_also_where_it_is_asked_for() {
    let bench = Bench::new();
    let removal = operation(Arc::new(Silent));
    let id = bench.create().await.id();
    let engine = bench.engine();
    assert_eq!(fates(&engine, None).await, [""; 0]);
    let refused = engine.remove_garbage(id, None, &removal);
    let error = refused.await.unwrap_err().error;
    assert!(
        matches!(error, EngineError::Finished { id: of, .. } if of == id),
        "{error}"
    );
    assert_serves(&bench.only_cluster().await, 3, "the refusal");
    bench.delete(id, "the refusal").await;
}

#[tokio::test]
async fn a_damaged_journal_stops_an_update_and_says_where_it_is() {
    let bench = Bench::new();
    let id = bench.create().await.id();
    let path = bench.0.path().join("journal").join(format!("{id}.journal"));
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, whole.replacen("bar", "bor", 1)).unwrap();
    let (engine, operation) = (bench.engine(), operation(Arc::new(Silent)));
    let wanted = spec(3, 1);
    let refused = engine.update(id, &wanted, &operation).await;
    let error = refused.unwrap_err().error;
    assert!(
        matches!(&error, EngineError::Journal(JournalError::Corrupt { .. })),
        "{error}"
    );
    assert!(
        error.to_string().contains(&path.display().to_string()),
        "{error}"
    );
    std::fs::remove_file(&path).unwrap();
    bench.delete(id, "the damage").await;
}
