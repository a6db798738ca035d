//! `simulated = { … }`: no machine at all, a platform that is kept in a folder.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use coe_engine::platform::Platform;
use coe_engine::platform::simulated::{
    Call, Fault, FaultKind, Quota, Simulated, SimulatedSettings,
};
use terraform_framework::duration;
use terraform_framework::validators::{at_least, go_duration, one_of};
use terraform_framework::{Attr, Diagnostic, Diagnostics, Model, Path};

use super::{NotKnown, known};

/// A platform that is kept in a folder: it makes no machine, and behaves as one that does.
#[derive(Model, Clone)]
pub struct SimulatedModel {
    /// The folder. It is made by the first apply.
    #[attribute(required)]
    pub dir: Attr<String>,
    /// How long each call takes, such as `"50ms"`. Default: nothing.
    #[attribute(optional, validate = [go_duration()])]
    pub latency: Attr<String>,
    /// How much the platform holds. Default: any amount.
    #[attribute(optional)]
    pub quota: Attr<QuotaModel>,
    /// What goes wrong.
    #[attribute(optional)]
    pub faults: Attr<Vec<Attr<FaultModel>>>,
}

/// How much a simulated platform holds.
#[derive(Model, Clone)]
pub struct QuotaModel {
    /// Machines in all.
    #[attribute(optional, validate = [at_least(0)])]
    pub machines: Attr<u32>,
    /// Networks in all.
    #[attribute(optional, validate = [at_least(0)])]
    pub networks: Attr<u32>,
    /// CPUs of one machine.
    #[attribute(optional, validate = [at_least(1)])]
    pub cpus: Attr<u32>,
    /// Memory of one machine in GiB.
    #[attribute(optional, validate = [at_least(1)])]
    pub memory: Attr<u32>,
}

/// Something that goes wrong, once.
#[derive(Model, Clone)]
pub struct FaultModel {
    /// In which call, such as `ensure_machine`.
    #[attribute(required, validate = [one_of(Call::ALL.map(Call::as_str))])]
    pub call: Attr<String>,
    /// In which one of them, from 1, counted by each run of Terraform for itself.
    #[attribute(required, validate = [at_least(1)])]
    pub nth: Attr<u32>,
    /// How: `fail_before` it has an effect, `fail_after` it had its effect, or `hang` without an answer.
    #[attribute(required, validate = [one_of(FaultKind::ALL.map(FaultKind::as_str))])]
    pub kind: Attr<String>,
}

/// Why there are no settings.
enum Missing {
    NotKnown,
    Wrong(Diagnostics),
}

impl From<NotKnown> for Missing {
    fn from(NotKnown: NotKnown) -> Self {
        Self::NotKnown
    }
}

impl From<Diagnostic> for Missing {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Wrong(diagnostic.into())
    }
}

impl SimulatedModel {
    /// The platform that is kept in the folder. Reaches out to nothing.
    pub(crate) fn platform(self) -> Result<Result<Arc<dyn Platform>, NotKnown>, Diagnostics> {
        match self.settings() {
            Ok(settings) => Ok(Ok(Arc::new(Simulated::new(settings)))),
            Err(Missing::NotKnown) => Ok(Err(NotKnown)),
            Err(Missing::Wrong(diagnostics)) => Err(diagnostics),
        }
    }

    fn settings(self) -> Result<SimulatedSettings, Missing> {
        let path = Path::attribute_name("simulated");
        let latency = match known(self.latency)? {
            None => Duration::ZERO,
            Some(text) => duration::parse(&text).map_err(|error| {
                Diagnostic::error("Not a duration", error.to_string()).at(path.attribute("latency"))
            })?,
        };
        let quota = match known(self.quota)? {
            None => Quota::default(),
            Some(quota) => Quota {
                machines: known(quota.machines)?,
                networks: known(quota.networks)?,
                cpus: known(quota.cpus)?,
                memory: known(quota.memory)?,
            },
        };
        let faults = known(self.faults)?
            .unwrap_or_default()
            .into_iter()
            .zip(0..)
            .filter_map(|(model, index)| {
                let path = path.attribute("faults").index(index);
                let model = known(model).map_err(Missing::from).transpose()?;
                Some(model.and_then(|model| fault(model, &path)))
            })
            .collect::<Result<_, _>>()?;
        let dir = known(self.dir)?.map(PathBuf::from).ok_or_else(|| {
            Diagnostic::error(
                "A folder is missing",
                "A simulated platform is kept in one.",
            )
            .at(path.attribute("dir"))
        })?;
        Ok(SimulatedSettings {
            dir,
            latency,
            quota,
            faults,
        })
    }
}

fn fault(model: FaultModel, path: &Path) -> Result<Fault, Missing> {
    let wrong = |attribute: &str, detail: String| {
        Diagnostic::error("Not a fault", detail).at(path.attribute(attribute))
    };
    let call = known(model.call)?.unwrap_or_default();
    let kind = known(model.kind)?.unwrap_or_default();
    Ok(Fault {
        call: call
            .parse::<Call>()
            .map_err(|error| wrong("call", error.to_string()))?,
        nth: known(model.nth)?
            .and_then(NonZeroU32::new)
            .ok_or_else(|| wrong("nth", "The first is 1.".to_owned()))?,
        kind: kind
            .parse::<FaultKind>()
            .map_err(|error| wrong("kind", error.to_string()))?,
    })
}
