//! From page to page, towards the newest event.

use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::sleep;
use tokio::try_join;

use crate::cli::Since;
use crate::page::Page;
use crate::query::Query;
use crate::write::Writer;

/// Writes all events from a beginning on, and with an interval also those that come later, for ever.
///
/// # Errors
/// Stripe does not answer, does not know the beginning any more, or sends what is no event.
pub async fn walk(
    query: &Query<'_>,
    since: &Since,
    interval: Option<Duration>,
    writer: &mut Writer<'_>,
) -> Result<()> {
    let mut cursor = match since {
        Since::Event(id) => {
            query.check(id).await?;
            Some(id.clone())
        }
        Since::Time(time) => query.newest_before(*time).await?,
    };
    loop {
        if let Some(id) = &cursor {
            writer.pass_over(id);
        }
        let page = match (&cursor, since) {
            (None, Since::Time(time)) => query.oldest(*time).await?,
            (Some(id), _) | (None, Since::Event(id)) => query.after(id).await?,
        };
        cursor = pages(query, page, cursor, writer).await?;
        let Some(interval) = interval else { return Ok(()) };
        sleep(interval).await;
    }
}

/// Writes a page and all that are newer, each while the next one is on its way. Returns the newest event of all, which
/// is the cursor where there was no newer one.
async fn pages(
    query: &Query<'_>,
    mut page: Page,
    mut cursor: Option<String>,
    writer: &mut Writer<'_>,
) -> Result<Option<String>> {
    while let Some(newest) = page.newest()? {
        if cursor.as_ref() == Some(&newest) {
            ensure!(!page.has_more, "Stripe sent {newest} again where events after it belong");
            break;
        }
        let next = async {
            match page.has_more {
                true => query.after(&newest).await,
                false => Ok(Page::default()),
            }
        };
        // Events that cannot be written end the run at once; a page that does not come lets those before it be written.
        let (next, ()) = try_join!(async { Ok(next.await) }, writer.write(query, &page))?;
        page = next?;
        cursor = Some(newest);
    }
    Ok(cursor)
}
