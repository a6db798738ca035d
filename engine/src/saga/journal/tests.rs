use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::record::{Unreadable, VERSION, replay};
use super::*;

fn intent(kind: OperationKind, cluster: ClusterId) -> Intent {
    Intent {
        operation: OperationId::new(),
        begun: OperationBegun {
            kind,
            cluster,
            name: "bar".parse().unwrap(),
            platform: "simulated".to_owned(),
            location: "here".to_owned(),
            deadline: Timestamp::now() + SignedDuration::from_mins(5),
            host: this_host(),
            process: std::process::id(),
            instead_of: None,
        },
    }
}

fn step(target: &str) -> StepRecord {
    StepRecord {
        kind: "join_node".to_owned(),
        target: target.to_owned(),
        title: format!("join {target} as worker"),
    }
}

fn failed() -> Outcome {
    Outcome::Failed {
        error: "no".to_owned(),
    }
}

struct Bench {
    folder: tempfile::TempDir,
    cluster: ClusterId,
}

impl Bench {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            cluster: ClusterId::new(),
        }
    }

    /// As another process has them: locks are between open files.
    fn journals(&self) -> Journals {
        Journals::new(Some(self.folder.path().join("journal")))
    }

    fn path(&self) -> PathBuf {
        let folder = self.folder.path().join("journal");
        folder.join(format!("{}.journal", self.cluster))
    }

    fn intent(&self, kind: OperationKind) -> Intent {
        intent(kind, self.cluster)
    }

    async fn begin(&self, kind: OperationKind) -> Result<Journal, JournalError> {
        self.journals().begin(self.intent(kind)).await
    }

    fn entries(&self) -> Vec<Entry> {
        let records = peek(&self.path()).unwrap();
        records.into_iter().map(|record| record.entry).collect()
    }
}

#[tokio::test]
async fn what_was_done_is_read_back_and_nobody_else_can_read_it() {
    let bench = Bench::new();
    let journal = bench.begin(OperationKind::Create).await.unwrap();
    journal.intend(Direction::Do, step("a")).await.unwrap();
    journal.note(Direction::Do, step("a"), StepProgress::Finished);
    journal.end(Outcome::AsWanted);
    let entries = bench.entries();
    assert_eq!(entries.len(), 4);
    assert!(matches!(&entries[0], Entry::OperationBegun(begun) if begun.name.as_str() == "bar"));
    let done = Entry::Step {
        direction: Direction::Do,
        step: step("a"),
        progress: StepProgress::Finished,
    };
    assert_eq!(entries[2], done);
    assert_eq!(entries[3], Entry::OperationEnded(Ending::Succeeded));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&bench.path()), 0o600);
    assert_eq!(mode(bench.path().parent().unwrap()), 0o700);
}

#[tokio::test]
async fn a_journal_is_kept_small_and_removed_with_its_cluster() {
    let bench = Bench::new();
    for _ in 0..3 {
        let journal = bench.begin(OperationKind::Update).await.unwrap();
        journal.end(Outcome::AsWanted);
        assert_eq!(bench.entries().len(), 2, "only the last operation stays");
    }
    let journal = bench.begin(OperationKind::Delete).await.unwrap();
    journal.end(Outcome::Gone);
    assert!(!bench.path().exists());
}

#[tokio::test]
async fn a_second_process_is_refused_and_told_who_the_first_is() {
    let bench = Bench::new();
    let first = bench.intent(OperationKind::Update);
    let operation = first.operation.to_string();
    let _first = bench.journals().begin(first).await.unwrap();
    let refused = bench.begin(OperationKind::Delete).await.err().unwrap();
    let said = refused.to_string();
    let process = format!("process {}", std::process::id());
    for word in [&operation, "update of cluster bar", &process, &this_host()] {
        assert!(said.contains(word), "{word} is not in: {said}");
    }
}

