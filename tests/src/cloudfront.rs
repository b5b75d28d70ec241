//! CloudFront as moto has it: distributions to purge.

use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_cloudfront::Client;
use aws_sdk_cloudfront::types::{
    DefaultCacheBehavior, DistributionConfig, Origin, Origins, S3OriginConfig, ViewerProtocolPolicy,
};

use tokio::sync::Mutex;

use crate::{client, moto};

/// Makes a distribution in moto and returns its id.
///
/// # Panics
/// If moto refuses.
pub async fn distribution() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let reference = NEXT.fetch_add(1, Ordering::Relaxed).to_string();
    let origin = Origin::builder()
        .id("photos")
        .domain_name("photos.s3.amazonaws.com")
        .s3_origin_config(S3OriginConfig::builder().origin_access_identity("").build())
        .build()
        .expect("an origin");
    let behavior = DefaultCacheBehavior::builder()
        .target_origin_id("photos")
        .viewer_protocol_policy(ViewerProtocolPolicy::HttpsOnly)
        .build()
        .expect("a cache behaviour");
    let distribution = DistributionConfig::builder()
        .caller_reference(reference)
        .comment("made for a test")
        .enabled(true)
        .origins(Origins::builder().quantity(1).items(origin).build().expect("origins"))
        .default_cache_behavior(behavior)
        .build()
        .expect("a distribution");
    // moto looks through all distributions while another request may add one.
    static ONE: Mutex<()> = Mutex::const_new(());
    let _one = ONE.lock().await;
    let cloudfront = Client::new(&client::sdk(moto::endpoint()));
    let made = cloudfront.create_distribution().distribution_config(distribution).send().await;
    made.expect("moto makes a distribution").distribution.expect("a distribution").id
}
