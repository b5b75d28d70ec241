//! The shared moto server starts, serves versions and gives out distinct buckets.

use aws_sdk_s3::primitives::ByteStream;
use testkit::moto;

#[tokio::test]
async fn serves_versioned_buckets() {
    let (one, two) = (moto::bucket("pair").await, moto::bucket("pair").await);
    assert_ne!(one, two);
    let s3 = moto::s3();
    for body in ["a", "b"] {
        s3.put_object()
            .bucket(&one)
            .key("k")
            .body(ByteStream::from_static(body.as_bytes()))
            .send()
            .await
            .unwrap();
    }
    let listed = s3.list_object_versions().bucket(&one).send().await.unwrap();
    assert_eq!(listed.versions().len(), 2);
    assert!(s3.list_object_versions().bucket(&two).send().await.unwrap().versions().is_empty());
}
