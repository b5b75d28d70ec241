//! What no job can carry out: files for s3-restore itself, and the command to run on each.

use serde_json::json;
use testkit::s3::{Put, Sse};
use testkit::tool::Tool;

use super::World;
use crate::bench::{BUCKET, Eyes, deleted, lines, overwritten, planned, read, wanted};

/// The command that stderr tells for the file of this name.
fn command(stderr: &str, name: &str) -> String {
    let line = stderr.lines().find(|line| line.contains(&format!("s3-restore-{name}-"))).unwrap();
    line[line.find(": s3-restore ").unwrap() + 2..].to_owned()
}

#[test]
fn each_kind_has_its_file_and_its_command_works() {
    let world = World::new();
    let s3 = &world.s3;
    let large = s3.put(BUCKET, "large", Put::synthetic(6 << 30));
    let new = s3.put(BUCKET, "large", Put::bytes("bad"));
    let cold = s3.put(BUCKET, "cold", Put::bytes("cold").storage_class("DEEP_ARCHIVE"));
    s3.put(BUCKET, "cold", Put::bytes("bad"));
    let (gone, marker) = deleted(s3, "gone");
    let locked = Put::bytes("held").header("x-amz-object-lock-legal-hold", "ON");
    let locked = s3.put(BUCKET, "locked", locked);
    s3.put(BUCKET, "locked", Put::bytes("bad"));
    let born = s3.put(BUCKET, "born", Put::bytes("new"));
    let mut undelete = planned("gone", &gone, "undelete", &marker);
    undelete["plan"]["markers"] = json!([marker]);
    let records = [
        planned("large", &large, "copy", &new),
        wanted("cold", &cold),
        undelete,
        wanted("locked", &locked),
        planned("born", &born, "mark-deleted", &born),
    ];
    let output = world.run(&["--delete-newer"], &records);
    output.assert_code(0);
    assert!(output.records().is_empty() && world.control.state().jobs.is_empty());
    assert_eq!(world.apart().len(), 4);
    for (name, parts, count) in [
        ("large", "s3-restore ", 1),
        ("archived", "s3-restore --thaw 7 ", 1),
        ("markers", "s3-restore --delete-newer ", 2),
        ("special", "s3-restore ", 1),
    ] {
        let command = command(&output.stderr, name);
        assert!(command.starts_with(parts), "{command}");
        let done = Tool::bash(&command).endpoint(s3.url()).cwd(world.folder.path()).run();
        done.assert_code(0);
        assert_eq!(done.records().len(), count, "{name}");
    }
    let eyes = Eyes::on(s3);
    assert_eq!((eyes.body("gone").as_deref(), eyes.body("born")), (Some("good"), None));
    assert_eq!(eyes.body("locked").as_deref(), Some("held"));
    assert_eq!(eyes.head("large").content_length, Some(6 << 30));
    assert_eq!(s3.count("RestoreObject"), 1);

    // The same input again has the same files.
    let names = world.apart();
    world.run(&["--delete-newer"], &records).assert_code(0);
    assert_eq!(world.apart(), names);
}

#[test]
fn records_leave_as_they_came_in_and_the_folder_can_be_another() {
    let world = World::new();
    let large = world.s3.put(BUCKET, "large", Put::synthetic(6 << 30));
    let folder = world.folder.path().join("for later");
    std::fs::create_dir(&folder).unwrap();
    let line = format!(r#"{{"cost":1.10,"key":"large","version_id":"{large}"}}"#);
    let output = world
        .tool()
        .args(["--bucket", BUCKET, "--apart", "for later", "--storage-class", "STANDARD_IA"])
        .stdin(line.clone())
        .run();
    output.assert_code(0);
    let command = command(&output.stderr, "large");
    assert!(
        command.starts_with("s3-restore --bucket photos --storage-class STANDARD_IA 'for later/"),
        "{command}"
    );
    let file = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    assert_eq!(read(&file), line + "\n");
}

#[test]
fn what_a_job_would_lose_is_set_apart() {
    let world = World::new();
    let kms = Sse::Kms { key_id: Some("arn:aws:kms:us-east-1:1:key/k".into()), bucket_key: false };
    let sealed = |key: &str| {
        Put::bytes("good")
            .header("x-amz-server-side-encryption", "aws:kms")
            .header("x-amz-server-side-encryption-aws-kms-key-id", key)
    };
    for (key, put, special) in [
        ("kept", Put::bytes("good"), true),
        ("own", sealed("arn:aws:kms:us-east-1:1:key/k"), false),
        ("other", sealed("arn:aws:kms:us-east-1:1:key/other"), true),
        (
            "redirect",
            sealed("arn:aws:kms:us-east-1:1:key/k").header("x-amz-website-redirect-location", "/x"),
            true,
        ),
    ] {
        let old = world.s3.put(BUCKET, key, put);
        world.s3.set_default_encryption(BUCKET, kms.clone());
        let output = world.run(&["-n"], &[wanted(key, &old)]);
        output.assert_code(0);
        assert_eq!(output.stderr.contains("that a job would lose"), special, "{key}: {}", output.stderr);
        world.s3.set_default_encryption(BUCKET, Sse::S3);
    }
}

#[test]
fn trusted_records_are_sorted_by_what_they_say() {
    let world = World::new();
    let record = |key: &str, size: u64, class: &str| json!({"bucket": BUCKET, "key": key, "version_id": "v", "size": size, "storage_class": class});
    let (old, _) = overwritten(&world.s3, "looked-at");
    let records = [
        record("a", 1, "STANDARD"),
        record("large", 6 << 30, "STANDARD"),
        record("cold", 1, "GLACIER"),
        record("odd", 1, "EXPRESS_ONEZONE"),
        wanted("looked-at", &old),
    ];
    let output = world.tool().arg("--trust-records").stdin(lines(&records)).run();
    output.assert_code(0);
    assert_eq!(world.manifest(), format!("{BUCKET},a,v\n{BUCKET},looked-at,{old}\n"));
    let names = world.apart().join(" ");
    for name in ["large", "archived", "special"] {
        assert!(names.contains(&format!("s3-restore-{name}-")), "{names}");
    }
    assert_eq!(world.s3.requests().iter().filter(|request| request.key == "a").count(), 0);
}

#[test]
fn a_thawed_version_is_copied_by_a_job() {
    let world = World::new();
    let old = world.s3.put(BUCKET, "cold", Put::bytes("cold").storage_class("GLACIER"));
    let new = world.s3.put(BUCKET, "cold", Put::bytes("bad"));
    let record = [planned("cold", &old, "copy", &new)];
    crate::bench::run(world.s3.url(), &["--thaw", "3"], &record).assert_code(0);
    assert_eq!(world.s3.finish_restores(), 1);
    let output = world.run(&[], &record);
    output.assert_code(0);
    assert_eq!(output.records()[0]["batch"]["storage_class"], "GLACIER");
}
