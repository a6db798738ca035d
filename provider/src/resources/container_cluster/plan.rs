//! What an apply will do, said before it does.

use std::collections::BTreeMap;

use coe_engine::engine::Engine;
use coe_engine::model::{ClusterSpec, Finding, ImageName, ObservedCluster, Subject};
use coe_engine::plan::{Plan, PlanError};
use terraform_framework::{Attr, Call, Change, Deferral, Diagnostic, Diagnostics, Path};

use super::model::ContainerClusterModel;
use super::spec::Request;
use super::{ContainerCluster, baseline};
use crate::diagnostics::{failed, findings};
use crate::provider::{EngineSlot, Reach};

/// Everything that is wrong with a configuration by itself, whatever the platform.
pub(super) fn validate(config: &ContainerClusterModel) -> Diagnostics {
    match config.request() {
        Ok(Request::Known(spec)) => findings(Engine::check_offline(&spec)),
        Ok(Request::NotYet) => Diagnostics::new(),
        Err(wrong) => wrong,
    }
}

/// Refuses to end a protected cluster.
pub(super) fn refuse_if_protected(state: &ContainerClusterModel) -> Result<(), Diagnostics> {
    if state.deletion_protection.known() != Some(&true) {
        return Ok(());
    }
    Err(Diagnostic::error(
        "The cluster is protected from deletion",
        format!(
            "deletion_protection is true for {}, so it is neither destroyed nor replaced. Set it to false, \
             apply, and try again.",
            state.name.known().map_or("this cluster", String::as_str)
        ),
    )
    .at(Path::attribute_name("deletion_protection"))
    .into())
}

impl ContainerCluster {
    pub(super) async fn plan_change(
        &self,
        change: &mut Change<ContainerClusterModel>,
        call: &Call,
    ) -> Result<Diagnostics, Diagnostics> {
        let prior = change.prior.clone();
        if let (Some(prior), Some(planned)) = (&prior, &change.planned)
            && planned.may_want_another_network(prior)
        {
            change.replace(Path::attribute_name("network"));
        }
        if let (Some(prior), Some(planned)) = (&prior, &change.planned) {
            for label in lasting_labels(prior, planned) {
                change.replace(Path::attribute_name("labels").key(label));
            }
        }
        let Some(planned) = change.planned.as_mut() else {
            return prior
                .as_ref()
                .map_or(Ok(()), refuse_if_protected)
                .map(|()| Diagnostics::new());
        };
        let engine = match self.engine.reach() {
            Reach::Configured(engine) => engine,
            Reach::ConfigurationUnknown => {
                if call.deferral_allowed() {
                    call.defer(Deferral::ProviderConfigUnknown);
                }
                return Ok(Diagnostics::new());
            }
            Reach::NotConfigured => return Err(EngineSlot::not_configured()),
        };
        match prior {
            None => self.plan_create(&engine, planned).await,
            Some(prior) if replaces(&prior, planned) => {
                refuse_if_protected(&prior)?;
                Ok(Diagnostics::new())
            }
            Some(prior) => {
                plan_update(&engine, &prior, planned, baseline::last(call.private())).await
            }
        }
    }

    async fn plan_create(
        &self,
        engine: &Engine,
        planned: &mut ContainerClusterModel,
    ) -> Result<Diagnostics, Diagnostics> {
        let Request::Known(spec) = planned.request()? else {
            return Ok(Diagnostics::new());
        };
        let namesakes = engine
            .namesakes(&spec.name)
            .await
            .map_err(failed("The platform could not be asked about the plan"))?;
        let found = match namesakes.iter().find(|namesake| self.is_taken(namesake)) {
            // Everything else that is in the way is that cluster's: one finding says it all.
            Some(namesake) => {
                let goes_on = engine.goes_on_with(namesake, &spec).await;
                if goes_on.map_err(failed("The journal could not be asked about the plan"))? {
                    Vec::new()
                } else {
                    vec![taken(namesake)]
                }
            }
            None => self.checked(engine, &spec, &namesakes).await?,
        };
        let diagnostics = findings(found).into_result()?;
        let plan = engine
            .plan(&spec, None, &BTreeMap::new())
            .map_err(|error| refused(&error))?;
        planned.planned_operations = Attr::Known(plan.sentences());
        Ok(diagnostics)
    }

    /// What is wrong with the request, but for what stands in the way and goes first.
    ///
    /// An object of a cluster that Terraform has in its state may be the predecessor's of this very resource, and
    /// what an interrupted create of that name left is the next create's to remove.
    async fn checked(
        &self,
        engine: &Engine,
        spec: &ClusterSpec,
        leftovers: &[ObservedCluster],
    ) -> Result<Vec<Finding>, Diagnostics> {
        let mut found = engine
            .check(spec, None)
            .await
            .map_err(failed("The platform could not be asked about the plan"))?;
        let goes_first = |holder| {
            self.known.contains(holder) || leftovers.iter().any(|leftover| leftover.id == holder)
        };
        found.retain(|finding| !finding.held_by.is_some_and(goes_first));
        Ok(found)
    }

    /// Whether `namesake` is a finished cluster, and not this resource's own predecessor.
    fn is_taken(&self, namesake: &ObservedCluster) -> bool {
        namesake.is_complete() && !self.known.contains(namesake.id)
    }
}

/// The finding that `namesake` is a finished cluster.
fn taken(namesake: &ObservedCluster) -> Finding {
    Finding::error(
        Subject::Name,
        format!("A cluster {} exists already", namesake.owner.cluster_name),
        format!(
            "It is in no state that Terraform had read. To manage it here: terraform import <address of this \
             resource> {}",
            namesake.id
        ),
    )
}

