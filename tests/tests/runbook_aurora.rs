//! RB-N-02, as an operator starts it: moto keeps secret and parameter, two PostgreSQL servers are the damaged and the
//! restored database, and an RDS of this process says that they are clusters.
#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;
use testkit::cloudwatch::CloudWatch;
use testkit::rds::{self, Refusal, Stage, cluster, instance};
use testkit::tool::{Output, Tool};
use testkit::{client, moto, postgres};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/runbooks/rb-n-02-aurora-pitr.sh");

/// What the application's tables hold when all is well.
const GOOD: &str = "create table people (id int primary key, name text);
    insert into people values (1, 'Ada'), (2, 'Grace'), (3, 'Edsger');
    create table orders (id int primary key, cents int);
    insert into orders select n, n * 100 from generate_series(1, 50) n;";

struct Incident {
    rds: rds::Server,
    cloudwatch: CloudWatch,
    /// The damaged database and its server.
    old: (postgres::Server, String),
    /// What the restored cluster holds, and its server.
    restored: (postgres::Server, String),
    name: String,
    folder: tempfile::TempDir,
}

impl Incident {
    async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let database = || {
            let server = postgres::another();
            let url = server.database();
            postgres::execute(&url, GOOD);
            (server, url)
        };
        let (old, restored) = (database(), database());
        postgres::execute(&old.1, "update people set name = 'gone' where id = 2");
        let incident = Self {
            rds: rds::Server::start(),
            cloudwatch: CloudWatch::start(),
            old,
            restored,
            name: format!("aurora{}", NEXT.fetch_add(1, Ordering::Relaxed)),
            folder: tempfile::tempdir().expect("a folder"),
        };
        incident.create_cluster();
        incident.create_configuration().await;
        incident
    }

    /// `app-prod`, whose clones are reached where the restored database is.
    fn create_cluster(&self) {
        let (host, port) = self.restored_address();
        let mut prod = cluster("app-prod");
        prod.fields.set("Port", port).set("DeletionProtection", "false");
        let mut state = self.rds.state();
        state.endpoint = Some(host);
        state.clusters.push(prod);
        state.instances.push(instance("app-prod-1", "app-prod", true));
        self.cloudwatch.connections("app-prod-1", 0);
    }

    fn restored_address(&self) -> (String, String) {
        let (_, rest) = self.restored.1.rsplit_once('@').expect("a URL with a password");
        let (host, port) =
            rest.split('/').next().and_then(|address| address.split_once(':')).expect("a port");
        (host.to_owned(), port.to_owned())
    }

    async fn create_configuration(&self) {
        let sdk = client::sdk(moto::endpoint());
        let parameter = aws_sdk_ssm::Client::new(&sdk).put_parameter().name(self.parameter());
        let parameter = parameter.value("false").r#type(aws_sdk_ssm::types::ParameterType::String);
        parameter.send().await.expect("moto makes a parameter");
        let secret = aws_sdk_secretsmanager::Client::new(&sdk).create_secret().name(&self.name);
        secret.secret_string(self.content("old.example")).send().await.expect("moto makes a secret");
    }

    /// What the secret holds when it leads to this host.
    fn content(&self, host: &str) -> String {
        let password = postgres::PASSWORD;
        format!(r#"{{ "username":"drkit", "password":"{password}","host" : "{host}", "port":5432 }}"#)
    }

    fn parameter(&self) -> String {
        format!("/{}/global_readonly", self.name)
    }

    /// The value of the read-only parameter, and how often it was written.
    async fn readonly(&self) -> (String, i64) {
        let ssm = aws_sdk_ssm::Client::new(&client::sdk(moto::endpoint()));
        let got = ssm.get_parameter().name(self.parameter()).send().await.expect("the parameter");
        let parameter = got.parameter.expect("the parameter");
        (parameter.value.expect("its value"), parameter.version)
    }

    /// What readers of the secret get. moto shows another version to who names no stage.
    async fn secret(&self) -> String {
        let secrets = aws_sdk_secretsmanager::Client::new(&client::sdk(moto::endpoint()));
        let got = secrets.get_secret_value().secret_id(&self.name).version_stage("AWSCURRENT").send().await;
        got.expect("the secret").secret_string.expect("its value")
    }

    fn evidence(&self) -> PathBuf {
        self.folder.path().join("incident")
    }

    fn records(&self, name: &str) -> Vec<Value> {
        let path = self.evidence().join(name);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        text.lines().map(|line| serde_json::from_str(line).expect("a record")).collect()
    }

    /// What `pg-validate-hash --all` said of the database when all was well, but for one row if that is wanted.
    fn baseline(&self, differs: bool) -> String {
        let path = self.folder.path().join("baseline.jsonl");
        if differs {
            postgres::execute(&self.restored.1, "insert into orders values (51, 1)");
        }
        let output = Tool::new("pg-validate-hash").arg("--all").env("DB_URL", &self.restored.1).run();
        fs::write(&path, &output.assert_code(0).stdout).expect("a baseline");
        if differs {
            postgres::execute(&self.restored.1, "delete from orders where id = 51");
        }
        path.to_string_lossy().into_owned()
    }

    fn tool(&self, command: &str) -> Tool {
        Tool::bash(command)
            .env("CLUSTER", "app-prod")
            .env("RESTORED", "app-restore-1120")
            .env("AT", "2026-11-20T09:30:00Z")
            .env("READONLY_PARAMETER", self.parameter())
            .env("SECRET", &self.name)
            .env("DB_URL", &self.old.1)
            .env("EVIDENCE", self.evidence())
            .env("AWS_ENDPOINT_URL", moto::endpoint())
            .env("AWS_ENDPOINT_URL_RDS", self.rds.url())
            .env("AWS_ENDPOINT_URL_CLOUDWATCH", self.cloudwatch.url())
    }

    fn script(&self, args: &str) -> Tool {
        self.tool(&format!("bash '{SCRIPT}' {args}"))
    }

    fn run(&self, args: &str, env: &[(&str, &str)]) -> Output {
        env.iter().fold(self.script(args), |tool, (name, value)| tool.env(name, value)).run()
    }
}

