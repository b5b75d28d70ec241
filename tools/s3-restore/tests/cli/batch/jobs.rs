//! Manifests and the jobs that are made for them.

use serde_json::json;
use testkit::model;
use testkit::s3::Put;

use super::{ROLE, World};
use crate::bench::{BUCKET, copies, lines, overwritten, planned, rejected, tool, wanted};

#[test]
fn a_job_is_asked_for_as_the_service_model_has_it() {
    let world = World::new();
    let (old, new) = overwritten(&world.s3, "a b+é.jpg");
    let output = world.run(&[], &[planned("a b+é.jpg", &old, "copy", &new)]);
    output.assert_code(0);
    assert_eq!(world.manifest(), format!("{BUCKET},a%20b%2B%C3%A9.jpg,{old}\n"));

    let records = output.records();
    assert_eq!(records.len(), 1);
    let record = &records[0];
    let manifest = record["manifest"].as_str().unwrap().to_owned();
    assert!(manifest.starts_with("s3://ops/jobs/manifests/photos-STANDARD-"), "{manifest}");
    let job = world.control.state().jobs[0].clone();
    assert_eq!(record["bucket"], BUCKET);
    assert_eq!(record["job_id"], job.id.as_str());
    assert_eq!(record["objects"], 1);
    let report = format!("s3://ops/jobs/reports/job-{}/manifest.json", job.id);
    let details = json!({"storage_class": "STANDARD", "bytes": 4, "status": "New", "confirmed": false, "report": report});
    assert_eq!(record["batch"], details);

    model::assert_allowed("s3control", "CreateJob", &job.request);
    assert_eq!(world.control.state().log[0].account, "123456789012");
    let arn = manifest.replace("s3://", "arn:aws:s3:::");
    for part in [
        "<ConfirmationRequired>true</ConfirmationRequired>",
        "<TargetResource>arn:aws:s3:::photos</TargetResource>",
        "<MetadataDirective>COPY</MetadataDirective>",
        "<StorageClass>STANDARD</StorageClass>",
        "<Enabled>true</Enabled>",
        "<ReportScope>AllTasks</ReportScope>",
        "<Prefix>jobs/reports</Prefix>",
        "<Format>S3BatchOperations_CSV_20180820</Format>",
        "<member>Bucket</member><member>Key</member><member>VersionId</member>",
        "<Priority>10</Priority>",
        &format!("<ObjectArn>{arn}</ObjectArn>"),
        &format!("<RoleArn>{ROLE}</RoleArn>"),
    ] {
        assert!(job.request.contains(part), "{part} in {}", job.request);
    }
    assert!(output.stderr.contains("waits until it is confirmed"), "{}", output.stderr);
}

#[test]
fn the_check_against_the_model_finds_what_is_wrong() {
    let wrong = model::complaints(
        "s3control",
        "CreateJob",
        "<CreateJobRequest><Priority>-1</Priority><Colour>red</Colour>\
         <Report><Format>CSV</Format></Report></CreateJobRequest>",
    );
    for words in [
        "RoleArn is missing",
        "Colour is unknown",
        "-1 is out of bounds",
        "'CSV' is none of",
        "Enabled is missing",
    ] {
        assert!(wrong.contains(words), "{words} in {wrong}");
    }
}

#[test]
fn each_bucket_and_storage_class_has_a_job_of_its_own() {
    let world = World::new();
    world.s3.create_bucket("music");
    let mut records = copies(&world.s3, 3);
    let rare = world.s3.put(BUCKET, "rare", Put::bytes("good").storage_class("STANDARD_IA"));
    records.push(wanted("rare", &rare));
    let song = world.s3.put("music", "song", Put::bytes("good").version_id("null"));
    records.push(json!({"bucket": "music", "key": "song", "version_id": song}));
    let output = world.run(&["--confirm"], &records);
    output.assert_code(0);
    let told: Vec<_> = output
        .records()
        .iter()
        .map(|record| {
            (record["bucket"].clone(), record["batch"]["storage_class"].clone(), record["objects"].clone())
        })
        .collect();
    let expected = [("music", "STANDARD", 1), ("photos", "STANDARD", 3), ("photos", "STANDARD_IA", 1)];
    let expected: Vec<_> = expected.iter().map(|(b, c, n)| (json!(b), json!(c), json!(n))).collect();
    assert_eq!(told, expected);
    assert!(world.manifest().contains("music,song,null\n"), "{}", world.manifest());
    assert!(world.control.state().jobs.iter().all(|job| !job.must_be_confirmed));
    assert!(output.stderr.contains("read 5, done 5, rejected 0"), "{}", output.stderr);
}

