//! What no archive keeps of a table, and the commands that set it again.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{PointInTimeRecoveryDescription, TableDescription};
use common::aws::Trouble;
use common::dynamodb;
use common::shell::Command;
use serde::{Deserialize, Serialize};

/// The settings that a restore leaves at their defaults (Developer Guide, "Restoring tables from backups").
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Settings {
    pub tags: BTreeMap<String, String>,
    /// The attribute of time to live, where it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<String>,
    /// The view type of the stream, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// The days that point-in-time recovery reaches back, where it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery_period_days: Option<i32>,
    pub deletion_protection: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_policy: Option<String>,
}

impl Settings {
    /// Those of a table that is there.
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn of(
        client: &Client,
        table: &TableDescription,
        recovery: Option<&PointInTimeRecoveryDescription>,
    ) -> Result<Self, Trouble> {
        let stream = table.stream_specification().filter(|stream| stream.stream_enabled());
        let class = table.table_class_summary().and_then(|summary| summary.table_class());
        let arn = table.table_arn().unwrap_or_default();
        Ok(Self {
            tags: dynamodb::tags(client, arn).await?,
            ttl: dynamodb::ttl_attribute(client, table.table_name().unwrap_or_default()).await?,
            stream: stream.and_then(|stream| stream.stream_view_type()).map(|view| view.as_str().to_owned()),
            recovery_period_days: recovery.map(dynamodb::recovery_days),
            deletion_protection: table.deletion_protection_enabled() == Some(true),
            table_class: class.map(|class| class.as_str().to_owned()),
            resource_policy: dynamodb::resource_policy(client, arn).await?,
        })
    }

    /// One line for a shell that sets all of it for a table that is ACTIVE; nothing where all are defaults. Time to live is
    /// the last, since it deletes.
    pub fn commands(&self, table: &TableDescription, region: &str) -> Option<String> {
        let mut commands = Vec::new();
        let name = table.table_name();
        let of_table = |operation: &str| {
            let mut command = Command::new(&format!("aws dynamodb {operation}"));
            command.option("--table-name", name);
            command
        };
        let mut of_arn = |operation: &str, option: &str, values: Vec<String>| {
            let mut command = Command::new(&format!("aws dynamodb {operation}"));
            command.option("--resource-arn", table.table_arn());
            command.options(option, values);
            commands.push(command);
        };
        let own = self.tags.iter().filter(|(key, _)| dynamodb::is_own_tag(key));
        let tags: Vec<_> = own.map(|(key, value)| tag(key, value)).collect();
        if !tags.is_empty() {
            of_arn("tag-resource", "--tags", tags);
        }
        if let Some(policy) = &self.resource_policy {
            of_arn("put-resource-policy", "--policy", vec![policy.clone()]);
        }
        if let Some(class) = self.table_class.as_deref().filter(|&class| class != "STANDARD") {
            let mut command = of_table("update-table");
            command.option("--table-class", Some(class));
            commands.push(command);
            commands.push(wait(name));
        }
        if let Some(view) = &self.stream {
            let mut command = of_table("update-table");
            let stream = format!("StreamEnabled=true,StreamViewType={view}");
            command.option("--stream-specification", Some(stream));
            commands.push(command);
            commands.push(wait(name));
        }
        if let Some(days) = self.recovery_period_days {
            let mut command = of_table("update-continuous-backups");
            let recovery = format!("PointInTimeRecoveryEnabled=true,RecoveryPeriodInDays={days}");
            command.option("--point-in-time-recovery-specification", Some(recovery));
            commands.push(command);
        }
        if self.deletion_protection {
            let mut command = of_table("update-table");
            command.flag("--deletion-protection-enabled", true);
            commands.push(command);
        }
        if let Some(attribute) = &self.ttl {
            let mut command = of_table("update-time-to-live");
            let ttl = serde_json::json!({"Enabled": true, "AttributeName": attribute}).to_string();
            command.option("--time-to-live-specification", Some(ttl));
            commands.push(command);
        }
        for command in &mut commands {
            command.option("--region", Some(region));
        }
        let lines: Vec<_> = commands.into_iter().map(Command::into_line).collect();
        (!lines.is_empty()).then(|| lines.join(" && "))
    }
}

/// A table is UPDATING after some changes, and takes no other then.
fn wait(name: Option<&str>) -> Command {
    let mut command = Command::new("aws dynamodb wait table-exists");
    command.option("--table-name", name);
    command
}

/// As JSON, which has no trouble with a comma in a value.
fn tag(key: &str, value: &str) -> String {
    serde_json::json!({"Key": key, "Value": value}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> TableDescription {
        let arn = "arn:aws:dynamodb:us-east-1:1:table/old";
        TableDescription::builder().table_name("old").table_arn(arn).build()
    }

    #[test]
    fn nothing_is_set_where_all_are_defaults() {
        let plain = Settings { table_class: Some("STANDARD".into()), ..Settings::default() };
        assert_eq!(plain.commands(&table(), "us-east-1"), None);
        let inherited =
            Settings { tags: BTreeMap::from([("aws:made-by".into(), "x".into())]), ..Settings::default() };
        assert_eq!(inherited.commands(&table(), "us-east-1"), None);
    }

    #[test]
    fn each_setting_has_its_command_and_ttl_is_the_last() {
        let all = Settings {
            tags: BTreeMap::from([("team".into(), "it's, core".into())]),
            ttl: Some("expires_at".into()),
            stream: Some("KEYS_ONLY".into()),
            recovery_period_days: Some(7),
            deletion_protection: true,
            table_class: Some("STANDARD_INFREQUENT_ACCESS".into()),
            resource_policy: Some("{}".into()),
        };
        let line = all.commands(&table(), "us-east-1").unwrap();
        let commands: Vec<_> = line.split(" && ").collect();
        assert!(commands.iter().all(|command| command.ends_with(" --region us-east-1")), "{line}");
        let expected = [
            "tag-resource --resource-arn arn:aws:dynamodb:us-east-1:1:table/old --tags \
             '{\"Key\":\"team\",\"Value\":\"it'\\''s, core\"}'",
            "put-resource-policy --resource-arn arn:aws:dynamodb:us-east-1:1:table/old --policy '{}'",
            "update-table --table-name old --table-class STANDARD_INFREQUENT_ACCESS",
            "wait table-exists --table-name old",
            "update-table --table-name old --stream-specification StreamEnabled=true,StreamViewType=KEYS_ONLY",
            "wait table-exists --table-name old",
            "update-continuous-backups --table-name old --point-in-time-recovery-specification \
             PointInTimeRecoveryEnabled=true,RecoveryPeriodInDays=7",
            "update-table --table-name old --deletion-protection-enabled",
            "update-time-to-live --table-name old --time-to-live-specification \
             '{\"AttributeName\":\"expires_at\",\"Enabled\":true}'",
        ];
        assert_eq!(commands.len(), expected.len());
        for (command, expected) in commands.iter().zip(expected) {
            assert_eq!(*command, format!("aws dynamodb {expected} --region us-east-1"));
        }
    }
}
