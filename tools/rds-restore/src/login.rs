//! The last gate: a session at the new writer.

use anyhow::{Context, Result, anyhow};
use aws_sdk_rds::types::DbCluster;
use common::pg::{Database, Refused};
use common::wait::Look;
use jiff::Timestamp;
use tokio_postgres::error::SqlState;

/// The same database in the new cluster.
///
/// # Errors
/// The cluster has no address, or trust in it cannot be decided.
pub fn there(database: &Database, cluster: &DbCluster) -> Result<Database> {
    let port = cluster.port().and_then(|port| u16::try_from(port).ok());
    let address = cluster.endpoint().zip(port).context("the new cluster has no endpoint")?;
    database.at(address.0, address.1)
}

/// Tries to log in once. A name takes minutes to be known, and a writer may still be a reader: these pass.
///
/// # Errors
/// A login that is refused for good.
pub async fn look(there: &Database, tool: &str, at: Option<Timestamp>) -> Result<Look<()>> {
    match reads_only(there, tool).await {
        Ok(false) => Ok(Look::Done(())),
        Ok(true) => Ok(Look::Yet("a reader so far".into())),
        Err(error) => retry(error, at),
    }
}

async fn reads_only(there: &Database, tool: &str) -> Result<bool> {
    there
        .connected(tool, async |client| {
            let row = client.query_one("select pg_catalog.pg_is_in_recovery()", &[]).await?;
            Ok(row.try_get(0)?)
        })
        .await
}

/// What the server itself refuses is final, unless it says that it is only starting or full; a certificate that is not
/// trusted is final, too.
fn retry(error: anyhow::Error, at: Option<Timestamp>) -> Result<Look<()>> {
    let passing = [SqlState::CANNOT_CONNECT_NOW, SqlState::TOO_MANY_CONNECTIONS];
    let code = match error.downcast_ref::<Refused>() {
        None => return Ok(Look::Missed(format!("{error:#}"))),
        Some(Refused { code, .. }) => code.as_ref(),
    };
    if code.is_some_and(|code| passing.contains(code)) {
        return Ok(Look::Missed(format!("{error:#}")));
    }
    let of_role = [SqlState::INVALID_PASSWORD, SqlState::INVALID_AUTHORIZATION_SPECIFICATION];
    if !code.is_some_and(|code| of_role.contains(code)) {
        return Err(error);
    }
    let time = at.map_or_else(|| "the time of the restore".to_owned(), |at| at.to_string());
    Err(anyhow!(
        "{error:#}; the restored cluster has roles and passwords as of {time}: if this one was changed since, give the \
         one before (AWSPREVIOUS in Secrets Manager), or set a new one"
    ))
}
