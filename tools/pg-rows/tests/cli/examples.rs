//! Every example of the README and the help runs as it stands.

use std::fs;

use tempfile::TempDir;
use testkit::examples::Example;
use testkit::tool::Tool;
use testkit::{examples, postgres};

#[test]
fn they_all_run() {
    let url = postgres::database();
    postgres::rehearse_with(&url, 200, 10, 20);
    for Example { page, script } in examples::of("pg-rows") {
        let folder = TempDir::new().unwrap();
        for (file, content) in [
            ("hot.txt", "london\nmodel\n"),
            ("slices.jsonl", "{\"city\":\"london\",\"followers\":1000}\n"),
            ("work.sql", "select * from search.work_all();\n"),
        ] {
            fs::write(folder.path().join(file), content).unwrap();
        }
        let output = Tool::bash(&script).env("DB_URL", &url).cwd(folder.path()).run();
        assert_eq!(output.code, Some(0), "{page}: {script}: {}", output.stderr);
        assert!(!output.stderr.contains("done 0"), "{page}: {script}: {}", output.stderr);
    }
}
