//! Certificates, and TLS in front of a server whose build has none.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::{address, with_address};
use crate::listening::Listening;

/// A certificate of an authority that exists for it alone.
pub(super) struct Certificates {
    folder: TempDir,
    ca_file: PathBuf,
    config: Arc<ServerConfig>,
}

impl Certificates {
    /// For these host names and addresses.
    pub(super) fn new(names: &[&str]) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are valid names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key"))
            .expect("a certificate of an authority");
        let key = KeyPair::generate().expect("a key");
        let names: Vec<_> = names.iter().copied().map(str::to_owned).collect();
        let signed = CertificateParams::new(names)
            .and_then(|params| params.signed_by(&key, &issuer))
            .expect("names for a certificate");
        let folder = TempDir::new().expect("a temporary folder");
        let ca_file = folder.path().join("ca.pem");
        fs::write(&ca_file, issuer.pem()).expect("a certificate to write");
        fs::write(folder.path().join("server.crt"), signed.pem()).expect("a certificate to write");
        fs::write(folder.path().join("server.key"), key.serialize_pem()).expect("a key to write");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider's own versions")
            .with_no_client_auth()
            .with_single_cert(vec![signed.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .expect("the certificate's own key");
        Self { folder, ca_file, config: Arc::new(config) }
    }

    /// Where `server.crt` and `server.key` are.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The certificate of the authority, as PEM.
    pub(super) fn ca_file(&self) -> &Path {
        &self.ca_file
    }
}

/// A server as the internet sees it: whoever does not ask for TLS is turned away. It ends when it is dropped.
pub struct Front {
    url: String,
    listening: Listening,
    certificates: Certificates,
}

/// The codes of a request for encryption, in place of a version of the protocol (PostgreSQL, "Message Formats").
const SSL_REQUEST: u32 = 80_877_103;
const GSSENC_REQUEST: u32 = 80_877_104;

impl Front {
    /// TLS before the server of a URL, with a certificate for these host names and addresses.
    ///
    /// # Panics
    /// If the system gives no port, thread or folder, or a name is no host name.
    pub fn start(url: &str, names: &[&str]) -> Self {
        let certificates = Certificates::new(names);
        let (upstream, acceptor) = (address(url), TlsAcceptor::from(Arc::clone(&certificates.config)));
        let listening = Listening::start(move |stream| {
            let (upstream, acceptor) = (upstream.clone(), acceptor.clone());
            async move {
                // A client that leaves, or that trusts another authority, is no concern of the front.
                let _ = serve(stream, &upstream, &acceptor).await;
            }
        });
        Self { url: url.to_owned(), listening, certificates }
    }

    /// The URL of the same database at this front, by `localhost` or `127.0.0.1`.
    pub fn url(&self, host: &str) -> String {
        with_address(&self.url, host, self.listening.address().port())
    }

    /// The certificate of the authority that signed the front's own.
    pub fn ca_file(&self) -> &Path {
        self.certificates.ca_file()
    }
}

async fn serve(mut stream: TcpStream, upstream: &str, acceptor: &TlsAcceptor) -> std::io::Result<()> {
    loop {
        let _length = stream.read_u32().await?;
        match stream.read_u32().await? {
            GSSENC_REQUEST => stream.write_all(b"N").await?,
            SSL_REQUEST => break,
            _ => return refuse(stream).await,
        }
    }
    stream.write_all(b"S").await?;
    let mut secret = acceptor.accept(stream).await?;
    let mut server = TcpStream::connect(upstream).await?;
    server.set_nodelay(true)?;
    copy_bidirectional(&mut secret, &mut server).await?;
    Ok(())
}

/// The words of a server whose pg_hba.conf has only `hostssl` lines.
async fn refuse(mut stream: TcpStream) -> std::io::Result<()> {
    let fields = [
        "SFATAL",
        "VFATAL",
        "C28000",
        "Mno pg_hba.conf entry for host \"127.0.0.1\", user \"drkit\", no encryption",
    ];
    let body: Vec<u8> =
        fields.iter().flat_map(|field| [field.as_bytes(), b"\0"].concat()).chain([0]).collect();
    stream.write_u8(b'E').await?;
    stream.write_u32(u32::try_from(body.len() + 4).expect("a short message")).await?;
    stream.write_all(&body).await?;
    stream.shutdown().await
}
