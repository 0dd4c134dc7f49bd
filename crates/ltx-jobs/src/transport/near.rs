//! Which addresses are this machine or belong to it: no proxy is asked for them, and what is sent there needs no TLS. Pure.

use std::net::IpAddr;

use http::Uri;

/// Where Google's machines find their metadata service by name.
const METADATA_HOST: &str = "metadata.google.internal";

/// Loopback, and the addresses under which clouds give a machine its credentials.
pub(super) fn is_near(uri: &Uri) -> bool {
    is_loopback_uri(uri)
        || match host(uri) {
            Host::Address(IpAddr::V4(address)) => address.is_link_local(),
            // Amazon's, on machines without IPv4: fd00:ec2::254 and fd00:ec2::23.
            Host::Address(IpAddr::V6(address)) => address.segments().starts_with(&[0xfd00, 0x0ec2]),
            Host::Name(name) => name.eq_ignore_ascii_case(METADATA_HOST),
        }
}

/// This machine itself.
pub(crate) fn is_loopback_uri(uri: &Uri) -> bool {
    match host(uri) {
        Host::Address(address) => address.is_loopback(),
        Host::Name(name) => name.eq_ignore_ascii_case("localhost"),
    }
}

enum Host<'a> {
    Address(IpAddr),
    Name(&'a str),
}

fn host(uri: &Uri) -> Host<'_> {
    let text = uri.host().unwrap_or_default();
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse().map_or(Host::Name(text), Host::Address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_asked_for_everything_but_this_machine_and_its_metadata() {
        for (uri, near, loopback) in [
            ("http://127.0.0.1:9000/bucket", true, true),
            ("http://localhost/bucket", true, true),
            ("http://[::1]:9000/bucket", true, true),
            ("http://169.254.169.254/latest/api/token", true, false),
            ("http://169.254.170.2/v2/credentials", true, false),
            ("http://[fd00:ec2::254]/latest", true, false),
            ("http://metadata.google.internal/x", true, false),
            ("https://s3.eu-west-1.amazonaws.com/bucket", false, false),
            ("http://10.0.0.7:9000/bucket", false, false),
            ("https://localhost.example.com/", false, false),
            ("https://[fd12::1]/", false, false),
        ] {
            let parsed: Uri = uri.parse().unwrap();
            assert_eq!((is_near(&parsed), is_loopback_uri(&parsed)), (near, loopback), "{uri}");
        }
    }
}
