"""The demo's hands and eyes: makes a bucket, damages it, and proves it whole again, without the tools under proof.

make FOLDER             versioned bucket with 1,000 objects and a distribution; prints the instant to go back to
damage FOLDER           accidents of every kind, after that instant
prove FOLDER            the bucket is as it was then, and the CDN was told of exactly what had changed
prove-unchanged FOLDER  nothing was written since `prove`

FOLDER carries what one step has to remember for the next, as JSON.
"""

import datetime
import hashlib
import json
import os
import pathlib
import sys
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import boto3
import botocore.config

BUCKET = "demo-photos"
PREFIX = "originals/"
OBJECTS = 1_000
THREADS = 16
MB = 1024 * 1024

# Each name breaks some tool that encodes, decodes or splits where it should not.
NAMES = [
    "plain.jpg",
    "two  spaces .jpg",
    "100%.jpg",
    "already%20encoded.jpg",
    "one+one=2.jpg",
    "plus + space.jpg",
    "\N{CAMERA WITH FLASH}\N{SPARKLES}.jpg",
    "Z\u00fcrich & \u6771\u4eac (1).jpg",
    "it's, \"quoted\" <b>.jpg",
    "#1;2@3:4$5!.jpg",
    "a//b/./c.jpg",
]
STORAGE_CLASSES = ["STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"]

# Passed by hand: without a sandbox this must fail rather than write to whatever account the environment holds.
endpoint = os.environ.get("AWS_ENDPOINT_URL") or sys.exit("no AWS_ENDPOINT_URL: run scripts/demo")
config = botocore.config.Config(max_pool_connections=THREADS, retries={"total_max_attempts": 1})
s3 = boto3.client("s3", config=config, endpoint_url=endpoint)
cloudfront = boto3.client("cloudfront", config=config, endpoint_url=endpoint)


def each(work, items):
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, items))


# ---- writes


def attributes(key):
    """What a restore can lose besides the bytes: some of it on every object, all of it on some."""
    n = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big")
    wanted = {
        "ContentType": ["image/jpeg", "image/webp; q=1", "application/x-raw"][n % 3],
        "Metadata": {"camera": f"no {n % 7}", "sum": hashlib.sha256(key.encode()).hexdigest()},
        "StorageClass": STORAGE_CLASSES[n % 5],
    }
    if n % 2:
        wanted["CacheControl"] = f"public, max-age={n % 86400}"
        wanted["Tagging"] = urllib.parse.urlencode({"rights": "all = reserved +1", "album/no": str(n % 100)})
    if n % 4 == 3:
        wanted |= {"ContentDisposition": 'attachment; filename="a b.jpg"', "ContentLanguage": "de-CH"}
        wanted |= {"ContentEncoding": "identity", "WebsiteRedirectLocation": "/moved.html"}
    return wanted


def body(key, edition):
    return f"{edition} of {key}\n".encode() * 40


def put_good(key):
    s3.put_object(Bucket=BUCKET, Key=key, Body=body(key, "the good edition"), **attributes(key))


def put_old(key):
    s3.put_object(Bucket=BUCKET, Key=key, Body=body(key, "an older edition"))


def put_wrong(key):
    s3.put_object(Bucket=BUCKET, Key=key, Body=body(key, "a wrong upload"), ContentType="text/plain")


def put_stripped(key):
    """The same bytes and ETag, everything else gone: only a look at the version itself shows the loss."""
    s3.put_object(Bucket=BUCKET, Key=key, Body=body(key, "the good edition"))


def put_multipart(key):
    """6 MB in two parts, so that the ETag is no digest of the bytes."""
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key=key, **attributes(key))["UploadId"]
    target = {"Bucket": BUCKET, "Key": key, "UploadId": upload}
    parts = []
    for number, size in [(1, 5 * MB), (2, 1 * MB)]:
        part = s3.upload_part(PartNumber=number, Body=bytes([number]) * size, **target)
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **target)


def delete(key):
    s3.delete_object(Bucket=BUCKET, Key=key)


def wait_for_next_second():
    time.sleep(1 - time.time() % 1)


def within_a_second(*writes):
    """S3 stamps whole seconds: among these writes only the order of the listing tells which came last."""

    def work(key):
        while True:
            if time.time() % 1 > 0.7:
                wait_for_next_second()
            second = int(time.time())
            for write in writes:
                write(key)
            if int(time.time()) == second:
                return

    work.last = writes[-1]
    return (work,)


def leaves_deleted(write):
    return getattr(write, "last", write) is delete


