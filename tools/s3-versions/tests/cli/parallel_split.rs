//! What splitting may cost: nothing in a bucket of one page, little in one of a few, and it happens whatever keys look
//! like.

use testkit::s3::Logged;

use super::list;
use super::parallel_cost::{cost, filled, pages_of};

/// A kind of keys, and the n-th of them.
type Shape = (&'static str, fn(u32) -> String);

const SHAPES: [Shape; 8] = [
    ("numbers", |n| format!("{n:06}")),
    ("hex", |n| format!("{:08x}", n.wrapping_mul(2_654_435_761))),
    ("dates", |n| format!("2026/{:02}/{:02}/{n:04}.jpg", n / 28 % 12 + 1, n % 28 + 1)),
    ("a long prefix", |n| format!("{}{n:04}", "p".repeat(900))),
    ("most under one prefix", |n| {
        if n % 100 == 0 { format!("{n:04}") } else { format!("{}{n:04}", "m".repeat(60)) }
    }),
    ("CJK", |n| {
        [char::from_u32(0x4e00 + n * 7).unwrap(), char::from_u32(0x9fa5 - n).unwrap()].iter().collect()
    }),
    ("astral", |n| {
        let spread = n.wrapping_mul(2_654_435_761) >> 24;
        [0x1_f300 + spread, 0x1_f300 + n].into_iter().filter_map(char::from_u32).collect()
    }),
    ("each begins the next", |n| "a".repeat(n as usize + 1)),
];

#[test]
fn a_bucket_of_one_page_costs_what_a_plain_listing_costs() {
    for (shape, key) in SHAPES {
        let server = filled(pages_of(50), (0..50).map(key));
        for more in
            [&[][..], &["--concurrency", "1"], &["--concurrency", "16"], &["--latest"], &["--deleted"]]
        {
            server.clear_requests();
            list(&server, &[&["s3://photos"], more].concat());
            let operations: Vec<_> = server.requests().iter().map(|request| request.operation).collect();
            assert_eq!(operations, ["GetBucketVersioning", "ListObjectVersions"], "{shape} {more:?}");
        }
    }
}

#[test]
fn a_bucket_of_a_few_pages_costs_a_few_requests_more() {
    for (shape, key) in SHAPES {
        for pages in 2..=4 {
            let server = filled(pages_of(50), (0..pages * 50 - 7).map(key));
            let plain = cost(&server, &["s3://photos", "--concurrency", "1"]);
            assert_eq!(plain, (pages as usize, pages as usize * 50 - 7), "{shape}");
            for more in [&[][..], &["--concurrency", "16"]] {
                let (requests, records) = cost(&server, &[&["s3://photos"], more].concat());
                assert_eq!(records, plain.1, "{shape} {more:?}");
                assert!(requests <= plain.0 + 6, "{shape} {more:?}: {requests} requests for {pages} pages");
            }
        }
    }
}

#[test]
fn a_flat_prefix_is_split_whatever_its_keys_look_like() {
    // Where each key begins the next one, all that is left always begins with the last.
    let (_, shapes) = SHAPES.split_last().unwrap();
    for (shape, key) in shapes {
        let server = filled(pages_of(5), (0..400).map(*key));
        // In a listing of all versions, a marker without a version id is no page's end.
        let splits = || {
            let requests = server.requests();
            let listings = requests.iter().filter(|request| request.operation == "ListObjectVersions");
            let inside = |request: &&Logged| {
                request.query("key-marker").is_some() && request.query("version-id-marker").is_none()
            };
            listings.filter(inside).count()
        };
        assert_eq!(cost(&server, &["s3://photos", "--concurrency", "1"]), (80, 400), "{shape}");
        assert_eq!(splits(), 0, "{shape}");
        let (requests, records) = cost(&server, &["s3://photos", "--concurrency", "8"]);
        assert_eq!(records, 400, "{shape}");
        assert!(splits() >= 4, "{shape}: {} of {requests} requests began in between", splits());
        assert!(requests <= 160, "{shape}: {requests} requests for 80 pages");
    }
}
