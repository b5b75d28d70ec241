//! The fast S3 lists versions in the documented order, on pages of every size.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use aws_sdk_s3::types::EncodingType;
use testkit::s3::{Options, Put, Server, Synthetic};

/// Key, version id and whether it is a marker. The order within a page is only that of the SDK's two lists.
type Entry = (String, String, bool);

/// Two keys that sort by bytes, not by UTF-16 or by locale; markers between versions; one key that extends
/// another.
fn filled(options: Options) -> (Server, Vec<Entry>) {
    let server = Server::start(options);
    server.create_bucket("b");
    let mut stacks = Vec::new();
    for key in ["Z", "a", "a/1", "a/2", "a/2/x", "a0", "é", "\u{ff01}", "\u{1f600}"] {
        let mut stack = vec![
            (server.put("b", key, Put::bytes("1").at("2026-11-20T10:00:00Z")), false),
            (server.put("b", key, Put::marker().at("2026-11-20T10:00:00Z")), true),
            (server.put("b", key, Put::bytes("2").at("2026-11-20T10:00:00Z")), false),
        ];
        stack.reverse();
        stacks.extend(stack.into_iter().map(|(id, marker)| (key.to_owned(), id, marker)));
    }
    (server, stacks)
}

fn entries(page: &ListObjectVersionsOutput) -> Vec<Entry> {
    let versions = page.versions().iter().map(|v| (v.key(), v.version_id(), false));
    let markers = page.delete_markers().iter().map(|m| (m.key(), m.version_id(), true));
    versions
        .chain(markers)
        .map(|(key, id, marker)| (key.unwrap().into(), id.unwrap().into(), marker))
        .collect()
}

async fn walk(client: &Client, bucket: &str, prefix: &str, max_keys: i32) -> Vec<Entry> {
    let mut all = Vec::new();
    let (mut key, mut id) = (None, None);
    // A page that repeats an entry would make an endless walk.
    for _ in 0..1000 {
        let page = client
            .list_object_versions()
            .bucket(bucket)
            .prefix(prefix)
            .max_keys(max_keys)
            .set_key_marker(key)
            .set_version_id_marker(id)
            .send()
            .await
            .unwrap();
        let found = entries(&page);
        assert!(found.len() <= max_keys.try_into().unwrap());
        all.extend(found);
        if page.is_truncated() != Some(true) {
            return all;
        }
        assert!(page.next_key_marker().is_some());
        (key, id) = (page.next_key_marker, page.next_version_id_marker);
    }
    panic!("the listing does not end")
}