# What had happened to a key before the instant, and what happens to it afterwards. Every history meets every
# accident under every name.
HISTORIES = {"new": (put_good,), "edited": (put_old, put_old, put_good)}
ACCIDENTS = {
    "untouched": (),
    "deleted": (delete,),
    "deleted-twice": (delete, delete),
    "overwritten": (put_wrong,),
    "overwritten-deleted": (put_wrong, delete),
    "deleted-overwritten": (delete, put_wrong),
    "stripped": (put_stripped,),
}
# Only under some names: where stamps are equal a tool may have to ask again for each key, and moto takes long.
AT_ONCE = {
    "edited": (within_a_second(put_old, delete, put_good), (put_wrong,)),
    "replaced": (within_a_second(put_old, put_good), (delete,)),
    "removed": (within_a_second(put_good, delete), (put_wrong,)),
    "then-rewritten": ((put_good,), within_a_second(put_wrong, delete, put_wrong)),
    "then-deleted": ((put_good,), within_a_second(delete, put_wrong, delete)),
}
# Deleted before the instant, so a restore must leave it deleted, or delete it again.
GONE = {"gone": (), "gone-born-again": (put_wrong,)}
BIG = {"6-mb-deleted.raw": (delete,), "6-mb-overwritten.raw": (put_wrong,)}


def crossed():
    return {
        f"{PREFIX}{history}/{accident}/{name}": (before, after)
        for history, before in HISTORIES.items()
        for accident, after in ACCIDENTS.items()
        for name in NAMES
    }


def scenario():
    """{key: (writes before the instant, writes after it)}"""
    keys = crossed()
    keys |= {f"{PREFIX}at-once/{case}/{name}": writes for case, writes in AT_ONCE.items() for name in NAMES[::4]}
    keys |= {PREFIX + name: ((put_multipart,), after) for name, after in BIG.items()}
    for n in range(OBJECTS - len(live_after(keys, 0))):
        keys[f"{PREFIX}2026/{n:04}.jpg"] = ((put_good,), [(delete,), (put_wrong,), (), ()][n % 4])
    for name in NAMES:
        keys |= {f"{PREFIX}{case}/{name}": ((put_good, delete), after) for case, after in GONE.items()}
        keys[f"{PREFIX}born-later/{name}"] = ((), (put_wrong,))
        # Beside the prefix, though it shares its letters: damaged too, and none of the pipeline's business.
        keys[f"originals-old/{name}"] = ((put_good,), (put_wrong,))
    return keys


def live_after(keys, when):
    """The keys that the writes of before (0) or after (1) the instant leave with an object."""
    return {key for key, writes in keys.items() if writes[when] and not leaves_deleted(writes[when][-1])}


def happen(keys, when):
    """First write of every key, then second write of every key: equal stamps only where they are meant."""
    for n in range(max(len(writes[when]) for writes in keys.values())):
        turn = [key for key, writes in keys.items() if len(writes[when]) > n]
        each(lambda key, n=n: keys[key][when][n](key), turn)
        # Past the stamp of what was written, which is in whole seconds.
        wait_for_next_second()


# ---- reads


def live_keys(prefix=""):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def state(key):
    """Everything of the current version that a restore has to bring back."""
    got = s3.get_object(Bucket=BUCKET, Key=key)
    tags = s3.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"]
    kept = ["ContentType", "CacheControl", "ContentDisposition", "ContentLanguage", "ContentEncoding"]
    kept += ["WebsiteRedirectLocation", "StorageClass", "Metadata"]
    return {
        "bytes": hashlib.sha256(got["Body"].read()).hexdigest(),
        "tags": sorted([tag["Key"], tag["Value"]] for tag in tags),
        **{name: got.get(name) for name in kept},
    }


def snapshot():
    keys = live_keys()
    return dict(zip(keys, each(state, keys), strict=True))


def history():
    """Every version and delete marker: [key, version id, is it data, is it the latest]."""
    found = []
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=BUCKET):
        for kind in ["Versions", "DeleteMarkers"]:
            for entry in page.get(kind, []):
                found.append([entry["Key"], entry["VersionId"], kind == "Versions", entry["IsLatest"]])
    return sorted(found)


def data_versions(entries):
    return {(key, version) for key, version, is_data, _ in entries if is_data}


def purged_paths(distribution):
    pages = cloudfront.get_paginator("list_invalidations").paginate(DistributionId=distribution)
    invalidations = [item["Id"] for page in pages for item in page["InvalidationList"].get("Items", [])]
    paths = []
    for invalidation in invalidations:
        got = cloudfront.get_invalidation(DistributionId=distribution, Id=invalidation)["Invalidation"]
        paths += got["InvalidationBatch"]["Paths"]["Items"]
    return invalidations, paths


