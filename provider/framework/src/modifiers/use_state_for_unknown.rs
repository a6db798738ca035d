use crate::{
    Diagnostics,
    schema::{AttributePlan, PlanModifier},
};

#[derive(Debug)]
struct UseStateForUnknown;

/// A computed attribute that never changes once it is there keeps its value in a plan, so that what depends
/// on it is not planned anew. `keep` in the derive macro.
pub fn use_state_for_unknown() -> impl PlanModifier {
    UseStateForUnknown
}

impl PlanModifier for UseStateForUnknown {
    fn description(&self) -> String {
        "stays as it is once it is known".to_owned()
    }

    fn modify(&self, plan: &mut AttributePlan<'_>) -> Diagnostics {
        // A null in state may be from before the provider knew the attribute: it may yet get its value.
        // What is unknown in the configuration is the configuration's to say.
        if plan.planned.is_unknown()
            && plan.config.is_null()
            && let Some(prior) = plan.prior.filter(|prior| !prior.is_null())
        {
            plan.planned = prior.clone();
        }
        Diagnostics::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Path, Value};

    fn planned(config: &Value, prior: Option<&Value>, planned: Value) -> Value {
        let path = Path::attribute_name("id");
        let mut plan = AttributePlan {
            path: &path,
            config,
            prior,
            planned,
            requires_replace: false,
        };
        assert!(use_state_for_unknown().modify(&mut plan).is_empty());
        plan.planned
    }

    #[test]
    fn only_what_the_provider_leaves_open_is_kept() {
        let prior = Value::from("a");
        assert_eq!(planned(&Value::Null, Some(&prior), Value::unknown()), prior);
        assert_eq!(planned(&Value::Null, Some(&prior), "b".into()), "b".into());
        assert_eq!(
            planned(&Value::Null, Some(&Value::Null), Value::unknown()),
            Value::unknown()
        );
        assert_eq!(
            planned(&Value::Null, None, Value::unknown()),
            Value::unknown()
        );
        assert_eq!(
            planned(&Value::unknown(), Some(&prior), Value::unknown()),
            Value::unknown()
        );
    }
}
