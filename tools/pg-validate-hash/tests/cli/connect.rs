//! How the tool finds its database, and whom it trusts.

use testkit::postgres::{self, Front, PASSWORD};
use testkit::tool::{Output, Tool};

use crate::run;

fn parts(url: &str) -> (String, String) {
    let (_, rest) = url.rsplit_once('@').unwrap();
    let (address, name) = rest.split_once('/').unwrap();
    (address.rsplit_once(':').unwrap().1.to_owned(), name.to_owned())
}

fn database() -> String {
    let url = postgres::database();
    postgres::execute(&url, "create table t (n int)");
    url
}

/// The tool with nothing of the caller's own PostgreSQL settings.
fn bare() -> Tool {
    let tool = Tool::new("pg-validate-hash").arg("--all");
    ["DB_URL", "PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGSERVICE", "PGSSLMODE"]
        .iter()
        .fold(tool, |tool, name| tool.env_remove(name))
}

fn found(output: &Output) {
    assert_eq!(output.assert_code(0).records()[0]["table"], "public.t");
    assert!(!output.stderr.contains(PASSWORD), "{}", output.stderr);
}

#[test]
fn a_url_is_in_the_variable_that_is_named() {
    let url = database();
    found(&bare().env("DB_URL", &url).run());
    found(
        &bare()
            .env("DB_URL", "postgres://nobody@localhost:1/x")
            .env("OTHER", &url)
            .args(["--url-env", "OTHER"])
            .run(),
    );
    let output = bare().args(["--url-env", "UNSET"]).run();
    assert!(output.assert_code(2).stderr.contains("UNSET is not set"), "{}", output.stderr);
}

#[test]
fn variables_and_files_are_those_of_libpq() {
    let url = database();
    let (port, name) = parts(&url);
    let tool = || {
        bare().env("PGHOST", "127.0.0.1").env("PGPORT", &port).env("PGDATABASE", &name).env("PGUSER", "drkit")
    };
    found(&tool().env("PGPASSWORD", PASSWORD).run());

    let folder = tempfile::tempdir().unwrap();
    let (passwords, services) = (folder.path().join("passwords"), folder.path().join("services"));
    std::fs::write(&passwords, format!("other:*:*:*:wrong\n*:{port}:*:drkit:{PASSWORD}\n")).unwrap();
    let output = tool().env("PGPASSFILE", &passwords).run();
    assert!(output.stderr.contains("others may read it"), "{}", output.stderr);
    output.assert_code(1);
    let status = std::process::Command::new("chmod").arg("600").arg(&passwords).status();
    assert!(status.is_ok_and(|status| status.success()));
    found(&tool().env("PGPASSFILE", &passwords).run());

    let service =
        format!("[app]\nhost=127.0.0.1\nport={port}\ndbname={name}\nuser=drkit\npassword={PASSWORD}\n");
    std::fs::write(&services, service).unwrap();
    found(&bare().env("PGSERVICEFILE", &services).env("PGSERVICE", "app").run());
    bare().env("PGSERVICEFILE", &services).env("PGSERVICE", "other").run().assert_code(2);
}

#[test]
fn tls_is_verified_in_full() {
    let url = database();
    let front = Front::start(&url, &["localhost"]);
    let ca = front.ca_file().to_str().unwrap();
    let with = |host: &str, mode: &str| format!("{}?sslmode={mode}", front.url(host));
    for mode in ["require", "verify-ca", "verify-full"] {
        found(&run(&with("localhost", mode), &["--all", "--ca-file", ca]));
    }
    found(&bare().env("DB_URL", with("localhost", "verify-full")).env("PGSSLROOTCERT", ca).run());
    for (url, args, says) in [
        (with("localhost", "require"), vec!["--all"], "give --ca-file"),
        (with("127.0.0.1", "require"), vec!["--all", "--ca-file", ca], "not valid for name"),
        (with("localhost", "disable"), vec!["--all", "--ca-file", ca], "cannot connect to drkit@localhost"),
        (
            with("localhost", "require"),
            vec!["--all", "--ca-file", "/no/such/file"],
            "cannot read certificates",
        ),
        (
            with("localhost", "require"),
            vec!["--all", "--ca-file", "/dev/null"],
            "no certificate in /dev/null",
        ),
    ] {
        let output = run(&url, &args);
        assert!(output.assert_code(1).stderr.contains(says), "{url}: {}", output.stderr);
    }
    // A server without TLS gets no password from who wants it.
    let output = run(&format!("{url}?sslmode=require"), &["--all"]);
    assert!(output.assert_code(1).stderr.contains("does not support TLS"), "{}", output.stderr);
}

#[test]
fn an_iam_token_takes_the_place_of_the_password() {
    let url = database();
    let front = Front::start(&url, &["localhost"]);
    let output =
        run(&front.url("localhost"), &["--all", "--iam", "--ca-file", front.ca_file().to_str().unwrap()]);
    // The server knows no IAM, and the password that it does know was not sent.
    assert!(output.assert_code(1).stderr.contains("password authentication failed"), "{}", output.stderr);
    assert!(!output.stderr.contains("X-Amz") && !output.stderr.contains(PASSWORD), "{}", output.stderr);
    let output = run(&url, &["--all", "--iam"]);
    assert!(output.assert_code(1).stderr.contains("does not support TLS"), "{}", output.stderr);
}

#[test]
fn nothing_says_the_password() {
    let url = database();
    let wrong = url.replace(PASSWORD, &format!("x{PASSWORD}"));
    for url in [
        wrong,
        url.replace("127.0.0.1:", "127.0.0.1:x"),
        url.replace("drkit:", "nobody:"),
        format!("{url}x"),
        format!("{url}?nonsense=1"),
        format!("{url}?sslmode=sometimes"),
        format!("mysql{url}"),
    ] {
        for more in [&["-v"][..], &["-vv"], &["--log-format", "json"]] {
            let output = Tool::new("pg-validate-hash").env("DB_URL", &url).arg("--all").args(more).run();
            assert!(matches!(output.code, Some(1 | 2)), "{}", output.stderr);
            assert!(!output.stderr.contains(PASSWORD) && output.stdout.is_empty(), "{}", output.stderr);
        }
    }
}
