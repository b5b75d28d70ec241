//! The S3 Control client, whose addresses begin with the account.

use std::net::{IpAddr, SocketAddr};

use aws_sdk_s3control::Client;
use aws_sdk_s3control::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3control::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use common::aws::AwsArgs;

/// A client for jobs of this account.
///
/// # Errors
/// As [`AwsArgs::load`].
pub async fn client(aws: &AwsArgs, account: &str) -> anyhow::Result<Client> {
    let config = aws_sdk_s3control::config::Builder::from(&aws.load().await?);
    let prefix = format!("{account}.");
    Ok(Client::from_conf(config.interceptor(PlainAddress { prefix }).build()))
}

/// Takes the account away from before an address that is numbers: no name server finds `123456789012.10.0.0.1`. The
/// account is in the header `x-amz-account-id` all the same.
#[derive(Debug)]
struct PlainAddress {
    prefix: String,
}

impl Intercept for PlainAddress {
    fn name(&self) -> &'static str {
        "PlainAddress"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        if let Some(plain) = plain(request.uri(), &self.prefix) {
            request.set_uri(plain)?;
        }
        Ok(())
    }
}

fn plain(url: &str, prefix: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let rest = rest.strip_prefix(prefix)?;
    let host = rest.split(['/', '?']).next()?;
    let is_number = host.parse::<SocketAddr>().is_ok() || host.parse::<IpAddr>().is_ok();
    is_number.then(|| format!("{scheme}://{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_loses_the_account() {
        let plain = |url: &str| plain(url, "123456789012.");
        assert_eq!(
            plain("http://123456789012.127.0.0.1:5000/v20180820/jobs").as_deref(),
            Some("http://127.0.0.1:5000/v20180820/jobs")
        );
        assert_eq!(plain("https://123456789012.10.0.0.1/a").as_deref(), Some("https://10.0.0.1/a"));
        for url in [
            "https://123456789012.s3-control.us-east-1.amazonaws.com/v20180820/jobs",
            "http://127.0.0.1:5000/v20180820/jobs",
        ] {
            assert_eq!(plain(url), None, "{url}");
        }
    }
}
