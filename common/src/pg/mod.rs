//! One way to reach PostgreSQL for every tool: a URL from the environment or libpq's own variables and files, TLS that
//! is verified in full or not used, and errors in one line.

mod files;
mod settings;
mod tls;

use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use aws_sdk_rds::auth_token::{AuthTokenGenerator, Config as TokenConfig};
use aws_sdk_rds::config::ProvideCredentials as _;
use clap::Args;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::aws::AwsArgs;
use crate::error::chain;
use crate::run::Usage;
use crate::secret;

/// Which server, and how to trust it.
#[derive(Args, Clone, Debug, Default)]
pub struct PgArgs {
    /// Take the connection URL from this environment variable instead of DB_URL
    ///
    /// Without a URL there, libpq's variables (PGHOST, PGUSER, PGSERVICE and so on) and files say where to connect.
    #[arg(long, value_name = "NAME", display_order = 600)]
    pub url_env: Option<String>,

    /// Trust the certificate authorities in this PEM file instead of those of the system
    ///
    /// For RDS and Aurora this is AWS's global-bundle.pem.
    #[arg(long, value_name = "FILE", display_order = 601)]
    pub ca_file: Option<PathBuf>,

    /// Log in with an IAM token instead of a password
    #[arg(long, display_order = 602)]
    pub iam: bool,
}

/// A connection attempt to an address that does not answer ends after this.
const CONNECT: Duration = Duration::from_secs(10);
/// A silent connection is probed after this, and given up after three probes.
const IDLE: Duration = Duration::from_secs(30);
/// Time between these.
const PROBE: Duration = Duration::from_secs(10);
/// The longest wait for a goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

type Connection = tokio_postgres::Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// A database that can be connected to, more than once.
#[derive(Clone)]
pub struct Database {
    config: Config,
    tls: MakeRustlsConnect,
    iam: Option<aws_config::SdkConfig>,
    ssl_mode: Option<String>,
    ca_file: Option<PathBuf>,
}

impl Database {
    /// The database that flags and environment name.
    ///
    /// # Errors
    /// [`Usage`] for a URL or a setting that cannot be read, without quoting it; no AWS credentials for `--iam`.
    pub async fn of(args: &PgArgs, aws: &AwsArgs) -> Result<Self> {
        let url = match &args.url_env {
            Some(name) => Some(settings::required(name)?),
            None => settings::variable("DB_URL")?.map(|url| ("DB_URL".to_owned(), url)),
        };
        Self::load(url, args, aws).await
    }

    /// The database whose URL is in the environment variable `name`, with the trust and login that `args` ask for.
    ///
    /// # Errors
    /// As [`Database::of`].
    pub async fn of_variable(name: &str, args: &PgArgs, aws: &AwsArgs) -> Result<Self> {
        Self::load(Some(settings::required(name)?), args, aws).await
    }

    async fn load(url: Option<(String, String)>, args: &PgArgs, aws: &AwsArgs) -> Result<Self> {
        let settings::Settings { mut config, ssl_mode, ca_file } = settings::load(url)?;
        if let Some(limit) = aws.requests.connect_timeout {
            config.connect_timeout(limit);
        } else if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        secret::keep(&String::from_utf8_lossy(config.get_password().unwrap_or_default()));
        let iam = if args.iam { Some(aws.load().await?) } else { None };
        Self::new(config, iam, ssl_mode, args.ca_file.clone().or(ca_file))
    }

    fn new(
        mut config: Config,
        iam: Option<aws_config::SdkConfig>,
        ssl_mode: Option<String>,
        ca_file: Option<PathBuf>,
    ) -> Result<Self> {
        config.keepalives_idle(IDLE).keepalives_interval(PROBE).keepalives_retries(3);
        if iam.is_some() {
            // The token is a password, and must not be read on the way.
            config.ssl_mode(SslMode::Require);
        }
        let tls = tls::connector(config.get_ssl_mode() != SslMode::Disable, ca_file.as_deref())?;
        Ok(Self { config, tls, iam, ssl_mode, ca_file })
    }

    /// The same database at another address, such as that of a restored cluster.
    ///
    /// # Errors
    /// The certificate authorities that it is to be trusted by cannot be read.
    pub fn at(&self, host: &str, port: u16) -> Result<Self> {
        let old = &self.config;
        let mut config = Config::new();
        config.host(host).port(port).ssl_negotiation(old.get_ssl_negotiation());
        if let Some(user) = old.get_user() {
            config.user(user);
        }
        if let Some(password) = old.get_password() {
            config.password(password);
        }
        if let Some(name) = old.get_dbname() {
            config.dbname(name);
        }
        if let Some(options) = old.get_options() {
            config.options(options);
        }
        if let Some(&timeout) = old.get_connect_timeout() {
            config.connect_timeout(timeout);
        }
        // A loopback address needs no encryption, and the other address may be no loopback.
        config.ssl_mode(settings::ssl_mode(self.ssl_mode.as_deref(), &config)?);
        Self::new(config, self.iam.clone(), self.ssl_mode.clone(), self.ca_file.clone())
    }

