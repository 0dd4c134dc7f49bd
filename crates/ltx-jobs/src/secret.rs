//! Values that must never be printed: the API key and the query of a signed URL.
//!
//! Both types show a harmless form in `Debug` and `Display`, so that no log line, error text or repr can leak them by accident. The plain value is
//! reached only through a method whose name says so.

use std::fmt;

use url::Url;
use zeroize::Zeroize;

/// An API key. Prints as `***`; its memory is overwritten when the last copy goes.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// Takes a key; surrounding white space (a trailing newline of a key file) is removed.
    pub fn new(key: impl Into<String>) -> Self {
        let mut key = key.into();
        let trimmed = key.trim().to_owned();
        key.zeroize();
        Self(trimmed)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it can travel in an HTTP header: visible ASCII only.
    pub(crate) fn is_sendable(&self) -> bool {
        self.0.bytes().all(|byte| byte.is_ascii_graphic())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// A salted fingerprint, to tell keys apart in the journal without storing them: 16 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        use sha2::{Digest, Sha256};
        let digest = Sha256::new()
            .chain_update(b"ltx-jobs key fingerprint\0")
            .chain_update(self.0.as_bytes())
            .finalize();
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Drop for ApiKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(***)")
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl From<&str> for ApiKey {
    fn from(key: &str) -> Self {
        Self::new(key)
    }
}

impl From<String> for ApiKey {
    fn from(key: String) -> Self {
        Self::new(key)
    }
}

/// A URL whose query is a credential, as the storage signs them. Prints scheme, host and path only.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedUrl(Url);

impl SignedUrl {
    pub(crate) fn new(url: Url) -> Self {
        Self(url)
    }

    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    /// The whole URL, query included. Whoever holds it can read the file until it expires: keep it out of logs.
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }

    /// Scheme, host and path, without credentials.
    pub fn redacted(&self) -> String {
        redact(&self.0)
    }
}

impl fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignedUrl({})", self.redacted())
    }
}

impl fmt::Display for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

/// A URL without user information, query and fragment.
pub(crate) fn redact(url: &Url) -> String {
    // What has no host (`data:`) is content, not an address.
    let Some(host) = url.host_str() else {
        return format!("{}:...", url.scheme());
    };
    // Not `Url::origin`: for the schemes of proxies it is "null".
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), url.path())
}

/// A text of others in which every address is without its query: it may be what opens it. `...` stands in its place.
pub(crate) fn redact_in(text: &str) -> String {
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`' | '\\');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, address) = rest.split_at(at);
        let (address, after) = address.split_at(address.find(ends).unwrap_or(address.len()));
        out.push_str(before);
        match address.find(['?', '#']) {
            Some(query) => {
                out.push_str(address.get(..=query).unwrap_or_default());
                out.push_str("...");
                // What closes a sentence or a bracket is not part of it.
                let end = address.trim_end_matches(['.', ',', ';', ':', ')', ']', '}']);
                out.push_str(address.get(end.len().max(query + 1)..).unwrap_or_default());
            }
            None => out.push_str(address),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_prints_as_stars() {
        let key = ApiKey::new("  canary-key\n");
        assert_eq!(key.expose(), "canary-key");
        assert_eq!(format!("{key} {key:?}"), "*** ApiKey(***)");
    }

    #[test]
    fn a_signed_url_prints_without_its_query() {
        let url = SignedUrl::new(Url::parse("https://u:p@storage.example/b/o.zip?X-Goog-Signature=canary#f").unwrap());
        assert_eq!(url.to_string(), "https://storage.example/b/o.zip");
        assert!(!format!("{url:?}").contains("canary"));
    }

    #[test]
    fn an_address_is_shown_without_what_opens_it_whatever_its_scheme() {
        for (url, shown) in [
            ("https://u:p@api.example/v2/?k=canary#f", "https://api.example/v2/"),
            ("https://api.example:8443", "https://api.example:8443/"),
            (
                "socks5h://user:canary@proxy.example:1080",
                "socks5h://proxy.example:1080",
            ),
            ("http://[::1]:9/", "http://[::1]:9/"),
            ("data:video/mp4;base64,canary", "data:..."),
        ] {
            assert_eq!(redact(&Url::parse(url).unwrap()), shown);
        }
    }

    #[test]
    fn addresses_in_the_words_of_others_lose_their_queries_and_nothing_else() {
        for (text, shown) in [
            ("no address? none.", "no address? none."),
            ("see https://docs.example/errors.", "see https://docs.example/errors."),
            ("https://a.example/x?sig=canary", "https://a.example/x?..."),
            ("(https://a.example/x?sig=canary), or", "(https://a.example/x?...), or"),
            (
                "\"s3://b/o?k=canary\" and <gs://b?canary>?",
                "\"s3://b/o?...\" and <gs://b?...>?",
            ),
            ("x://?canary", "x://?..."),
            ("https://a.example/#canary next", "https://a.example/#... next"),
            ("://", "://"),
        ] {
            assert_eq!(redact_in(text), shown, "{text}");
        }
    }

    #[test]
    fn fingerprints_differ_by_key_and_do_not_contain_it() {
        let one = ApiKey::new("one").fingerprint();
        assert_ne!(one, ApiKey::new("two").fingerprint());
        assert_eq!(one.len(), 16);
    }
}
