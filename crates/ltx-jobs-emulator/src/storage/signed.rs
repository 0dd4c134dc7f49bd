//! Signed URLs in the shape of Google's V4 signatures, signed with a secret that lives as long as the emulator.

use axum::response::Response;
use http::StatusCode;
use sha2::{Digest as _, Sha256};

use super::xml::{refusal, with_details};
use crate::clock::{Millis, goog_date, iso, parse_goog_date};
use crate::service::hex;

/// What a signature was found to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Signed {
    /// Signatures are numbered in the order they were made.
    pub(crate) issue: u64,
}

/// Path and query of a signed URL.
pub(crate) fn sign(
    secret: &[u8; 32],
    method: &str,
    path: &str,
    now: Millis,
    lifetime_s: u64,
    headers: &str,
    issue: u64,
) -> String {
    let date = goog_date(now);
    let day = date.get(..8).unwrap_or_default();
    let headers = headers.replace(';', "%3B");
    let query = format!(
        "X-Goog-Algorithm=GOOG4-HMAC-SHA256&X-Goog-Credential=ltx-emulator%2F{day}%2Fauto%2Fstorage%2Fgoog4_request\
         &X-Goog-Date={date}&X-Goog-Expires={lifetime_s}&X-Goog-SignedHeaders={headers}&X-Ltx-Issue={issue}"
    );
    let signature = signature(secret, method, path, &query);
    format!("{path}?{query}&X-Goog-Signature={signature}")
}

fn signature(secret: &[u8; 32], method: &str, path: &str, query: &str) -> String {
    hex(&hmac(secret, format!("{method}\n{path}\n{query}").as_bytes()))
}

/// Checks a request against the signature in its query.
pub(crate) fn check(
    secret: &[u8; 32],
    method: &str,
    path: &str,
    query: &str,
    now: Millis,
) -> Result<Signed, Box<Response>> {
    let deny = |code, message| Err(Box::new(refusal(StatusCode::FORBIDDEN, code, message)));
    let Some((signed, given)) = query.split_once("&X-Goog-Signature=") else {
        return deny(
            "AccessDenied",
            "Anonymous caller does not have storage.objects.get access.",
        );
    };
    if signature(secret, method, path, signed) != given {
        return deny(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
        );
    }
    let value = |name: &str| {
        signed
            .split('&')
            .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    };
    let made = value("X-Goog-Date").and_then(parse_goog_date);
    let lifetime = value("X-Goog-Expires").and_then(|text| text.parse::<i64>().ok());
    let issue = value("X-Ltx-Issue").and_then(|text| text.parse().ok());
    let (Some(made), Some(lifetime), Some(issue)) = (made, lifetime, issue) else {
        return deny("SignatureDoesNotMatch", "The signed query is incomplete.");
    };
    let end = made.saturating_add(lifetime.saturating_mul(1_000));
    if now >= end {
        return Err(Box::new(expired(end)));
    }
    Ok(Signed { issue })
}

/// The answer to a URL that has expired.
pub(crate) fn expired(end: Millis) -> Response {
    let details = format!(
        "The provided token has expired. Request signature expired at: {}",
        iso(end)
    );
    with_details(StatusCode::BAD_REQUEST, "ExpiredToken", "Invalid argument.", &details)
}

/// HMAC with SHA-256 (RFC 2104); the key is exactly 32 bytes.
fn hmac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let pad = |with: u8| {
        let mut block = [with; 64];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new()
        .chain_update(pad(0x5c))
        .chain_update(inner)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn verdict(method: &str, url: &str, now: Millis) -> Result<u64, u16> {
        let (path, query) = url.split_once('?').unwrap();
        check(&KEY, method, path, query, now)
            .map(|signed| signed.issue)
            .map_err(|answer| answer.status().as_u16())
    }

    #[test]
    fn a_signature_holds_for_its_method_path_and_time_only() {
        let url = sign(&KEY, "GET", "/b/o", 1_000, 60, "host", 9);
        assert_eq!(verdict("GET", &url, 60_999), Ok(9));
        assert_eq!(verdict("GET", &url, 61_000), Err(400), "expired");
        assert_eq!(verdict("HEAD", &url, 1_000), Err(403));
        assert_eq!(verdict("GET", &url.replace("/b/o", "/b/p"), 1_000), Err(403));
        assert_eq!(
            verdict("GET", &url.replace("Expires=60", "Expires=600"), 1_000),
            Err(403)
        );
        assert_eq!(verdict("GET", "/b/o?", 1_000), Err(403));
    }

    #[test]
    fn hmac_agrees_with_the_published_example() {
        // RFC 4231, test case 1, has a key of 20 bytes, which HMAC pads with zeros.
        let mut key = [0; 32];
        key[..20].fill(0x0b);
        let expected = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
        assert_eq!(hex(&hmac(&key, b"Hi There")), expected);
    }
}
