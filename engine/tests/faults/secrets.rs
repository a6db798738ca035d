//! Which secrets there are, and what was said where they must not be.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use coe_engine::operation::{Event, ProgressSink};
use tracing::field::{Field, Visit};
use tracing::span;

/// Fewer characters than a part of a secret has that would be of use to anybody.
const TOO_SHORT: usize = 20;

/// Whether all that is heard, and each call, is shown: `COE_FAULTS_TRACE`, for a trial that is run alone.
pub(crate) fn is_traced() -> bool {
    static IS_TRACED: LazyLock<bool> =
        LazyLock::new(|| std::env::var_os("COE_FAULTS_TRACE").is_some());
    *IS_TRACED
}

#[derive(Default)]
struct Kept {
    secrets: BTreeSet<String>,
    said: String,
}

/// Everything that a trial's processes have handed out and said.
#[derive(Default)]
pub(crate) struct Secrets(Mutex<Kept>);

impl Secrets {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a secret: each of its lines, because a line break is written differently elsewhere.
    pub(crate) fn keep(&self, secret: &str) {
        let lines = secret.lines().filter(|line| !line.starts_with("-----"));
        let lines = lines.filter(|line| line.len() >= TOO_SHORT);
        self.kept().secrets.extend(lines.map(str::to_owned));
    }

    /// Takes note of what was said.
    pub(crate) fn hear(&self, said: impl fmt::Display) {
        if is_traced() {
            println!("    {said}");
        }
        _ = writeln!(self.kept().said, "{said}");
    }

    /// The same secrets, and nothing said yet.
    pub(crate) fn without_said(&self) -> Self {
        let secrets = self.kept().secrets.clone();
        Self(Mutex::new(Kept {
            secrets,
            said: String::new(),
        }))
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.kept().secrets.len()
    }

    /// A secret that was said.
    pub(crate) fn betrayed(&self) -> Option<String> {
        let kept = self.kept();
        if kept.said.contains("PRIVATE KEY") {
            return Some("a private key".to_owned());
        }
        let betrayed = kept
            .secrets
            .iter()
            .find(|secret| kept.said.contains(*secret));
        betrayed.cloned()
    }
}

/// Hears the events of an operation.
pub(crate) struct Events(pub(crate) Arc<Secrets>);

impl ProgressSink for Events {
    fn report(&self, event: Event) {
        self.0.hear(format_args!("{event:?}"));
    }
}

/// Hears the log.
pub(crate) struct Log(pub(crate) Arc<Secrets>);

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        _ = write!(self.0, "{field}={value:?} ");
    }
}

impl tracing::Subscriber for Log {
    fn enabled(&self, _metadata: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        let mut line = String::new();
        span.record(&mut Line(&mut line));
        self.0.hear(line);
        span::Id::from_u64(1)
    }

    fn record(&self, _span: &span::Id, values: &span::Record<'_>) {
        let mut line = String::new();
        values.record(&mut Line(&mut line));
        self.0.hear(line);
    }

    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = String::new();
        event.record(&mut Line(&mut line));
        self.0.hear(line);
    }

    fn enter(&self, _span: &span::Id) {}

    fn exit(&self, _span: &span::Id) {}
}
