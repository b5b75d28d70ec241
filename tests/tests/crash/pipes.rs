//! Every pipe that a page or a runbook shows has a row here, and a case that kills each of its stages.

use testkit::crash::{Case, Records, World, check, covered};

use crate::{conf, ddb, rds, s3, stripe, ts};

const RUNBOOK_S3: &str = "scripts/runbooks/rb-n-03-s3-restore.sh";
const RUNBOOK_TYPESENSE: &str = "scripts/runbooks/rb-n-04-typesense-reindex.sh";

/// A pipe, and where it is shown.
struct Row {
    pages: &'static [&'static str],
    line: &'static str,
}

const AT_RESTORE: &str = "s3-versions --at 2026-11-20T10:00:00Z s3://photos/originals/ | s3-restore";
const AT_RESTORE_LOG: &str =
    "s3-versions --at 2026-11-20T10:00:00Z s3://photos/originals/ | s3-restore > log.jsonl";
const AT_RESTORE_DRY: &str = "s3-versions --at 2026-11-20T10:00:00Z s3://photos/originals/ | s3-restore -n";
const AT_RESTORE_PURGE: &str = "s3-versions --at 2026-11-20T10:00:00Z s3://photos/originals/ | s3-restore | \
                                cf-purge --distribution-id EABC123 --wait";
const PLAN_JOURNAL_PURGE: &str = "s3-restore --journal restore.journal < plan.jsonl | \
                                  cf-purge --journal purge.journal --distribution-id EABC123 --wait";
const AT_RESTORE_TEE_PURGE: &str = "s3-versions --at 2026-11-20T10:00:00Z s3://photos/originals/ | s3-restore | \
                                    tee restored.jsonl | cf-purge --distribution-id EABC123 --wait > purged.jsonl";
const DELETED_RESTORE: &str = "s3-versions --deleted --since 2h s3://photos/ | s3-restore";
const INVENTORY_RESTORE: &str = "s3-versions --inventory s3://inv/photos/all/2026-11-21T01-00Z/manifest.json \
                                 --verify-live --at 2026-11-20T10:00:00Z s3://photos/ | s3-restore";
const LARGE: &str = "s3-versions --min-size 1G s3://photos/ | jq -c 'select(.is_latest | not)'";
const PLAN_PURGE: &str =
    "s3-restore < plan.jsonl | cf-purge --distribution-id EABC123 --every 60s --max-cost 20";
const PLAN_PURGE_ALL: &str = "s3-restore < plan.jsonl | cf-purge --distribution-id EABC123 --every 60s";
const ENDPOINT_SWAP: &str = "conf-swap --secret prod/db --pointer /host --value-from endpoint \
                             --check 'sh login-test.sh \"$CONF_SWAP_NEW\"' < restored.jsonl | tee swap.jsonl";
const EVENTS_REPLAY: &str = "stripe-events --since evt_123 | stripe-replay --to https://app.example.com/webhooks/stripe \
                             --journal replay.jsonl > receipts.jsonl";
const EVENTS_ON: &str =
    "stripe-events --since \"$(tail -n 1 processed.jsonl | jq -r .id)\" >> processed.jsonl";
const EVENTS_FIRST: &str = "stripe-events --since 2h --follow --interval 2s | head -n 1";
const ROWS_IMPORT: &str = "pg-rows --trailer 'select * from search.people_all()' | \
                           ts-import --expect-trailer people > receipts.jsonl";
const ALIAS_SWAP: &str = "ts-schema swap --journal swap.journal people people_20261120 | tee swap.jsonl";
const CHAIN: &str = "s3-restore ${delete_newer:+\"$delete_newer\"} --journal \"$EVIDENCE/journal.jsonl\" \
                     --rejects \"$EVIDENCE/restore-rejects.jsonl\" <\"$EVIDENCE/plan.jsonl\" | \
                     (trap '' INT TERM PIPE && exec tee \"$EVIDENCE/restore.jsonl.part\") | \
                     cf-purge \"${purge_options[@]}\" --wait --journal \"$EVIDENCE/purge.journal\" \
                     --rejects \"$EVIDENCE/purge-rejects.jsonl\" >\"$EVIDENCE/purge.jsonl.part\" || \
                     codes=(\"${PIPESTATUS[@]}\")";
const LOAD: &str = "pg-rows --trailer --rejects \"$EVIDENCE/$name-slices-rejects.jsonl\" \"$@\" | \
                    ts-import --expect-trailer --journal \"$journal\" --rejects \"$rejects\" \"${options[@]}\" \
                    \"$collection\" >\"$EVIDENCE/$name.jsonl.part\" || codes=(\"${PIPESTATUS[@]}\")";

