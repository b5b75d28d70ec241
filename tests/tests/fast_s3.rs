//! The fast S3 as a process: says where it is, serves what it was told to, and ends with its stdin.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::ProvideErrorMetadata;
use testkit::client;
use testkit::s3::{Options, Server};
use testkit::tool::Tool;

#[tokio::test]
async fn it_serves_until_its_stdin_ends() {
    let args = ["bucket=empty", "keys=3", "versions=2", "markers-every=2", "prefix=p/"];
    let mut server = Tool::new("fast-s3").args(args).spawn();
    let url = server.line().expect("its URL on the first line");
    let s3 = client::s3(&url);
    let page = s3.list_object_versions().bucket("synthetic").send().await.expect("a listing");
    assert_eq!((page.versions().len(), page.delete_markers().len()), (6, 2));
    assert_eq!(page.versions()[0].key(), Some("p/0000000000"));
    let empty = s3.get_bucket_versioning().bucket("empty").send().await.expect("the bucket exists");
    assert_eq!(empty.status().map(|status| status.as_str()), Some("Enabled"));
    server.close_stdin();
    let output = server.wait();
    output.assert_code(0);
    assert_eq!(output.text(), "", "nothing but the URL");
}

#[tokio::test]
async fn requests_beyond_the_rate_are_refused_and_counted_apart() {
    let server = Server::start(Options { requests_per_second: Some(1), ..Options::default() });
    server.create_bucket("b");
    let client =
        Client::from_conf(client::config(server.url(), "test").retry_config(RetryConfig::disabled()).build());
    let mut refused = 0;
    for _ in 0..50 {
        let Err(error) = client.list_object_versions().bucket("b").send().await else { continue };
        let status = error.raw_response().map(|answer| answer.status().as_u16());
        assert_eq!((status, error.code()), (Some(503), Some("SlowDown")));
        refused += 1;
    }
    assert!(refused > 0);
    let counts = server.take_counts();
    assert_eq!(
        counts.into_iter().collect::<Vec<_>>(),
        [("ListObjectVersions", 50 - refused), ("SlowDown", refused)]
    );
}

#[tokio::test]
async fn each_line_asks_for_the_requests_since_the_one_before() {
    let mut server = Tool::new("fast-s3").args(["keys=3", "shape=hex"]).spawn();
    let url = server.line().expect("its URL on the first line");
    let s3 = client::s3(&url);
    let mut counts = || {
        server.write("\n");
        server.line().expect("one line for each")
    };
    s3.list_object_versions().bucket("synthetic").send().await.expect("a listing");
    assert_eq!(counts(), r#"{"ListObjectVersions":1}"#);
    assert_eq!(counts(), "{}");
}

#[test]
fn it_refuses_what_it_does_not_know() {
    for arg in ["nonsense", "keys=many", "shape=round", "requests-per-second=-1", "what=1"] {
        let output = Tool::new("fast-s3").arg(arg).run();
        output.assert_code(1);
        assert!(output.stderr.contains(arg), "{}", output.stderr);
    }
}

#[test]
fn it_fails_where_its_url_cannot_be_written() {
    Tool::new("fast-s3").stdout_to("/dev/full").run().assert_code(1);
    Tool::new("fast-s3").stdout_broken().run().assert_code(1);
}
