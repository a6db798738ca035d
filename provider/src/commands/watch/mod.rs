//! `watch`: shows what is being done to clusters, as their journals tell of it.
//!
//! It only looks: nothing is written, and no operation waits for it.

mod bars;
mod change;
mod history;
mod json;
mod text;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use coe_engine::saga::journal::{JournalError, JournalWatch};
use jiff::Timestamp;

use self::bars::Screen;
use self::change::{changes, is_over};
use self::history::{Histories, OperationHistory};
use super::platform::journal_dir;
use super::{FAILED, complain, threads};
use crate::diagnostics::sentence;

/// How `watch` is used.
pub const HELP: &str = "\
Shows what is being done to clusters from this machine, as it is done, and what was done last.

Usage: terraform-provider-coe watch [option]... [cluster]

What is shown is what the journals of this machine tell, of all clusters or of the one with that name or id. On a
terminal what is under way is shown as bars, elsewhere a line is printed for each thing that happens.

  --once                  print what there is now, with the steps and how long each took, and end; else until Ctrl-C
  --json                  a line of JSON for each thing that happened, from the beginning of each journal
  --journal-dir <dir>     the folder of journals; default: as the provider's `journal_dir`
  --help                  print this

Exit codes:
  0   it was shown
  1   the journals could not be read
  2   the arguments are not understood";

/// How often the journals are looked at. What has not changed since is not read again.
const PAUSE: Duration = Duration::from_millis(250);

/// Until when it is watched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Until {
    /// Only what there is now.
    Now,
    /// Until Ctrl-C.
    #[default]
    Interrupted,
}

/// In which form it is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Form {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// What `watch` is asked for.
#[derive(Debug, Default, PartialEq)]
pub struct Options {
    /// The name or id of the only cluster to show.
    pub cluster: Option<String>,
    /// Until when.
    pub until: Until,
    /// How.
    pub form: Form,
    /// The folder of journals.
    pub journal_dir: Option<String>,
}

/// Looks and shows.
pub fn run(options: Options) -> ExitCode {
    let folder = match journal_dir(options.journal_dir.clone()) {
        Ok(folder) => folder,
        Err(diagnostics) => {
            complain(&diagnostics.to_string());
            return ExitCode::from(FAILED);
        }
    };
    let mut watcher = Watcher::new(folder, options);
    let shown = match watcher.options.until {
        Until::Now => watcher.show_once(),
        Until::Interrupted => match threads() {
            Ok(threads) => threads.block_on(watcher.follow()),
            Err(code) => return code,
        },
    };
    match shown {
        // One that cannot be read was told of when it was found.
        Ok(()) if watcher.unreadable.is_empty() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::from(FAILED),
        Err(Stop::Unread) => ExitCode::SUCCESS,
        Err(Stop::Journals(error)) => {
            complain(&sentence(&error));
            ExitCode::from(FAILED)
        }
    }
}

/// Why it ends before it is told to.
enum Stop {
    /// Nobody reads what is shown.
    Unread,
    /// The folder of journals cannot be listed.
    Journals(JournalError),
}

impl From<JournalError> for Stop {
    fn from(error: JournalError) -> Self {
        Self::Journals(error)
    }
}

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Self::Unread
    }
}

struct Watcher {
    options: Options,
    folder: PathBuf,
    journals: JournalWatch,
    seen: Histories,
    /// What was wrong with journals, each said once.
    unreadable: BTreeSet<String>,
}

impl Watcher {
    fn new(folder: PathBuf, options: Options) -> Self {
        Self {
            options,
            journals: JournalWatch::new(folder.clone()),
            folder,
            seen: Histories::new(),
            unreadable: BTreeSet::new(),
        }
    }

    /// What there is now, and the errors that are new.
    fn look(&mut self) -> Result<(Histories, Vec<String>), JournalError> {
        let (mut histories, mut errors) = (Histories::new(), Vec::new());
        for look in self.journals.look()? {
            match look {
                Ok(look) => {
                    let mut operations = history::operations(&look);
                    if let Some(cluster) = &self.options.cluster {
                        operations.retain(|operation| operation.is_of(cluster));
                    }
                    histories.insert(look.path, operations);
                }
                Err(error) => {
                    let said = sentence(&error);
                    if self.unreadable.insert(said.clone()) {
                        errors.push(said);
                    }
                }
            }
        }
        Ok((histories, errors))
    }