#[tokio::test]
async fn whoever_only_looks_keeps_nobody_from_beginning() {
    let bench = Bench::new();
    drop(bench.begin(OperationKind::Create).await.unwrap());
    let path = bench.path();
    let done = std::sync::atomic::AtomicBool::new(false);
    let is_done = || done.load(std::sync::atomic::Ordering::Relaxed);
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                while !is_done() {
                    is_held(&path).unwrap();
                }
            });
        }
        // As `begin` does it, without its waits for the disk.
        let refused = (0..200).find_map(|_| JournalFile::open(&path).err());
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(refused.is_none(), "{refused:?}");
    });
}

#[tokio::test]
async fn who_watches_sees_what_lives_what_died_and_what_nobody_here_can_tell_of() {
    let bench = Bench::new();
    let mut watch = JournalWatch::new(bench.folder.path().join("journal"));
    let mut seen = |operation: OperationId| {
        let looks = watch.look().unwrap();
        let look = looks.into_iter().next().map(Result::unwrap);
        look.and_then(|look| look.unended.get(&operation).copied())
    };
    let mine = bench.intent(OperationKind::Create);
    let operation = mine.operation;
    assert_eq!(seen(operation), None, "there is no folder yet");
    let journal = bench.journals().begin(mine).await.unwrap();
    assert_eq!(seen(operation), Some(Process::Living));
    drop(journal);
    assert_eq!(seen(operation), Some(Process::Dead));

    let mut theirs = bench.intent(OperationKind::Create);
    "elsewhere".clone_into(&mut theirs.begun.host);
    let operation = theirs.operation;
    drop(bench.journals().begin(theirs).await.unwrap());
    assert_eq!(seen(operation), Some(Process::Elsewhere));

    let last = bench.intent(OperationKind::Delete);
    let operation = last.operation;
    let journal = bench.journals().begin(last).await.unwrap();
    assert_eq!(seen(operation), Some(Process::Living));
    journal.end(failed());
    assert_eq!(seen(operation), None, "it has ended");
}

#[tokio::test]
async fn who_watches_changes_nothing_of_a_torn_journal_and_sees_it_go() {
    let bench = Bench::new();
    drop(bench.begin(OperationKind::Create).await.unwrap());
    let mut torn = fs::read(bench.path()).unwrap();
    torn.extend_from_slice(b"0123abcd {\"version\":1,\"at");
    fs::write(bench.path(), &torn).unwrap();
    let mut watch = JournalWatch::new(bench.folder.path().join("journal"));
    let look = |watch: &mut JournalWatch| {
        let looks = watch.look().unwrap();
        let records = looks.into_iter().map(|look| look.unwrap().records);
        records.map(|records| records.len()).collect::<Vec<_>>()
    };
    assert_eq!(look(&mut watch), [1]);
    assert_eq!(fs::read(bench.path()).unwrap(), torn);
    let journal = bench.begin(OperationKind::Delete).await.unwrap();
    assert_eq!(look(&mut watch), [3], "what was added is seen");
    journal.end(Outcome::Gone);
    assert_eq!(look(&mut watch), [0; 0]);
}

