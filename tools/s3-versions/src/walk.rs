//! Everything under a prefix, in the store's order.

use anyhow::Result;
use common::pipe::{Lines, Out};
use common::s3::Lister;
use common::{Ctx, s3};

use crate::cli::Job;
use crate::versioning;
use crate::view::Writer;

/// Lists the job's prefix to stdout.
///
/// # Errors
/// When the bucket cannot be listed to its end, or stdout cannot be written.
pub async fn run(ctx: &Ctx, job: &Job) -> Result<()> {
    let bucket = job.bucket.as_deref().unwrap_or_default();
    let client = s3::client(&job.aws.load().await?, |builder| builder);
    versioning::check(&client, bucket).await?;
    let lister = Lister::new(client, bucket, &job.prefix);
    let out = Out::start()?;
    let listed = tokio::select! {
        listed = list(ctx, job, lister, bucket, out.lines()) => listed,
        () = ctx.stop.cancelled() => Ok(()),
        () = out.lines().closed() => Ok(()),
    };
    out.end(listed).await
}

async fn list(ctx: &Ctx, job: &Job, mut lister: Lister, bucket: &str, lines: &Lines) -> Result<()> {
    let mut writer = Writer::new(bucket, job.view, &job.select);
    while let Some(entries) = lister.next().await? {
        ctx.counts.read(entries.len() as u64);
        for entry in entries {
            writer.push(entry)?;
        }
        if !send(ctx, &mut writer, lines).await {
            return Ok(());
        }
    }
    writer.finish()?;
    send(ctx, &mut writer, lines).await;
    Ok(())
}

/// Hands over what the writer has; false when nobody reads it.
pub async fn send(ctx: &Ctx, writer: &mut Writer<'_>, lines: &Lines) -> bool {
    let (text, records) = writer.take();
    if records == 0 {
        return true;
    }
    ctx.counts.done(records);
    lines.send(text).await.is_ok()
}