/// A login with what the secret will hold, at the host that it will lead to.
fn login(port: &str, database: &str) -> String {
    format!(
        r#"password=${{CONF_SWAP_VALUE#*\"password\":\"}}
        DB_URL="postgres://drkit:${{password%%\"*}}@$CONF_SWAP_NEW:{port}/{database}" \
            pg-validate-hash --counts people >/dev/null"#
    )
}

#[tokio::test]
async fn aurora_comes_back_and_the_application_follows() {
    let incident = Incident::new().await;
    let baseline = incident.baseline(false);
    let (host, port) = incident.restored_address();
    let database = incident.restored.1.rsplit_once('/').expect("a database").1;
    let env = [("BASELINE", &*baseline), ("CHECK", &login(&port, database)), ("PROVE", "true")];
    let output = incident.run("--yes", &env);
    output.assert_code(0);
    assert!(!output.text().contains(postgres::PASSWORD) && !output.stderr.contains(postgres::PASSWORD));
    assert_eq!(incident.secret().await, incident.content(&host), "{}", output.text());
    assert_eq!(incident.readonly().await, ("false".into(), 3));
    let validated = incident.records("validated.jsonl");
    assert_eq!(validated.len(), 2);
    assert!(validated.iter().all(|record| record["match"] == true), "{validated:?}");
    assert_eq!(incident.records("validate-rejects.jsonl"), [Value::Null; 0]);
    assert_eq!(incident.records("restored.jsonl")[0]["cluster"], "app-restore-1120");
    assert_eq!(incident.records("swap.jsonl")[0]["swap"]["action"], "swapped");
    let log = fs::read_to_string(incident.evidence().join("log")).expect("a log");
    assert!(log.contains("7 monitor") && !log.contains(postgres::PASSWORD));

    // Taken up again with the same evidence, it does nothing twice.
    incident.run("run --yes", &env).assert_code(0);
    assert_eq!(incident.readonly().await.1, 3);
    assert_eq!(incident.rds.count("RestoreDBClusterToPointInTime"), 1);

    // The damaged cluster goes some days later, and needs nothing but the evidence for it.
    let retired = incident.run("retire --yes", &[("CLUSTER", ""), ("RESTORED", "")]);
    retired.assert_code(0);
    assert!(incident.rds.state().cluster("app-prod").is_none());
    assert_eq!(incident.records("retired.jsonl")[0]["retire"]["automated_backups"], "retained");
    incident.run("retire --yes", &[]).assert_code(0);
    assert_eq!(incident.rds.count("DeleteDBCluster"), 1);

    // And comes back as the record says.
    let retired = incident.records("retired.jsonl");
    let command = retired[0]["retire"]["point_in_time"].as_str().expect("a command");
    incident.tool(&command.replace("TIME", "2026-11-19T00:00:00Z")).run().assert_code(0);
    let state = incident.rds.state();
    let back = state.cluster("app-prod").expect("app-prod is back");
    for (path, value) in [("DBSubnetGroup", "app-private"), ("StorageType", "aurora-iopt1"), ("Port", &*port)]
    {
        assert_eq!(back.get(path), value, "{path}");
    }
    assert_eq!(state.instance("app-prod-writer").expect("a writer").get("DBInstanceClass"), "db.r6g.large");
}

