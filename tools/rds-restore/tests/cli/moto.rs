//! Against moto, whose RDS is another's reading of the documentation than ours.

use anyhow::Result;
use aws_sdk_rds::Client;
use aws_sdk_rds::types::{ServerlessV2ScalingConfiguration, Tag};
use testkit::tool::{Output, Tool};
use testkit::{client, moto};

use crate::{error, record};

/// Creates a cluster of this name with its writer.
async fn create(rds: &Client, id: &str) -> Result<()> {
    let scaling = ServerlessV2ScalingConfiguration::builder().min_capacity(0.5).max_capacity(8.0).build();
    rds.create_db_cluster()
        .db_cluster_identifier(id)
        .engine("aurora-postgresql")
        .master_username("app_admin")
        .master_user_password("not-a-secret-1")
        .port(6543)
        .db_cluster_parameter_group_name("app-cluster-pg16")
        .vpc_security_group_ids("sg-0app")
        .deletion_protection(true)
        .enable_iam_database_authentication(true)
        .serverless_v2_scaling_configuration(scaling)
        .tags(Tag::builder().key("team").value("data").build())
        .send()
        .await?;
    rds.create_db_instance()
        .db_instance_identifier(format!("{id}-1"))
        .db_cluster_identifier(id)
        .engine("aurora-postgresql")
        .db_instance_class("db.serverless")
        .promotion_tier(1)
        .send()
        .await?;
    Ok(())
}

fn restore(from: &str, to: &str) -> Output {
    Tool::new("rds-restore").endpoint(moto::endpoint()).args(["--from", from, "--to", to, "--latest"]).run()
}

#[tokio::test]
async fn a_cluster_is_restored_with_its_settings_and_found_again() -> Result<()> {
    let rds = Client::new(&client::sdk(moto::endpoint()));
    create(&rds, "moto-prod").await?;
    let first = record(&restore("moto-prod", "moto-back"));
    assert_eq!(first["restore"]["action"], "restored");
    let there = rds.describe_db_clusters().db_cluster_identifier("moto-back").send().await?;
    let there = &there.db_clusters()[0];
    assert_eq!(there.port(), Some(6543));
    assert_eq!(there.db_cluster_parameter_group(), Some("app-cluster-pg16"));
    assert_eq!(there.vpc_security_groups()[0].vpc_security_group_id(), Some("sg-0app"));
    assert_eq!(there.deletion_protection(), Some(true));
    assert_eq!(there.iam_database_authentication_enabled(), Some(true));
    assert_eq!(there.db_cluster_members()[0].db_instance_identifier(), Some("moto-back-writer"));
    assert_eq!(first["endpoint"].as_str(), there.endpoint());
    assert_eq!(first["resource_id"].as_str(), there.db_cluster_resource_id());
    let keys: Vec<_> = there.tag_list().iter().filter_map(Tag::key).collect();
    assert_eq!(keys, ["team", "drkit:restore"]);

    assert_eq!(record(&restore("moto-prod", "moto-back"))["restore"]["action"], "already");
    let taken = restore("moto-prod", "moto-prod-1");
    assert_eq!(record(&taken)["restore"]["action"], "restored");
    let other = restore("moto-back", "moto-prod");
    assert!(error(other.assert_code(1)).contains("was not made by rds-restore"), "{}", other.stderr);
    Ok(())
}
