//! A resource with one of everything, whose behaviour a test decides.

use std::collections::BTreeMap;

use async_trait::async_trait;
use terraform_framework::schema::{AttributePlan, PlanModifier, Validator};
use terraform_framework::validators::{between, length};
use terraform_framework::{
    Attr, BoxedResource, Call, Change, Diagnostic, Diagnostics, Failure, Identity, IdentitySchema,
    ImportTarget, ImportUse, Model, MovedState, Number, Path, Provider, ProviderServer, Resource,
    Set, Upgrader, Value, resource,
};

#[derive(Debug, Clone, Model)]
#[model(version = 2)]
pub(crate) struct ThingModel {
    #[attribute(required, replace)]
    pub(crate) name: Attr<String>,
    #[attribute(optional, computed, default = 1, validate = [between(0, 10)])]
    pub(crate) size: Attr<i64>,
    #[attribute(optional, validate = [Panics], plan = [Panics])]
    pub(crate) remark: Attr<String>,
    #[attribute(computed, keep)]
    pub(crate) id: Attr<String>,
    #[attribute(computed)]
    pub(crate) status: Attr<String>,
    #[attribute(optional, sensitive, write_only)]
    pub(crate) token: Attr<String>,
    #[attribute(optional)]
    pub(crate) labels: Attr<BTreeMap<String, Attr<String>>>,
    #[attribute(optional)]
    pub(crate) parts: Attr<Vec<Attr<Part>>>,
    #[attribute(optional)]
    pub(crate) shelves: Attr<BTreeMap<String, Attr<Part>>>,
    #[attribute(optional)]
    pub(crate) pins: Attr<Set<Attr<Part>>>,
    #[attribute(optional, sensitive)]
    pub(crate) vault: Attr<Vec<Attr<Part>>>,
    #[attribute(optional)]
    pub(crate) anything: Value,
    #[attribute(optional)]
    pub(crate) exact: Attr<Number>,
    #[block(list)]
    pub(crate) rule: Attr<Vec<Rule>>,
    #[block(list, replace, validate = [length(..=2)])]
    pub(crate) seal: Attr<Vec<Seal>>,
}

/// A rule and a modifier that cannot stand the word "panic", in a configuration and in a plan.
#[derive(Debug)]
struct Panics;

impl Validator for Panics {
    fn description(&self) -> String {
        "must not be what it panics at".into()
    }

    fn validate(&self, value: &Value, _: &Path) -> Diagnostics {
        assert_ne!(value.as_str(), Some("panic at once"), "I am a rule");
        Diagnostics::new()
    }
}

impl PlanModifier for Panics {
    fn description(&self) -> String {
        "is not changed".into()
    }

    fn modify(&self, plan: &mut AttributePlan<'_>) -> Diagnostics {
        assert_ne!(
            plan.planned.as_str(),
            Some("panic later"),
            "I am a modifier"
        );
        Diagnostics::new()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Model)]
pub(crate) struct Part {
    #[attribute(required)]
    pub(crate) label: Attr<String>,
    #[attribute(optional, computed, default = 5, validate = [between(1, 9)])]
    pub(crate) weight: Attr<i64>,
    #[attribute(computed, keep)]
    pub(crate) serial: Attr<String>,
}

#[derive(Debug, Clone, Model)]
pub(crate) struct Rule {
    #[attribute(required, replace)]
    pub(crate) verb: Attr<String>,
    #[attribute(computed)]
    pub(crate) number: Attr<i64>,
}

#[derive(Debug, Clone, Model)]
pub(crate) struct Seal {
    #[attribute(optional)]
    pub(crate) colour: Attr<String>,
}

type Applied = Result<ThingModel, Failure<ThingModel>>;

/// What a thing does.
pub(crate) struct Thing {
    pub(crate) validate: fn(&ThingModel) -> Diagnostics,
    pub(crate) plan: fn(&mut Change<ThingModel>, &Call) -> Diagnostics,
    pub(crate) create: fn(ThingModel, &Call) -> Applied,
    pub(crate) read: fn(ThingModel, &Call) -> Result<Option<ThingModel>, Diagnostics>,
    pub(crate) update: fn(ThingModel, ThingModel) -> Applied,
    pub(crate) delete: fn(ThingModel) -> Result<(), Failure<ThingModel>>,
    /// Calls to create wait until they are told to stop.
    pub(crate) waits: bool,
}

impl Default for Thing {
    fn default() -> Self {
        Self {
            validate: |_| Diagnostics::new(),
            plan: |_, _| Diagnostics::new(),
            create: |planned, _| Ok(made(planned)),
            read: |state, _| Ok(Some(state)),
            update: |_, planned| Ok(made(planned)),
            delete: |_| Ok(()),
            waits: false,
        }
    }
}