#[tokio::test]
async fn aurora_is_compared_with_the_damaged_cluster_where_there_is_no_baseline() {
    let incident = Incident::new().await;
    let output = incident.run("--yes", &[("VALIDATE_OPTIONS", "--exclude orders")]);
    output.assert_code(0);
    assert!(output.text().contains("no CHECK is set"), "{}", output.text());
    // The URL of the restored database is that of the other with its own host and port: else they would not differ.
    let rejects = incident.records("validate-rejects.jsonl");
    assert_eq!(rejects.len(), 1);
    assert_eq!(rejects[0]["error"]["kind"], "differs");
    assert_eq!(incident.readonly().await, ("false".into(), 3));
}

#[tokio::test]
async fn aurora_is_not_swapped_in_when_it_differs_from_the_baseline() {
    let incident = Incident::new().await;
    let baseline = incident.baseline(true);
    let env = [("BASELINE", &*baseline)];
    let output = incident.run("--yes", &env);
    output.assert_code(3);
    assert!(output.text().contains("--accept-differences"), "{}", output.text());
    assert_eq!(incident.secret().await, incident.content("old.example"));
    assert_eq!(incident.readonly().await.0, "true");
    incident.run("retire --yes", &[]).assert_code(2);

    incident.run("--yes --accept-differences", &env).assert_code(0);
    let (host, _) = incident.restored_address();
    assert_eq!(incident.secret().await, incident.content(&host));
    assert_eq!(incident.readonly().await.0, "false");

    // And back again.
    incident.run("undo --yes", &[]).assert_code(0);
    assert_eq!(incident.secret().await, incident.content("old.example"));
    assert_eq!(incident.readonly().await.0, "false");
    incident.run("undo --yes", &[]).assert_code(0);
    incident.run("--yes --accept-differences", &env).assert_code(2);
    incident.run("retire --yes", &[]).assert_code(2);
    assert!(incident.rds.state().cluster("app-prod").is_some());
}

#[tokio::test]
async fn aurora_goes_on_where_it_ended() {
    let incident = Incident::new().await;
    let baseline = incident.baseline(false);
    let env = |prove, check| [("BASELINE", &*baseline), ("PROVE", prove), ("CHECK", check)];
    let output = incident.run("--yes", &env("false", "true"));
    assert!(output.assert_code(1).text().contains("PROVE failed"), "{}", output.text());
    assert_eq!(incident.rds.count("RestoreDBClusterToPointInTime"), 0);

    incident.rds.state().refuse("RestoreDBClusterToPointInTime", Refusal::denied());
    let output = incident.run("--yes", &env("true", "true"));
    assert!(
        output.assert_code(1).text().contains("rds-restore was aborted with exit code 1"),
        "{}",
        output.text()
    );

    let output = incident.run("--yes", &env("true", "false"));
    assert!(!incident.evidence().join("swap.jsonl").exists());
    assert!(output.assert_code(3).text().contains("conf-swap rejected its work"), "{}", output.text());
    assert_eq!(incident.secret().await, incident.content("old.example"));

    incident.run("--yes", &env("true", "true")).assert_code(0);
    assert_eq!(incident.readonly().await, ("false".into(), 3), "frozen once, unfrozen once");
    let granted = incident
        .rds
        .state()
        .log
        .iter()
        .filter(|logged| logged.operation == "RestoreDBClusterToPointInTime" && logged.refused.is_none())
        .count();
    assert_eq!(granted, 1);
}

