use std::sync::Arc;

use coe_engine::model::OperationId;
use coe_engine::saga::journal::{JournalLook, Process, Record};
use expect_test::{Expect, expect};

use super::change::Change;
use super::*;

const JOURNAL: &str = include_str!("tests/journal.jsonl");

/// What a journal shows whose first so many records are written.
fn look(records: usize, process: Option<Process>) -> JournalLook {
    let lines = JOURNAL.lines().take(records);
    let records: Vec<Record> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let operation: OperationId = "00000000-0000-0000-0000-000000000001".parse().unwrap();
    JournalLook {
        path: "demo.journal".into(),
        records: Arc::new(records),
        unended: process
            .map(|process| (operation, process))
            .into_iter()
            .collect(),
    }
}

fn histories(records: usize, process: Option<Process>) -> Histories {
    let look = look(records, process);
    [(look.path.clone(), history::operations(&look))].into()
}

fn now() -> Timestamp {
    "2026-05-04T12:00:03Z".parse().unwrap()
}

/// All that there is in the journal.
const ALL: usize = 11;

fn joined<T>(parts: &[T], render: impl Fn(&T) -> String) -> String {
    parts.iter().map(|part| render(part) + "\n").collect()
}

fn whole(histories: &Histories, expected: &Expect) {
    let operations = oldest_first(histories);
    expected.assert_eq(&joined(&operations, |one| text::whole(one, now())));
}

