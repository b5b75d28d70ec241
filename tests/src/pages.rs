//! What every tool prints without being set up: its help, its man page and its completions.

use crate::tool::Tool;

/// Lets a tool print all its pages with no other flag or argument.
///
/// # Panics
/// If it fails, or one of them is not what it should be.
#[track_caller]
pub fn assert_printed(tool: &str) {
    let help = Tool::new(tool).arg("--help").run();
    assert!(help.assert_code(0).text().contains("Examples:"));
    let man = format!(".TH {tool}");
    for (what, sign) in
        [("man", man.as_str()), ("bash", "complete -F"), ("zsh", "#compdef"), ("fish", "complete -c")]
    {
        let page = Tool::new(tool).args(["--generate", what]).run();
        assert!(page.assert_code(0).text().contains(sign), "{what}");
    }
}
