//! The provider's log: `tracing` events as the lines of JSON on standard error that Terraform takes for its own log.
//!
//! The level is that of the first of `TF_LOG_PROVIDER_<NAME>`, `TF_LOG_PROVIDER` and `TF_LOG` that is set. With none of
//! them no event is formatted.

use std::{
    env,
    fmt::{self, Write as _},
    io::{self, Write as _},
};

use jiff::{Timestamp, fmt::temporal::DateTimePrinter};
use serde_json::{Map, Value};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
    subscriber::Interest,
};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

/// Libraries that carry the log itself to Terraform, or each of its bytes: theirs would be a log of the log.
const TRANSPORT: [&str; 6] = ["h2", "hyper", "hyper_util", "rustls", "tonic", "tower"];

/// Sends the events of this process to Terraform, unless the author has installed a subscriber of their own.
pub(crate) fn install(provider: &str) {
    let level = level(provider, |name| env::var(name).ok());
    if level == LevelFilter::OFF {
        return;
    }
    let subscriber = Registry::default().with(TerraformLog { level });
    // Fails where the author was first.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

fn level(provider: &str, variable: impl Fn(&str) -> Option<String>) -> LevelFilter {
    let own = format!(
        "TF_LOG_PROVIDER_{}",
        provider.to_uppercase().replace('-', "_")
    );
    let level = [own.as_str(), "TF_LOG_PROVIDER", "TF_LOG"]
        .into_iter()
        .find_map(|name| variable(name).filter(|level| !level.is_empty()));
    match level.map(|level| level.to_ascii_lowercase()).as_deref() {
        None | Some("off") => LevelFilter::OFF,
        Some("error") => LevelFilter::ERROR,
        Some("warn") => LevelFilter::WARN,
        Some("info") => LevelFilter::INFO,
        Some("debug") => LevelFilter::DEBUG,
        // "trace" and "json"; Terraform takes whatever else for "trace" too.
        Some(_) => LevelFilter::TRACE,
    }
}

/// Formats each event, with the fields of the spans that it is in.
struct TerraformLog {
    level: LevelFilter,
}

impl TerraformLog {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let library = metadata.target().split("::").next().unwrap_or_default();
        *metadata.level() <= self.level && !TRANSPORT.contains(&library)
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for TerraformLog {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.wants(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _context: Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context
            .event_scope(event)
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
        {
            if let Some(inherited) = span.extensions().get::<Fields>() {
                fields.0.extend(inherited.0.clone());
            }
        }
        event.record(&mut fields);
        let mut line = line(event.metadata(), fields, Timestamp::now());
        line.push('\n');
        // One write, so that lines of several threads do not mix. Nobody is left to hear that it failed.
        let _ = io::stderr().lock().write_all(line.as_bytes());
    }
}

fn line(metadata: &Metadata<'_>, Fields(mut fields): Fields, now: Timestamp) -> String {
    let message = fields.remove("message").unwrap_or_default();
    let message = message
        .as_str()
        .map_or_else(|| message.to_string(), str::to_owned);
    let mut timestamp = String::new();
    // Terraform's format: RFC 3339 with six digits of a second.
    let _ = DateTimePrinter::new()
        .precision(Some(6))
        .print_timestamp(&now, &mut timestamp);
    let header = [
        ("@level", level_name(*metadata.level()).to_owned()),
        ("@message", message),
        ("@module", metadata.target().replace("::", ".")),
        ("@timestamp", timestamp),
    ];
    let mut line: Map<String, Value> = header
        .map(|(key, value)| (key.to_owned(), value.into()))
        .into_iter()
        .collect();
    line.extend(fields);
    Value::Object(line).to_string()
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

/// The fields of an event or a span.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn set(&mut self, field: &Field, value: impl Into<Value>) {
        // A name that begins with "@" would overwrite what the line itself says.
        let name = field.name().trim_start_matches('@');
        self.0.insert(name.to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        let _ = write!(text, "{value:?}");
        self.set(field, text);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_particular_variable_decides() {
        let level_with = |set: &[(&str, &str)]| {
            level("my-cloud", |name| {
                set.iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(level_with(&[]), LevelFilter::OFF);
        assert_eq!(level_with(&[("TF_LOG", "INFO")]), LevelFilter::INFO);
        assert_eq!(level_with(&[("TF_LOG", "json")]), LevelFilter::TRACE);
        assert_eq!(
            level_with(&[("TF_LOG", "info"), ("TF_LOG_PROVIDER", "warn")]),
            LevelFilter::WARN
        );
        assert_eq!(
            level_with(&[("TF_LOG", "trace"), ("TF_LOG_PROVIDER_MY_CLOUD", "off")]),
            LevelFilter::OFF
        );
    }
}
