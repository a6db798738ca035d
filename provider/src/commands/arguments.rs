//! What the words of the command line ask for.

use std::ffi::OsString;
use std::fmt;

use lexopt::{Arg, Parser, ValueExt as _};
use terraform_framework::duration;

use super::{Command, HELP, PlatformOptions, gc, watch};

/// Words that ask for nothing.
#[derive(Debug)]
pub struct Misuse {
    error: lexopt::Error,
    usage: &'static str,
}

impl Misuse {
    fn of(usage: &'static str) -> impl Fn(lexopt::Error) -> Self {
        move |error| Self { error, usage }
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "terraform-provider-coe: {}\n\n{}",
            self.error, self.usage
        )
    }
}

/// The command that the arguments after the program's name ask for.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, Misuse> {
    let mut parser = Parser::from_args(arguments);
    let misuse = Misuse::of(HELP);
    let Some(first) = parser.next().map_err(&misuse)? else {
        return Ok(Command::Plugin);
    };
    let command = match first {
        Arg::Long("debug") => Command::Debug,
        Arg::Long("version") => Command::Version,
        Arg::Long("help") | Arg::Short('h') => Command::Help(HELP),
        Arg::Value(name) if name == "gc" => return gc(parser).map_err(Misuse::of(gc::HELP)),
        Arg::Value(name) if name == "watch" => {
            return watch(parser).map_err(Misuse::of(watch::HELP));
        }
        unknown => return Err(misuse(unknown.unexpected())),
    };
    match parser.next().map_err(&misuse)? {
        None => Ok(command),
        Some(more) => Err(misuse(more.unexpected())),
    }
}

fn gc(mut parser: Parser) -> Result<Command, lexopt::Error> {
    let mut options = gc::Options::default();
    let PlatformOptions {
        configuration,
        docker_host,
        simulated_dir,
        journal_dir,
    } = &mut options.platform;
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help(gc::HELP)),
            Arg::Long("dry-run") => options.consent = gc::Consent::Never,
            Arg::Long("yes") if options.consent == gc::Consent::Never => {}
            Arg::Long("yes") => options.consent = gc::Consent::Given,
            Arg::Long("older-than") => {
                options.older_than = parser.value()?.parse_with(duration::parse)?;
            }
            Arg::Long("ended") => options.ended = Some(parser.value()?.parse()?),
            Arg::Long("configuration") => *configuration = Some(parser.value()?.into()),
            Arg::Long("docker-host") => *docker_host = Some(parser.value()?.string()?),
            Arg::Long("simulated-dir") => *simulated_dir = Some(parser.value()?.string()?),
            Arg::Long("journal-dir") => *journal_dir = Some(parser.value()?.string()?),
            unknown => return Err(unknown.unexpected()),
        }
    }
    if docker_host.is_some() && simulated_dir.is_some() {
        return Err("--docker-host and --simulated-dir are two platforms; name one".into());
    }
    if configuration.is_some()
        && (docker_host.is_some() || simulated_dir.is_some() || journal_dir.is_some())
    {
        return Err("--configuration says all of the platform; leave the other option out".into());
    }
    Ok(Command::Gc(options))
}

fn watch(mut parser: Parser) -> Result<Command, lexopt::Error> {
    let mut options = watch::Options::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help(watch::HELP)),
            Arg::Long("once") => options.until = watch::Until::Now,
            Arg::Long("json") => options.form = watch::Form::Json,
            Arg::Long("journal-dir") => options.journal_dir = Some(parser.value()?.string()?),
            Arg::Value(cluster) if options.cluster.is_none() => {
                options.cluster = Some(cluster.string()?);
            }
            unknown => return Err(unknown.unexpected()),
        }
    }
    Ok(Command::Watch(options))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        let words = line.split_whitespace().map(OsString::from);
        parse(words).map_err(|misuse| misuse.to_string())
    }

    #[test]
    fn nothing_said_is_what_terraform_says() {
        assert_eq!(parsed(""), Ok(Command::Plugin));
        assert_eq!(parsed("--debug"), Ok(Command::Debug));
        assert_eq!(parsed("--version"), Ok(Command::Version));
        assert_eq!(parsed("--help"), Ok(Command::Help(HELP)));
    }

    #[test]
    fn each_option_of_gc_is_understood() {
        let Ok(Command::Gc(options)) =
            parsed("gc --yes --older-than 1h30m --simulated-dir=here --journal-dir there")
        else {
            panic!("it is understood")
        };
        assert_eq!(options.consent, gc::Consent::Given);
        assert_eq!(options.older_than, Duration::from_mins(90));
        assert_eq!(options.platform.simulated_dir.as_deref(), Some("here"));
        assert_eq!(options.platform.journal_dir.as_deref(), Some("there"));
    }

    #[test]
    fn the_more_careful_of_two_is_meant() {
        for line in ["gc --yes --dry-run", "gc --dry-run --yes"] {
            let Ok(Command::Gc(options)) = parsed(line) else {
                panic!("{line} is understood")
            };
            assert_eq!(options.consent, gc::Consent::Never, "{line}");
        }
    }

    #[test]
    fn what_is_not_understood_is_told_with_what_would_be() {
        for (line, said) in [
            ("--nonsense", "--nonsense"),
            ("--debug more", "more"),
            ("gc everything", "everything"),
            ("gc --older-than 3", "a unit is missing"),
            ("gc --ended yesterday", "yesterday"),
            ("gc --docker-host unix:///x --simulated-dir y", "name one"),
            (
                "gc --configuration x --journal-dir y",
                "leave the other option out",
            ),
            ("watch one two", "two"),
        ] {
            let misuse = parsed(line).unwrap_err();
            assert!(misuse.contains(said), "{line}: {misuse}");
            assert!(misuse.contains("Usage:"), "{line}: {misuse}");
        }
    }
}