    /// Connects, does `work`, and says goodbye.
    ///
    /// The connection is driven by the task that does the work, so that what it reads need not cross threads. The
    /// client must not be kept.
    ///
    /// # Errors
    /// No connection, one that breaks off, or whatever the work fails with.
    pub async fn connected<T>(&self, tool: &str, work: impl AsyncFnOnce(&Client) -> Result<T>) -> Result<T> {
        let mut config = self.config.clone();
        config.application_name(tool);
        if let Some(aws) = &self.iam {
            config.password(self.token(aws).await?);
        }
        let (client, connection) = self.log_in(&config).await?;
        let mut connection = pin!(connection);
        let result = {
            let mut work = pin!(work(&client));
            tokio::select! {
                biased;
                result = &mut work => result,
                ended = &mut connection => {
                    // What the work was told last is in its own queue, and says more than a closed connection.
                    match tokio::time::timeout(GOODBYE, &mut work).await {
                        Ok(Err(error)) if ended.is_ok() || is_answer(&error) => return Err(error),
                        _ => {}
                    }
                    let why = ended.err().map_or_else(|| "the server closed it".into(), |error| describe(&error));
                    return Err(anyhow!("the connection to {self} broke off: {why}"));
                }
            }
        };
        drop(client);
        // What is lost by a goodbye that nobody hears is nothing.
        let _ = tokio::time::timeout(GOODBYE, connection).await;
        result
    }

    /// Connects and logs in, within the time for each address: as in libpq, the time to connect is that of the whole login.
    async fn log_in(&self, config: &Config) -> Result<(Client, Connection)> {
        let addresses = config.get_hosts().len().max(config.get_hostaddrs().len()).max(1);
        let each = config.get_connect_timeout().copied().unwrap_or(CONNECT);
        let limit = each.saturating_mul(u32::try_from(addresses).unwrap_or(u32::MAX));
        match tokio::time::timeout(limit, config.connect(self.tls.clone())).await {
            Ok(connected) => connected.map_err(|error| self.refused(&error)),
            Err(_) => Err(anyhow!(
                "cannot connect to {self}: no login within {limit:?} (connect_timeout): is it PostgreSQL?"
            )),
        }
    }

    /// Whatever asks the server to end what a client is doing, for [`tokio_postgres::CancelToken::cancel_query`].
    pub fn tls(&self) -> MakeRustlsConnect {
        self.tls.clone()
    }

    async fn token(&self, aws: &aws_config::SdkConfig) -> Result<String> {
        let Some(Host::Tcp(host)) = self.config.get_hosts().first() else {
            return Err(Usage::Wrong("--iam needs the host name of a cluster or instance".into()).into());
        };
        let user = self.config.get_user().unwrap_or_default();
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        let credentials = aws.credentials_provider().context("no AWS credentials for --iam")?;
        credentials.provide_credentials().await.context("no AWS credentials for --iam")?;
        let config = TokenConfig::builder().hostname(host).port(port.into()).username(user);
        let token = AuthTokenGenerator::new(config.build().map_err(|_| anyhow!("no IAM token for {self}"))?);
        let token = token.auth_token(aws).await.map_err(|_| anyhow!("no IAM token for {self}"))?;
        Ok(token.to_string())
    }

    fn refused(&self, error: &tokio_postgres::Error) -> anyhow::Error {
        let words = describe(error);
        // rustls has these words before every reason not to trust a certificate.
        let is_untrusted = words.contains("invalid peer certificate");
        let remedy = match error.code() {
            Some(&SqlState::INVALID_PASSWORD) => " (check the password, or use --iam)",
            _ if words.contains("UnknownIssuer") => {
                " (the server's certificate is of an authority that is not trusted: give --ca-file)"
            }
            _ if words.contains("server does not support TLS") => {
                " (sslmode=disable in the URL or in PGSSLMODE sends the password unencrypted)"
            }
            _ => "",
        };
        let message = format!("cannot connect to {self}: {words}{remedy}");
        match error.code() {
            None if !is_untrusted => anyhow!(message),
            code => anyhow::Error::new(Refused { code: code.cloned(), message }),
        }
    }
}

/// `user@host:port/name`, never with the password.
impl std::fmt::Display for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(host)) => host.clone(),
            Some(Host::Unix(path)) => path.display().to_string(),
            None => self.config.get_hostaddrs().first().map(ToString::to_string).unwrap_or_default(),
        };
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        let (user, name) =
            (self.config.get_user().unwrap_or_default(), self.config.get_dbname().unwrap_or_default());
        write!(f, "{user}@{host}:{port}/{name}")
    }
}

/// A login that the server refused, or a server that is not who it should be.
#[derive(Debug)]
pub struct Refused {
    /// Why, as PostgreSQL's SQLSTATE; nothing where the server's certificate is not trusted.
    pub code: Option<SqlState>,
    message: String,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refused {}

/// Whether the server itself answered with an error, which only ended the statement.
fn is_answer(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<tokio_postgres::Error>().is_some_and(|error| error.as_db_error().is_some())
    })
}

/// An error in one line: severity, SQLSTATE, message, detail and hint where the server sent them.
pub fn describe(error: &tokio_postgres::Error) -> String {
    let Some(db) = error.as_db_error() else { return chain(error) };
    let mut words = format!("{} {}: {}", db.severity(), db.code().code(), db.message());
    for more in [db.detail(), db.hint()].into_iter().flatten() {
        words = format!("{words}; {more}");
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_of_this_machine_does_not_go_unencrypted_to_another() {
        let mut config = Config::new();
        config.host("localhost").user("u").password("p").ssl_mode(SslMode::Disable);
        let database = |ssl_mode: Option<&str>| {
            let ca_file = Some(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")));
            Database::new(config.clone(), None, ssl_mode.map(str::to_owned), ca_file).unwrap()
        };
        let local = database(None).at("127.0.0.1", 5432).unwrap();
        assert_eq!(local.config.get_ssl_mode(), SslMode::Disable);
        let asked = database(Some("disable")).at("db.example", 5432).unwrap();
        assert_eq!(asked.config.get_ssl_mode(), SslMode::Disable);
        // TLS is wanted there, and so the file of authorities, which has none.
        let error = database(None).at("db.example", 5432).err().unwrap().to_string();
        assert!(error.starts_with("no certificate in"), "{error}");
    }
}
