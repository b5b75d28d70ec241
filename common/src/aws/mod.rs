//! One way to reach AWS for every tool: the usual credential chain, flags and variables, and errors in one line.

mod body;
mod connection;
mod operation;

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::service_config::ServiceConfigKey;
use clap::Args;

use crate::args::Requests;
use crate::error::chain;
use crate::journal::Identity;
use crate::reject::{Failure, Reject};
use crate::secret;
use connection::Given;

/// Where the service is and who asks.
#[derive(Args, Clone, Debug, Default)]
pub struct AwsArgs {
    /// Use this profile of the AWS configuration files
    #[arg(long, value_name = "NAME", display_order = 700)]
    pub profile: Option<String>,

    /// Send requests to this region
    #[arg(long, value_name = "REGION", display_order = 701)]
    pub region: Option<String>,

    /// Send requests to this address instead of AWS
    #[arg(long, value_name = "URL", display_order = 702)]
    pub endpoint_url: Option<String>,

    /// How long requests may take and how often they are sent.
    #[command(flatten)]
    pub requests: Requests,
}

impl AwsArgs {
    /// Loads the configuration and proves that credentials and a region can be found.
    ///
    /// # Errors
    /// One line that says what is missing and how to give it.
    pub async fn load(&self) -> Result<SdkConfig> {
        let Requests { connect_timeout, read_timeout, attempts } = self.requests;
        let connect_timeout = connect_timeout.unwrap_or(CONNECT);
        // The connection bounds what comes after that, for each operation as it needs.
        let timeouts =
            TimeoutConfig::builder().connect_timeout(connect_timeout).disable_read_timeout().build();
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .retry_config(RetryConfig::standard().with_max_attempts(attempts.get()))
            .http_client(connection::client(read_timeout))
            .timeout_config(timeouts);
        if let Some(profile) = &self.profile {
            loader = loader.profile_name(profile).credentials_provider(self.of_profile(profile).await);
        }
        if let Some(region) = &self.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(url) = &self.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        let config = loader.load().await;
        if config.region().is_none() {
            bail!("no AWS region: give --region or set AWS_REGION");
        }
        let provider = config
            .credentials_provider()
            .context("no AWS credentials: set AWS_PROFILE, give --profile or log in")?;
        let credentials = aws_credential_types::provider::ProvideCredentials::provide_credentials(&provider)
            .await
            .map_err(|err| anyhow!("no AWS credentials: {}", chain(&err)))?;
        secret::keep(credentials.secret_access_key());
        secret::keep(credentials.session_token().unwrap_or_default());
        Ok(config)
    }
}

/// An address that does not answer is given up after this, for each attempt.
const CONNECT: Duration = Duration::from_secs(4);

/// What a journal says of where a run went: the endpoint of a service, such as `S3`, where it is not AWS's own, and the
/// region. The service's name is its id in the SDK.
pub fn target(identity: Identity, config: &SdkConfig, service: &str) -> Identity {
    let region = config.region().map(ToString::to_string).unwrap_or_default();
    let endpoint = endpoint(config, service).unwrap_or_else(|| "AWS".to_owned());
    identity.target("endpoint", endpoint).target("region", region)
}

/// As the service's client finds it: the flag, then what the environment and the profile say of this service, then of
/// all. Without credentials, if the address has some.
pub(crate) fn endpoint(config: &SdkConfig, service: &str) -> Option<String> {
    let given = config.endpoint_url().map(str::to_owned);
    let is_flag = config.get_origin("endpoint_url").is_client_config();
    let key = ServiceConfigKey::builder()
        .service_id(service)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    let of_service = || config.service_config().and_then(|settings| settings.load_config(key));
    let url = if is_flag { given } else { of_service().or(given) }?;
    Some(match url.split_once("://").zip(url.rsplit_once('@')) {
        Some(((scheme, _), (_, host))) => format!("{scheme}://{host}"),
        None => url,
    })
}

impl AwsArgs {
    /// The credentials of a profile that was asked for by name: as in the AWS CLI, the variables of the environment do
    /// not go before it.
    async fn of_profile(&self, profile: &str) -> ProfileFileCredentialsProvider {
        let mut config = ProviderConfig::with_default_region().await;
        if let Some(region) = &self.region {
            config = config.with_region(Some(Region::new(region.clone())));
        }
        ProfileFileCredentialsProvider::builder().configure(&config).profile_name(profile).build()
    }
}

/// A request that failed, after all its tries.
#[derive(Debug)]
pub struct Trouble {
    /// The service's own error code, `Unreachable` without an answer.
    pub code: String,
    /// One line: the operation and what it was about, the code, the service's words.
    pub message: String,
    /// The answer's HTTP status, if there was an answer.
    pub status: Option<u16>,
}

