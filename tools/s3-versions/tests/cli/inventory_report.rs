//! Reports as S3 Inventory writes them, made of what a listing shows, apart from the code that reads them.

use std::io::Write as _;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use md5::{Digest as _, Md5};
use parquet::basic::{Compression as Codec, GzipLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::{Value, json};
use testkit::s3::{Put, Server};

pub const MANIFEST: &str = "photos/all/2026-11-21T01-00Z/manifest.json";
pub const URL: &str = "s3://inv/photos/all/2026-11-21T01-00Z/manifest.json";
/// When the report was made.
pub const CREATED: &str = "2026-11-21T01:00:00Z";

const CSV_SCHEMA: &str = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, \
                          StorageClass, IsMultipartUploaded, ChecksumAlgorithm, ObjectOwner";
const PARQUET_SCHEMA: &str = "message s3.inventory { required binary bucket (STRING); required binary key (STRING); \
    optional binary version_id (STRING); optional boolean is_latest; optional boolean is_delete_marker; \
    optional int64 size; optional int64 last_modified_date (TIMESTAMP(MILLIS,true)); optional binary e_tag (STRING); \
    optional binary storage_class (STRING); optional boolean is_multipart_uploaded; \
    optional binary checksum_algorithm (STRING); optional binary object_owner (STRING); }";

/// A report that is about to be published, so that a test can damage it first.
pub struct Report {
    pub source: String,
    pub format: &'static str,
    pub schema: String,
    /// The name and content of each data file.
    pub files: Vec<(String, Vec<u8>)>,
}

impl Report {
    /// CSV in gzip, the rows spread over so many files.
    pub fn csv(records: &[Value], files: usize) -> Self {
        let parts = spread(records, files);
        let files = parts.iter().map(|part| gzip(&part.iter().map(|r| csv_row(r)).collect::<String>()));
        Self::new("CSV", CSV_SCHEMA, "csv.gz", files.collect())
    }

    /// Parquet; every other file is compressed with gzip in place of snappy, and all have several groups of rows.
    pub fn parquet(records: &[Value], files: usize) -> Self {
        let parts = spread(records, files);
        let files = parts.iter().enumerate().map(|(n, part)| parquet(part, n % 2 == 1));
        Self::new("Parquet", PARQUET_SCHEMA, "parquet", files.collect())
    }

    pub fn new(format: &'static str, schema: &str, extension: &str, files: Vec<Vec<u8>>) -> Self {
        let name = |n| format!("photos/all/data/{n}.{extension}");
        let files = files.into_iter().enumerate().map(|(n, content)| (name(n), content)).collect();
        Self { source: "photos".into(), format, schema: schema.into(), files }
    }

    pub fn manifest(&self) -> Value {
        let files: Vec<_> = self
            .files
            .iter()
            .map(|(key, content)| json!({"key": key, "size": content.len(), "MD5checksum": md5(content)}))
            .collect();
        let created: Timestamp = CREATED.parse().unwrap();
        json!({
            "sourceBucket": self.source,
            "destinationBucket": "arn:aws:s3:::inv",
            "version": "2016-11-30",
            "creationTimestamp": created.as_millisecond().to_string(),
            "fileFormat": self.format,
            "fileSchema": self.schema,
            "files": files,
        })
    }

    /// Puts the files, the manifest and its checksum into the bucket `inv`.
    pub fn publish(&self, server: &Server) {
        let manifest = self.manifest().to_string();
        server.create_bucket("inv");
        server.put("inv", MANIFEST, Put::bytes(manifest.clone()));
        server.put("inv", &MANIFEST.replace(".json", ".checksum"), Put::bytes(md5(manifest.as_bytes())));
        for (key, content) in &self.files {
            server.put("inv", key, Put::bytes(content.clone()));
        }
    }
}

pub fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

pub fn md5(content: &[u8]) -> String {
    Md5::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Parts in no order at all, as a report has them.
fn spread(records: &[Value], parts: usize) -> Vec<Vec<&Value>> {
    let mut spread = vec![Vec::new(); parts];
    for (n, record) in records.iter().enumerate() {
        spread[n * 7 % parts].push(record);
    }
    for part in &mut spread {
        part.reverse();
    }
    spread
}

/// The cells of a row, a version id of `null` as the empty text that it is in a report.
fn csv_row(record: &Value) -> String {
    let text = |field: &str| record[field].as_str().unwrap_or_default().to_owned();
    let cells = [
        text("bucket"),
        url_encoded(&text("key")),
        version_id(record).to_owned(),
        record["is_latest"].to_string(),
        record["delete_marker"].to_string(),
        record["size"].as_u64().map(|size| size.to_string()).unwrap_or_default(),
        text("last_modified"),
        text("etag").trim_matches('"').to_owned(),
        text("storage_class"),
        "false".into(),
        record["checksum_algorithm"][0].as_str().unwrap_or_default().to_owned(),
        text("owner"),
    ];
    let quoted: Vec<_> = cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
    quoted.join(",") + "\n"
}

fn version_id(record: &Value) -> &str {
    record["version_id"].as_str().filter(|id| *id != "null").unwrap_or_default()
}

fn url_encoded(key: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'*' => {
            char::from(byte).to_string()
        }
        b' ' => "+".into(),
        other => format!("%{other:02X}"),
    };
    key.bytes().map(encoded).collect()
}

fn parquet(records: &[&Value], gzip: bool) -> Vec<u8> {
    let codec = if gzip { Codec::GZIP(GzipLevel::default()) } else { Codec::SNAPPY };
    let properties = WriterProperties::builder().set_compression(codec).build();
    let schema = Arc::new(parse_message_type(PARQUET_SCHEMA).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    for rows in records.chunks(records.len().div_ceil(2).max(1)) {
        let mut group = writer.next_row_group().unwrap();
        let text = |field: &'static str| rows.iter().map(move |r| r[field].as_str());
        let etags: Vec<_> = text("etag").map(|etag| etag.map(|etag| etag.trim_matches('"'))).collect();
        let algorithms: Vec<_> = rows.iter().map(|r| r["checksum_algorithm"][0].as_str()).collect();
        let ids: Vec<_> = rows.iter().map(|r| Some(version_id(r)).filter(|id| !id.is_empty())).collect();
        let flags = |field: &'static str| rows.iter().map(|r| r[field].as_bool()).collect::<Vec<_>>();
        let times: Vec<_> = text("last_modified").map(|t| Some(millis(t.unwrap()))).collect();
        let sizes: Vec<_> = rows.iter().map(|r| r["size"].as_i64()).collect();
        let mut column = |cells: Cells| {
            let mut column = group.next_column().unwrap().unwrap();
            let levels: Vec<i16>;
            match cells {
                Cells::Needed(cells) => {
                    let cells: Vec<_> = cells.into_iter().flatten().map(ByteArray::from).collect();
                    column.typed::<ByteArrayType>().write_batch(&cells, None, None).unwrap();
                }
                Cells::Text(cells) => {
                    levels = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
                    let cells: Vec<_> = cells.into_iter().flatten().map(ByteArray::from).collect();
                    column.typed::<ByteArrayType>().write_batch(&cells, Some(&levels), None).unwrap();
                }
                Cells::Flag(cells) => {
                    levels = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
                    let cells: Vec<_> = cells.into_iter().flatten().collect();
                    column.typed::<BoolType>().write_batch(&cells, Some(&levels), None).unwrap();
                }
                Cells::Number(cells) => {
                    levels = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
                    let cells: Vec<_> = cells.into_iter().flatten().collect();
                    column.typed::<Int64Type>().write_batch(&cells, Some(&levels), None).unwrap();
                }
            }
            column.close().unwrap();
        };
        column(Cells::Needed(text("bucket").collect()));
        column(Cells::Needed(text("key").collect()));
        column(Cells::Text(ids));
        column(Cells::Flag(flags("is_latest")));
        column(Cells::Flag(flags("delete_marker")));
        column(Cells::Number(sizes));
        column(Cells::Number(times));
        column(Cells::Text(etags));
        column(Cells::Text(text("storage_class").collect()));
        column(Cells::Flag(vec![Some(false); rows.len()]));
        column(Cells::Text(algorithms));
        column(Cells::Text(text("owner").collect()));
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

enum Cells<'a> {
    Needed(Vec<Option<&'a str>>),
    Text(Vec<Option<&'a str>>),
    Flag(Vec<Option<bool>>),
    Number(Vec<Option<i64>>),
}

fn millis(time: &str) -> i64 {
    time.parse::<Timestamp>().unwrap().as_millisecond()
}
