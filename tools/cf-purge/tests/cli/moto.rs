//! Against moto: that a CloudFront which is not ours understands what is sent.

use anyhow::{Context, Result};
use aws_sdk_cloudfront::Client;
use aws_sdk_cloudfront::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_cloudfront::types::{
    DefaultCacheBehavior, DistributionConfig, Origin, Origins, S3OriginConfig, ViewerProtocolPolicy,
};
use testkit::tool::Tool;

use crate::{all, receipts, records};

fn client() -> Client {
    let config = aws_sdk_cloudfront::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(testkit::moto::endpoint())
        .build();
    Client::from_conf(config)
}

async fn distribution(client: &Client, name: &str) -> Result<String> {
    let s3 = S3OriginConfig::builder().origin_access_identity("").build();
    let origin = Origin::builder().id("s3").domain_name("b.s3.amazonaws.com").s3_origin_config(s3).build()?;
    let behavior = DefaultCacheBehavior::builder()
        .target_origin_id("s3")
        .viewer_protocol_policy(ViewerProtocolPolicy::AllowAll)
        .build()?;
    let config = DistributionConfig::builder()
        .caller_reference(name)
        .comment("")
        .enabled(true)
        .origins(Origins::builder().quantity(1).items(origin).build()?)
        .default_cache_behavior(behavior)
        .build()?;
    let made = client.create_distribution().distribution_config(config).send().await?;
    Ok(made.distribution().context("a distribution")?.id().to_owned())
}

async fn purged(client: &Client, distribution: &str) -> Result<Vec<Vec<String>>> {
    let list = client.list_invalidations().distribution_id(distribution).send().await?;
    let mut all = Vec::new();
    for summary in list.invalidation_list().map(|list| list.items()).unwrap_or_default() {
        let got = client.get_invalidation().distribution_id(distribution).id(summary.id()).send().await?;
        let batch = got.invalidation().and_then(|one| one.invalidation_batch()).context("a batch")?;
        all.push(batch.paths().context("paths")?.items().to_vec());
    }
    Ok(all)
}

#[tokio::test]
async fn each_key_is_one_path_and_one_receipt() -> Result<()> {
    let client = client();
    let distribution = distribution(&client, "each-key").await?;
    let keys = [
        "plain.jpg",
        "two  spaces .jpg",
        "100%.jpg",
        "already%20encoded.jpg",
        "one+one=2 & more.jpg",
        "東/📸.jpg",
    ];
    let output = Tool::new("cf-purge")
        .endpoint(testkit::moto::endpoint())
        .args(["--distribution-id", &distribution, "--wait", "--run-id", "r1"])
        .stdin(records(keys.iter().chain(&keys[..2])))
        .run();
    output.assert_code(0);
    let receipts = receipts(&output);
    let paths = [
        "/%E6%9D%B1/%F0%9F%93%B8.jpg",
        "/100%25.jpg",
        "/already%2520encoded.jpg",
        "/one+one=2%20&%20more.jpg",
        "/plain.jpg",
        "/two%20%20spaces%20.jpg",
    ];
    assert_eq!(receipts.keys().collect::<Vec<_>>(), paths);
    assert_eq!(purged(&client, &distribution).await?, [paths.map(str::to_owned)]);
    assert_eq!(all(&receipts, "keys"), [1, 1, 1, 1, 2, 2]);
    assert!(all(&receipts, "status").iter().all(|status| *status == "Completed"));
    assert!(all(&receipts, "distribution_id").iter().all(|id| **id == *distribution));
    assert!(all(&receipts, "run_id").iter().all(|id| *id == "r1"));
    Ok(())
}

#[tokio::test]
async fn a_rehearsal_sends_nothing() -> Result<()> {
    let client = client();
    let distribution = distribution(&client, "rehearsal").await?;
    for flag in ["-n", "--dry-run"] {
        let output = Tool::new("cf-purge")
            .endpoint(testkit::moto::endpoint())
            .args(["--distribution-id", &distribution, flag])
            .stdin(records(["a", "b~c", "a"]))
            .run();
        output.assert_code(0);
        let receipts = receipts(&output);
        assert_eq!(receipts.keys().collect::<Vec<_>>(), ["/a", "/b*"]);
        assert_eq!(all(&receipts, "keys"), [2, 1]);
        assert!(all(&receipts, "dry_run").iter().all(|dry_run| *dry_run == true));
        assert!(all(&receipts, "invalidation_id").iter().all(|id| id.is_null()));
        assert!(output.stderr.contains("cost at most $0.01"), "{}", output.stderr);
    }
    assert_eq!(purged(&client, &distribution).await?, [[]; 0] as [[String; 0]; 0]);
    Ok(())
}
