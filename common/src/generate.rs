//! `--generate`: the manual page and completions, from the same definitions as the help.

use std::io;

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::args::Generate;

/// The text of a page or of a shell's completions.
pub(crate) fn generate(mut command: Command, what: Generate) -> io::Result<Vec<u8>> {
    let shell = match what {
        Generate::Man => return manual(command),
        Generate::Bash => Shell::Bash,
        Generate::Zsh => Shell::Zsh,
        Generate::Fish => Shell::Fish,
    };
    let name = command.get_name().to_owned();
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut text);
    Ok(text)
}

fn manual(command: Command) -> io::Result<Vec<u8>> {
    let more = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    let version = command.get_version().unwrap_or_default();
    // Without a date: the page is compared with the definitions on any day.
    let title = format!(".TH {} 1 \"\" \"drkit {version}\" drkit\n", command.get_name());
    let mut page = title.into_bytes();
    let commands = commands(&command)?;
    let man = Man::new(command);
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    page.extend_from_slice(commands.as_bytes());
    sections(&more).to_writer(&mut page)?;
    let mut see = Roff::new();
    see.control("SH", ["SEE ALSO"]);
    see.text([roman("drkit-records(7)")]);
    see.to_writer(&mut page)?;
    Ok(page)
}

/// A section for each command of a tool that has some: what it does and its options.
fn commands(tool: &Command) -> io::Result<String> {
    let mut sections = String::new();
    for command in tool.get_subcommands().filter(|command| !command.is_hide_set()) {
        let mut options = Vec::new();
        Man::new(command.clone().disable_help_flag(true)).render_options_section(&mut options)?;
        let mut heading = Roff::new();
        heading
            .control("SH", [format!("{} {}", tool.get_name(), command.get_name()).to_uppercase().as_str()]);
        heading.text([roman(command.get_about().map(ToString::to_string).unwrap_or_default())]);
        sections += &String::from_utf8_lossy(&options).replacen(".SH OPTIONS\n", &heading.to_roff(), 1);
    }
    Ok(sections)
}

/// The text below the options of the help as sections of a page.
///
/// A line that ends in a colon and is not indented is a heading, what is indented by four or more is shown as it stands,
/// and everything else is prose. Prose without a heading, or behind one whose part is over, is a note.
fn sections(text: &str) -> Roff {
    let mut roff = Roff::new();
    let mut literal = false;
    let mut section = Section::None;
    for line in text.lines() {
        let is_literal = line.starts_with("    ");
        if literal != is_literal && !line.is_empty() {
            roff.control(if is_literal { "nf" } else { "fi" }, []);
            literal = is_literal;
        }
        match line.strip_suffix(':').filter(|_| !line.starts_with(' ')) {
            Some(heading) => {
                roff.control("SH", [heading.to_uppercase().as_str()]);
                section = Section::Named;
                continue;
            }
            None if !line.starts_with(' ') && !line.is_empty() && section != Section::Notes => {
                roff.control("SH", ["NOTES"]);
                section = Section::Notes;
            }
            None => {}
        }
        match line {
            "" => roff.control("PP", []),
            line if is_literal => roff.text([roman(line)]),
            line => roff.text([roman(line.trim_start())]),
        };
    }
    if literal {
        roff.control("fi", []);
    }
    roff
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Section {
    None,
    Named,
    Notes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_a_section_with_its_options() {
        let apply =
            Command::new("apply").about("Make it").arg(clap::Arg::new("twice").long("twice").num_args(0));
        let page = commands(&Command::new("tool").subcommand(apply)).unwrap();
        let section = page.find(".SH \"TOOL APPLY\"\nMake it\n").expect("a section");
        assert!(page[section..].contains("\\-\\-twice") && !page.contains(".SH OPTIONS"), "{page}");
    }

    #[test]
    fn headings_commands_and_notes_are_told_apart() {
        let text = "Examples:\n  Do it:\n    tool -n \\\n      more\n\n  Then:\n    tool\n\nCodes: 0 and 1.\n\nMore.";
        let page = sections(text).to_roff();
        let expected = [
            ".SH EXAMPLES",
            "Do it:",
            ".nf",
            "    tool \\-n \\\\",
            "      more",
            ".PP",
            ".fi",
            "Then:",
            ".nf",
            "    tool",
            ".PP",
            ".fi",
            ".SH NOTES",
            "Codes: 0 and 1.",
            ".PP",
            "More.",
        ];
        let lines: Vec<_> = page.lines().collect();
        assert_eq!(lines, expected);
    }
}
