//! `--help` whose examples can be pasted: the terminal's width wraps prose, never a command.

use std::io::{self, IsTerminal as _, Write as _};

use clap::Command;

/// Lines below the options that begin so are commands, as in the manual page.
const LITERAL: &str = "    ";

/// The commands below the options of a tool and its subcommands, which leave as they were written.
#[derive(Default)]
pub(crate) struct Literals {
    lines: Vec<String>,
}

impl Literals {
    /// Puts a short word in the place of each command, so that clap has nothing to wrap there.
    pub(crate) fn set_aside(&mut self, command: Command) -> Command {
        let command = command.mut_subcommands(|command| self.set_aside(command));
        let Some(below) = command.get_after_long_help().map(ToString::to_string) else { return command };
        let lines: Vec<_> = below.lines().map(|line| self.place_of(line)).collect();
        command.after_long_help(lines.join("\n"))
    }

    fn place_of(&mut self, line: &str) -> String {
        if !line.starts_with(LITERAL) {
            return line.to_owned();
        }
        self.lines.push(line.to_owned());
        format!("{LITERAL}{}", place(self.lines.len() - 1))
    }

    /// Prints a help page, or what is wrong with the command line, as clap does.
    ///
    /// # Errors
    /// When stdout or stderr takes it no more.
    pub(crate) fn print(&self, error: &clap::Error) -> io::Result<()> {
        if error.use_stderr() {
            return error.print();
        }
        let page = error.render();
        let coloured =
            io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty());
        let page = if coloured { page.ansi().to_string() } else { page.to_string() };
        let mut stdout = io::stdout().lock();
        stdout.write_all(self.put_back(page).as_bytes())?;
        stdout.flush()
    }

    fn put_back(&self, mut page: String) -> String {
        for (index, line) in self.lines.iter().enumerate() {
            page = page.replace(&format!("{LITERAL}{}", place(index)), line);
        }
        page
    }
}

fn place(index: usize) -> String {
    format!("{{{index}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_wrapped_and_commands_are_not() {
        let long = "x".repeat(90);
        let below =
            format!("Examples:\n  Do it {}:\n    tool {long} |\n      next {long}", "and ".repeat(30));
        let sub = Command::new("sub").after_long_help(format!("Examples:\n    tool sub {long}"));
        let command = Command::new("tool").term_width(80).after_long_help(below).subcommand(sub);
        let mut literals = Literals::default();
        let command = literals.set_aside(command);
        let page = |line: &str| {
            let error = command.clone().try_get_matches_from(line.split(' ')).unwrap_err();
            literals.put_back(error.render().to_string())
        };
        let own = page("tool --help");
        assert!(own.contains(&format!("\n    tool {long} |\n      next {long}")), "{own}");
        assert!(own.lines().filter(|line| line.contains("and and")).all(|line| line.len() <= 80), "{own}");
        assert!(page("tool sub --help").contains(&format!("\n    tool sub {long}")));
    }
}
