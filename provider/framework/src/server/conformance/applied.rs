//! What an apply may return: what the plan knew, and anything where the plan did not know.

use super::Rule;
use super::known::check_state;
use crate::server::members::{Members, entry};
use crate::value::Refinement;
use crate::{Diagnostics, Path, Value};

/// What is wrong with `new`, which an apply returns for `planned`.
pub(crate) fn check_applied(members: Members<'_>, planned: &Value, new: &Value) -> Diagnostics {
    let mut found = check_state(members, new);
    // What is wrong in itself is not compared as well: one mistake, one message.
    let wrong: Vec<Path> = found
        .iter()
        .filter_map(|found| found.path.clone())
        .collect();
    let mut differences = Vec::new();
    find_differences(planned, new, &Path::root(), &mut differences);
    for path in differences {
        if !wrong.contains(&path) {
            found.push(Rule::AppliedNotAsPlanned.broken_at(&path));
        }
    }
    found
}

fn find_differences(planned: &Value, new: &Value, path: &Path, found: &mut Vec<Path>) {
    match (planned, new) {
        (Value::Unknown(refinement), new) => {
            if !allows(refinement, new) {
                found.push(path.clone());
            }
        }
        (_, Value::Unknown(_)) => found.push(path.clone()),
        (Value::Dynamic(planned_type, planned), Value::Dynamic(new_type, new)) => {
            if planned_type == new_type {
                find_differences(planned, new, path, found);
            } else {
                found.push(path.clone());
            }
        }
        (Value::List(planned), Value::List(new)) if planned.len() == new.len() => {
            for (index, (planned, new)) in (0..).zip(planned.iter().zip(new)) {
                find_differences(planned, new, &path.index(index), found);
            }
        }
        (Value::Map(planned), new_map @ Value::Map(new)) if planned.keys().eq(new.keys()) => {
            for (key, planned) in planned {
                find_differences(planned, entry(new_map, key), &path.key(key), found);
            }
        }
        (Value::Object(planned), Value::Object(new)) => {
            for (name, planned) in planned {
                let new = new.get(name).unwrap_or(&Value::Null);
                find_differences(planned, new, &path.attribute(name), found);
            }
        }
        (planned_set @ Value::Set(planned), new_set @ Value::Set(new)) => {
            // Two planned elements that were not wholly known may have become the same one, but one never two.
            let kept = planned_set == new_set
                || new.len() <= planned.len()
                    && new
                        .iter()
                        .all(|new| planned.iter().any(|planned| agrees(planned, new)))
                    && planned
                        .iter()
                        .all(|planned| new.iter().any(|new| agrees(planned, new)));
            if !kept {
                found.push(path.clone());
            }
        }
        (planned, new) => {
            if planned != new {
                found.push(path.clone());
            }
        }
    }
}

fn agrees(planned: &Value, new: &Value) -> bool {
    let mut differences = Vec::new();
    find_differences(planned, new, &Path::root(), &mut differences);
    differences.is_empty()
}

/// Whether `new` is within what the plan knew of the value.
fn allows(refinement: &Refinement, new: &Value) -> bool {
    if new.is_unknown() {
        return true;
    }
    if new.is_null() {
        return refinement.is_null != Some(false);
    }
    if refinement.is_null == Some(true) {
        return false;
    }
    let prefix = refinement.prefix.as_ref().is_none_or(|prefix| {
        new.as_str()
            .is_none_or(|text| text.starts_with(prefix.as_str()))
    });
    let number = new.as_number();
    let above = refinement
        .lower_bound
        .as_ref()
        .is_none_or(|(bound, inclusive)| {
            number.is_none_or(|number| number > bound || (*inclusive && number == bound))
        });
    let below = refinement
        .upper_bound
        .as_ref()
        .is_none_or(|(bound, inclusive)| {
            number.is_none_or(|number| number < bound || (*inclusive && number == bound))
        });
    let length = length(new);
    let long_enough = refinement
        .least_length
        .is_none_or(|least| length.is_none_or(|it| it >= least));
    let short_enough = refinement
        .greatest_length
        .is_none_or(|most| length.is_none_or(|it| it <= most));
    prefix && above && below && long_enough && short_enough
}

fn length(collection: &Value) -> Option<u64> {
    let length = match collection {
        Value::List(elements) | Value::Set(elements) => elements.len(),
        Value::Map(entries) => entries.len(),
        Value::Dynamic(_, inner) => return self::length(inner),
        _ => return None,
    };
    u64::try_from(length).ok()
}
