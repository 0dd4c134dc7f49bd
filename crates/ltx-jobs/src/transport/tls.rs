//! TLS by rustls with an explicit provider; nothing process-wide is installed, so a host with its own rustls or OpenSSL is not touched.
//!
//! Trust: the operating system's store; Mozilla's roots behind it where the system has none; the caller's bundle in addition. On Linux and the BSDs the
//! variables `SSL_CERT_FILE` and `SSL_CERT_DIR` stand for the system's store, as for OpenSSL.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, crypto::CryptoProvider};

use crate::config::{Origin, Settings};
use crate::error::{Error, ErrorKind, Result};

#[cfg(not(any(feature = "tls-aws-lc", feature = "tls-ring")))]
compile_error!("ltx-jobs needs a crypto provider: enable the feature `tls-aws-lc` or `tls-ring`");

fn provider() -> Arc<CryptoProvider> {
    #[cfg(feature = "tls-aws-lc")]
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    #[cfg(all(feature = "tls-ring", not(feature = "tls-aws-lc")))]
    let provider = rustls::crypto::ring::default_provider();
    Arc::new(provider)
}

/// The name of the crypto provider of this build.
pub(crate) const PROVIDER: &str = if cfg!(feature = "tls-aws-lc") { "aws-lc" } else { "ring" };

/// What stands for the operating system's store where it is a matter of files.
const STORE_VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Whose certificates are trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Trust {
    /// The variables that stand for the operating system's store.
    store: Vec<&'static str>,
    /// Why the operating system's store could not be used, and the bundled roots are.
    bundled: Option<String>,
    /// The caller's bundle, who named it, and how many certificates are in it.
    bundle: Option<(PathBuf, Origin, usize)>,
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.bundled {
            None if self.store.is_empty() => f.write_str("the operating system's")?,
            None => write!(
                f,
                "those of {}, in place of the operating system's",
                self.store.join(" and ")
            )?,
            Some(why) => write!(
                f,
                "those of this build (Mozilla's), because the operating system has none that can be used: {why}"
            )?,
        }
        match &self.bundle {
            None => Ok(()),
            Some((path, origin, count)) => write!(f, ", and {count} of {} ({origin})", path.display()),
        }
    }
}

/// Reads the certificates of a PEM file, or of all PEM files in a directory.
fn read_bundle(path: &Path, origin: &Origin) -> Result<Vec<CertificateDer<'static>>> {
    let bad = |text: String| {
        Error::new(
            ErrorKind::Config,
            format!("ca_bundle {} ({origin}): {text}", path.display()),
        )
    };
    let certificates = if path.is_dir() {
        // What else is there, is nobody's mistake. A file is read up to its first error, which may be one that reading on does not get past.
        std::fs::read_dir(path)
            .map_err(|error| bad(error.to_string()))?
            .filter_map(|entry| Some(entry.ok()?.path()).filter(|path| path.is_file()))
            .filter_map(|path| CertificateDer::pem_file_iter(path).ok())
            .flat_map(|file| file.map_while(std::result::Result::ok))
            .collect()
    } else {
        CertificateDer::pem_file_iter(path)
            .map_err(|error| bad(error.to_string()))?
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(|error| bad(error.to_string()))?
    };
    if certificates.is_empty() {
        return Err(bad("no certificate in it".to_owned()));
    }
    Ok(certificates)
}

/// The configuration for all lanes. Reads the system's store: some milliseconds, done with the client's first request.
pub(crate) fn client_config(settings: &Settings) -> Result<(ClientConfig, Trust)> {
    let (ca_bundle, origin) = (settings.ca_bundle.as_deref(), settings.origin("ca_bundle"));
    let extra = ca_bundle
        .map(|path| read_bundle(path, &origin))
        .transpose()?
        .unwrap_or_default();
    let by_files = cfg!(all(unix, not(any(target_vendor = "apple", target_os = "android"))));
    let said = |name: &&str| by_files && std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let mut trust = Trust {
        store: STORE_VARIABLES.into_iter().filter(said).collect(),
        bundled: None,
        bundle: ca_bundle.map(|path| (path.to_owned(), origin, extra.len())),
    };
    let config_error = |error: rustls::Error| Error::new(ErrorKind::Config, format!("TLS cannot be set up: {error}"));
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(config_error)?;
    let mut config = match rustls_platform_verifier::Verifier::new_with_extra_roots(
        extra.clone(),
        Arc::clone(builder.crypto_provider()),
    ) {
        Ok(verifier) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth(),
        Err(error) => {
            trust.bundled = Some(error.to_string());
            builder
                .with_root_certificates(bundled_roots(extra, &error)?)
                .with_no_client_auth()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok((config, trust))
}

/// Roots for a system without any.
fn bundled_roots(extra: Vec<CertificateDer<'static>>, system: &rustls::Error) -> Result<rustls::RootCertStore> {
    let mut store = rustls::RootCertStore::empty();
    #[cfg(feature = "bundled-roots")]
    store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    store.add_parsable_certificates(extra);
    if store.is_empty() {
        return Err(Error::new(
            ErrorKind::Config,
            format!("the system's certificates cannot be used: {system}"),
        )
        .with_advice("install the system's CA certificates, or set ca_bundle"));
    }
    tracing::debug!(error = %system, "no usable system certificates, taking the bundled roots");
    Ok(store)
}
