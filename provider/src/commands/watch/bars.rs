//! What `watch` shows on a terminal: a bar for each operation that is under way, and a line for each of its steps.

use coe_engine::saga::journal::Process;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;

use super::history::{OperationHistory, State};
use super::text::titled;
use crate::commands::span::{between, exact};

/// A line of the screen. What it says is found purely; how it is drawn is left to `indicatif`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BarLine {
    /// An operation, and how far it is.
    Operation {
        what: String,
        done: usize,
        all: usize,
        how: String,
    },
    /// A step that is being done.
    Step(String),
}

/// The lines of the operations that are under way.
pub(super) fn lines<'a>(
    operations: impl IntoIterator<Item = &'a OperationHistory>,
    now: Timestamp,
) -> Vec<BarLine> {
    let mut lines = Vec::new();
    for operation in operations {
        let State::Open(process @ (Process::Living | Process::Elsewhere)) = operation.state else {
            continue;
        };
        let (done, all) = operation.progress();
        let mut how = exact(between(operation.started, now));
        if operation.is_undoing() {
            how.push_str(", undoing");
        }
        if process == Process::Elsewhere {
            how = format!("{how}, on {}", operation.begun.host);
        }
        lines.push(BarLine::Operation {
            what: format!("{}  {}", operation.begun.name, operation.begun.kind),
            done,
            all,
            how,
        });
        let running = operation.steps.iter().filter(|step| step.ended.is_none());
        lines.extend(running.map(|step| {
            let title = titled(&step.step.title, step.direction);
            let since = exact(between(step.started, now));
            BarLine::Step(format!("{title}  {since}"))
        }));
    }
    lines
}

/// The screen.
pub(super) struct Screen {
    all: MultiProgress,
    bars: Vec<ProgressBar>,
}

impl Screen {
    /// The terminal that is standard output.
    pub(super) fn new() -> Self {
        Self {
            all: MultiProgress::with_draw_target(ProgressDrawTarget::stdout()),
            bars: Vec::new(),
        }
    }

    /// Shows these lines in place of those before.
    pub(super) fn show(&mut self, lines: &[BarLine]) {
        while self.bars.len() > lines.len() {
            if let Some(bar) = self.bars.pop() {
                bar.finish_and_clear();
                self.all.remove(&bar);
            }
        }
        while self.bars.len() < lines.len() {
            self.bars.push(self.all.add(ProgressBar::new(1)));
        }
        for (bar, line) in self.bars.iter().zip(lines) {
            match line {
                BarLine::Operation {
                    what,
                    done,
                    all,
                    how,
                } => {
                    bar.set_style(style(
                        "{prefix}  [{bar:24}]  {pos} of {len} steps  {wide_msg}",
                    ));
                    bar.set_length(*all as u64);
                    bar.set_position(*done as u64);
                    bar.set_prefix(what.clone());
                    bar.set_message(how.clone());
                }
                BarLine::Step(what) => {
                    bar.set_style(style("    {wide_msg}"));
                    bar.set_message(what.clone());
                }
            }
            bar.tick();
        }
    }

    /// Prints a line that stays, above the bars; false where nobody reads any more.
    pub(super) fn print(&self, line: &str) -> bool {
        self.all.println(line).is_ok()
    }

    /// Takes the bars away.
    pub(super) fn clear(&mut self) {
        self.show(&[]);
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are those above; where one were wrong, the default shows the same in another order.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}