#[test]
fn the_storage_class_can_be_another() {
    let world = World::new();
    world.run(&["--storage-class", "GLACIER_IR"], &copies(&world.s3, 2)).assert_code(0);
    assert!(world.control.state().jobs[0].request.contains("<StorageClass>GLACIER_IR</StorageClass>"));
}

#[test]
fn a_manifest_keeps_the_order_of_the_input() {
    let world = World::new();
    let records = copies(&world.s3, 200);
    world.run(&["--concurrency", "16"], &records).assert_code(0);
    let keys: Vec<_> =
        world.manifest().lines().map(|row| row.split(',').nth(1).unwrap().to_owned()).collect();
    let input: Vec<_> = records.iter().map(|record| record["key"].as_str().unwrap().to_owned()).collect();
    assert_eq!(keys, input);
}

#[test]
fn the_same_input_has_the_same_job_even_while_that_is_at_work() {
    let world = World::new();
    let records = copies(&world.s3, 20);
    let first = world.run(&["--confirm"], &records);
    first.assert_code(0);
    // Half of it is done, as a job in the middle of its work leaves the keys.
    for record in &records[..10] {
        world.s3.put(BUCKET, record["key"].as_str().unwrap(), Put::bytes("good"));
    }
    let second = world.run(&["--confirm"], &records);
    second.assert_code(0);
    assert_eq!(first.records()[0]["job_id"], second.records()[0]["job_id"]);
    assert_eq!(second.records()[0]["batch"]["already"], true);
    assert_eq!(world.control.count("CreateJob"), 1);
    assert_eq!(world.kept().len(), 1);
    assert!(second.stderr.contains("was made by an earlier run"), "{}", second.stderr);
}

#[test]
fn a_run_that_died_before_it_could_note_its_job_makes_no_second() {
    let world = World::new();
    let records = copies(&world.s3, 2);
    world.run(&[], &records).assert_code(0);
    let eyes = crate::bench::Eyes::on(&world.s3);
    let note = world.s3.versions("ops").into_iter().find(|kept| kept.key.ends_with(".job.json")).unwrap();
    eyes.with(async |s3| {
        let delete = s3.delete_object().bucket("ops").key(&note.key).version_id(&note.version_id);
        delete.send().await.unwrap();
    });
    world.run(&[], &records).assert_code(0);
    assert_eq!((world.control.count("CreateJob"), world.control.state().jobs.len()), (2, 1));

    let note = world.s3.versions("ops").into_iter().find(|kept| kept.key.ends_with(".job.json")).unwrap();
    eyes.with(async |s3| {
        let delete = s3.delete_object().bucket("ops").key(&note.key).version_id(&note.version_id);
        delete.send().await.unwrap();
    });
    let output = world.run(&["--confirm"], &records);
    output.assert_code(1);
    assert!(output.stderr.contains("IdempotencyException"), "{}", output.stderr);
    assert!(output.stderr.contains("with other settings"), "{}", output.stderr);
}

#[test]
fn a_job_is_confirmed_by_the_same_line_with_confirm() {
    let world = World::new();
    let records = copies(&world.s3, 2);
    world.run(&[], &records).assert_code(0);
    world.control.state().jobs[0].status = "Suspended";
    let output = world.run(&["--confirm"], &records);
    output.assert_code(0);
    assert!(world.control.state().jobs[0].confirmed);
    assert_eq!(world.control.count("CreateJob"), 1);
}

#[test]
fn a_dry_run_writes_nothing_and_tells_the_counts() {
    let world = World::new();
    let mut records = copies(&world.s3, 3);
    let large = world.s3.put(BUCKET, "large", Put::synthetic(6 << 30));
    records.push(wanted("large", &large));
    let output = world.run(&["-n"], &records);
    output.assert_code(0);
    let record = &output.records()[0];
    assert_eq!((&record["job_id"], &record["objects"]), (&json!(null), &json!(3)));
    assert_eq!(record["batch"]["dry_run"], true);
    assert!(output.stderr.contains("1 records are over 5 GiB"), "{}", output.stderr);
    assert!(world.kept().is_empty() && world.apart().is_empty());
    assert!(world.control.state().log.is_empty());
}

