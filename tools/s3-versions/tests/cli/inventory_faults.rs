//! Reports that are not whole, are of something else or cannot be read: one line each, and no record.

use testkit::fault::{Fault, Plan, Proxy, Rule};
use testkit::s3::{Put, Server};

use super::inventory_report::{MANIFEST, Report, URL, gzip, md5};
use super::{clock, list, put, server, tool};

fn bucket() -> Server {
    let server = server();
    for key in ["a", "b", "c", "d"] {
        put(&server, key, "good", "10:00:00");
        put(&server, key, "bad", "10:00:10");
    }
    server
}

fn report(server: &Server) -> Report {
    Report::csv(&list(server, &["s3://photos"]), 2)
}

/// The run ends with 1, nothing on stdout, and one line of error that says all of this.
fn ends(server: &Server, said: &[&str]) {
    let output = tool(server).args(["-q", "--inventory", URL, "s3://photos"]).run();
    output.assert_code(1);
    assert!(output.stdout.is_empty());
    assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
    for words in said {
        assert!(output.stderr.contains(words), "{words}: {}", output.stderr);
    }
}

#[test]
fn a_manifest_that_was_changed_is_refused() {
    let server = bucket();
    report(&server).publish(&server);
    server.put(
        "inv",
        MANIFEST,
        Put::bytes(report(&server).manifest().to_string().replace("photos", "photoz")),
    );
    ends(&server, &[URL, "is damaged: its MD5 is ", "and manifest.checksum says "]);
}

#[test]
fn a_manifest_without_a_checksum_is_read_and_told() {
    let server = bucket();
    report(&server).publish(&server);
    server.put("inv", &MANIFEST.replace(".json", ".checksum"), Put::marker());
    let output = tool(&server).args(["--inventory", URL, "s3://photos"]).run();
    output.assert_code(0);
    assert_eq!(output.records().len(), 8);
    assert!(output.stderr.contains(&format!("{URL} is not checked: GetObject ")), "{}", output.stderr);
}

#[test]
fn what_is_no_manifest_is_told() {
    let server = bucket();
    report(&server).publish(&server);
    for (text, why) in [("<xml/>", "expected value"), ("{\"a\":1}", "missing field"), ("", "EOF")] {
        server.put("inv", MANIFEST, Put::bytes(text));
        server.put("inv", &MANIFEST.replace(".json", ".checksum"), Put::bytes(md5(text.as_bytes())));
        ends(&server, &[URL, "is no manifest of a report: ", why]);
    }
    server.put("inv", MANIFEST, Put::marker());
    ends(&server, &[URL, "NoSuchKey"]);
    let output = tool(&server).args(["-q", "--inventory", "s3://nowhere/manifest.json", "s3://photos"]).run();
    output.assert_code(1);
    assert!(output.stderr.contains("HeadBucket s3://nowhere"), "{}", output.stderr);
}

#[test]
fn a_data_file_that_lacks_or_was_changed_ends_the_run() {
    let server = bucket();
    let report = report(&server);
    report.publish(&server);
    let (key, content) = &report.files[1];
    let place = format!("s3://inv/{key}");
    let mut changed = content.clone();
    *changed.last_mut().unwrap() ^= 1;
    let cut = content[..content.len() / 2].to_vec();
    for damaged in [changed, cut, gzip("\"photos\",\"e\"\n"), Vec::new()] {
        server.put("inv", key, Put::bytes(damaged));
        ends(&server, &[&place, "damaged: its MD5 is ", &md5(content)]);
    }
    server.put("inv", key, Put::marker());
    ends(&server, &[&place, "NoSuchKey"]);
}

#[test]
fn a_data_file_that_is_none_ends_the_run_though_its_checksum_is_right() {
    let server = bucket();
    let mut report = report(&server);
    let content = report.files[1].1.clone();
    for (wrong, why) in
        [(content[..content.len() / 2].to_vec(), "not whole CSV in gzip: "), (b"not gzip".to_vec(), "gzip")]
    {
        report.files[1].1 = wrong;
        report.publish(&server);
        ends(&server, &[&report.files[1].0, why]);
    }
    let mut report = Report::parquet(&list(&server, &["s3://photos"]), 1);
    for wrong in [b"not parquet".to_vec(), report.files[0].1[..200].to_vec()] {
        report.files[0].1 = wrong;
        report.publish(&server);
        ends(&server, &[&report.files[0].0, "arquet"]);
    }
}

