//! What `rehost` is told: a job, a place, and what is known of the store there.

use std::fmt;

use clap::Args;
use ltx_jobs::JobRef;

use super::ArchiveArg;
use super::values::pair;

/// Where the store's credentials come from.
const CREDENTIALS: &str = "\
Credentials come from where the store's own tools look for them: AWS_ACCESS_KEY_ID and its companions, AWS_PROFILE, the machine's role; \
GOOGLE_APPLICATION_CREDENTIALS, gcloud's login; AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY. They are never printed.";

#[derive(Debug, Args)]
#[command(after_help = CREDENTIALS, override_usage = "ltx-jobs rehost [OPTIONS] <REF> <URL>")]
pub(crate) struct RehostArgs {
    /// The job, ENDPOINT/ID or intent:ID as it was printed, or ENDPOINT ID; then the place: s3://bucket/prefix/, gs://, az://, file:///directory/.
    #[arg(value_name = "REF URL", required = true, num_args = 2..=3)]
    words: Vec<String>,
    /// Copy only this output (exr_frames_url, video_url). May be repeated.
    #[arg(long, value_name = "LABEL")]
    pub(crate) only: Vec<String>,
    /// What becomes of an archive of frames.
    #[arg(long, value_enum, default_value_t = ArchiveArg::Unpack)]
    pub(crate) archive: ArchiveArg,
    /// Names of the frames, such as `sh010.{frame:04}.exr`.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) frame_name: Option<String>,
    /// The number of the first frame in these names.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) first_frame: Option<u64>,
    /// Replace other objects that are there; equal ones always count as copied.
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// An option of the store, by the name of its variable: region=eu-west-1, endpoint=https://minio.studio. May be repeated.
    #[arg(long = "option", value_name = "KEY=VALUE", value_parser = store_option)]
    pub(crate) options: Vec<StoreOption>,
}

impl RehostArgs {
    /// The job.
    pub(crate) fn job(&self) -> ltx_jobs::Result<JobRef> {
        let job = self.words.split_last().map_or(&[][..], |(_, job)| job);
        job.join("/").parse()
    }

    /// The place.
    pub(crate) fn url(&self) -> &str {
        self.words.last().map_or("", String::as_str)
    }

    /// The place as it may be shown.
    pub(crate) fn shown_url(&self) -> &str {
        shown_url(self.url())
    }
}

/// The place as it may be shown: one with a credential in it is refused, and not repeated either.
pub(super) fn shown_url(url: &str) -> &str {
    let authority = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or_default();
    let has_password = authority.split_once('@').is_some_and(|(user, _)| user.contains(':'));
    if has_password || url.contains(['?', '#']) {
        "URL"
    } else {
        url
    }
}

/// One option of a store. Its value may be a credential: `Debug` does not show it.
#[derive(Clone)]
pub(crate) struct StoreOption {
    pub(crate) key: String,
    pub(crate) value: String,
}

impl StoreOption {
    /// As it may be shown: values only where they say where a store is.
    pub(crate) fn shown(&self) -> String {
        let key = self.key.to_ascii_lowercase();
        let is_place = ["region", "endpoint", "account_name", "base_url"]
            .iter()
            .any(|name| key.ends_with(name));
        let value = if is_place { &self.value } else { "..." };
        format!("{}={value}", self.key)
    }
}

impl fmt::Debug for StoreOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

pub(super) fn store_option(text: &str) -> Result<StoreOption, String> {
    let (key, value) = pair(text, "KEY=VALUE")?;
    Ok(StoreOption {
        key: key.to_owned(),
        value: value.to_owned(),
    })
}
