//! A restore: looks, decides, starts or takes up a restore, sets what it leaves behind, and writes the record.

use std::cell::Cell;

use anyhow::{Result, bail};
use aws_sdk_dynamodb::operation::restore_table_to_point_in_time::builders::RestoreTableToPointInTimeInputBuilder;
use aws_sdk_dynamodb::types::TableDescription;
use aws_smithy_types::DateTime;
use common::aws::Trouble;
use common::dynamodb::{self, stream_arn};
use common::input::Item;
use common::pipe::Lines;
use common::reject::Rejects;
use common::wait::Wait;
use common::{Ctx, Reject};
use serde_json::json;
use tokio::time::Instant;

use crate::cli::Cli;
use crate::clients::Clients;
use crate::explain::explained;
use crate::ready::{Ready, lacks};
use crate::record::{Action, Record, Restore, Timings};
use crate::settings::{Pair, Phase, Plan};
use crate::validate::{Outcome, validate};
use crate::{compare, global, source, target};

/// What a restore works with.
pub struct Restoring<'a> {
    pub cli: &'a Cli,
    /// The name of the new table.
    pub to: &'a str,
    pub ctx: &'a Ctx,
    pub clients: &'a Clients,
    pub rejects: &'a Rejects,
    pub lines: Lines,
}

/// What a run brings about.
struct Done {
    table: Option<TableDescription>,
    plan: Plan,
    timings: Timings,
    outcome: Option<Outcome>,
}

impl Restoring<'_> {
    /// Does all that is missing.
    ///
    /// # Errors
    /// Whatever ends the run.
    pub async fn run(self) -> Result<()> {
        let Self { cli, to, clients, .. } = &self;
        let client = &clients.dynamodb;
        let source = source::find(client, &cli.from).await?;
        let request = cli.overrides.request(&source)?;
        let there = dynamodb::table(client, to).await.map_err(explained)?;
        let window = match &there {
            Some(there) => {
                target::check(there, &source, cli.at)?;
                tracing::info!("{to} is there: an earlier run started this restore");
                None
            }
            None => Some(source::window(client, &cli.from, cli.at).await?),
        };
        let not_carried = self.not_carried(&source);
        let plan = self.plan(&source, there.as_ref()).await?;
        let is_complete = there.as_ref().is_some_and(|there| lacks(there).is_none()) && plan.is_done();
        let action = match (&there, is_complete) {
            (None, _) => Action::Restored,
            (Some(_), true) => Action::Already,
            (Some(_), false) => Action::Resumed,
        };
        let mut done = Done { table: there, plan, timings: Timings::default(), outcome: None };
        if cli.dry_run {
            done.plan.tell();
        } else {
            Box::pin(self.carry_out(action, &source, request, &mut done)).await?;
        }
        for step in done.plan.refused() {
            let message = step.message.clone().unwrap_or_default();
            let record = common::Record::from_value(&json!({ "table": to, "setting": step }))?;
            self.rejects.write(&Reject::new("setting-refused", message), &Item::Record(record))?;
        }

        let table = done.table.as_ref();
        let restored_at = table.and_then(target::restored_at).or(cli.at);
        let record = Record {
            table: to,
            arn: table.and_then(TableDescription::table_arn),
            table_id: table.and_then(TableDescription::table_id),
            stream_arn: table.and_then(stream_arn),
            restore: Restore {
                action,
                from: &cli.from,
                from_arn: source.table_arn(),
                at: restored_at.map_or_else(|| "latest".to_owned(), |at| at.to_string()),
                earliest_restorable_time: window.map(|window| window.earliest),
                latest_restorable_time: window.map(|window| window.latest),
                overrides: &cli.overrides,
                settings: done.plan.steps(),
                not_carried: &not_carried,
                timings: done.timings,
                dry_run: cli.dry_run,
            },
            validate: done.outcome.as_ref(),
        };
        let compared = done.outcome.as_ref().map(|outcome| (outcome, cli.from.as_str(), *to));
        compare::write(&record, compared, self.ctx, self.rejects, self.lines.clone()).await
    }

    async fn carry_out(
        &self,
        action: Action,
        source: &TableDescription,
        request: RestoreTableToPointInTimeInputBuilder,
        done: &mut Done,
    ) -> Result<()> {
        let Self { cli, to, clients, .. } = self;
        if self.ctx.stop.is_cancelled() {
            bail!("stopped by a signal before anything was changed");
        }
        if self.lines.is_closed() {
            bail!("stdout was closed before anything was changed");
        }
        let ready = Ready {
            client: &clients.dynamodb,
            name: to,
            wait: Wait::new(self.ctx, cli.timeout),
            ctx: self.ctx,
            lines: &self.lines,
            seen: Cell::new(done.table.is_some()),
        };
        if action != Action::Already {
            let began = Instant::now();
            if done.table.is_none() {
                self.start(&ready, source, request).await?;
            }
            let there = ready.table().await?;
            done.timings.restore = Some(began.elapsed());
            let began = Instant::now();
            done.plan = self.plan(source, Some(&there)).await?;
            done.plan.carry_out(clients, &ready, Phase::First).await?;
            done.timings.settings = Some(began.elapsed());
        }
        if cli.validate {
            let began = Instant::now();
            let compared = validate(clients, &cli.from, to, &cli.compare, self.ctx, self.rejects);
            done.outcome = Some(Box::pin(compared).await?);
            done.timings.validate = Some(began.elapsed());
        }
        done.plan.carry_out(clients, &ready, Phase::Last).await?;
        done.table = Some(ready.table().await?);
        Ok(())
    }

    async fn start(
        &self,
        ready: &Ready<'_>,
        source: &TableDescription,
        request: RestoreTableToPointInTimeInputBuilder,
    ) -> Result<()> {
        let Self { cli, to, .. } = self;
        let at = cli.at.map(|at| DateTime::from_secs(at.as_second()));
        let request = request.source_table_name(&cli.from).set_restore_date_time(at);
        let request = request.set_use_latest_restorable_time(at.is_none().then_some(true));
        let answer = request.target_table_name(*to).send_with(ready.client).await;
        let what = format!("RestoreTableToPointInTime to {to}");
        match answer.map_err(|error| Trouble::new(&what, &error)) {
            Ok(_) => tracing::info!("{to}: the restore was started"),
            Err(trouble) if trouble.code == "TableAlreadyExistsException" => {
                // An answer that was lost, or a run of the same command beside this one.
                match dynamodb::table(ready.client, to).await.map_err(explained)? {
                    Some(there) => target::check(&there, source, cli.at)?,
                    None => return Err(explained(trouble)),
                }
            }
            Err(trouble) => return Err(explained(trouble)),
        }
        Ok(())
    }

    async fn plan(&self, source: &TableDescription, target: Option<&TableDescription>) -> Result<Plan> {
        let Self { cli, to, clients, .. } = self;
        let pair = Pair { clients, source, target, to, overrides: &cli.overrides };
        Plan::new(pair, &cli.skip).await
    }

    /// What is left to be done by hand.
    fn not_carried(&self, source: &TableDescription) -> Vec<String> {
        let Self { cli, to, .. } = self;
        let arn = source.table_arn().unwrap_or_default();
        let mut left = vec![format!("IAM policies that name {arn}")];
        if let Some(stream) = stream_arn(source) {
            left.push(format!("readers of the stream {stream}, such as event source mappings of Lambda"));
        }
        if let Some(regions) = global::regions(source) {
            let note = global::note(&cli.from, to, &regions);
            tracing::warn!("{note}");
            left.push(note);
        }
        left
    }
}