#[test]
fn a_row_that_cannot_be_read_ends_the_run() {
    let server = bucket();
    let schema = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate";
    let good = r#""photos","a","id","true","false","1","2026-11-20T10:00:00.000Z""#;
    let rows = [
        (good.replace("\"photos\"", "\"other\""), "a row of the bucket other, not photos"),
        (good.replace("\"a\"", "\"%FF\""), "a key that is not UTF-8: %FF"),
        (good.replace("\"a\"", "\"\""), "an empty key"),
        (good.replace("true", "yes"), "IsLatest is \"yes\""),
        (good.replace("false", ""), "IsDeleteMarker is \"\""),
        (good.replace("\"1\"", "\"-1\""), "Size is \"-1\""),
        (good.replace("\"1\"", "\"\""), "no Size of version id of a"),
        (good.replace("2026-11-20T10:00:00.000Z", "yesterday"), "has the time \"yesterday\""),
        (good.replace(",\"1\"", ""), "6 cells where the manifest has 7 columns"),
    ];
    for (row, why) in rows {
        Report::new("CSV", schema, "csv.gz", vec![gzip(&format!("{good}\n{row}\n"))]).publish(&server);
        ends(&server, &["s3://inv/photos/all/data/0.csv.gz: line 2: ", why]);
    }
    Report::new("CSV", schema, "csv.gz", vec![gzip(&format!("{good}\n"))]).publish(&server);
    assert_eq!(list(&server, &["--inventory", URL, "s3://photos"]).len(), 1);
}

#[test]
fn a_report_that_does_not_have_all_versions_or_is_in_orc_is_refused_with_the_remedy() {
    let server = bucket();
    Report::new("CSV", "Bucket, Key, Size", "csv.gz", vec![]).publish(&server);
    ends(
        &server,
        &[URL, "does not have VersionId, IsLatest, IsDeleteMarker, LastModifiedDate: ", "all versions"],
    );
    Report::new("ORC", "struct<bucket:string,key:string>", "orc", vec![]).publish(&server);
    ends(&server, &["the format ORC, which is not read", "CSV or Parquet"]);
}

#[test]
fn a_report_of_another_bucket_is_refused() {
    let server = bucket();
    let mut report = report(&server);
    report.source = "paintings".into();
    report.publish(&server);
    ends(&server, &["the report is of s3://paintings, and s3://photos is asked for"]);
}

#[test]
fn an_instant_after_the_report_and_flags_that_do_not_go_together_are_usage_errors() {
    let server = bucket();
    report(&server).publish(&server);
    let inventory = ["--inventory", URL];
    let wrong: [(&[&str], &str); 7] = [
        (
            &["--at", "2026-11-21T01:00:01Z", "s3://photos"],
            "is later than the report, which is of 2026-11-21T01:00:00Z",
        ),
        (
            &["--verify-live", "s3://photos"],
            "--verify-live checks the answers of --at, --deleted or --latest",
        ),
        (&["--bucket", "photos", "--keys-from", "-"], "cannot be used with"),
        (&["--ordered", "s3://photos"], "cannot be used with"),
        (&["--journal", "listing.jsonl", "s3://photos"], "cannot be used with"),
        (&[], "no bucket"),
        (&["photos"], "does not start with s3://"),
    ];
    for (args, why) in wrong {
        let output = tool(&server).args(inventory).args(args).run();
        output.assert_code(2);
        assert!(output.stderr.contains(why), "{why}: {}", output.stderr);
    }
    for (place, why) in
        [("s3://inv/photos/", "names no object"), ("manifest.json", "does not start with s3://")]
    {
        let output = tool(&server).args(["--inventory", place, "s3://photos"]).run();
        output.assert_code(2);
        assert!(output.stderr.contains(why), "{why}: {}", output.stderr);
    }
    tool(&server).args(["--verify-live", "--latest", "s3://photos"]).run().assert_code(2);
    let just = tool(&server).args(inventory).args(["--at", "2026-11-21T01:00:00Z", "s3://photos"]).run();
    just.assert_code(0);
}