#[test]
fn an_operation_that_ended_is_told_with_all_its_steps() {
    whole(
        &histories(ALL, None),
        &expect![[r"
        2026-05-04T12:00:00Z  demo  create  FAILED after 2.6 s: could not make the machine demo-worker-2: there is no room
                 0.5 s  make the network of demo
                 2.0 s  make the machine demo-worker-1
                 1.4 s  make the machine demo-worker-2
                        FAILED: there is no room
                 0.1 s  undo: make the machine demo-worker-1

    "]],
    );
}

#[test]
fn an_operation_that_runs_is_told_with_what_it_is_at() {
    whole(
        &histories(7, Some(Process::Living)),
        &expect![[r"
        2026-05-04T12:00:00Z  demo  create  at work for 3.0 s, 2 of 4 steps, process 4711
                 0.5 s  make the network of demo
               running  make the machine demo-worker-1
                 1.4 s  make the machine demo-worker-2
                        FAILED: there is no room

    "]],
    );
}

#[test]
fn an_operation_whose_process_died_is_told_as_dead() {
    whole(
        &histories(7, Some(Process::Dead)),
        &expect![[r"
        2026-05-04T12:00:00Z  demo  create  DIED after 2.0 s, 2 of 4 steps: process 4711 is gone
                 0.5 s  make the network of demo
               cut off  make the machine demo-worker-1
                 1.4 s  make the machine demo-worker-2
                        FAILED: there is no room

    "]],
    );
}

#[test]
fn an_operation_of_another_machine_is_told_as_unknown() {
    whole(
        &histories(3, Some(Process::Elsewhere)),
        &expect![[r"
        2026-05-04T12:00:00Z  demo  create  0 of 4 steps, process 4711 of here: whether it lives cannot be seen from here; it has until 2026-05-04T12:20:00Z
               running  make the network of demo

    "]],
    );
}

#[test]
fn each_thing_that_happens_is_a_line() {
    let changes = changes(&Histories::new(), &histories(ALL, None), now());
    expect![[r"
        2026-05-04T12:00:00Z  demo  create  begun by process 4711 of here, has until 2026-05-04T12:20:00Z
        2026-05-04T12:00:00Z  demo  create  4 steps ahead
        2026-05-04T12:00:00Z  demo  create  make the network of demo
        2026-05-04T12:00:00Z  demo  create  make the network of demo: done in 0.5 s
        2026-05-04T12:00:00Z  demo  create  make the machine demo-worker-1
        2026-05-04T12:00:00Z  demo  create  make the machine demo-worker-2
        2026-05-04T12:00:02Z  demo  create  make the machine demo-worker-2: FAILED after 1.4 s: there is no room
        2026-05-04T12:00:02Z  demo  create  make the machine demo-worker-1: done in 2.0 s
        2026-05-04T12:00:02Z  demo  create  undo: make the machine demo-worker-1
        2026-05-04T12:00:02Z  demo  create  undo: make the machine demo-worker-1: done in 0.1 s
        2026-05-04T12:00:02Z  demo  create  FAILED after 2.6 s: could not make the machine demo-worker-2: there is no room
    "]].assert_eq(&joined(&changes, text::line));
}

#[test]
fn each_thing_that_happens_is_a_line_of_json() {
    let changes = changes(&Histories::new(), &histories(ALL, None), now());
    expect![[r#"
        {"at":"2026-05-04T12:00:00Z","cluster":"demo","cluster_id":"00000000-0000-0000-0000-00000000000c","deadline":"2026-05-04T12:20:00Z","event":"operation_begun","host":"here","kind":"create","location":"/platform","operation":"00000000-0000-0000-0000-000000000001","platform":"simulated","process":4711}
        {"at":"2026-05-04T12:00:00.01Z","cluster":"demo","cluster_id":"00000000-0000-0000-0000-00000000000c","event":"steps_ahead","kind":"create","operation":"00000000-0000-0000-0000-000000000001","steps":4}
        {"at":"2026-05-04T12:00:00.02Z","cluster":"demo","cluster_id":"00000000-0000-0000-0000-00000000000c","event":"step_begun","kind":"create","operation":"00000000-0000-0000-0000-000000000001","step":"ensure_network","target":"demo","title":"make the network of demo","undo":false}
        {"at":"2026-05-04T12:00:00.52Z","cluster":"demo","cluster_id":"00000000-0000-0000-0000-00000000000c","error":null,"event":"step_ended","kind":"create","operation":"00000000-0000-0000-0000-000000000001","seconds":0.5,"step":"ensure_network","target":"demo","title":"make the network of demo","undo":false}
        {"at":"2026-05-04T12:00:00.53Z","cluster":"demo","cluster_id":"00000000-0000-0000-0000-00000000000c","event":"step_begun","kind":"create","operation":"00000000-0000-0000-0000-000000000001","step":"ensure_machine","target":"demo-worker-1","title":"make the machine demo-worker-1","undo":false}
        {"at":"2026-05-04T12:00:00.54Z","cluster":"demo","cluster_id":"00000000-0000-0000-0000-00000000000c","event":"step_begun","kind":"create","operation":"00000000-0000-0000-0000-000000000001","step":"ensure_machine","target":"demo-worker-2","title":"make the machine demo-worker-2","undo":false}
        {"at":"2026-05-04T12:00:02.03Z","cluster":"demo","cluster_id":"00000000-0000-0000-0000-00000000000c","error":"there is no room","event":"step_ended","kind":"create","operation":"00000000-0000-0000-0000-000000000001","seconds":1.49,"step":"ensure_machine","target":"demo-worker-2","title":"make the machine demo-worker-2","undo":false}
        {"at":"2026-05-04T12:00:02.53Z","cluster":"demo","cluster_id":"00000000-0000-0000-0000-00000000000c","error":null,"event":"step_ended","kind":"create","operation":"00000000-0000-0000-0000-000000000001","seconds":2.0,"step":"ensure_machine","target":"demo-worker-1","title":"make the machine demo-worker-1","undo":false}
        {"at":"2026-05-04T12:00:02.54Z","cluster":"demo","cluster_id":"00000000-0000-0000-0000-00000000000c","event":"step_begun","kind":"create","operation":"00000000-0000-0000-0000-000000000001","step":"ensure_machine","target":"demo-worker-1","title":"make the machine demo-worker-1","undo":true}
        {"at":"2026-05-04T12:00:02.64Z","cluster":"demo","cluster_id":"00000000-0000-0000-0000-00000000000c","error":null,"event":"step_ended","kind":"create","operation":"00000000-0000-0000-0000-000000000001","seconds":0.1,"step":"ensure_machine","target":"demo-worker-1","title":"make the machine demo-worker-1","undo":true}
        {"at":"2026-05-04T12:00:02.65Z","cluster":"demo","cluster_id":"00000000-0000-0000-0000-00000000000c","ending":"failed","error":"could not make the machine demo-worker-2: there is no room","event":"operation_ended","kind":"create","operation":"00000000-0000-0000-0000-000000000001","seconds":2.65}
    "#]].assert_eq(&joined(&changes, json::line));
}

fn bars(histories: &Histories) -> String {
    let lines = bars::lines(oldest_first(histories), now());
    joined(&lines, |line| format!("{line:?}"))
}

#[test]
fn what_is_under_way_is_a_bar_and_a_line_for_each_step() {
    expect![[r#"
        Operation { what: "demo  create", done: 2, all: 4, how: "3.0 s" }
        Step("make the machine demo-worker-1  2.4 s")
    "#]]
    .assert_eq(&bars(&histories(7, Some(Process::Living))));
}

#[test]
fn what_is_taken_back_is_counted_by_what_was_begun() {
    expect![[r#"
        Operation { what: "demo  create", done: 0, all: 3, how: "3.0 s, undoing" }
        Step("undo: make the machine demo-worker-1  0.4 s")
    "#]]
    .assert_eq(&bars(&histories(9, Some(Process::Living))));
}

#[test]
fn what_is_over_has_no_bar() {
    for over in [histories(ALL, None), histories(7, Some(Process::Dead))] {
        assert_eq!(bars(&over), "");
    }
}

#[test]
fn looks_one_after_the_other_tell_the_same_as_one_at_the_end() {
    let tell = |changes: &[Change]| joined(changes, json::line);
    let mut told = String::new();
    let mut before = Histories::new();
    for records in 0..=ALL {
        let process = (records < ALL).then_some(Process::Living);
        let after = histories(records, process);
        told += &tell(&changes(&before, &after, now()));
        before = after;
    }
    let at_once = changes(&Histories::new(), &histories(ALL, None), now());
    assert_eq!(told, tell(&at_once));
}

#[test]
fn a_journal_that_goes_and_one_that_is_begun_anew_end_what_was_under_way() {
    let before = histories(4, Some(Process::Living));
    let mut begun_anew = before.clone();
    begun_anew.values_mut().for_each(Vec::clear);
    let told = [
        changes(&before, &Histories::new(), now()),
        changes(&before, &begun_anew, now()),
    ];
    expect![[r"
        2026-05-04T12:00:03Z  demo  create  over after 3.0 s: nothing of it is left
        2026-05-04T12:00:03Z  demo  create  succeeded in 3.0 s
    "]]
    .assert_eq(&joined(&told.concat(), text::line));
}

#[test]
fn what_was_found_dead_is_told_once() {
    let living = histories(4, Some(Process::Living));
    let dead = histories(4, Some(Process::Dead));
    let found = changes(&living, &dead, now());
    expect![[r"
        2026-05-04T12:00:00Z  demo  create  DIED after 0.5 s: process 4711 is gone
    "]]
    .assert_eq(&joined(&found, text::line));
    assert!(changes(&dead, &dead, now()).is_empty());
    assert!(changes(&dead, &Histories::new(), now()).is_empty());
}