/// `planned` with all that was not known.
pub(crate) fn made(mut planned: ThingModel) -> ThingModel {
    settle(&mut planned.id, "made");
    settle(&mut planned.status, "ready");
    if let Attr::Known(parts) = &mut planned.parts {
        parts.iter_mut().for_each(stamp);
    }
    if let Attr::Known(shelves) = &mut planned.shelves {
        shelves.values_mut().for_each(stamp);
    }
    if let Attr::Known(pins) = &mut planned.pins {
        pins.iter_mut().for_each(stamp);
    }
    if let Attr::Known(rules) = &mut planned.rule {
        for rule in rules {
            if rule.number.is_unknown() {
                rule.number = Attr::Known(7);
            }
        }
    }
    planned
}

fn stamp(part: &mut Attr<Part>) {
    if let Attr::Known(part) = part {
        settle(&mut part.serial, "stamped");
    }
}

pub(crate) fn settle(attribute: &mut Attr<String>, value: &str) {
    if attribute.is_unknown() {
        *attribute = Attr::Known(value.to_owned());
    }
}

#[async_trait]
impl Resource for Thing {
    type Model = ThingModel;

    const NAME: &'static str = "trial_thing";

    async fn validate(&self, config: &ThingModel, _call: &Call) -> Diagnostics {
        (self.validate)(config)
    }

    async fn plan(&self, change: &mut Change<ThingModel>, call: &Call) -> Diagnostics {
        (self.plan)(change, call)
    }

    async fn create(&self, planned: ThingModel, call: &Call) -> Applied {
        if self.waits {
            call.cancellation().cancelled().await;
            let state = ThingModel {
                id: Attr::Known("half".into()),
                ..planned
            };
            return Err(Failure::with_state(state, Diagnostic::error("Stopped", "")));
        }
        (self.create)(planned, call)
    }

    async fn read(
        &self,
        state: ThingModel,
        call: &Call,
    ) -> Result<Option<ThingModel>, Diagnostics> {
        (self.read)(state, call)
    }

    async fn update(&self, prior: ThingModel, planned: ThingModel, _call: &Call) -> Applied {
        (self.update)(prior, planned)
    }

    async fn delete(&self, state: ThingModel, _call: &Call) -> Result<(), Failure<ThingModel>> {
        (self.delete)(state)
    }

    async fn import(&self, target: ImportTarget, _call: &Call) -> Result<ThingModel, Diagnostics> {
        let id = match target {
            ImportTarget::Id(id) => id,
            ImportTarget::Identity(identity) => identity.get("id")?,
        };
        Ok(ThingModel {
            id: Attr::Known(id),
            ..nothing()
        })
    }

    fn upgraders(&self) -> Vec<Upgrader> {
        let title_became_label = |mut state: serde_json::Value| {
            state["label"] = state["title"].take();
            Ok(state)
        };
        let label_became_name = |mut state: serde_json::Value| {
            state["name"] = state["label"].take();
            Ok(state)
        };
        vec![
            Upgrader {
                from: 1,
                upgrade: label_became_name,
            },
            Upgrader {
                from: 0,
                upgrade: title_became_label,
            },
        ]
    }

    fn moved(&self, from: &MovedState) -> Result<Option<ThingModel>, Diagnostics> {
        if from.type_name != "other_thing" {
            return Ok(None);
        }
        let id = from.state["key"].as_str().unwrap().to_owned();
        Ok(Some(ThingModel {
            id: Attr::Known(id),
            ..nothing()
        }))
    }

    fn identity_schema(&self) -> Option<IdentitySchema> {
        let id = "What the thing was called when it was made.";
        let schema = IdentitySchema::new().version(1);
        Some(schema.attribute::<String>("id", ImportUse::Required, id))
    }

    fn identity(&self, state: &ThingModel) -> Option<Identity> {
        Some(Identity::new().with("id", state.id.known()?.clone()))
    }

    fn identity_upgraders(&self) -> Vec<Upgrader> {
        let key_became_id = |mut identity: serde_json::Value| {
            identity["id"] = identity["key"].take();
            Ok(identity)
        };
        vec![Upgrader {
            from: 0,
            upgrade: key_became_id,
        }]
    }
}

fn nothing() -> ThingModel {
    ThingModel {
        name: Attr::Null,
        size: Attr::Null,
        remark: Attr::Null,
        id: Attr::Null,
        status: Attr::Null,
        token: Attr::Null,
        labels: Attr::Null,
        parts: Attr::Null,
        shelves: Attr::Null,
        pins: Attr::Null,
        vault: Attr::Null,
        anything: Value::Null,
        exact: Attr::Null,
        rule: Attr::Known(Vec::new()),
        seal: Attr::Known(Vec::new()),
    }
}

/// Offers one thing.
struct Trial(std::sync::Mutex<Option<Thing>>);

#[async_trait]
impl Provider for Trial {
    type Model = ();

    async fn configure(&self, (): (), _call: &Call) -> Result<(), Diagnostics> {
        Ok(())
    }

    fn resources(&self) -> Vec<BoxedResource> {
        self.0
            .lock()
            .unwrap()
            .take()
            .map(resource)
            .into_iter()
            .collect()
    }
}

pub(crate) fn serve(thing: Thing) -> ProviderServer {
    ProviderServer::new(Trial(Some(thing).into()))
}