#[tokio::test]
async fn one_entry_a_page_gives_the_true_order() {
    let (server, expected) = filled(Options::default());
    assert_eq!(walk(&server.client(), "b", "", 1).await, expected);
    let held = server.versions("b").into_iter().map(|kept| (kept.key, kept.version_id, kept.marker));
    assert_eq!(held.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn every_page_size_finds_everything_once() {
    let (server, mut expected) = filled(Options::default());
    expected.sort();
    for size in 2..30 {
        let mut found = walk(&server.client(), "b", "", size).await;
        found.sort();
        assert_eq!(found, expected, "max-keys {size}");
    }
    let exactly_all = server.client().list_object_versions().bucket("b").max_keys(27).send().await.unwrap();
    assert_eq!(exactly_all.is_truncated(), Some(false));
}

#[test]
fn the_wire_interleaves_versions_and_markers_unless_told_to_split() {
    let order = |body: &str| {
        let tags = body.match_indices("<Version>").chain(body.match_indices("<DeleteMarker>"));
        let mut tags: Vec<(usize, char)> = tags.map(|(at, tag)| (at, tag.chars().nth(1).unwrap())).collect();
        tags.sort_unstable();
        tags.into_iter().map(|(_, tag)| tag).collect::<String>()
    };
    let (server, _) = filled(Options::default());
    assert_eq!(order(&raw(&server, "/b?versions&prefix=a/")), "VDVVDVVDV");
    let (server, _) = filled(Options { split_lists: true, ..Options::default() });
    assert_eq!(order(&raw(&server, "/b?versions&prefix=a/")), "VVVVVVDDD");
}

#[test]
fn the_next_markers_come_before_the_entries_unless_told_to_be_late() {
    let (server, _) = filled(Options::default());
    let body = raw(&server, "/b?versions&max-keys=2");
    assert!(body.find("<NextKeyMarker>").unwrap() < body.find("<Version>").unwrap());
    let (server, _) = filled(Options { late_markers: true, ..Options::default() });
    let body = raw(&server, "/b?versions&max-keys=2");
    assert!(body.find("<NextKeyMarker>").unwrap() > body.find("<Version>").unwrap());
}

#[tokio::test]
async fn a_key_marker_alone_starts_after_all_versions_of_its_key() {
    let (server, all) = filled(Options::default());
    let list = server.client().list_object_versions().bucket("b").max_keys(1);
    let first = |page| entries(&page).remove(0);
    let page = list.clone().key_marker("a").send().await.unwrap();
    assert_eq!(first(page), all[6], "the newest version of a/1");
    let page = list.clone().key_marker("a/15").send().await.unwrap();
    assert_eq!(first(page), all[9], "a marker need not exist");
    let page = list.clone().key_marker("a").version_id_marker(&all[3].1).send().await.unwrap();
    assert_eq!(first(page), all[4], "the marker beneath the newest version of a");
    for (key, id) in [(None, Some("x")), (Some("a"), Some("")), (Some("a"), Some("unknown"))] {
        let refused =
            list.clone().set_key_marker(key.map(str::to_owned)).set_version_id_marker(id.map(str::to_owned));
        let error = refused.send().await.unwrap_err().into_service_error();
        assert_eq!(error.meta().code(), Some("InvalidArgument"), "{key:?} {id:?}");
    }
}

#[tokio::test]
async fn a_page_is_never_longer_than_the_server_gives() {
    let (server, expected) = filled(Options { max_page: 4, ..Options::default() });
    let client = server.client();
    let page = client.list_object_versions().bucket("b").max_keys(1000).send().await.unwrap();
    assert_eq!((entries(&page).len(), page.is_truncated()), (4, Some(true)));
    let page = client.list_object_versions().bucket("b").max_keys(3).send().await.unwrap();
    assert_eq!(entries(&page).len(), 3);
    let objects = client.list_objects_v2().bucket("b").send().await.unwrap();
    assert_eq!((objects.contents().len(), objects.is_truncated()), (4, Some(true)));
    assert_eq!(walk(&client, "b", "", 1).await, expected);
}

#[tokio::test]
async fn an_inclusive_marker_is_repeated_at_the_start_of_the_next_page() {
    let (server, all) = filled(Options { inclusive_markers: true, ..Options::default() });
    let list = server.client().list_object_versions().bucket("b").max_keys(1);
    let first = |page| entries(&page).remove(0);
    let at = list.clone().key_marker("a");
    assert_eq!(first(at.clone().send().await.unwrap()), all[3], "the newest version of a");
    let page = at.version_id_marker(&all[4].1).send().await.unwrap();
    assert_eq!(first(page), all[4], "the marker itself");
    let page = list.clone().key_marker("a/15").send().await.unwrap();
    assert_eq!(first(page), all[9], "a marker that is no key has nothing to repeat");
    let page = list.clone().prefix("a/").key_marker("Z").send().await.unwrap();
    assert_eq!(first(page), all[6], "a marker before the prefix");
    let client = server.client();
    client.delete_object().bucket("b").key("a").version_id(&all[4].1).send().await.unwrap();
    let page = list.key_marker("a").version_id_marker(&all[4].1).send().await.unwrap();
    assert_eq!(first(page), all[5], "a version that is gone is not repeated");
}

#[tokio::test]
async fn a_listing_goes_on_from_a_version_that_was_removed_meanwhile() {
    let (server, all) = filled(Options::default());
    let client = server.client();
    client.delete_object().bucket("b").key("a").version_id(&all[4].1).send().await.unwrap();
    let list = client.list_object_versions().bucket("b").key_marker("a").version_id_marker(&all[4].1);
    assert_eq!(entries(&list.max_keys(1).send().await.unwrap()), all[5..6]);
}

#[tokio::test]
async fn a_delimiter_rolls_keys_up_and_shares_the_page() {
    let (server, _) = filled(Options::default());
    let client = server.client();
    let list = client.list_object_versions().bucket("b").delimiter("/");
    let page = list.clone().prefix("a").send().await.unwrap();
    let groups: Vec<_> = page.common_prefixes().iter().filter_map(|group| group.prefix()).collect();
    assert_eq!((entries(&page).len(), groups), (6, vec!["a/"]), "a and a0 stay");
    let page = list.clone().prefix("a").max_keys(4).send().await.unwrap();
    assert_eq!((entries(&page).len(), page.common_prefixes().len()), (3, 1));
    assert_eq!((page.next_key_marker(), page.next_version_id_marker()), (Some("a/"), None));
    let page = list.clone().prefix("a").key_marker("a/").send().await.unwrap();
    assert_eq!((entries(&page).len(), page.common_prefixes().len()), (3, 0), "only a0 is left");
    let page = list.prefix("a/").send().await.unwrap();
    let groups: Vec<_> = page.common_prefixes().iter().filter_map(|group| group.prefix()).collect();
    assert_eq!((entries(&page).len(), groups), (6, vec!["a/2/"]));
}

#[tokio::test]
async fn an_encoding_makes_any_key_fit_into_xml() {
    let key = "a b+c%d&<\u{1}é~*(/";
    let server = Server::start(Options::default());
    server.create_bucket("b");
    server.put("b", key, Put::bytes(""));
    let list = server.client().list_object_versions().bucket("b").encoding_type(EncodingType::Url);
    let page = list.send().await.unwrap();
    assert_eq!(page.encoding_type(), Some(&EncodingType::Url));
    assert_eq!(page.versions()[0].key(), Some("a+b%2Bc%25d%26%3C%01%C3%A9%7E*%28/"));
    assert!(raw(&server, "/b?versions").contains("<Key>a b+c%d&amp;&lt;&#x1;é~*(/</Key>"));
    let old = Server::start(Options { no_encoding_type: true, ..Options::default() });
    old.create_bucket("b");
    old.put("b", "a b", Put::bytes(""));
    let body = raw(&old, "/b?versions&encoding-type=url");
    assert!(body.contains("<Key>a b</Key>") && !body.contains("EncodingType"), "{body}");
}

#[test]
fn times_are_whole_seconds_unless_told_to_be_fine() {
    for (fine_timestamps, shown) in
        [(false, "2026-11-20T10:00:00.000Z"), (true, "2026-11-20T10:00:00.123456Z")]
    {
        let server = Server::start(Options { fine_timestamps, ..Options::default() });
        server.create_bucket("b");
        server.put("b", "k", Put::bytes("").at("2026-11-20T10:00:00.123456Z"));
        assert!(raw(&server, "/b?versions").contains(&format!("<LastModified>{shown}</LastModified>")));
    }
}

#[tokio::test]
async fn synthetic_versions_are_listed_like_kept_ones() {
    let source = Synthetic {
        keys: 25,
        versions_per_key: 3,
        markers_every: 4,
        folder_size: 10,
        ..Synthetic::default()
    };
    let server = Server::start(Options { synthetic: Some(source.clone()), ..Options::default() });
    let client = server.client();
    let one_by_one = walk(&client, "synthetic", "", 1).await;
    assert_eq!(one_by_one.len(), 25 * 3 + 7);
    let keys: Vec<&String> = one_by_one.iter().map(|entry| &entry.0).collect();
    assert!(keys.is_sorted());
    assert_eq!((keys[0], *keys.last().unwrap()), (&source.key(0), &source.key(24)));
    assert!(one_by_one[0].2 && !one_by_one[1].2, "the marker is the latest");
    let mut sorted = one_by_one.clone();
    sorted.sort();
    for size in [2, 7, 1000] {
        let mut found = walk(&client, "synthetic", "", size).await;
        found.sort();
        assert_eq!(found, sorted);
    }
    let folder = walk(&client, "synthetic", "data/0000001/", 7).await;
    assert_eq!(folder.len(), 10 * 3 + 2);
    let page = client.list_object_versions().bucket("synthetic").prefix("data/").delimiter("/");
    assert_eq!(page.send().await.unwrap().common_prefixes().len(), 3);
}

#[tokio::test]
async fn a_write_into_a_synthetic_bucket_stays() {
    let source = Synthetic { keys: 3, ..Synthetic::default() };
    let key = source.key(1);
    let server = Server::start(Options { synthetic: Some(source), ..Options::default() });
    let client = server.client();
    let before = walk(&client, "synthetic", "", 10).await;
    let marker =
        client.delete_object().bucket("synthetic").key(&key).send().await.unwrap().version_id.unwrap();
    let after = walk(&client, "synthetic", "", 1).await;
    assert_eq!(after, [&before[..1], &[(key, marker, true)], &before[1..]].concat());
}

/// The body of a GET without the SDK, which would take the order apart.
fn raw(server: &Server, target: &str) -> String {
    use std::io::{Read, Write};
    let address = server.url().strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[tokio::test]
async fn the_list_of_objects_skips_what_is_deleted_and_rolls_up() {
    let server = Server::start(Options::default());
    server.create_bucket("b");
    for key in ["a", "d/1", "d/2", "gone", "z"] {
        server.put("b", key, Put::bytes(key));
    }
    server.put("b", "gone", Put::marker());
    server.put("b", "only/deleted", Put::marker());
    let client = server.client();
    let list = client.list_objects_v2().bucket("b").delimiter("/").max_keys(2);
    let names = |page: &aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output| {
        let keys = page.contents().iter().filter_map(|object| object.key().map(str::to_owned));
        keys.chain(page.common_prefixes().iter().filter_map(|group| group.prefix().map(str::to_owned)))
            .collect::<Vec<_>>()
    };
    let page = list.clone().send().await.unwrap();
    assert_eq!(names(&page), ["a", "d/"]);
    let next = list.set_continuation_token(page.next_continuation_token).send().await.unwrap();
    assert_eq!((names(&next), next.is_truncated()), (vec!["z".to_owned()], Some(false)));
    let flat = client.list_objects_v2().bucket("b").start_after("d/1").send().await.unwrap();
    assert_eq!(names(&flat), ["d/2", "z"]);
}