#[tokio::test]
async fn aurora_is_interrupted_and_taken_up_again() {
    let incident = Incident::new().await;
    let stages = std::mem::replace(&mut incident.rds.state().restore_stages, vec![Stage::after(1000)]);
    // Ctrl-C reaches the whole group of a terminal's foreground job, and that is what a job is in a shell with -m.
    let script = format!(
        "set -m
        bash '{SCRIPT}' --yes &
        until grep -q 'the restore was started' \"$EVIDENCE/log\" 2>/dev/null; do sleep 0.1; done
        kill -INT -- -$!
        wait $!"
    );
    let output = incident.tool(&script).run();
    assert!(
        output.assert_code(130).text().contains("rds-restore was stopped: run again"),
        "{}",
        output.text()
    );
    assert!(!incident.evidence().join("restored.jsonl").exists());

    if let Some(cluster) = incident.rds.state().cluster_mut("app-restore-1120") {
        cluster.stages = stages.into();
    }
    incident.run("--yes", &[]).assert_code(0);
    assert_eq!(incident.records("restored.jsonl")[0]["restore"]["action"], "resumed");
    assert_eq!(incident.readonly().await, ("false".into(), 3));
}

#[tokio::test]
async fn aurora_does_nothing_more_when_only_the_script_is_killed() {
    let incident = Incident::new().await;
    // The command is run by a child of the script.
    let kill = r#"kill -KILL "$(ps -o ppid= -p "$PPID")""#;
    let output = incident.run("--yes", &[("PROVE", kill)]);
    assert_eq!(output.signal, Some(9), "{}", output.text());
    assert!(output.text().contains("the script was ended"), "{}", output.text());
    assert_eq!(incident.rds.count("RestoreDBClusterToPointInTime"), 0);
}

#[tokio::test]
async fn aurora_that_is_frozen_and_not_swapped_is_unfrozen_by_undo() {
    let incident = Incident::new().await;
    incident.run("--yes", &[("PROVE", "false")]).assert_code(1);
    assert_eq!(incident.readonly().await.0, "true");
    incident.run("undo --yes", &[]).assert_code(0);
    assert_eq!(incident.readonly().await.0, "false");
    assert_eq!(incident.records("undo-freeze.jsonl")[0]["swap"]["action"], "undone");
}

#[tokio::test]
async fn aurora_asks_and_does_nothing_without_an_answer() {
    let incident = Incident::new().await;
    // Apart from the terminal there is none to ask on.
    let output = incident.tool(&format!("exec setsid --wait bash '{SCRIPT}'")).run();
    assert!(output.assert_code(2).text().contains("say --yes"), "{}", output.text());
    assert_eq!(incident.readonly().await, ("false".into(), 1));
    assert_eq!(incident.rds.count("RestoreDBClusterToPointInTime"), 0);
}

#[tokio::test]
async fn aurora_refuses_what_cannot_work_before_it_freezes() {
    let incident = Incident::new().await;
    incident.run("--nonsense", &[]).assert_code(2);
    assert!(incident.run("--help", &[]).assert_code(0).text().contains("Usage:"));
    incident.run("--yes", &[("SECRET", "")]).assert_code(2);
    incident.run("--yes", &[("AT", "2020-01-01T00:00:00Z")]).assert_code(1);
    incident.run("--yes -- --instance-class", &[]).assert_code(2);
    incident.run("--yes", &[("AT", "2026-11-20T09:30:00Z"), ("SECRET", "no-such-secret")]).assert_code(2);
    for command in ["undo", "retire"] {
        let output = incident.run(&format!("{command} --yes"), &[("EVIDENCE", "/nowhere")]);
        assert!(output.assert_code(2).stderr.contains("holds no run"), "{}", output.stderr);
    }
    assert_eq!(incident.readonly().await, ("false".into(), 1));
}
