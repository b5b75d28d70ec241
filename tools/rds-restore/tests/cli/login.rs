//! `--connect-env`: a real login at the endpoint of the new cluster.

use anyhow::{Context, Result};
use testkit::postgres;
use testkit::rds::Server;

use crate::{AT, error, production, record, restore};

/// An RDS whose restored clusters are the PostgreSQL at this URL, and the URL as an application has it for the old
/// cluster, at an address that does not answer.
fn in_front_of(url: &str) -> Result<(Server, String)> {
    let (user, rest) = url.rsplit_once('@').context("a URL with a user")?;
    let (address, database) = rest.split_once('/').context("a URL with a database")?;
    let (host, port) = address.rsplit_once(':').context("a URL with a port")?;
    let server = production();
    {
        let mut state = server.state();
        state.endpoint = Some(host.to_owned());
        state.cluster_mut("app-prod").context("the source")?.fields.set("Port", port);
    }
    Ok((server, format!("{user}@127.0.0.2:1/{database}")))
}

#[test]
fn the_role_of_the_url_logs_in_at_the_new_endpoint() -> Result<()> {
    let (server, url) = in_front_of(&postgres::database())?;
    let output = restore(&server).args(["--connect-env", "APP_URL"]).env("APP_URL", &url).run();
    let record = record(&output);
    assert!(record["restore"]["timings"]["login"].is_number());
    let address = format!("127.0.0.1:{}/", record["port"]);
    assert!(output.stderr.contains(&address) && output.stderr.contains("logged in"), "{}", output.stderr);
    assert!(!output.stderr.contains(postgres::PASSWORD) && !output.text().contains(postgres::PASSWORD));
    // And again where all is done.
    let again = restore(&server).args(["--connect-env", "APP_URL"]).env("APP_URL", &url).run();
    assert!(crate::record(&again)["restore"]["timings"]["login"].is_number());
    Ok(())
}

#[test]
fn a_wrong_password_is_final_and_explained() -> Result<()> {
    let database = postgres::database();
    postgres::execute(&database, "create role rotated login password 'the-old-one'");
    let (server, url) = in_front_of(&database)?;
    let (_, rest) = url.split_once('@').unwrap();
    let url = format!("postgres://rotated:the-new-one@{rest}");
    let output = restore(&server).args(["--connect-env", "APP_URL"]).env("APP_URL", url).run();
    output.assert_code(1);
    let line = error(&output);
    assert!(line.contains("password authentication failed"), "{line}");
    assert!(line.contains(&format!("as of {AT}")) && line.contains("AWSPREVIOUS"), "{line}");
    assert!(!output.stderr.contains("the-new-one") && !output.stderr.contains("the-old-one"));
    Ok(())
}

#[test]
fn a_database_that_is_not_there_is_final() -> Result<()> {
    let (server, url) = in_front_of(&postgres::database())?;
    let (start, _) = url.rsplit_once('/').unwrap();
    let url = format!("{start}/nosuchdatabase");
    let output = restore(&server).args(["--connect-env", "APP_URL"]).env("APP_URL", url).run();
    output.assert_code(1);
    assert!(error(&output).contains("nosuchdatabase"), "{}", output.stderr);
    Ok(())
}

#[test]
fn a_server_that_is_not_there_yet_is_tried_again() -> Result<()> {
    let own = postgres::another();
    let (server, url) = in_front_of(&own.database())?;
    own.stop();
    let mut running = restore(&server).args(["--connect-env", "APP_URL"]).env("APP_URL", &url).spawn();
    running.wait_stderr("and is tried again");
    own.start_again();
    let output = running.wait();
    assert!(record(&output)["restore"]["timings"]["login"].is_number());
    Ok(())
}

#[test]
fn a_variable_that_is_not_set_is_a_usage_error_before_anything_is_done() -> Result<()> {
    let server = production();
    let output = restore(&server).args(["--connect-env", "NO_SUCH_URL"]).run();
    assert!(output.assert_code(2).stderr.contains("NO_SUCH_URL"), "{}", output.stderr);
    let secret = "postgres://u:hunter2@h:port/d";
    let output = restore(&server).args(["--connect-env", "APP_URL"]).env("APP_URL", secret).run();
    assert!(!output.assert_code(2).stderr.contains("hunter2"), "{}", output.stderr);
    assert!(server.state().log.is_empty());
    Ok(())
}

#[test]
fn it_is_for_postgresql_alone() -> Result<()> {
    let server = production();
    server.state().cluster_mut("app-prod").unwrap().fields.set("Engine", "aurora-mysql");
    let flags = ["--connect-env", "APP_URL"];
    let output = restore(&server).args(flags).env("APP_URL", "postgres://u:p@h/d").run();
    output.assert_code(1);
    assert!(error(&output).contains("--connect-env logs in to PostgreSQL"), "{}", output.stderr);
    crate::assert_only_read(&server);
    Ok(())
}

#[test]
fn a_dry_run_logs_in_to_nothing() -> Result<()> {
    let server = production();
    let flags = ["--connect-env", "APP_URL", "-n"];
    let output = restore(&server).args(flags).env("APP_URL", "postgres://u:p@127.0.0.2:1/d").run();
    assert_eq!(record(&output)["restore"]["timings"]["login"], serde_json::Value::Null);
    Ok(())
}
