//! Billing mode and throughput. The API reference says that a restored table has the source's of now, the Developer Guide
//! that it has those of the restored time: so they are read back and set.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::operation::update_table::builders::UpdateTableInputBuilder;
use aws_sdk_dynamodb::types::{
    BillingMode, GlobalSecondaryIndexUpdate, OnDemandThroughput, ProvisionedThroughput,
    ProvisionedThroughputDescription, TableDescription, UpdateGlobalSecondaryIndexAction,
};
use common::aws::Trouble;
use serde::Serialize;
use serde_json::json;

use super::change::Change;
use super::{Pair, Setting, Step, scaling};
use crate::overrides::Overrides;

/// What a table and its global secondary indexes can take.
#[derive(Clone, Debug, PartialEq)]
pub struct Capacity {
    mode: BillingMode,
    table: Units,
    indexes: BTreeMap<String, Units>,
}

/// Read and write units: provisioned ones, or the most on demand, where nothing means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
struct Units {
    read: Option<i64>,
    write: Option<i64>,
}

impl Units {
    fn provisioned(units: Option<&ProvisionedThroughputDescription>) -> Self {
        Self {
            read: units.and_then(|units| units.read_capacity_units()),
            write: units.and_then(|units| units.write_capacity_units()),
        }
    }

    /// The service writes -1 where there is no limit (API reference, OnDemandThroughput).
    fn on_demand(most: Option<&OnDemandThroughput>) -> Self {
        let limit = |most: Option<i64>| most.filter(|&most| most >= 0);
        Self {
            read: limit(most.and_then(|most| most.max_read_request_units())),
            write: limit(most.and_then(|most| most.max_write_request_units())),
        }
    }

    fn into_provisioned(self) -> Option<ProvisionedThroughput> {
        let units = ProvisionedThroughput::builder();
        let units = units.set_read_capacity_units(self.read).set_write_capacity_units(self.write);
        units.build().ok()
    }

    fn into_on_demand(self) -> OnDemandThroughput {
        let most = OnDemandThroughput::builder();
        let most = most.max_read_request_units(self.read.unwrap_or(-1));
        most.max_write_request_units(self.write.unwrap_or(-1)).build()
    }
}

impl Capacity {
    /// That of a table which is there.
    pub fn of(table: &TableDescription) -> Self {
        let mode = table.billing_mode_summary().and_then(|summary| summary.billing_mode());
        // A table that was never on demand has no summary (API reference, BillingModeSummary).
        let mode = mode.cloned().unwrap_or(BillingMode::Provisioned);
        let is_provisioned = mode == BillingMode::Provisioned;
        let units = |units, most| {
            if is_provisioned { Units::provisioned(units) } else { Units::on_demand(most) }
        };
        let indexes = table.global_secondary_indexes().iter().filter_map(|index| {
            let of_index = units(index.provisioned_throughput(), index.on_demand_throughput());
            Some((index.index_name.clone()?, of_index))
        });
        Self {
            table: units(table.provisioned_throughput(), table.on_demand_throughput()),
            indexes: indexes.collect(),
            mode,
        }
    }

    /// Whether it is in provisioned units.
    pub fn is_provisioned(&self) -> bool {
        self.mode == BillingMode::Provisioned
    }

    /// That of the source, as far as the flags do not say otherwise, for a table with these of its indexes.
    fn wanted(source: &TableDescription, overrides: &Overrides, indexes: &BTreeSet<&str>) -> Self {
        let mut wanted = Self::of(source);
        wanted.indexes.retain(|name, _| indexes.contains(name.as_str()));
        let given = overrides.units().map(|(read, write)| Units { read: Some(read), write: Some(write) });
        if let Some(mode) = overrides.billing_mode.map(BillingMode::from)
            && mode != wanted.mode
        {
            let units = given.unwrap_or_default();
            (wanted.mode, wanted.table) = (mode, units);
            wanted.indexes.values_mut().for_each(|index| *index = units);
        }
        wanted.table = given.unwrap_or(wanted.table);
        wanted
    }

    /// Takes over what autoscaling has chosen for the other, which is nothing to be set back.
    fn leave(&mut self, other: &Self, scaled: &scaling::Scaled) {
        let each = std::iter::once((None, &mut self.table, Some(&other.table))).chain(
            self.indexes
                .iter_mut()
                .map(|(name, units)| (Some(name.as_str()), units, other.indexes.get(name))),
        );
        for (index, units, of_other) in each {
            let Some(of_other) = of_other else { continue };
            if scaled.reads(index) {
                units.read = of_other.read;
            }
            if scaled.writes(index) {
                units.write = of_other.write;
            }
        }
    }

    /// The request that makes one like this of the other, or nothing where it is.
    fn change(&self, found: &Self, to: &str) -> Option<UpdateTableInputBuilder> {
        if self == found {
            return None;
        }
        let mut input = UpdateTableInputBuilder::default().table_name(to);
        let switches = self.mode != found.mode;
        if switches {
            input = input.billing_mode(self.mode.clone());
        }
        if switches || self.table != found.table {
            input = match self.is_provisioned() {
                true => input.set_provisioned_throughput(self.table.into_provisioned()),
                false => input.on_demand_throughput(self.table.into_on_demand()),
            };
        }
        for (name, units) in &self.indexes {
            if switches || found.indexes.get(name) != Some(units) {
                let update = UpdateGlobalSecondaryIndexAction::builder().index_name(name);
                let update = match self.is_provisioned() {
                    true => update.set_provisioned_throughput(units.into_provisioned()),
                    false => update.on_demand_throughput(units.into_on_demand()),
                };
                let update = GlobalSecondaryIndexUpdate::builder().set_update(update.build().ok()).build();
                input = input.global_secondary_index_updates(update);
            }
        }
        Some(input)
    }

    fn shown(&self) -> serde_json::Value {
        json!({ "billing_mode": self.mode.as_str(), "table": self.table, "indexes": self.indexes })
    }
}

/// Whether the new table is to be in provisioned units.
pub fn is_provisioned(pair: Pair<'_>) -> bool {
    Capacity::wanted(pair.source, pair.overrides, &BTreeSet::new()).is_provisioned()
}

/// The step of both tables. What the restore itself brings is seen when it is there.
pub async fn steps(pair: Pair<'_>) -> Result<Vec<Step>, Trouble> {
    let Some(target) = pair.target else { return Ok(Vec::new()) };
    let mut wanted = Capacity::wanted(pair.source, pair.overrides, &pair.indexes());
    let found = Capacity::of(target);
    if wanted.is_provisioned() && wanted != found {
        let scaled = scaling::Scaled::of(&pair.clients.autoscaling, pair.to, &pair.indexes()).await?;
        wanted.leave(&found, &scaled);
    }
    let change = wanted.change(&found, pair.to).map(|input| Change::Table(Box::new(input)));
    Ok(vec![Step::new(Setting::Capacity, None, found.shown(), wanted.shown(), change)])
}