#[test]
fn a_bucket_that_keeps_no_versions_has_no_job() {
    let world = World::new();
    let eyes = crate::bench::Eyes::on(&world.s3);
    eyes.with(async |s3| s3.create_bucket().bucket("plain").send().await.unwrap());
    let id = world.s3.put("plain", "a", Put::bytes("x"));
    let output = world.run(&[], &[json!({"bucket": "plain", "key": "a", "version_id": id})]);
    assert_eq!(rejected(&output), "not-versioned");
    assert!(world.control.state().jobs.is_empty());
}

#[test]
fn rejects_are_left_out_and_the_rest_is_copied() {
    let world = World::new();
    let (old, new) = overwritten(&world.s3, "a");
    let marker = world.s3.put(BUCKET, "b", Put::marker());
    let records = [
        wanted("a", &old),
        wanted("a", &new),
        wanted("a2", "no-such"),
        wanted("b", &marker),
        wanted("c", "v,w"),
        json!({"key": "no bucket"}),
    ];
    let output = world.run(&[], &records);
    output.assert_code(3);
    let kinds: Vec<_> = output.rejects().iter().map(|reject| reject["error"]["kind"].clone()).collect();
    assert_eq!(kinds, ["duplicate-key", "no-such-version", "delete-marker", "bad-record", "bad-record"]);
    assert_eq!(world.manifest(), format!("{BUCKET},a,{old}\n"));
}

#[test]
fn too_many_rejects_make_no_job() {
    let world = World::new();
    let (old, _) = overwritten(&world.s3, "a");
    let output = world.run(&["--max-rejects", "0"], &[wanted("a", &old), json!({"key": "k"})]);
    output.assert_code(1);
    assert!(world.kept().is_empty() && world.control.state().log.is_empty());
}

#[test]
fn a_signal_before_the_end_of_the_input_makes_no_job() {
    let world = World::new();
    let mut running = world.tool().arg("-v").spawn();
    running.write(lines(&copies(&world.s3, 3)));
    while world.s3.count("HeadObject") == 0 {
        std::thread::yield_now();
    }
    running.signal("INT");
    running.wait_stderr("stopping");
    let output = running.wait();
    assert_eq!(output.signal, Some(2));
    assert!(output.stderr.contains("no job was made"), "{}", output.stderr);
    assert!(world.kept().is_empty() && world.apart().is_empty());
    assert!(world.control.state().log.is_empty());
}

#[test]
fn a_large_manifest_is_sent_in_parts() {
    let world = World::new();
    // Records are trusted, so that a large manifest costs no request for each of its rows.
    let name = "n".repeat(900);
    let record = |n: u32| json!({"bucket": BUCKET, "key": format!("{name}/{n}"), "version_id": "v", "size": 1, "storage_class": "STANDARD"});
    let records: String = (0..80_000).map(|n| format!("{}\n", record(n))).collect();
    let output = world.tool().args(["--trust-records"]).stdin(records).run();
    output.assert_code(0);
    let kept = world.s3.versions("ops").into_iter().find(|kept| kept.key.ends_with(".csv")).unwrap();
    assert!(kept.size > 64 << 20, "{}", kept.size);
    assert!(kept.etag.ends_with("-2"), "{}", kept.etag);
    assert!(world.control.state().jobs[0].request.contains(&kept.etag));
    assert_eq!((world.s3.open_uploads("ops"), world.s3.count("HeadObject")), (0, 1));
}

#[test]
fn flags_that_do_not_go_together_are_a_usage_error() {
    let batch = ["--batch", "s3://ops/jobs/", "--batch-role", ROLE];
    for more in [
        &["--undo"][..],
        &["--method", "copy"],
        &["--force"],
        &["--to", "s3://b/p/"],
        &["--acl"],
        &["--metadata-directive", "REPLACE"],
        &["--thaw", "7"],
        &["--journal", "j"],
        &["--timeout", "1h"],
        &["--apart", "no/such/folder"],
    ] {
        tool("http://127.0.0.1:9").args(batch).args(more).run().assert_code(2);
    }
    for args in [
        &["--batch", "s3://ops/jobs/"][..],
        &["--batch-role", ROLE],
        &["--batch", "s3://ops/jobs/", "--batch-role", "batch"],
        &["--confirm"],
        &["--wait"],
        &["--trust-records"],
        &["--apart", "."],
    ] {
        tool("http://127.0.0.1:9").args(args).run().assert_code(2);
    }
}

#[test]
fn a_service_that_refuses_is_told() {
    let world = World::new();
    world.control.state().refusal = Some((403, "AccessDenied"));
    let output = world.run(&[], &copies(&world.s3, 1));
    output.assert_code(1);
    assert!(output.stderr.contains("CreateJob: AccessDenied: not now"), "{}", output.stderr);
}
