//! Which way a request takes: directly or through a proxy, and who said so. For people; the lanes decide for themselves.
//!
//! What is told here is what happens, because the rules are not written down twice: `hyper_util`'s matcher is what the HTTP library asks too.

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use crate::config::{Settings, is_loopback};
use crate::secret::redact;

/// See the module's first lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    Direct {
        why: String,
    },
    /// The address without credentials.
    Proxy {
        address: String,
        said_by: String,
    },
    /// A proxy is asked for by something that is no address of one.
    Unusable {
        said_by: String,
    },
}

/// The rules of one client, as they were when its lanes were made.
pub(crate) struct Routes {
    matcher: Option<Matcher>,
    /// The setting, when it names a proxy.
    setting: Option<String>,
    /// What the environment said, by the names of the variables.
    variables: Vec<(&'static str, String)>,
}

/// In the order in which they count.
const FOR_HTTPS: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const FOR_HTTP: [&str; 4] = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
const EXCEPT: [&str; 2] = ["NO_PROXY", "no_proxy"];

impl Routes {
    pub(crate) fn new(settings: &Settings) -> Self {
        let names = FOR_HTTPS.iter().chain(&FOR_HTTP[..2]).chain(&EXCEPT);
        let variables: Vec<(&'static str, String)> = names
            .filter_map(|name| Some((*name, std::env::var(name).ok()?)))
            .filter(|(_, value)| !value.trim().is_empty())
            .collect();
        let except = variables.iter().find(|(name, _)| EXCEPT.contains(name));
        let matcher = match &settings.proxy {
            Some(proxy) => Some(
                Matcher::builder()
                    .all(proxy.as_str().to_owned())
                    .no(except.map(|(_, value)| value.clone()).unwrap_or_default())
                    .build(),
            ),
            None if is_loopback(&settings.base_url) => None,
            None => Some(Matcher::from_system()),
        };
        let setting = settings
            .proxy
            .is_some()
            .then(|| format!("the setting `proxy`, {}", settings.origin("proxy")));
        Self {
            matcher,
            setting,
            variables,
        }
    }

    /// The way to an address.
    pub(crate) fn of(&self, url: &Url) -> Route {
        let Some(matcher) = &self.matcher else {
            return Route::Direct {
                why: "the service is on this machine".to_owned(),
            };
        };
        let names = if url.scheme() == "https" { FOR_HTTPS } else { FOR_HTTP };
        let variable = |names: &[&str]| {
            self.variables
                .iter()
                .find(|(name, _)| names.contains(name))
                .map(|(name, _)| *name)
        };
        let said_by = match &self.setting {
            Some(setting) => Some(setting.clone()),
            None => variable(&names).map(|name| format!("environment {name}")),
        };
        let uri: Option<Uri> = url.as_str().parse().ok();
        if let Some(proxy) = uri.and_then(|uri| matcher.intercept(&uri)) {
            return Route::Proxy {
                address: Url::parse(&proxy.uri().to_string()).map_or_else(|_| "a proxy".to_owned(), |url| redact(&url)),
                said_by: said_by.unwrap_or_else(|| "the system's settings".to_owned()),
            };
        }
        match (said_by, variable(&EXCEPT)) {
            (None, _) => Route::Direct {
                why: "no proxy is set".to_owned(),
            },
            (Some(_), Some(name)) => Route::Direct {
                why: format!("{name} excepts the service"),
            },
            (Some(said_by), None) => Route::Unusable { said_by },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As if the environment said this.
    fn routes(variables: &[(&'static str, &str)]) -> Routes {
        let value = |names: [&str; 2]| {
            let found = variables.iter().find(|(name, _)| names.contains(name));
            found.map(|(_, value)| (*value).to_owned()).unwrap_or_default()
        };
        Routes {
            matcher: Some(
                Matcher::builder()
                    .https(value(["HTTPS_PROXY", "https_proxy"]))
                    .http(value(["HTTP_PROXY", "http_proxy"]))
                    .all(value(["ALL_PROXY", "all_proxy"]))
                    .no(value(EXCEPT))
                    .build(),
            ),
            setting: None,
            variables: variables
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect(),
        }
    }

    #[test]
    fn the_way_is_told_with_who_chose_it_and_without_credentials() {
        let https = Url::parse("https://api.example/").unwrap();
        let http = Url::parse("http://api.example/").unwrap();
        let proxy = |address: &str, said_by: &str| Route::Proxy {
            address: address.to_owned(),
            said_by: said_by.to_owned(),
        };
        let direct = |why: &str| Route::Direct { why: why.to_owned() };
        type Case<'a> = (&'a [(&'static str, &'a str)], &'a Url, Route);
        let cases: &[Case<'_>] = &[
            (&[], &https, direct("no proxy is set")),
            (
                &[("HTTPS_PROXY", "http://u:canary@p.example:3128")],
                &https,
                proxy("http://p.example:3128/", "environment HTTPS_PROXY"),
            ),
            (
                &[("HTTPS_PROXY", "http://p.example:3128")],
                &http,
                direct("no proxy is set"),
            ),
            (
                &[("all_proxy", "socks5h://u:canary@p.example:1080")],
                &https,
                proxy("socks5h://p.example:1080/", "environment all_proxy"),
            ),
            (
                &[
                    ("HTTPS_PROXY", "http://p.example"),
                    ("NO_PROXY", "other.example,api.example"),
                ],
                &https,
                direct("NO_PROXY excepts the service"),
            ),
            (
                &[("HTTPS_PROXY", "ftp://p.example")],
                &https,
                Route::Unusable {
                    said_by: "environment HTTPS_PROXY".to_owned(),
                },
            ),
        ];
        for (variables, url, expected) in cases {
            assert_eq!(routes(variables).of(url), *expected, "{variables:?}");
        }
    }

    #[test]
    fn a_setting_wins_and_loopback_needs_none() {
        let mut settings = Settings::default();
        settings.base_url = Url::parse("http://127.0.0.1:9/").unwrap();
        assert_eq!(
            Routes::new(&settings).of(&settings.base_url),
            Route::Direct {
                why: "the service is on this machine".to_owned()
            }
        );
        settings
            .set(
                "proxy",
                "socks5://u:canary@p.example:1080",
                crate::config::Origin::Argument,
            )
            .unwrap();
        assert_eq!(
            Routes::new(&settings).of(&settings.base_url),
            Route::Proxy {
                address: "socks5://p.example:1080/".to_owned(),
                said_by: "the setting `proxy`, argument".to_owned()
            }
        );
    }
}
