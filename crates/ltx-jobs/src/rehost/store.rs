//! Opening a store: by its URL, its own environment variables and the caller's options, over our HTTP client.
//!
//! Credentials come from where the store's own tools look for them. They are asked for once, before anything is fetched, so that a machine without any
//! is told so within seconds and not after the retries of the first object.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::local::LocalFileSystem;
use object_store::{BackoffConfig, ClientConfigKey, CredentialProvider, ObjectStore, RetryConfig};

use super::connector::Connector;
use super::place::{Kind, Place};
use super::profile;
use super::refusal::told;
use crate::config::Settings;
use crate::error::{Error, ErrorKind, Result};
use crate::transfer::sink::joined;

/// Tries of one request after the first.
const RETRIES: usize = 6;

/// Longest time for the credentials: a metadata service that is there answers in milliseconds.
const CREDENTIALS_LIMIT: Duration = Duration::from_secs(10);

/// Options by the store's own names (`region`, `aws_endpoint`, `google_base_url`, `account_name`, ...).
pub(crate) type StoreOptions = Vec<(String, String)>;

/// Opens the store of `place`.
///
/// # Errors
/// `Config` for options and variables that are not usable, `Unauthenticated` when there are no credentials.
pub(super) async fn open(
    place: &Place,
    options: StoreOptions,
    connector: Connector,
    settings: &Settings,
) -> Result<Arc<dyn ObjectStore>> {
    let retry = RetryConfig {
        backoff: BackoffConfig {
            init_backoff: settings.backoff_base.min(Duration::from_secs(1)),
            max_backoff: settings.backoff_cap,
            base: 2.0,
        },
        max_retries: RETRIES,
        retry_timeout: Duration::from_secs(180),
    };
    match place.kind {
        Kind::S3 => s3(place.clone(), options, connector, retry).await,
        Kind::Gcs => gcs(place.clone(), options, connector, retry).await,
        Kind::Azure => azure(place.clone(), options, connector, retry).await,
        Kind::Directory if options.is_empty() => Ok(Arc::new(LocalFileSystem::new().with_fsync(true))),
        Kind::Directory => Err(Error::new(ErrorKind::Config, "a file:// URL takes no options")),
    }
}

async fn s3(
    place: Place,
    options: StoreOptions,
    connector: Connector,
    retry: RetryConfig,
) -> Result<Arc<dyn ObjectStore>> {
    // Reads files of the user.
    let (builder, quick, texts) = off_the_threads(move || {
        let mut builder = AmazonS3Builder::from_env()
            .with_url(place.url().as_str())
            .with_http_connector(connector);
        for (name, value) in &options {
            let key: AmazonS3ConfigKey = key(name)?;
            if let AmazonS3ConfigKey::Client(client) = &key {
                ours(name, *client)?;
            }
            builder = builder.with_config(key, value);
        }
        let has = |key: AmazonS3ConfigKey| builder.get_config_value(&key).is_some_and(|value| !value.is_empty());
        let by_itself = has(AmazonS3ConfigKey::AccessKeyId)
            || has(AmazonS3ConfigKey::WebIdentityTokenFile)
            || builder.get_config_value(&AmazonS3ConfigKey::SkipSignature).as_deref() == Some("true");
        let has_region = has(AmazonS3ConfigKey::Region) || has(AmazonS3ConfigKey::DefaultRegion);
        if !by_itself || !has_region {
            let profile = match profile::read() {
                Err(error) if !by_itself => return Err(error),
                found => found.unwrap_or_default(),
            };
            if let (false, Some(keys)) = (by_itself, profile.keys) {
                builder = builder.with_access_key_id(keys.id).with_secret_access_key(keys.secret);
                if let Some(token) = keys.token {
                    builder = builder.with_token(token);
                }
            }
            if let (false, Some(region)) = (has_region, profile.region) {
                builder = builder.with_region(region);
            }
        }
        let quick = builder.clone().with_retry(quick());
        Ok((builder, quick, Texts::of(place, options, "AWS_")))
    })
    .await?;
    let signed = builder.get_config_value(&AmazonS3ConfigKey::SkipSignature).as_deref() != Some("true");
    let quick = quick.build().map_err(|error| texts.unusable(&error))?;
    let credentials = Arc::clone(quick.credentials());
    if signed {
        texts.check(credentials.as_ref()).await?;
    }
    let store = builder.with_credentials(credentials).with_retry(retry).build();
    Ok(Arc::new(store.map_err(|error| texts.unusable(&error))?))
}

async fn gcs(
    place: Place,
    options: StoreOptions,
    connector: Connector,
    retry: RetryConfig,
) -> Result<Arc<dyn ObjectStore>> {
    let (builder, quick, texts) = off_the_threads(move || {
        let mut builder = GoogleCloudStorageBuilder::from_env()
            .with_url(place.url().as_str())
            .with_http_connector(connector);
        for (name, value) in &options {
            let key: GoogleConfigKey = key(name)?;
            if let GoogleConfigKey::Client(client) = &key {
                ours(name, *client)?;
            }
            builder = builder.with_config(key, value);
        }
        let texts = Texts::of(place, options, "GOOGLE_");
        let quick = builder
            .clone()
            .with_retry(quick())
            .build()
            .map_err(|error| texts.unusable(&error))?;
        Ok((builder, quick, texts))
    })
    .await?;
    let signed = builder.get_config_value(&GoogleConfigKey::SkipSignature).as_deref() != Some("true");
    let credentials = Arc::clone(quick.credentials());
    if signed {
        texts.check(credentials.as_ref()).await?;
    }
    let store = off_the_threads(move || {
        let store = builder.with_credentials(credentials).with_retry(retry).build();
        store.map_err(|error| texts.unusable(&error))
    })
    .await?;
    Ok(Arc::new(store))
}

