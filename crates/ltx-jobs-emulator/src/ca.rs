//! A certificate authority that is thrown away with the emulator.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;

/// A name under which nobody finds the emulator but a proxy that was told where it is.
const BEHIND_A_PROXY: &str = "api.ltx.test";

/// The authority's certificate on disk, and an acceptor with a certificate for `localhost`, `127.0.0.1` and `api.ltx.test`.
pub(crate) struct Authority {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) bundle: PathBuf,
    _folder: TempDir,
}

impl Authority {
    /// Makes keys and certificates, and writes the bundle into a new temporary folder.
    pub(crate) fn new(http2: bool) -> io::Result<Self> {
        let (pem, config) = certificates(http2).map_err(io::Error::other)?;
        let folder = tempfile::Builder::new().prefix("ltx-jobs-emulator-").tempdir()?;
        let bundle = folder.path().join("ca.pem");
        std::fs::write(&bundle, pem)?;
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            bundle,
            _folder: folder,
        })
    }

    pub(crate) fn bundle(&self) -> &Path {
        &self.bundle
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn certificates(http2: bool) -> Result<(String, rustls::ServerConfig), Failure> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, "ltx-jobs emulator, throw-away CA");
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    let key = KeyPair::generate()?;
    let authority = params.self_signed(&key)?;
    let issuer = Issuer::new(params, key);

    let mut params = CertificateParams::new(["localhost", "127.0.0.1", BEHIND_A_PROXY].map(str::to_owned).to_vec())?;
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &issuer)?;

    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )?;
    config.alpn_protocols = match http2 {
        true => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        false => vec![b"http/1.1".to_vec()],
    };
    Ok((authority.pem(), config))
}
