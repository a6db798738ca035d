//! Sizes of machines against the platform's quota.

use crate::model::Flavor;
use crate::platform::flavor::Size;

use super::settings::Quota;

const NANO: i64 = 1_000_000_000;
const GIB: i64 = 1 << 30;

/// What is wrong with a flavor.
pub(super) fn check(flavor: &Flavor, quota: Quota) -> Result<(), String> {
    let size: Size = flavor.0.parse().map_err(|error| format!("{error}"))?;
    if let Some(most) = quota.cpus
        && size.nano_cpus > i64::from(most) * NANO
    {
        return Err(format!(
            "flavor {flavor} asks for more than the platform's {most} CPUs"
        ));
    }
    if let Some(most) = quota.memory
        && size.memory > i64::from(most) * GIB
    {
        return Err(format!(
            "flavor {flavor} asks for more than the platform's {most} GiB of memory"
        ));
    }
    Ok(())
}
