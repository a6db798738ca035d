//! Which packages of a distribution bring a program.

use std::collections::BTreeMap;

/// The packages of Debian that bring a program, for programs that are not called as their package.
const USUAL_PACKAGES: [(&str, &[&str]); 1] = [("dockerd", &["docker.io", "iptables"])];

/// What the user says of programs; the usual packages bring the others.
#[derive(Debug, Clone, Default)]
pub(in crate::platform) struct Packages(pub(in crate::platform) BTreeMap<String, Vec<String>>);

impl Packages {
    /// The packages that bring a program.
    pub(in crate::platform) fn of(&self, program: &str) -> Vec<String> {
        if let Some(packages) = self.0.get(program) {
            return packages.clone();
        }
        let usual = USUAL_PACKAGES.iter().find(|(name, _)| *name == program);
        usual.map_or_else(
            || vec![program.to_owned()],
            |(_, packages)| packages.iter().map(ToString::to_string).collect(),
        )
    }
}
