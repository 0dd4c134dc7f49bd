//! Amazon's shared files: `~/.aws/credentials` and `~/.aws/config`, which its own tools write and the store library does not read.
//!
//! Only plain keys and the region are taken. A profile that gets its keys in another way (single sign-on, a role, a program) is told apart from one that
//! does not exist, because the remedy is another.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use crate::error::{Error, ErrorKind, Result};

/// What a profile gives.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Profile {
    pub(super) keys: Option<Keys>,
    pub(super) region: Option<String>,
}

/// Never printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) token: Option<String>,
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("keys", &self.keys.as_ref().map(|_| "***"))
            .field("region", &self.region)
            .finish()
    }
}

/// Reads the profile of the environment: `AWS_PROFILE`, else `default`. From disk.
///
/// # Errors
/// `Config` when a profile that was asked for by name gives no keys.
pub(super) fn read() -> Result<Profile> {
    let asked = variable("AWS_PROFILE").or_else(|| variable("AWS_DEFAULT_PROFILE"));
    let text = |variable_name: &str, file: &str| {
        let path = variable(variable_name).map(PathBuf::from).or_else(|| {
            let home = variable("HOME").or_else(|| variable("USERPROFILE"))?;
            Some(PathBuf::from(home).join(".aws").join(file))
        });
        path.and_then(|path| std::fs::read_to_string(path).ok())
            .unwrap_or_default()
    };
    choose(
        asked.as_deref(),
        &text("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
        &text("AWS_CONFIG_FILE", "config"),
    )
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The profile out of the texts of both files.
fn choose(asked: Option<&str>, credentials: &str, config: &str) -> Result<Profile> {
    let name = asked.unwrap_or("default");
    let in_credentials = section(credentials, |title| title == name);
    let in_config = section(config, |title| {
        title == name || title.strip_prefix("profile").is_some_and(|rest| rest.trim() == name)
    });
    if asked.is_some() && in_credentials.is_empty() && in_config.is_empty() {
        return Err(Error::new(
            ErrorKind::Config,
            format!("AWS_PROFILE is {name:?}, and neither ~/.aws/credentials nor ~/.aws/config has such a profile"),
        ));
    }
    let value = |key: &str| {
        in_credentials
            .get(key)
            .or_else(|| in_config.get(key))
            .map(|text| (*text).to_owned())
    };
    let keys = match (value("aws_access_key_id"), value("aws_secret_access_key")) {
        (Some(id), Some(secret)) => Some(Keys {
            id,
            secret,
            token: value("aws_session_token"),
        }),
        _ => None,
    };
    if asked.is_some() && keys.is_none() {
        return Err(Error::new(
            ErrorKind::Config,
            format!("the profile {name:?} of AWS_PROFILE has no plain keys"),
        )
        .with_advice(
            "`aws configure export-credentials --format env` prints keys of any profile as variables for the shell",
        ));
    }
    Ok(Profile {
        keys,
        region: value("region"),
    })
}

/// The pairs of the sections that `fits`; later ones win. Nested settings (indented) and comments are passed over.
fn section(text: &str, fits: impl Fn(&str) -> bool) -> HashMap<&str, &str> {
    let mut pairs = HashMap::new();
    let mut inside = false;
    for line in text.lines() {
        let bare = line.trim();
        if bare.is_empty() || bare.starts_with(['#', ';']) {
            continue;
        }
        if let Some(title) = bare.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            inside = fits(title.trim());
        } else if inside
            && !line.starts_with([' ', '\t'])
            && let Some((key, value)) = bare.split_once('=')
            && !value.trim().is_empty()
        {
            pairs.insert(key.trim(), value.trim());
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: &str = "\
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key=canary/one=
# a remark
[ farm ]
aws_access_key_id = AKIAFARM
aws_secret_access_key = canary two
aws_session_token = token
";
    const CONFIG: &str = "\
[default]
region = eu-west-1
s3 =
    region = nested
[profile farm]
region = us-west-2
[profile sso]
sso_session = studio
region = eu-central-1
";

    fn keys(profile: &Profile) -> Option<(&str, &str, Option<&str>)> {
        let keys = profile.keys.as_ref()?;
        Some((&keys.id, &keys.secret, keys.token.as_deref()))
    }

    #[test]
    fn a_profile_is_read_from_both_files() {
        let default = choose(None, CREDENTIALS, CONFIG).unwrap();
        assert_eq!(keys(&default), Some(("AKIADEFAULT", "canary/one=", None)));
        assert_eq!(default.region.as_deref(), Some("eu-west-1"));
        let farm = choose(Some("farm"), CREDENTIALS, CONFIG).unwrap();
        assert_eq!(keys(&farm), Some(("AKIAFARM", "canary two", Some("token"))));
        assert_eq!(farm.region.as_deref(), Some("us-west-2"));
        assert!(!format!("{farm:?}").contains("canary"));
    }

    #[test]
    fn no_files_are_no_profile_and_no_error() {
        assert_eq!(choose(None, "", "").unwrap(), Profile::default());
    }

    #[test]
    fn a_profile_asked_for_by_name_must_give_keys() {
        let absent = choose(Some("nobody"), CREDENTIALS, CONFIG).unwrap_err();
        assert!(absent.message().contains("nobody"), "{absent}");
        let sso = choose(Some("sso"), CREDENTIALS, CONFIG).unwrap_err();
        assert!(sso.to_string().contains("export-credentials"), "{sso}");
    }
}