    fn show_once(&mut self) -> Result<(), Stop> {
        let (histories, errors) = self.look()?;
        for error in errors {
            complain(&error);
        }
        let now = Timestamp::now();
        let mut output = io::stdout().lock();
        if self.options.form == Form::Json {
            for change in changes(&Histories::new(), &histories, now) {
                writeln!(output, "{}", json::line(&change))?;
            }
            return Ok(());
        }
        let operations = oldest_first(&histories);
        for (position, operation) in operations.iter().enumerate() {
            if position > 0 {
                writeln!(output)?;
            }
            output.write_all(text::whole(operation, now).as_bytes())?;
        }
        if operations.is_empty() {
            complain(&nothing_in(&self.folder));
        }
        Ok(())
    }

    async fn follow(&mut self) -> Result<(), Stop> {
        let mut show = match self.options.form {
            Form::Json => Show::Json,
            Form::Text if io::stdout().is_terminal() => Show::Bars(Screen::new()),
            Form::Text => Show::Lines,
        };
        let interruption = tokio::signal::ctrl_c();
        tokio::pin!(interruption);
        let mut is_first = true;
        loop {
            let (histories, errors) = self.look()?;
            for error in errors {
                show.complain(&error);
            }
            let now = Timestamp::now();
            if is_first && show.is_for_people() {
                self.begin(&histories, now, &mut show)?;
            }
            is_first = false;
            for change in changes(&self.seen, &histories, now) {
                show.change(&change, &histories, now)?;
            }
            if let Show::Bars(screen) = &mut show {
                screen.show(&bars::lines(oldest_first(&histories), now));
            }
            self.seen = histories;
            tokio::select! {
                _ = &mut interruption => break,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
        if let Show::Bars(screen) = &mut show {
            screen.clear();
        }
        Ok(())
    }

    /// What was over before is told in a line each.
    fn begin(
        &mut self,
        histories: &Histories,
        now: Timestamp,
        show: &mut Show,
    ) -> Result<(), Stop> {
        let operations = oldest_first(histories);
        if operations.is_empty() {
            complain(&format!("{}; waiting for one", nothing_in(&self.folder)));
        }
        for operation in operations {
            if is_over(&operation.state) {
                show.line(&text::summary(operation, now))?;
            }
        }
        for (path, operations) in histories {
            let over = operations.iter().filter(|one| is_over(&one.state));
            self.seen.insert(path.clone(), over.cloned().collect());
        }
        Ok(())
    }
}

fn nothing_in(folder: &Path) -> String {
    format!("no operation is remembered in {}", folder.display())
}

fn oldest_first(histories: &Histories) -> Vec<&OperationHistory> {
    let mut operations: Vec<_> = histories.values().flatten().collect();
    operations.sort_by_key(|operation| (operation.started, operation.id));
    operations
}

/// How what happens is shown.
enum Show {
    Bars(Screen),
    Lines,
    Json,
}

impl Show {
    fn is_for_people(&self) -> bool {
        !matches!(self, Self::Json)
    }

    fn change(
        &mut self,
        change: &change::Change,
        histories: &Histories,
        now: Timestamp,
    ) -> Result<(), Stop> {
        match self {
            Self::Json => self.line(&json::line(change)),
            Self::Lines => self.line(&text::line(change)),
            // What is under way is on the screen; what is over stays above it.
            Self::Bars(_) => match &change.what {
                change::What::Ended(..) | change::What::FoundDead(_) => {
                    let mut of = histories.values().flatten();
                    match of.find(|operation| operation.id == change.operation) {
                        Some(operation) => self.line(&text::summary(operation, now)),
                        None => self.line(&text::line(change)),
                    }
                }
                change::What::StepEnded { result: Err(_), .. } | change::What::Gone(_) => {
                    self.line(&text::line(change))
                }
                _ => Ok(()),
            },
        }
    }

    fn line(&mut self, line: &str) -> Result<(), Stop> {
        if let Self::Bars(screen) = self {
            return if screen.print(line) {
                Ok(())
            } else {
                Err(Stop::Unread)
            };
        }
        let mut output = io::stdout().lock();
        writeln!(output, "{line}")?;
        Ok(output.flush()?)
    }

    fn complain(&mut self, text: &str) {
        match self {
            Self::Bars(screen) => _ = screen.print(text),
            Self::Lines | Self::Json => complain(text),
        }
    }
}
