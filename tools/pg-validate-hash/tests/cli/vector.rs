//! The hash as the manual describes it, computed anew from the bytes of a table that the README shows.

use testkit::postgres;

use crate::{hashes, run, tables, text};

const TABLE: &str =
    "create table vector (b text, a int); insert into vector values ('x', 1), (null, 2), (null, 2)";

/// Adds little-endian numbers of equal length, byte by byte, and lets the last carry go.
fn add(sum: &mut [u8], other: &[u8]) {
    let mut carry = 0;
    for (byte, other) in sum.iter_mut().zip(other) {
        let next = u16::from(*byte) + u16::from(*other) + carry;
        *byte = next.to_le_bytes()[0];
        carry = next >> 8;
    }
}

fn closed(columns: &[(&str, &str)], tuples: &[&[u8]]) -> String {
    let mut sum = [0; 32];
    let mut lanes = [0; 2048];
    for tuple in tuples {
        let mut drawn = [0; 2048];
        blake3::Hasher::new().update(tuple).finalize_xof().fill(&mut drawn);
        add(&mut sum, &drawn[..32]);
        for (lane, other) in lanes.chunks_mut(2).zip(drawn.chunks(2)) {
            add(lane, other);
        }
    }
    let mut bytes = b"pgvh1".to_vec();
    bytes.extend(u32::try_from(columns.len()).unwrap().to_le_bytes());
    for text in columns.iter().flat_map(|&(name, kind)| [name, kind]) {
        bytes.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    bytes.extend((tuples.len() as u64).to_le_bytes());
    bytes.extend(sum);
    bytes.extend(lanes);
    blake3::hash(&bytes).to_hex().to_string()
}

#[test]
fn the_hash_is_what_the_manual_says() {
    let with_null = b"\0\x02\0\0\0\x04\0\0\0\x02\xff\xff\xff\xff";
    let tuples: [&[u8]; 3] = [b"\0\x02\0\0\0\x04\0\0\0\x01\0\0\0\x01x", with_null, with_null];
    let expected = closed(&[("a", "integer"), ("b", "text")], &tuples);
    for server in postgres::servers() {
        let url = server.database();
        postgres::execute(&url, TABLE);
        let output = run(&url, &["vector"]);
        let record = &tables(output.assert_code(0))["public.vector"];
        assert_eq!(text(&record["hash"]), expected);
        assert_eq!((&record["rows"], &record["algorithm"]), (&3.into(), &"pgvh1".into()));
    }
    let readme = include_str!("../../README.md");
    assert!(readme.contains(TABLE) && readme.contains(&expected), "{expected} is not in the README");
}

#[test]
fn an_empty_table_and_one_without_columns_have_their_hashes() {
    let url = postgres::database();
    postgres::execute(&url, "create table a (a int); create table b (); insert into b default values");
    let hashes = hashes(run(&url, &["--all"]).assert_code(0));
    assert_eq!(hashes["public.a"], closed(&[("a", "integer")], &[]));
    assert_eq!(hashes["public.b"], closed(&[], &[b"\0\0"]));
}
