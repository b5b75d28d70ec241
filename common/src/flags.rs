//! The flags of a run as text, for what must know that another run had the same.

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};
use indexmap::IndexMap;

/// Flags that change how a run works or what it may do, but nothing that it writes: by their names in clap. Every other
/// flag of a tool counts as one that changes results, so that a new one cannot be forgotten. Endpoint and region belong
/// to the target of a run.
const HOW: &[&str] = &[
    "verbose",
    "quiet",
    "log_format",
    "generate",
    "rejects",
    "max_rejects",
    "journal",
    "check_replayed",
    "concurrency",
    "dry_run",
    "profile",
    "region",
    "endpoint_url",
    "connect_timeout",
    "read_timeout",
    "attempts",
];

/// The flags and arguments that were given and are not the default, in the order of the tool's definition.
#[derive(Clone, Debug, Default)]
pub struct Flags(Vec<Flag>);

#[derive(Clone, Debug)]
struct Flag {
    /// Its name in clap.
    id: String,
    /// As the user writes it: `--method`, or the name of an argument's value.
    shown: String,
    values: Vec<String>,
}

impl Flags {
    pub(crate) fn of(command: &Command, matches: &ArgMatches) -> Self {
        let mut flags = Vec::new();
        for arg in command.get_arguments() {
            let id = arg.get_id().as_str();
            let is_default = !matches!(
                matches.value_source(id),
                Some(ValueSource::CommandLine | ValueSource::EnvVariable)
            );
            let given = matches.get_raw(id).into_iter().flatten();
            let values: Vec<_> = given.map(|value| value.to_string_lossy().into_owned()).collect();
            // Said or not, a default is the same run, also where a later release has a flag more.
            let defaults = arg.get_default_values().iter().map(|value| value.to_string_lossy());
            if !HOW.contains(&id) && !is_default && !defaults.eq(values.iter().map(String::as_str)) {
                let shown = match arg.get_long() {
                    Some(long) => format!("--{long}"),
                    None => id.to_uppercase(),
                };
                flags.push(Flag { id: id.to_owned(), shown, values });
            }
        }
        Self(flags)
    }

    /// Without these, by their names in clap: flags of one tool that change nothing that it writes.
    pub fn without(&self, names: &[&str]) -> Self {
        Self(self.0.iter().filter(|flag| !names.contains(&flag.id.as_str())).cloned().collect())
    }

    /// Names as the user writes them, each with its values.
    pub(crate) fn shown(&self) -> IndexMap<String, String> {
        self.0.iter().map(|flag| (flag.shown.clone(), flag.values.join(" "))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Arg, ArgAction};

    fn shown(line: &str) -> Vec<(String, String)> {
        let command = Command::new("tool")
            .arg(Arg::new("method").long("method").default_value("auto"))
            .arg(Arg::new("all").long("all").action(ArgAction::SetTrue))
            .arg(Arg::new("class").long("storage-class"))
            .arg(Arg::new("tag").long("tag").action(ArgAction::Append))
            .arg(Arg::new("concurrency").long("concurrency"));
        let matches = command.clone().try_get_matches_from(line.split(' ')).unwrap();
        Flags::of(&command, &matches).shown().into_iter().collect()
    }

    #[test]
    fn what_changes_results_is_there_and_a_default_is_not() {
        assert_eq!(shown("tool"), []);
        assert_eq!(shown("tool --method auto --concurrency 3"), []);
        let given = shown("tool --tag b --storage-class X --tag a --all --method copy");
        let given: Vec<_> = given.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            given,
            [("--method", "copy"), ("--all", "true"), ("--storage-class", "X"), ("--tag", "b a")]
        );
    }
}
