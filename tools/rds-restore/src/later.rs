//! Settings that a restore cannot be given, and that are set when the cluster is there.

use aws_sdk_rds::operation::modify_db_cluster::builders::ModifyDbClusterInputBuilder as Input;
use aws_sdk_rds::types::{DatabaseInsightsMode, DbCluster};

use crate::choose::{By, Choices};
use crate::overrides::Overrides;
use crate::source::text;

/// What is wanted; what is not is left as the service makes it.
#[derive(Clone, Debug, Default)]
pub struct Later {
    maintenance_window: Option<String>,
    minor_upgrades: Option<bool>,
    /// The advanced mode of Database Insights, with the days of retention that it needs.
    advanced_insights: Option<i32>,
    manage_password: bool,
    http_endpoint: bool,
}

/// The least retention of the advanced mode (API reference, ModifyDBCluster, DatabaseInsightsMode).
const ADVANCED_DAYS: i32 = 465;

impl Later {
    /// Decides them from the source.
    pub fn new(choices: &mut Choices, from: &DbCluster, given: &Overrides) -> Self {
        let advanced = from.database_insights_mode() == Some(&DatabaseInsightsMode::Advanced);
        let mode = from.database_insights_mode().map(|mode| mode.as_str().to_owned());
        choices.choose("DatabaseInsightsMode", "", mode, None);
        let http = choices.choose("EnableHttpEndpoint", "", from.http_endpoint_enabled, None);
        let managed = from.master_user_secret().map(|_| true);
        let by = if given.manage_master_user_password { By::Override } else { By::Default };
        choices.note(
            "ManageMasterUserPassword",
            managed,
            given.manage_master_user_password.then_some(true),
            by,
        );
        Self {
            maintenance_window: choices.choose(
                "PreferredMaintenanceWindow",
                "",
                text(&from.preferred_maintenance_window),
                None,
            ),
            minor_upgrades: choices.choose(
                "AutoMinorVersionUpgrade",
                "",
                from.auto_minor_version_upgrade,
                None,
            ),
            advanced_insights: advanced
                .then(|| from.performance_insights_retention_period.unwrap_or(ADVANCED_DAYS)),
            manage_password: given.manage_master_user_password,
            http_endpoint: http == Some(true),
        }
    }

    /// The change that the cluster still needs, if any.
    pub fn change(&self, there: &DbCluster) -> Option<Input> {
        let window = differs(&self.maintenance_window, &there.preferred_maintenance_window);
        let upgrades = differs(&self.minor_upgrades, &there.auto_minor_version_upgrade);
        let days = self
            .advanced_insights
            .filter(|_| there.database_insights_mode() != Some(&DatabaseInsightsMode::Advanced));
        let manage = (self.manage_password && there.master_user_secret().is_none()).then_some(true);
        if window.is_none() && upgrades.is_none() && days.is_none() && manage.is_none() {
            return None;
        }
        let input = Input::default()
            .set_db_cluster_identifier(there.db_cluster_identifier.clone())
            .apply_immediately(true)
            .set_preferred_maintenance_window(window)
            .set_auto_minor_version_upgrade(upgrades)
            .set_manage_master_user_password(manage);
        Some(match days {
            Some(days) => input
                .database_insights_mode(DatabaseInsightsMode::Advanced)
                .enable_performance_insights(true)
                .performance_insights_retention_period(days.max(ADVANCED_DAYS)),
            None => input,
        })
    }

    /// Whether the HTTP endpoint is still to be switched on.
    pub fn wants_http_endpoint(&self, there: &DbCluster) -> bool {
        self.http_endpoint && there.http_endpoint_enabled() != Some(true)
    }
}

/// What is wanted, where it is not there.
fn differs<T: Clone + PartialEq>(wanted: &Option<T>, there: &Option<T>) -> Option<T> {
    wanted.clone().filter(|_| wanted != there)
}
