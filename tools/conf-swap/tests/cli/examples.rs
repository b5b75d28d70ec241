//! Every example of the README and the help runs as it stands, against moto.

use tempfile::TempDir;
use testkit::examples::Example;
use testkit::tool::Tool;
use testkit::{examples, moto};

use crate::bench::{label, overwrite, put, secrets};

/// What the examples speak of.
async fn set_up() {
    let version = put("/app/global_readonly", "false").await;
    assert!(version > 0);
    let version = put("/app/orders_table", "orders").await;
    label("/app/orders_table", version, "live").await;
    let content = r#"{"host":"old.example","password":"p-1"}"#;
    if secrets().create_secret().name("prod/db").secret_string(content).send().await.is_err() {
        overwrite("prod/db", content).await;
    }
}

#[tokio::test]
async fn they_all_run() {
    for Example { page, script } in examples::of("conf-swap") {
        set_up().await;
        let folder = TempDir::new().unwrap();
        std::fs::write(
            folder.path().join("restored.jsonl"),
            "{\"endpoint\":\"new.example\",\"table\":\"orders-1\"}\n",
        )
        .unwrap();
        std::fs::write(folder.path().join("login-test.sh"), "test \"$1\" = new.example\n").unwrap();
        let output = Tool::bash(&script)
            .endpoint(moto::endpoint())
            .env("NEW", "p-2")
            .env("OLD", "p-1")
            .cwd(folder.path())
            .run();
        assert_eq!(output.code, Some(0), "{page}:\n{script}\n--- stderr\n{}", output.stderr);
        assert!(script.contains('>') || !output.stdout.is_empty(), "{page}:\n{script}");
    }
}