#[tokio::test]
async fn in_one_process_only_changes_of_nodes_work_beside_one_another() {
    let bench = Bench::new();
    let journals = bench.journals();
    let node = || journals.begin(bench.intent(OperationKind::Node));
    let first = node().await.unwrap();
    let second = node().await.unwrap();
    first.end(Outcome::AsWanted);
    let update = journals.begin(bench.intent(OperationKind::Update)).await;
    assert!(matches!(update, Err(JournalError::Busy(..))));
    second.end(Outcome::AsWanted);
    assert!(
        journals
            .begin(bench.intent(OperationKind::Update))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn what_a_dead_process_began_is_taken_over_and_noted_as_ended() {
    let bench = Bench::new();
    let dead = bench.intent(OperationKind::Create);
    let operation = dead.operation;
    drop(bench.journals().begin(dead).await.unwrap());
    let deletion = bench.intent(OperationKind::Delete);
    let journals = bench.journals();
    let journal = journals
        .take_over(operation, Left::Parts, deletion.clone())
        .await;
    let journal = journal.unwrap().expect("it is dead");
    assert_eq!(
        bench.entries()[1..],
        [
            Entry::OperationEnded(Ending::Died),
            Entry::OperationBegun(deletion.begun.clone())
        ]
    );
    let living = journals.take_over(operation, Left::Parts, deletion).await;
    assert!(matches!(living, Err(JournalError::Busy(..))));
    drop(journal);
}

#[tokio::test]
async fn a_whole_cluster_is_taken_over_only_where_its_create_died() {
    let bench = Bench::new();
    for (ends, is_taken) in [(true, false), (false, true)] {
        let create = bench.intent(OperationKind::Create);
        let operation = create.operation;
        let journal = bench.journals().begin(create).await.unwrap();
        if ends {
            journal.end(Outcome::AsWanted);
        } else {
            drop(journal);
        }
        let again = bench.intent(OperationKind::Create);
        let journals = bench.journals();
        let is_abandoned = async || {
            let abandoned = journals
                .is_abandoned(bench.cluster, operation, OperationKind::Create)
                .await;
            abandoned.unwrap()
        };
        assert_eq!(is_abandoned().await, is_taken);
        let taken = journals.take_over(operation, Left::Whole, again).await;
        let taken = taken.unwrap();
        assert_eq!(taken.is_some(), is_taken);
        assert!(!is_abandoned().await, "somebody works on it, or has it");
    }
}

#[tokio::test]
async fn what_another_machine_began_is_not_taken_for_dead() {
    let bench = Bench::new();
    let mut elsewhere = bench.intent(OperationKind::Create);
    "elsewhere".clone_into(&mut elsewhere.begun.host);
    let operation = elsewhere.operation;
    drop(bench.journals().begin(elsewhere).await.unwrap());
    let deletion = bench.intent(OperationKind::Delete);
    for unknown in [operation, OperationId::new()] {
        let journals = bench.journals();
        let taken = journals
            .take_over(unknown, Left::Parts, deletion.clone())
            .await;
        let taken = taken.unwrap();
        assert!(taken.is_none());
    }
    assert_eq!(bench.entries().len(), 1, "nothing was written");
}

#[tokio::test]
async fn only_journals_of_that_name_and_place_without_a_cluster_are_forgotten() {
    let bench = Bench::new();
    let journals = bench.journals();
    let [gone, there, other_place, busy] = std::array::from_fn(|_| ClusterId::new());
    for cluster in [gone, there, other_place] {
        let mut one = intent(OperationKind::Create, cluster);
        if cluster == other_place {
            "there".clone_into(&mut one.begun.location);
        }
        drop(journals.begin(one).await.unwrap());
    }
    let _busy = bench
        .journals()
        .begin(intent(OperationKind::Create, busy))
        .await;
    let name = "bar".parse().unwrap();
    let place = "here".to_owned();
    journals
        .forget_all_but(vec![there], name, "simulated", place)
        .await
        .unwrap();
    let kept = |cluster: ClusterId| {
        let folder = bench.folder.path().join("journal");
        folder.join(format!("{cluster}.journal")).exists()
    };
    assert_eq!(
        [gone, there, other_place, busy].map(kept),
        [false, true, true, true]
    );
}

#[tokio::test]
async fn the_journal_of_a_cluster_that_is_gone_is_forgotten_where_it_was_and_nowhere_else() {
    let bench = Bench::new();
    let journals = bench.journals();
    let is_kept = || bench.path().exists();
    let begun = journals.begin(bench.intent(OperationKind::Delete)).await;
    let forget = async |location: &str| {
        let forgotten = journals.forget_gone(bench.cluster, "simulated", location.to_owned());
        forgotten.await.unwrap();
    };
    forget("here").await;
    assert!(is_kept(), "an operation works on it");
    drop(begun);
    forget("there").await;
    assert!(is_kept(), "it is one of another platform");
    forget("here").await;
    assert!(!is_kept());
}

#[tokio::test]
async fn a_damaged_or_newer_journal_is_an_error_that_names_the_file() {
    let bench = Bench::new();
    drop(bench.begin(OperationKind::Create).await.unwrap());
    let whole = fs::read_to_string(bench.path()).unwrap();
    fs::write(bench.path(), format!("torn\n{whole}")).unwrap();
    let corrupt = bench.begin(OperationKind::Update).await.err().unwrap();
    assert!(matches!(corrupt, JournalError::Corrupt { line: 1, .. }));
    assert!(
        corrupt
            .to_string()
            .contains(&bench.path().display().to_string())
    );

    let json = r#"{"version":2,"what":"nobody knows"}"#;
    let line = format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes()));
    fs::write(bench.path(), line).unwrap();
    let newer = bench.begin(OperationKind::Update).await.err().unwrap();
    assert!(matches!(newer, JournalError::Newer { version: 2, .. }));
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_an_error_that_says_what_helps() {
    let bench = Bench::new();
    let file = bench.folder.path().join("file");
    fs::write(&file, "").unwrap();
    let journals = Journals::new(Some(file.join("journal")));
    let error = journals
        .begin(bench.intent(OperationKind::Create))
        .await
        .err()
        .unwrap();
    let said = error.to_string();
    assert!(
        said.contains("journal_dir") && said.contains("file"),
        "{said}"
    );
}

#[tokio::test]
async fn a_torn_end_is_cut_and_written_over() {
    let bench = Bench::new();
    drop(bench.begin(OperationKind::Create).await.unwrap());
    let mut torn = fs::read(bench.path()).unwrap();
    torn.extend_from_slice(b"0123abcd {\"version\":1,\"at");
    fs::write(bench.path(), torn).unwrap();
    let journal = bench.begin(OperationKind::Update).await.unwrap();
    journal.end(failed());
    assert_eq!(bench.entries().len(), 4);
}

fn any_record() -> impl Strategy<Value = Record> {
    let text = "[ -~\\n\u{e4}\"]{0,12}";
    let progress = prop_oneof![
        Just(StepProgress::Started),
        Just(StepProgress::Finished),
        text.prop_map(|error| StepProgress::Failed { error }),
    ];
    let entry = prop_oneof![
        any::<u8>().prop_map(|steps| Entry::StepsAhead {
            steps: steps.into()
        }),
        Just(Entry::OperationBegun(
            intent(OperationKind::Create, ClusterId::new()).begun
        )),
        (text, progress).prop_map(|(target, progress)| Entry::Step {
            direction: Direction::Undo,
            step: step(&target),
            progress,
        }),
        text.prop_map(|error| Entry::OperationEnded(Ending::Failed { error })),
        Just(Entry::OperationEnded(Ending::Died)),
    ];
    entry.prop_map(|entry| Record::now(OperationId::new(), entry))
}

fn written(records: &[Record]) -> Vec<u8> {
    let lines = records.iter().map(|record| record.line().unwrap());
    lines.collect::<Vec<_>>().concat()
}

proptest! {
    #[test]
    fn any_prefix_of_the_bytes_is_a_prefix_of_the_records(
        records in prop::collection::vec(any_record(), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let bytes = written(&records);
        let length = cut.index(bytes.len() + 1);
        let replayed = replay(&bytes[..length]).unwrap();
        prop_assert!(records.starts_with(&replayed.records));
        prop_assert!(replayed.length <= length);
        prop_assert_eq!(written(&replayed.records).len(), replayed.length);
        if length == bytes.len() {
            prop_assert_eq!(replayed.records, records);
        }
    }

    #[test]
    fn a_changed_byte_is_an_error_or_a_cut_and_never_another_record(
        records in prop::collection::vec(any_record(), 1..6),
        at in any::<prop::sample::Index>(),
        change in 1_u8..=255,
    ) {
        let mut bytes = written(&records);
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        match replay(&bytes) {
            Ok(replayed) => {
                prop_assert!(replayed.records.len() < records.len());
                prop_assert!(records.starts_with(&replayed.records));
            }
            Err(Unreadable::Corrupt { line }) => prop_assert!(line <= records.len()),
            Err(Unreadable::Newer { version }) => prop_assert!(version <= VERSION, "checksums missed it"),
        }
    }

    #[test]
    fn no_bytes_are_a_reason_to_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = replay(&bytes);
    }
}