const ROWS: &[Row] = &[
    Row { pages: &["s3-versions --help", "tools/s3-versions/README.md"], line: AT_RESTORE },
    Row { pages: &["s3-restore --help", "tools/s3-restore/README.md"], line: AT_RESTORE_LOG },
    Row { pages: &["s3-restore --help"], line: AT_RESTORE_DRY },
    Row { pages: &["README.md"], line: AT_RESTORE_PURGE },
    Row { pages: &["README.md"], line: PLAN_JOURNAL_PURGE },
    Row { pages: &["cf-purge --help", "tools/cf-purge/README.md"], line: AT_RESTORE_TEE_PURGE },
    Row { pages: &["s3-versions --help", "tools/s3-versions/README.md"], line: DELETED_RESTORE },
    Row { pages: &["s3-versions --help"], line: INVENTORY_RESTORE },
    Row { pages: &["s3-versions --help"], line: LARGE },
    Row { pages: &["cf-purge --help"], line: PLAN_PURGE },
    Row { pages: &["tools/cf-purge/README.md"], line: PLAN_PURGE_ALL },
    Row { pages: &["conf-swap --help", "tools/conf-swap/README.md"], line: ENDPOINT_SWAP },
    Row { pages: &["stripe-replay --help", "tools/stripe-replay/README.md"], line: EVENTS_REPLAY },
    Row { pages: &["stripe-events --help", "tools/stripe-events/README.md"], line: EVENTS_ON },
    Row { pages: &["stripe-events --help"], line: EVENTS_FIRST },
    Row { pages: &["ts-import --help", "tools/ts-import/README.md"], line: ROWS_IMPORT },
    Row { pages: &["ts-schema --help", "tools/ts-schema/README.md"], line: ALIAS_SWAP },
    Row { pages: &[RUNBOOK_S3], line: CHAIN },
    Row { pages: &[RUNBOOK_TYPESENSE], line: LOAD },
];

#[test]
fn every_pipe_that_is_shown_has_a_row() {
    let rows: Vec<_> = ROWS.iter().flat_map(|row| row.pages.iter().map(|page| (*page, row.line))).collect();
    covered(&rows);
}

#[test]
fn versions_restore() {
    s3::straight("versions-restore", AT_RESTORE, s3::by_time);
    s3::straight("versions-restore-log", AT_RESTORE_LOG, s3::by_time);
    s3::straight("versions-deleted-restore", DELETED_RESTORE, s3::deleted);
    s3::straight("inventory-restore", INVENTORY_RESTORE, s3::by_time);
}

#[test]
fn versions_only_read() {
    check(&Case::new("versions-restore-dry", AT_RESTORE_DRY, s3::by_time));
    check(&Case::new("versions-jq", LARGE, s3::by_time));
}

#[test]
fn versions_restore_purge() {
    s3::straight("versions-restore-purge", AT_RESTORE_PURGE, s3::by_time);
    s3::straight("versions-restore-tee-purge", AT_RESTORE_TEE_PURGE, s3::by_time);
    s3::straight("restore-purge", PLAN_PURGE, s3::by_time);
    s3::straight("restore-purge-all", PLAN_PURGE_ALL, s3::by_time);
}

/// [`CHAIN`] with the runbook's names.
#[test]
fn restore_tee_purge() {
    s3::chain();
    s3::journalled("plan-journal-purge", PLAN_JOURNAL_PURGE);
}

/// Without a journal the second run finds the value there, and the record with the way back was the first one's.
#[test]
fn swap_tee() {
    check(&Case { records: Records::OfNone, ..Case::new("swap-tee", ENDPOINT_SWAP, conf::secret) });
}

#[test]
fn events_replay() {
    stripe::shown("events-replay", EVENTS_REPLAY, Records::OfTheLast);
    stripe::shown("events-on", EVENTS_ON, Records::OfTheLast);
    stripe::shown("events-head", EVENTS_FIRST, Records::OfNone);
}

#[test]
fn rows_import() {
    check(&Case {
        plain: ts::of_import,
        records: ts::IMPORTED,
        ..Case::new("rows-import", ROWS_IMPORT, ts::rows)
    });
}

/// [`LOAD`] with the runbook's names.
#[test]
fn load() {
    let line = "pg-rows --trailer --rejects slices-rejects.jsonl 'select * from search.people_all()' | \
                ts-import --expect-trailer --journal people.journal --rejects rejects.jsonl people >people.jsonl.part";
    check(&Case { plain: ts::of_import, records: ts::IMPORTED, ..Case::new("load", line, ts::rows) });
}

#[test]
fn alias_swap_tee() {
    check(&Case {
        undo: Some("ts-schema swap --undo < undo.jsonl"),
        ..Case::new("alias-swap-tee", ALIAS_SWAP, ts::swappable)
    });
}

/// What pages hand on by a file goes by a pipe as well.
#[test]
fn restored_swap() {
    fn cluster() -> World {
        rds::restore().joined(conf::secret())
    }
    fn table() -> World {
        ddb::restorable().joined(conf::parameter())
    }
    check(&Case {
        plain: |record| {
            conf::of_swap(record);
            rds::restored(record);
        },
        undo: Some(conf::UNDO),
        ..Case::new(
            "rds-restore-swap",
            "rds-restore --from app-prod --to app-restore-1120 --at 2026-11-20T09:30:00Z | \
             conf-swap --secret prod/db --pointer /host --value-from endpoint --journal swap.journal > swap.jsonl",
            cluster,
        )
    });
    check(&Case {
        plain: |record| {
            conf::of_swap(record);
            ddb::restored(record);
        },
        undo: Some(conf::UNDO),
        ..Case::new(
            "ddb-restore-swap",
            "ddb-restore --from rate_limits --to rate_limits_1120 --at \"$AT\" | \
             conf-swap --ssm /app/global_readonly --value-from table --journal swap.journal > swap.jsonl",
            table,
        )
    });
}
