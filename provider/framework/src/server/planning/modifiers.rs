//! Runs the plan modifiers of each attribute and of blocks.

use super::Draft;
use super::walk::{Place, Visited, walk};
use crate::schema::AttributePlan;
use crate::server::members::Members;
use crate::{Diagnostics, Value};

/// What the plan modifiers make of `planned`; those of an attribute or of blocks in order, inner ones after outer ones.
pub(super) fn run(members: Members<'_>, place: &Place<'_>, planned: Value) -> Draft {
    let mut replaced_by = Vec::new();
    let mut diagnostics = Diagnostics::new();
    let planned = walk(members, place, planned, &mut |visited, place, planned| {
        let modifiers = match visited {
            Visited::Attribute(attribute) => &attribute.plan_modifiers,
            Visited::Blocks(block) => &block.plan_modifiers,
        };
        let mut plan = AttributePlan {
            path: &place.path,
            config: place.config,
            prior: place.prior,
            planned,
            requires_replace: false,
        };
        for modifier in modifiers {
            diagnostics.append(modifier.modify(&mut plan));
        }
        if plan.requires_replace {
            replaced_by.push(place.path.clone());
        }
        plan.planned
    });
    Draft {
        planned,
        replaced_by,
        diagnostics,
    }
}
