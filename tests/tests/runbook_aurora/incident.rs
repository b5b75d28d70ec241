//! What a run of the runbook starts from: a damaged database and the restored one, and the configuration that leads to it.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;
use testkit::cloudwatch::CloudWatch;
use testkit::rds::{self, cluster, instance};
use testkit::tool::{Output, Tool};
use testkit::{client, moto, postgres};

pub const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/runbooks/rb-n-02-aurora-pitr.sh");

/// What the application's tables hold when all is well.
const GOOD: &str = "create table people (id int primary key, name text);
    insert into people values (1, 'Ada'), (2, 'Grace'), (3, 'Edsger');
    create table orders (id int primary key, cents int);
    insert into orders select n, n * 100 from generate_series(1, 50) n;";

pub struct Incident {
    pub rds: rds::Server,
    cloudwatch: CloudWatch,
    /// The damaged database and its server.
    old: (postgres::Server, String),
    /// What the restored cluster holds, and its server.
    pub restored: (postgres::Server, String),
    name: String,
    folder: tempfile::TempDir,
}

impl Incident {
    pub async fn new() -> Self {
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

    pub fn restored_address(&self) -> (String, String) {
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
    pub fn content(&self, host: &str) -> String {
        let password = postgres::PASSWORD;
        format!(r#"{{ "username":"drkit", "password":"{password}","host" : "{host}", "port":5432 }}"#)
    }

    pub fn parameter(&self) -> String {
        format!("/{}/global_readonly", self.name)
    }

    /// The value of the read-only parameter, and how often it was written.
    pub async fn readonly(&self) -> (String, i64) {
        let ssm = aws_sdk_ssm::Client::new(&client::sdk(moto::endpoint()));
        let got = ssm.get_parameter().name(self.parameter()).send().await.expect("the parameter");
        let parameter = got.parameter.expect("the parameter");
        (parameter.value.expect("its value"), parameter.version)
    }

    /// What readers of the secret get. moto shows another version to who names no stage.
    pub async fn secret(&self) -> String {
        let secrets = aws_sdk_secretsmanager::Client::new(&client::sdk(moto::endpoint()));
        let got = secrets.get_secret_value().secret_id(&self.name).version_stage("AWSCURRENT").send().await;
        got.expect("the secret").secret_string.expect("its value")
    }

    pub fn evidence(&self) -> PathBuf {
        self.folder.path().join("incident")
    }

    pub fn records(&self, name: &str) -> Vec<Value> {
        let path = self.evidence().join(name);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        text.lines().map(|line| serde_json::from_str(line).expect("a record")).collect()
    }

    /// What `pg-validate-hash --all` said of the database when all was well, but for one row if that is wanted.
    pub fn baseline(&self, differs: bool) -> String {
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

    pub fn tool(&self, command: &str) -> Tool {
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

    pub fn script(&self, args: &str) -> Tool {
        self.tool(&format!("bash '{SCRIPT}' {args}"))
    }

    pub fn run(&self, args: &str, env: &[(&str, &str)]) -> Output {
        env.iter().fold(self.script(args), |tool, (name, value)| tool.env(name, value)).run()
    }
}