/// Whether the change can only be made by a new cluster in the place of this one, or may be: what is not known
/// yet may be another name.
fn replaces(prior: &ContainerClusterModel, planned: &ContainerClusterModel) -> bool {
    prior.name != planned.name
        || prior.coe != planned.coe
        || planned.may_want_another_network(prior)
        || !lasting_labels(prior, planned).is_empty()
}

/// The labels that change and that a cluster keeps for life. Of what is not known yet nothing is said: another cluster
/// is not made by accident, and the apply refuses what only another one could have.
fn lasting_labels(prior: &ContainerClusterModel, planned: &ContainerClusterModel) -> Vec<String> {
    match (prior.request(), planned.request()) {
        (Ok(Request::Known(was)), Ok(Request::Known(now))) => Engine::lasting_labels(&was, &now),
        _ => Vec::new(),
    }
}

async fn plan_update(
    engine: &Engine,
    prior: &ContainerClusterModel,
    planned: &mut ContainerClusterModel,
    observed: Option<ObservedCluster>,
) -> Result<Diagnostics, Diagnostics> {
    let Some(observed) = observed else {
        // State that was written without a baseline: what has to be done is known at apply.
        return Ok(Diagnostics::new());
    };
    let Request::Known(spec) = planned.request()? else {
        unknown_until_apply(planned);
        return Ok(Diagnostics::new());
    };
    let asked = Asked::of(prior, &spec);
    let found = engine
        .check(&spec, Some(&observed))
        .await
        .map_err(failed("The platform could not be asked about the plan"))?;
    let mut diagnostics = asked.weigh(findings(found)).into_result()?;
    let images = images(engine, &spec).await?;
    match engine.plan(&spec, Some(&observed), &images) {
        Ok(plan) => announce(prior, planned, &plan),
        Err(error) if asked == Asked::TheSame || error.is_of_the_cluster() => {
            diagnostics.push(refused(&error).into_warning());
            unknown_until_apply(planned);
            planned.planned_operations = Attr::Known(vec![format!("! refused: {error}")]);
        }
        Err(error) => return Err(refused(&error).into()),
    }
    Ok(diagnostics)
}

/// What a plan is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// Something that the cluster was not asked to be before.
    Another,
    /// What it was asked to be before.
    TheSame,
}

impl Asked {
    fn of(prior: &ContainerClusterModel, spec: &ClusterSpec) -> Self {
        match prior.request() {
            Ok(Request::Known(before)) if *before == *spec => Self::TheSame,
            _ => Self::Another,
        }
    }

    /// What stands in the way of a plan that nobody asked for must not stand in the way of what somebody did ask
    /// for: `terraform destroy` and `-replace` make this very plan first, and an error of it ends them
    /// (Terraform, `Context.destroyPlan`).
    fn weigh(self, found: Diagnostics) -> Diagnostics {
        match self {
            Self::Another => found,
            Self::TheSame => found.into_iter().map(Diagnostic::into_warning).collect(),
        }
    }
}

async fn images(
    engine: &Engine,
    spec: &ClusterSpec,
) -> Result<BTreeMap<ImageName, String>, Diagnostics> {
    if spec.preload_images.is_empty() {
        return Ok(BTreeMap::new());
    }
    engine
        .image_ids(&spec.preload_images)
        .await
        .map_err(failed("The platform could not be asked about the plan"))
}

/// Puts the plan's words into the attributes that a reviewer reads.
fn announce(prior: &ContainerClusterModel, planned: &mut ContainerClusterModel, plan: &Plan) {
    if plan.is_empty() {
        // Nothing is done to the cluster: what it looks like stays as it is.
        let changed = planned.planned_operations.is_unknown();
        planned.status = prior.status.clone();
        planned.health = prior.health.clone();
        planned.coe_version = prior.coe_version.clone();
        planned.nodes = prior.nodes.clone();
        planned.planned_operations = if changed {
            Attr::Known(Vec::new())
        } else {
            prior.planned_operations.clone()
        };
        return;
    }
    unknown_until_apply(planned);
    // What an interrupted create never came to know is found by this apply.
    for kept in [
        &mut planned.endpoint,
        &mut planned.cluster_ca_certificate,
        &mut planned.network_id,
        &mut planned.created_at,
    ] {
        if kept.is_null() {
            *kept = Attr::Unknown;
        }
    }
    if plan.moves_endpoint() {
        planned.endpoint = Attr::Unknown;
    }
    planned.planned_operations = Attr::Known(plan.sentences());
}

fn unknown_until_apply(planned: &mut ContainerClusterModel) {
    planned.status = Attr::Unknown;
    planned.health = Attr::Unknown;
    planned.coe_version = Attr::Unknown;
    planned.nodes = Attr::Unknown;
    planned.planned_operations = Attr::Unknown;
}

fn refused(error: &PlanError) -> Diagnostic {
    let diagnostic = Diagnostic::error("The cluster cannot be changed so", error.to_string());
    match error {
        PlanError::Downgrade { .. }
        | PlanError::OtherVersion { .. }
        | PlanError::MinorLeftOut { .. }
        | PlanError::RepairFirst { .. } => diagnostic.at(Path::attribute_name("cluster_version")),
        PlanError::LabelChanged { label, .. } => {
            diagnostic.at(Path::attribute_name("labels").key(label.clone()))
        }
        PlanError::NetworkChanged { .. } | PlanError::SubnetFull { .. } => {
            diagnostic.at(Path::attribute_name("network"))
        }
        _ => diagnostic,
    }
}
