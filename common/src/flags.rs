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

/// The flags and arguments that were given and are not the default, by name, in the order of the tool's definition.
#[derive(Clone, Debug, Default)]
pub struct Flags(IndexMap<String, Vec<String>>);

impl Flags {
    pub(crate) fn of(command: &Command, matches: &ArgMatches) -> Self {
        let mut flags = IndexMap::new();
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
                flags.insert(id.to_owned(), values);
            }
        }
        Self(flags)
    }

    /// Without these, by their names in clap: flags of one tool that change nothing that it writes.
    pub fn without(&self, names: &[&str]) -> Self {
        let kept = self.0.iter().filter(|(name, _)| !names.contains(&name.as_str()));
        Self(kept.map(|(name, values)| (name.clone(), values.clone())).collect())
    }

    /// Names as on the command line, each with its values.
    pub(crate) fn shown(&self) -> IndexMap<String, String> {
        let name = |id: &str| format!("--{}", id.replace('_', "-"));
        self.0.iter().map(|(id, values)| (name(id), values.join(" "))).collect()
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
            .arg(Arg::new("storage_class").long("storage-class"))
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