/// Codes after which no other request can succeed either: who asks is not who it should be.
/// From the common errors of the API references and the error tables of S3 and CloudFront.
const FATAL: [&str; 15] = [
    "AccessKeyDisabled",
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "InvalidToken",
    "MissingAuthenticationToken",
    "NotSignedUp",
    "PermanentRedirect",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// Codes of answers 400 that another try may not get, beside those with "Throttl". From the error tables of S3,
/// CloudFront and DynamoDB.
const RETRYABLE: [&str; 5] = [
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "SlowDown",
    "TooManyRequestsException",
];

impl Trouble {
    /// Describes a failed request; `what` is the operation and its object, `CopyObject s3://b/k`.
    pub fn new<E>(what: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let given = |answer: &HttpResponse| answer.extension::<Given>().map(|given| given.0);
        let status = error.raw_response();
        let status = status.map(|answer| given(answer).unwrap_or(answer.status().as_u16()));
        let meta = error.as_service_error().map(ProvideErrorMetadata::meta);
        let code = match (meta.and_then(|meta| meta.code()), error, status) {
            (Some(code), ..) => code.to_owned(),
            (None, SdkError::TimeoutError(_) | SdkError::DispatchFailure(_), _) => "Unreachable".into(),
            (None, _, Some(status)) => format!("HTTP {status}"),
            (None, ..) => "Failed".into(),
        };
        let words = match meta.and_then(|meta| meta.message()) {
            Some(words) => words.to_owned(),
            None if code == "HTTP 200" && error.as_service_error().is_some() => {
                "an answer that is none of the service's: check the endpoint".to_owned()
            }
            None if status.is_some() && error.as_service_error().is_some() => String::new(),
            None => cause(error),
        };
        let colon = if words.is_empty() { "" } else { ": " };
        let region = error.raw_response().and_then(|answer| answer.headers().get("x-amz-bucket-region"));
        let remedy = match (status, region) {
            (Some(301 | 400), Some(region)) => format!("; the bucket is in {region}: give --region {region}"),
            _ => String::new(),
        };
        Self { message: format!("{what}: {code}{colon}{words}{remedy}"), code, status }
    }

    /// Whether nothing else can succeed: bad credentials, or no server.
    pub fn is_fatal(&self) -> bool {
        FATAL.contains(&self.code.as_str()) || self.code == "Unreachable"
    }

    /// Whether the same request may succeed later. A success is among the troubles only where its answer broke off.
    pub fn is_retryable(&self) -> bool {
        matches!(self.status, Some(200..=299 | 408 | 429 | 500..=599) | None)
            || self.code.contains("Throttl")
            || RETRYABLE.contains(&self.code.as_str())
    }

    /// As a reject of this kind, or as the end of the run where it is fatal.
    pub fn reject(self, kind: &'static str) -> Failure {
        if self.is_fatal() {
            return Failure::Fatal(self.into());
        }
        Reject { kind, retryable: self.is_retryable(), message: self.message }.into()
    }
}

impl From<Trouble> for anyhow::Error {
    fn from(trouble: Trouble) -> Self {
        anyhow!(trouble.message)
    }
}

/// Why there is no whole answer, without the SDK's names for the places where it found out.
fn cause<E: std::error::Error + 'static>(error: &SdkError<E, HttpResponse>) -> String {
    const PLACES: [&str; 5] =
        ["dispatch failure: ", "response error: ", "user error: ", "timeout: ", "io error: "];
    let mut text = chain(error);
    while let Some(rest) = PLACES.iter().find_map(|place| text.strip_prefix(place)) {
        text = rest.to_owned();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    fn trouble(status: u16, code: &str, region: Option<&str>) -> Trouble {
        let mut answer = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
        if let Some(region) = region {
            answer.headers_mut().insert("x-amz-bucket-region", region.to_owned());
        }
        let error = ErrorMetadata::builder().code(code).message("words").build();
        Trouble::new("HeadBucket s3://b", &SdkError::service_error(error, answer))
    }

    #[test]
    fn a_bucket_elsewhere_is_told_with_its_region() {
        let elsewhere = trouble(301, "PermanentRedirect", Some("eu-west-1"));
        let expected = "HeadBucket s3://b: PermanentRedirect: words; the bucket is in eu-west-1: give --region eu-west-1";
        assert_eq!(elsewhere.message, expected);
        assert!(elsewhere.is_fatal());
        assert_eq!(
            trouble(404, "NoSuchKey", Some("eu-west-1")).message,
            "HeadBucket s3://b: NoSuchKey: words"
        );
    }

    #[test]
    fn what_may_pass_is_retryable_and_what_nobody_passes_is_fatal() {
        for (status, code) in
            [(200, "HTTP 200"), (503, "SlowDown"), (500, "InternalError"), (429, "TooManyRequestsException")]
        {
            assert!(trouble(status, code, None).is_retryable(), "{code}");
        }
        for code in ["ThrottlingException", "ProvisionedThroughputExceededException"] {
            assert!(trouble(400, code, None).is_retryable(), "{code}");
        }
        for code in ["NoSuchKey", "AccessDenied"] {
            let trouble = trouble(403, code, None);
            assert!(!trouble.is_retryable() && !trouble.is_fatal(), "{code}");
        }
        assert!(matches!(trouble(403, "ExpiredToken", None).reject("denied"), Failure::Fatal(_)));
        assert!(matches!(trouble(403, "AccessDenied", None).reject("denied"), Failure::Reject(_)));
    }
}
