//! `provider "coe" { … }`: which platform, and how to reach it.

mod docker;
mod simulated;

use std::num::NonZeroUsize;
use std::sync::Arc;

use coe_engine::engine::Limits;
use coe_engine::platform::Platform;
use terraform_framework::validators::at_least;
use terraform_framework::{Attr, Diagnostic, Diagnostics, Model, Path};

pub(crate) use docker::DockerModel;
pub(crate) use simulated::SimulatedModel;

/// Makes and keeps container clusters on any platform with any container orchestration engine (COE).
///
/// One configuration reaches one platform; several platforms are several configurations with an `alias`.
/// Without any argument the platform is the local Docker Engine.
#[derive(Model, Clone)]
pub struct ProviderModel {
    /// Machines are containers of a Docker Engine. The default.
    #[attribute(optional)]
    pub docker: Attr<DockerModel>,
    /// No machines at all: a platform that is kept in a folder, for plan checks in CI and for trying out.
    #[attribute(optional)]
    pub simulated: Attr<SimulatedModel>,
    /// How many nodes of one cluster are worked on at the same time. Default: 10.
    #[attribute(optional, validate = [at_least(1)])]
    pub parallelism: Attr<i64>,
}

/// What the provider's configuration says, once all of it is known.
pub(crate) enum Choice {
    /// This platform.
    Platform(Arc<dyn Platform>, Limits),
    /// A value is not known before apply: the platform cannot be asked yet.
    Unknown,
}

/// A value that is known only after apply.
pub(crate) struct NotKnown;

fn known<T>(attribute: Attr<T>) -> Result<Option<T>, NotKnown> {
    match attribute {
        Attr::Unknown => Err(NotKnown),
        Attr::Null => Ok(None),
        Attr::Known(value) => Ok(Some(value)),
    }
}

impl ProviderModel {
    /// The platform that the configuration names. Reaches out to nothing.
    pub(crate) fn choose(self) -> Result<Choice, Diagnostics> {
        let limits = match self.parallelism {
            Attr::Unknown => return Ok(Choice::Unknown),
            Attr::Null => Limits::default(),
            Attr::Known(number) => limits(number)?,
        };
        let platform = match (self.docker, self.simulated) {
            (Attr::Unknown, _) | (_, Attr::Unknown) => return Ok(Choice::Unknown),
            (Attr::Known(_), Attr::Known(_)) => {
                return Err(Diagnostic::error(
                    "Two platforms in one configuration",
                    "A configuration of this provider reaches one platform, and this one names `docker` and \
                     `simulated`. Leave one of them, and put the other into a second `provider \"coe\"` block \
                     with an `alias`.",
                )
                .at(Path::attribute_name("simulated"))
                .into());
            }
            (_, Attr::Known(simulated)) => simulated.platform()?,
            (Attr::Known(docker), Attr::Null) => docker.platform()?,
            (Attr::Null, Attr::Null) => DockerModel::default().platform()?,
        };
        Ok(match platform {
            Ok(platform) => Choice::Platform(platform, limits),
            Err(NotKnown) => Choice::Unknown,
        })
    }
}

fn limits(parallelism: i64) -> Result<Limits, Diagnostics> {
    let parallelism = usize::try_from(parallelism)
        .ok()
        .and_then(NonZeroUsize::new)
        .ok_or_else(|| {
            Diagnostic::error("Parallelism is not a number of nodes", "It is 1 or more.")
                .at(Path::attribute_name("parallelism"))
        })?;
    Ok(Limits { parallelism })
}
