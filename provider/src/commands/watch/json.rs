//! What `watch --json` prints: a line of JSON for each thing that happened. Pure.

use coe_engine::saga::journal::{Direction, Ending};
use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::change::{Change, What};

/// Something that happened, as one line.
pub(super) fn line(change: &Change) -> String {
    let begun = &change.begun;
    let (event, more) = event(change);
    let mut line = Map::new();
    line.insert("at".to_owned(), json!(change.at));
    line.insert("event".to_owned(), json!(event));
    line.insert("cluster".to_owned(), json!(begun.name));
    line.insert("cluster_id".to_owned(), json!(begun.cluster));
    line.insert("operation".to_owned(), json!(change.operation));
    line.insert("kind".to_owned(), json!(begun.kind));
    if let Value::Object(more) = more {
        line.extend(more);
    }
    Value::Object(line).to_string()
}

fn event(change: &Change) -> (&'static str, Value) {
    let ended = |ending: &str, took: &SignedDuration| {
        let more = json!({ "ending": ending, "seconds": seconds(*took) });
        ("operation_ended", more)
    };
    match &change.what {
        What::Begun => (
            "operation_begun",
            json!({
                "platform": change.begun.platform,
                "location": change.begun.location,
                "deadline": change.begun.deadline,
                "host": change.begun.host,
                "process": change.begun.process,
            }),
        ),
        What::StepsAhead(steps) => ("steps_ahead", json!({ "steps": steps })),
        What::StepBegun(step, direction) => (
            "step_begun",
            json!({
                "step": step.kind,
                "target": step.target,
                "title": step.title,
                "undo": *direction == Direction::Undo,
            }),
        ),
        What::StepEnded {
            step,
            direction,
            took,
            result,
        } => (
            "step_ended",
            json!({
                "step": step.kind,
                "target": step.target,
                "title": step.title,
                "undo": *direction == Direction::Undo,
                "seconds": seconds(*took),
                "error": result.as_ref().err(),
            }),
        ),
        What::Ended(Ending::Failed { error }, took) => (
            "operation_ended",
            json!({ "ending": "failed", "seconds": seconds(*took), "error": error }),
        ),
        What::Ended(Ending::Succeeded, took) => ended("succeeded", took),
        What::Ended(Ending::Died, took) | What::FoundDead(took) => ended("died", took),
        What::Gone(took) => ended("gone", took),
    }
}

/// To the millisecond, as the clock of the journal is worth no more.
fn seconds(span: SignedDuration) -> f64 {
    span.as_millis_f64().round() / 1000.0
}