# ---- steps


def make_distribution():
    origin = {"Id": "s3", "DomainName": f"{BUCKET}.s3.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}
    behavior = {"TargetOriginId": "s3", "ViewerProtocolPolicy": "redirect-to-https"}
    made = cloudfront.create_distribution(
        DistributionConfig={
            "CallerReference": BUCKET,
            "Comment": "demo",
            "Enabled": True,
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": behavior,
        }
    )
    return made["Distribution"]["Id"]


def make(folder):
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    happen(scenario(), 0)
    # The instant has a second to itself: nothing is stamped with it.
    at = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    wait_for_next_second()
    good = snapshot()
    wanted = live_after(scenario(), 0)
    check(good.keys() == wanted, f"not as made: {sorted(good.keys() ^ wanted)[:3]}")
    save(folder, "good", good)
    save(folder, "distribution", make_distribution())
    print(at)


def damage(folder):
    happen(scenario(), 1)
    damaged, good = snapshot(), load(folder, "good")
    changed = [key for key, (_, after) in scenario().items() if after and key.startswith(PREFIX)]
    # The proof would be worth nothing if an accident had left its object as it was.
    intact = [key for key in changed if key in good and damaged.get(key) == good[key]]
    check(not intact, f"not damaged: {intact[:3]}")
    save(folder, "changed", sorted(changed))
    save(folder, "damaged", {"objects": damaged, "history": history()})
    gone = sum(key in good and key not in damaged for key in changed)
    new = sum(key not in good for key in changed)
    say(f"damaged {len(changed)} keys: {gone} deleted, {len(changed) - gone - new} overwritten, {new} new ones")


def prove(folder):
    good, changed, damaged = load(folder, "good"), load(folder, "changed"), load(folder, "damaged")
    beside = {key: value for key, value in damaged["objects"].items() if not key.startswith(PREFIX)}
    expected = {key: value for key, value in good.items() if key.startswith(PREFIX)} | beside
    prove_same(expected, snapshot())
    say(f"all {OBJECTS} objects are back: bytes, metadata, headers, tags, storage class; {len(beside)} beside untouched")

    now = history()
    lost = data_versions(damaged["history"]) - data_versions(now)
    check(not lost, f"versions destroyed: {sorted(lost)[:3]}")
    say(f"all {len(data_versions(damaged['history']))} data versions from before are still there")

    invalidations, paths = purged_paths(load(folder, "distribution"))
    prove_paths(paths, changed)
    say(f"{len(paths)} paths in {len(invalidations)} invalidation(s) cover exactly the {len(changed)} changed keys")
    save(folder, "proved", {"history": now, "paths": paths})


def prove_same(expected, found):
    for key in sorted(expected.keys() | found.keys()):
        want, have = expected.get(key, {}), found.get(key, {})
        wrong = {name: (want.get(name), have.get(name)) for name in want | have if want.get(name) != have.get(name)}
        check(not wrong, f"{key!r}: (wanted, found) is {wrong}")


def prove_paths(paths, changed):
    check(len(paths) == len(set(paths)), "a path was sent twice")
    check(not [path for path in paths if path.endswith("*")], "a wildcard purges more than what changed")
    keys = {urllib.parse.unquote(path.removeprefix("/")) for path in paths}
    check(keys == set(changed), f"purged without need or not at all: {sorted(keys ^ set(changed))[:3]}")


def prove_unchanged(folder):
    proved = load(folder, "proved")
    check(history() == proved["history"], "the second run wrote to the bucket")
    _, paths = purged_paths(load(folder, "distribution"))
    again = paths[len(proved["paths"]) :]
    # The listing cannot tell a copy from another version, so copied keys come again. That they are purged again is
    # meant: the run before might have died between the copy and the purge.
    say(f"a second run wrote no version and no marker; it purged the {len(again)} copied keys once more")


def save(folder, name, value):
    (folder / f"{name}.json").write_text(json.dumps(value))


def load(folder, name):
    return json.loads((folder / f"{name}.json").read_text())


def say(message):
    print(f"demo: {message}", flush=True)


def check(holds, message):
    if not holds:
        sys.exit(f"demo: FAILED: {message}")


STEPS = {"make": make, "damage": damage, "prove": prove, "prove-unchanged": prove_unchanged}

if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in STEPS:
        sys.exit(__doc__)
    STEPS[sys.argv[1]](pathlib.Path(sys.argv[2]))
