//! Every example of the README and the help runs as it stands.

use testkit::examples::Example;
use testkit::tool::Tool;
use testkit::{examples, postgres};

/// What the examples speak of, in a cluster and in its restored copy.
const SCHEMA: &str = "create table people (id int, name text); create schema audit; create table audit.log (id int, name text);
                      create table orders (id int primary key, created_at timestamptz); create table invoices (like orders);
                      insert into people values (1, 'Ada'); insert into orders values (1, '2026-11-19 10:00Z')";

#[test]
fn they_all_run() {
    let (old, restored) = (postgres::database(), postgres::database());
    for url in [&old, &restored] {
        postgres::execute(url, SCHEMA);
    }
    let baseline = crate::run(&old, &["--all"]).stdout;
    for Example { page, script } in examples::of("pg-validate-hash") {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("baseline.jsonl"), &baseline).unwrap();
        let tool = Tool::bash(&script).env("DB_URL", &old).env("RESTORED_URL", &restored);
        let output = tool.cwd(folder.path()).run();
        assert_eq!(output.code, Some(0), "{page}:\n{script}\n{}", output.stderr);
        assert!(script.contains('>') || !output.stdout.is_empty(), "{page}:\n{script}");
    }
}
