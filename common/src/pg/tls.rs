//! TLS that verifies who the server is.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

/// What connects with TLS, trusting the file's authorities or the system's. Where TLS is not `wanted`, it trusts
/// nobody and is not asked.
pub(super) fn connector(wanted: bool, ca_file: Option<&Path>) -> Result<MakeRustlsConnect> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        _ if !wanted => {}
        Some(path) => {
            let unread = || format!("cannot read certificates from {} (--ca-file)", path.display());
            for certificate in CertificateDer::pem_file_iter(path).with_context(unread)? {
                roots.add(certificate.with_context(unread)?).with_context(unread)?;
            }
            if roots.is_empty() {
                bail!("no certificate in {} (--ca-file)", path.display());
            }
        }
        None => {
            let system = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(system.certs);
            if roots.is_empty() {
                bail!("the system has no certificate authorities: give --ca-file");
            }
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .context("no TLS")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
