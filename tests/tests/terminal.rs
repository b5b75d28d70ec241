//! What the tools do where stdin is a terminal, on which nobody types records.

use testkit::tool::Tool;

/// Runs a command on a terminal of its own, and ends with its exit code.
const ON_A_TERMINAL: &str =
    "python3 -c 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))'";

#[test]
fn commands_fit_the_terminal_and_prose_is_wrapped_to_it() {
    for tool in testkit::tool::all() {
        let page = testkit::examples::on_a_terminal(&tool);
        let plain = Tool::new(&tool).arg("--help").run();
        let (_, examples) = plain.text().split_once("Examples:\n").expect("examples");
        for command in examples.lines().filter(|line| line.starts_with("    ")) {
            assert!(page.lines().any(|line| line == command), "{tool}: wrapped: {command}");
        }
        for line in page.lines() {
            assert!(line.chars().count() <= 80, "{tool}: wider than the terminal: {line}");
        }
    }
}

#[test]
fn a_tool_that_wants_records_shows_its_help_instead_of_waiting() {
    for command in [
        "s3-restore",
        "s3-restore --csv --bucket photos",
        "cf-purge --distribution-id EABC123",
        "s3-versions --bucket photos --keys-from -",
        "conf-swap --undo",
        "conf-swap --ssm /app/host --value-from endpoint",
        "pg-validate-hash",
        "pg-validate-hash --baseline -",
        "pg-rows 'select $1' --params-from - --plain",
        "ts-import people",
        "env STRIPE_WEBHOOK_SECRET=whsec_x stripe-replay --to http://127.0.0.1:9/hooks",
    ] {
        let output = Tool::bash(&format!("{ON_A_TERMINAL} {command}")).run();
        output.assert_code(2);
        let shown = output.text();
        assert!(shown.contains("stdin is a terminal"), "{command}: {shown}");
        assert!(shown.contains("Usage:") && !shown.contains("Examples:"), "{command}: {shown}");
    }
}
