"""An S3 Inventory report of the synthetic bucket, as the service writes one: CSV in gzip, a manifest, checksums."""

import csv
import gzip
import hashlib
import io
import itertools
import json
import subprocess
import urllib.parse

FOLDER = "synthetic/all"
MANIFEST = f"{FOLDER}/2026-01-02T01-00Z/manifest.json"
CREATED_MS = 1_767_315_600_000
ROWS_A_FILE = 100_000
SCHEMA = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, StorageClass"


def cells(record):
    return [
        record["bucket"],
        urllib.parse.quote_plus(record["key"], safe="/"),
        record["version_id"],
        json.dumps(record["is_latest"]),
        json.dumps(record["delete_marker"]),
        record.get("size", ""),
        record["last_modified"],
        (record.get("etag") or "").strip('"'),
        record.get("storage_class", ""),
    ]


def data_file(lines):
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(cells(json.loads(line)) for line in lines)
    return gzip.compress(text.getvalue().encode(), 1)


def publish(tools, server):
    """Puts a report of the bucket `synthetic` into the bucket `inv`; its address."""
    files = []
    command = [tools.versions, "-q", "s3://synthetic/"]
    with subprocess.Popen(command, env=server.env(), stdout=subprocess.PIPE) as listing:
        while lines := list(itertools.islice(listing.stdout, ROWS_A_FILE)):
            key, content = f"{FOLDER}/data/{len(files)}.csv.gz", data_file(lines)
            server.put("inv", key, content)
            files.append({"key": key, "size": len(content), "MD5checksum": hashlib.md5(content).hexdigest()})
    manifest = json.dumps(
        {
            "sourceBucket": "synthetic",
            "destinationBucket": "arn:aws:s3:::inv",
            "version": "2016-11-30",
            "creationTimestamp": str(CREATED_MS),
            "fileFormat": "CSV",
            "fileSchema": SCHEMA,
            "files": files,
        }
    ).encode()
    server.put("inv", MANIFEST, manifest)
    server.put("inv", MANIFEST.replace(".json", ".checksum"), hashlib.md5(manifest).hexdigest().encode())
    return f"s3://inv/{MANIFEST}"