#[test]
fn a_report_elsewhere_than_it_was_delivered_is_read_where_it_is() {
    let server = bucket();
    let report = report(&server);
    report.publish(&server);
    server.create_bucket("copy");
    let manifest = report.manifest().to_string();
    server.put("copy", MANIFEST, Put::bytes(manifest.clone()));
    server.put("copy", &MANIFEST.replace(".json", ".checksum"), Put::bytes(md5(manifest.as_bytes())));
    for (key, content) in &report.files {
        server.put("copy", key, Put::bytes(content.clone()));
        server.put("inv", key, Put::marker());
    }
    let output = tool(&server).args(["--inventory", &URL.replace("inv", "copy"), "s3://photos"]).run();
    output.assert_code(0);
    assert_eq!(output.records().len(), 8);
    assert!(output.stderr.contains("delivered to arn:aws:s3:::inv; its files are read from s3://copy"));
}

#[test]
fn a_report_in_another_region_is_asked_for_there() {
    let server = bucket();
    report(&server).publish(&server);
    server.clear_requests();
    let latest = ["--inventory", URL, "--latest", "--verify-live", "s3://photos"];
    tool(&server).env("AWS_REGION", "eu-west-1").args(latest).run().assert_code(0);
    let requests = server.requests();
    let signed_for = |operation: &str| {
        let asked = requests.iter().filter(|request| request.operation == operation);
        let regions =
            asked.map(|request| request.header("authorization").unwrap().split('/').nth(2).unwrap());
        regions.map(str::to_owned).collect::<std::collections::BTreeSet<_>>()
    };
    // The server says that its buckets are in us-east-1.
    assert_eq!(signed_for("GetObject"), ["us-east-1".to_owned()].into());
    assert_eq!(signed_for("ListObjectVersions"), ["eu-west-1".to_owned()].into());
}

#[test]
fn bodies_that_break_off_are_taken_up_where_they_broke() {
    let server = bucket();
    let report = report(&server);
    report.publish(&server);
    let object = |fault| Rule::new(fault).operation("GetObject");
    let plan = Plan::new(5).rule(object(Fault::SlowDown).nth(2)).rule(object(Fault::CutBody).every(2));
    let proxy = Proxy::start(server.url(), plan);
    let output = tool(&server).endpoint(proxy.url()).args(["--inventory", URL, "s3://photos"]).run();
    output.assert_code(0);
    assert_eq!(output.records().len(), 8);
    assert!(proxy.count("CutBody") > 1 && proxy.count("SlowDown") == 1);
    let ranges = server.requests().iter().filter(|request| request.header("range").is_some()).count();
    assert!(ranges > 0);
}

#[test]
fn a_checksum_that_cannot_be_asked_for_is_no_missing_one() {
    let server = bucket();
    report(&server).publish(&server);
    let refuse = Rule::new(Fault::ResetBefore).operation("GetObject").target("manifest.checksum");
    let proxy = Proxy::start(server.url(), Plan::new(6).rule(refuse));
    let output = tool(&server).endpoint(proxy.url()).args(["-q", "--inventory", URL, "s3://photos"]).run();
    output.assert_code(1);
    assert!(output.stdout.is_empty());
    assert!(output.stderr.contains("manifest.checksum: Unreachable"), "{}", output.stderr);
}

#[test]
fn a_body_that_always_breaks_off_is_no_success() {
    let server = bucket();
    report(&server).publish(&server);
    let refuse = Rule::new(Fault::CutBody).operation("GetObject").target("data");
    let proxy = Proxy::start(server.url(), Plan::new(6).rule(refuse));
    let output = tool(&server).endpoint(proxy.url()).args(["-q", "--inventory", URL, "s3://photos"]).run();
    output.assert_code(1);
    assert!(output.stdout.is_empty());
    assert!(
        output.stderr.contains("GetObject s3://inv/photos/all/data/") && output.stderr.contains("BrokenOff"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_signal_or_a_reader_that_left_ends_the_run() {
    let server = bucket();
    report(&server).publish(&server);
    let hang = Rule::new(Fault::Hang).operation("GetObject");
    let proxy = Proxy::start(server.url(), Plan::new(7).rule(hang));
    let args = ["--inventory", URL, "s3://photos"];
    tool(&server).args(args).stdout_broken().run().assert_code(0);
    let running =
        tool(&server).endpoint(proxy.url()).args(["--inventory", URL, "--at"]).arg(clock("10:00:05"));
    let running = running.arg("s3://photos").spawn();
    while proxy.count("Hang") == 0 {
        std::thread::yield_now();
    }
    running.signal("TERM");
    let output = running.wait();
    assert_eq!(output.signal, Some(15), "{}", output.stderr);
}
