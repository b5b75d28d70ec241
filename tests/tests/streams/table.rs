//! One row for each tool: a command line that asks a server for something, and what it reads.

/// A command line whose first request goes to `{url}`, and which waits for the answer.
pub struct Row {
    pub tool: &'static str,
    /// Arguments, with `{url}` for `http://HOST:PORT` of the server.
    pub args: &'static [&'static str],
    /// Records for stdin; nothing where the tool reads none.
    pub stdin: Option<&'static str>,
    /// Whether it changes something, so that its records must not get lost.
    pub changes: bool,
}

const OBJECT: &str = "{\"bucket\":\"b\",\"key\":\"k\",\"version_id\":\"v\"}\n";
const EVENT: &str = "{\"object\":\"event\",\"id\":\"evt_1\",\"type\":\"a.b\",\"created\":1,\"livemode\":false,\
    \"api_version\":null,\"data\":{\"object\":{\"id\":\"o\"}}}\n";

/// Patient with every server, so that nothing but a signal ends the wait.
pub const PATIENT: &str = "10m";

/// All tools. Those for PostgreSQL find the server in DB_URL.
pub const ROWS: [Row; 14] = [
    Row {
        tool: "s3-versions",
        args: &["--endpoint-url", "{url}", "--attempts", "2", "--read-timeout", PATIENT, "s3://b/"],
        stdin: None,
        changes: false,
    },
    Row {
        tool: "s3-restore",
        args: &["--endpoint-url", "{url}", "--attempts", "2", "--read-timeout", PATIENT],
        stdin: Some(OBJECT),
        changes: true,
    },
    Row {
        tool: "cf-purge",
        args: &[
            "--endpoint-url",
            "{url}",
            "--attempts",
            "2",
            "--read-timeout",
            PATIENT,
            "--distribution-id",
            "E1",
        ],
        stdin: Some("{\"key\":\"k\"}\n"),
        changes: true,
    },
    Row {
        tool: "rds-restore",
        args: &[
            "--endpoint-url",
            "{url}",
            "--attempts",
            "2",
            "--read-timeout",
            PATIENT,
            "--from",
            "a",
            "--to",
            "b",
            "--latest",
        ],
        stdin: None,
        changes: true,
    },
    Row { tool: "pg-validate-hash", args: &["--all"], stdin: None, changes: false },
    Row {
        tool: "conf-swap",
        args: &[
            "--endpoint-url",
            "{url}",
            "--attempts",
            "2",
            "--read-timeout",
            PATIENT,
            "--ssm",
            "/a",
            "--value-from",
            "v",
        ],
        stdin: Some("{\"v\":\"x\"}\n"),
        changes: true,
    },
    Row {
        tool: "rds-retire",
        args: &[
            "--endpoint-url",
            "{url}",
            "--attempts",
            "2",
            "--read-timeout",
            PATIENT,
            "a",
            "--yes",
            "a",
            "--restored",
            "b",
        ],
        stdin: None,
        changes: true,
    },
    Row { tool: "pg-rows", args: &["select 1"], stdin: None, changes: false },
    Row {
        tool: "ts-schema",
        args: &["export", "--nodes", "{url}", "--timeout", PATIENT],
        stdin: None,
        changes: false,
    },
    Row {
        tool: "ts-import",
        args: &["--nodes", "{url}", "--timeout", PATIENT, "people"],
        stdin: Some("{\"id\":\"1\"}\n"),
        changes: true,
    },
    Row {
        tool: "ddb-restore",
        args: &[
            "--endpoint-url",
            "{url}",
            "--attempts",
            "2",
            "--read-timeout",
            PATIENT,
            "--from",
            "aaa",
            "--to",
            "bbb",
            "--at",
            "@1790000000",
        ],
        stdin: None,
        changes: true,
    },
    Row {
        tool: "ddb-retire",
        args: &[
            "--endpoint-url",
            "{url}",
            "--attempts",
            "2",
            "--read-timeout",
            PATIENT,
            "aaa",
            "--yes",
            "aaa",
        ],
        stdin: None,
        changes: true,
    },
    Row {
        tool: "stripe-events",
        args: &["--api-base", "{url}", "--timeout", PATIENT, "--since", "1h"],
        stdin: None,
        changes: false,
    },
    Row {
        tool: "stripe-replay",
        args: &["--to", "{url}/hook", "--timeout", PATIENT],
        stdin: Some(EVENT),
        changes: true,
    },
];
