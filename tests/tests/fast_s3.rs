//! The fast S3 as a process: says where it is, serves what it was told to, and ends with its stdin.

use testkit::client;
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

#[test]
fn it_refuses_what_it_does_not_know() {
    for arg in ["nonsense", "keys=many", "what=1"] {
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
