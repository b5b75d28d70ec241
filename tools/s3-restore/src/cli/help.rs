//! What `--help` says below the flags.

/// Examples first; each line of a command fits a terminal of 80 columns.
pub const EXAMPLES: &str = "\
Examples:
  The state of a prefix at 10:00 UTC, and a log that can undo it:
    s3-versions --at 2026-11-20T10:00:00Z s3://photos/originals/ \\
      | s3-restore > log.jsonl

  What that would do, without doing it:
    s3-versions --at 2026-11-20T10:00:00Z s3://photos/originals/ \\
      | s3-restore -n

  Back to what was current before:
    s3-restore --undo < log.jsonl

  Keys and versions from a CSV with the header key,version_id:
    s3-restore --csv --bucket photos keys.csv

  Aside, to look at first; originals/a.jpg becomes check/originals/a.jpg:
    s3-restore --to s3://scratch/check/ < versions.jsonl

  Archived versions: ask for them now, run the same line again tomorrow:
    s3-restore --thaw 7 --thaw-tier bulk < versions.jsonl

  A long run: after any crash the same line resumes it. Then its failures once
  more:
    s3-restore --journal restore.journal --rejects failed.jsonl \\
      < versions.jsonl > log.jsonl
    s3-restore < failed.jsonl

  The first of four shares of the keys, while other machines take the others:
    s3-restore --shard 0/4 < versions.jsonl

  Millions of copies by S3 Batch Operations: look at what that would be, then do
  it:
    s3-restore -n --batch s3://ops/jobs/1/ \\
      --batch-role arn:aws:iam::123456789012:role/batch < versions.jsonl
    s3-restore --confirm --wait --batch s3://ops/jobs/1/ \\
      --batch-role arn:aws:iam::123456789012:role/batch \\
      < versions.jsonl > log.jsonl

Journal:
  With --journal FILE, what is about to be done and what is there now are on disk before a
  request changes anything, and the result after it. Whatever ends a run, the same command with
  the same FILE resumes it: it finds out what was done, does the rest, and its records name what
  was current before, so that --undo takes back the work of all runs.
  A result that is in the journal already is replayed: its record has \"replayed\":true, and
  nothing is done again. It is held against the present, at the cost of one request for each
  1,000 keys where records come in the order of keys, else of one for each record. Where
  something else is current by now, since somebody wrote to the key or undid the restore, the
  record is rejected as superseded; with --force the work is done again.
  A journal belongs to one endpoint, region and set of flags that change what is written: any
  other run is refused, --undo with the journal of a restore too. --force, --delete-newer, --thaw
  and --sse-c-key-file may be added later. The upload of a copy in parts that was killed is ended
  by the next run, unless it was killed in the moment between the upload's start and its line.

What is kept:
  A copy has the content type, user metadata, cache headers, tags, storage class, encryption,
  website redirect and object lock of its version, and the ACL with --acl. A bare
  --metadata-directive REPLACE loses ALL of the metadata, Content-Type among it; S3 needs it for
  no restore. An object lock is seen, and so kept, only by who may read it
  (s3:GetObjectRetention, s3:GetObjectLegalHold).

What counts as done:
  A key is already restored if its current version is the wanted one, or has provably the same
  content and the same metadata and tags; with --acl, the same ACL too.

Duplicates:
  Of two records for one key the second is rejected, as long as no more than 1,048,576 other
  keys lie between them.

S3 Batch Operations:
  With --batch nothing is copied here. A manifest for each bucket and storage class goes to
  manifests/ below the prefix, and its job copies within the bucket, metadata and tags with it; the
  job's report goes to reports/. stdout has one record for each job, or with --wait the records of
  its copies. Without --confirm a job waits; the same line with --confirm lets it run.
  Versions are looked at, one request each, so that a job is given only what it can carry out. The
  others are set apart as JSON lines, and stderr names the command for each file: delete markers
  (s3-restore-markers-*.jsonl), over 5 GiB (large), archived and not thawed (archived), and an
  object lock, redirect, class or encryption that a job would lose (special): one that is not the
  bucket's default. A record without a plan is a copy. The ACL is not kept.
  A job has no guard: it copies also where somebody wrote to the key after the plan. The version
  that was current then lies beneath the copy, and the record names it.
  The same input and prefix have the same manifest and the same job, however often they are run:
  after a crash, run the line again. For the same copies once more, give another prefix.
  --trust-records believes size and storage_class of records and looks at no version: the bucket's
  default encryption holds, locks and redirects get lost, and --undo cannot take back the records
  of --wait, which have no version_id.
  Who runs this needs s3:CreateJob, s3:DescribeJob, s3:UpdateJobStatus and iam:PassRole; the role
  what S3 asks for a copy within the buckets, and to read and write below the prefix.
  The account is the role's. Manifests, records behind them and reports lie in TMPDIR meanwhile.

Shards:
  The shard of a key is the first 8 bytes of its BLAKE3, a big-endian number, modulo N. I is what
  AWS Batch has in AWS_BATCH_JOB_ARRAY_INDEX and Kubernetes in JOB_COMPLETION_INDEX. Lines without
  a key belong to shard 0.

Exit codes:
  0 all done, 1 aborted, 2 usage, 3 finished with some records rejected, 101 a bug.";
