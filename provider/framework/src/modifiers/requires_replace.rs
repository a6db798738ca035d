use crate::{
    Diagnostics,
    schema::{AttributePlan, PlanModifier},
};

#[derive(Debug)]
struct RequiresReplace;

/// A change of the attribute replaces the resource. `replace` in the derive macro.
pub fn requires_replace() -> impl PlanModifier {
    RequiresReplace
}

impl PlanModifier for RequiresReplace {
    fn description(&self) -> String {
        "a change replaces the resource".to_owned()
    }

    fn modify(&self, plan: &mut AttributePlan<'_>) -> Diagnostics {
        // One that may come out different after apply counts as changed: the resource cannot be made
        // anew once the apply has begun.
        plan.requires_replace |= plan.prior.is_some_and(|prior| *prior != plan.planned);
        Diagnostics::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Path, Value};

    fn replaces(prior: Option<&Value>, planned: Value) -> bool {
        let mut plan = AttributePlan {
            path: &Path::attribute_name("name"),
            config: &planned.clone(),
            prior,
            planned,
            requires_replace: false,
        };
        assert!(requires_replace().modify(&mut plan).is_empty());
        plan.requires_replace
    }

    #[test]
    fn only_a_change_of_what_exists_replaces() {
        assert!(replaces(Some(&"a".into()), "b".into()));
        assert!(replaces(Some(&"a".into()), Value::unknown()));
        assert!(!replaces(Some(&"a".into()), "a".into()));
        assert!(!replaces(None, "a".into()));
    }
}