async fn azure(
    place: Place,
    options: StoreOptions,
    connector: Connector,
    retry: RetryConfig,
) -> Result<Arc<dyn ObjectStore>> {
    let (builder, quick, texts) = off_the_threads(move || {
        let mut builder = MicrosoftAzureBuilder::from_env()
            .with_url(place.url().as_str())
            .with_http_connector(connector);
        for (name, value) in &options {
            let key: AzureConfigKey = key(name)?;
            if let AzureConfigKey::Client(client) = &key {
                ours(name, *client)?;
            }
            builder = builder.with_config(key, value);
        }
        let texts = Texts::of(place, options, "AZURE_");
        let quick = builder
            .clone()
            .with_retry(quick())
            .build()
            .map_err(|error| texts.unusable(&error))?;
        Ok((builder, quick, texts))
    })
    .await?;
    let signed = builder.get_config_value(&AzureConfigKey::SkipSignature).as_deref() != Some("true");
    let credentials = Arc::clone(quick.credentials());
    if signed {
        texts.check(credentials.as_ref()).await?;
    }
    let store = builder.with_credentials(credentials).with_retry(retry).build();
    Ok(Arc::new(store.map_err(|error| texts.unusable(&error))?))
}

async fn off_the_threads<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    joined(tokio::task::spawn_blocking(work).await)
}

/// For requests to metadata services.
fn quick() -> RetryConfig {
    RetryConfig {
        max_retries: 1,
        retry_timeout: CREDENTIALS_LIMIT,
        ..RetryConfig::default()
    }
}

/// The store's key of this name.
fn key<K: std::str::FromStr>(name: &str) -> Result<K> {
    name.trim().to_ascii_lowercase().parse().map_err(|_| {
        Error::new(ErrorKind::Config, format!("the store has no option {name:?}")).with_advice(
            "options have the names of the store's variables, as in region, endpoint, account_name, base_url",
        )
    })
}

/// Refuses options of the connection: the client has settings for them, which hold for everything.
fn ours(name: &str, key: ClientConfigKey) -> Result<()> {
    if key == ClientConfigKey::AllowHttp {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Config,
        format!("the option {name:?} is about the connection, and connections are made by the client"),
    )
    .with_advice("set proxy, ca_bundle, connect_timeout or stall_timeout on the client"))
}

/// What must not be repeated, and for which store.
struct Texts {
    place: Place,
    secrets: Vec<String>,
}

impl Texts {
    /// Every value that may be a credential: those of the options, and of the store's own variables.
    fn of(place: Place, options: StoreOptions, prefix: &str) -> Self {
        let from_environment = std::env::vars_os().filter_map(|(name, value)| {
            name.to_str()
                .is_some_and(|name| name.starts_with(prefix))
                .then(|| value.to_str().map(str::to_owned))
                .flatten()
        });
        let mut secrets: Vec<String> = options.into_iter().map(|(_, value)| value).collect();
        secrets.extend(from_environment);
        secrets.retain(|value| value.len() > 3);
        // Longer ones first: one may be a part of another.
        secrets.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Self { place, secrets }
    }

    /// The error for settings that the store's builder does not take.
    fn unusable(&self, error: &object_store::Error) -> Error {
        let mut text = error.to_string();
        for secret in &self.secrets {
            text = text.replace(secret.as_str(), "***");
        }
        Error::new(ErrorKind::Config, format!("the store cannot be set up: {text}"))
            .with_advice(self.place.kind.credentials())
    }

    /// Asks for the credentials once.
    async fn check<C>(&self, provider: &dyn CredentialProvider<Credential = C>) -> Result<()> {
        let why = match tokio::time::timeout(CREDENTIALS_LIMIT, provider.get_credential()).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => told(&error, "asking for credentials", &self.place).message().to_owned(),
            Err(_) => "nobody answers".to_owned(),
        };
        Err(Error::new(
            ErrorKind::Unauthenticated,
            format!("no credentials for {}: {why}", self.place.url()),
        )
        .with_advice(self.place.kind.credentials()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_option_is_named_and_its_value_is_not() {
        let error = key::<AmazonS3ConfigKey>("aws_regoin").unwrap_err();
        assert!(error.to_string().contains("aws_regoin"));
        assert!(key::<AmazonS3ConfigKey>("Region").is_ok());
        assert!(key::<AzureConfigKey>("account_name").is_ok());
        assert!(key::<GoogleConfigKey>("base_url").is_ok());
    }

    #[test]
    fn connections_are_set_up_by_the_client_alone() {
        assert!(ours("allow_http", ClientConfigKey::AllowHttp).is_ok());
        let error = ours("aws_proxy_url", ClientConfigKey::ProxyUrl).unwrap_err();
        assert!(error.to_string().contains("proxy"), "{error}");
    }

    #[test]
    fn a_value_that_a_store_does_not_take_is_not_repeated() {
        let options = vec![("aws_skip_signature".to_owned(), "canary-value".to_owned())];
        let texts = Texts::of(Place::parse("s3://b/").unwrap(), options, "LTX_NO_SUCH_PREFIX_");
        let error = texts.unusable(&object_store::Error::Generic {
            store: "Config",
            source: "failed to parse \"canary-value\" as boolean".into(),
        });
        assert!(error.message().contains("***"), "{error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}
