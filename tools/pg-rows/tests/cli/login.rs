//! Who is asked, and who is trusted.

use testkit::fault::nowhere;
use testkit::postgres::{self, Front, PASSWORD};

use crate::{checked, lines, run, tool};

#[test]
fn a_wrong_password_and_no_server_are_told_without_the_password() {
    let url = postgres::database();
    let output = run(&url.replace(PASSWORD, &format!("{PASSWORD}x")), "select 1 as n", &[]);
    assert!(output.assert_code(1).stderr.contains("28P01"), "{}", output.stderr);
    let nobody = nowhere().replace("http://", "");
    let output = run(&format!("postgres://drkit:{PASSWORD}@{nobody}/d"), "select 1 as n", &[]);
    assert!(output.assert_code(1).stderr.contains(&format!("drkit@{nobody}/d")), "{}", output.stderr);
    let output = run(&format!("postgres://drkit:{PASSWORD}@[/d"), "select 1 as n", &[]);
    assert!(output.assert_code(2).stderr.contains("DB_URL"), "{}", output.stderr);
}

#[test]
fn another_variable_has_the_url() {
    let url = postgres::database();
    let other = tool("postgres://nobody@127.0.0.1:1/d").env("RESTORED_URL", &url);
    let output = checked(other.args(["select 1 as n", "--url-env", "RESTORED_URL"]).run());
    assert_eq!(lines(&output), [r#"{"n":1}"#]);
}

#[test]
fn a_server_is_trusted_by_its_authority_and_name() {
    let (front, other) = (
        Front::start(&postgres::database(), &["localhost"]),
        Front::start(&postgres::database(), &["db.example"]),
    );
    let with = |url: String, ca: &Front| {
        let ca_file = ca.ca_file().to_str().unwrap_or_default();
        run(&format!("{url}?sslmode=verify-full"), "select 1 as n", &["--ca-file", ca_file])
    };
    assert_eq!(lines(&with(front.url("localhost"), &front)), [r#"{"n":1}"#]);
    for (url, ca) in [(front.url("localhost"), &other), (other.url("localhost"), &other)] {
        assert!(with(url, ca).assert_code(1).stderr.contains("certificate"));
    }
    let plain = run(&front.url("127.0.0.1"), "select 1 as n", &[]);
    assert!(plain.assert_code(1).stderr.contains("no encryption"), "{}", plain.stderr);
}

/// Over TLS of the server's own, the password is bound to the certificate too.
#[test]
#[expect(clippy::print_stdout, reason = "a test that is passed over says so")]
fn a_server_that_takes_tls_alone_is_logged_in_to() {
    let Some(server) =
        postgres::version_15().filter(|server| postgres::value(server.url(), "show ssl") == "on")
    else {
        println!("passed over: this machine has no PostgreSQL 15 with TLS");
        return;
    };
    let url = server.tls_only(&server.database());
    let ca_file = server.ca_file().to_str().unwrap_or_default();
    let query = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    let output = run(&format!("{url}?sslmode=require"), query, &["--ca-file", ca_file]);
    assert_eq!(lines(&output), [r#"{"ssl":true}"#]);
}
