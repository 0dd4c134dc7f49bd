//! The lanes themselves. The only file that names reqwest.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, IF_RANGE,
    RANGE,
};
use reqwest::redirect;
use url::Url;

#[cfg(feature = "rehost")]
use super::near::is_near;
#[cfg(feature = "rehost")]
use super::pace::{self, Guarded, Pulse, Sliced};
use super::probe::GatedBody;
use super::span::HttpSpan;
use super::{Answer, BodyGate, ByteRange, Failure, FailureKind, Route, Routes, Trust, UploadBody, tls};
use crate::config::{Settings, is_loopback};
use crate::counters::Tally;
use crate::error::{Error, ErrorKind, Result};
use crate::job::JobRef;
use crate::secret::{ApiKey, SignedUrl, redact};

/// An answer of the API is small; what is longer is not one.
const LARGEST_ANSWER: usize = 4 << 20;

/// Below the 60 s after which load balancers usually drop idle connections.
const IDLE_CONNECTION_LIFE: Duration = Duration::from_secs(50);

const MOST_REDIRECTS: usize = 3;

/// The path of a poll, without what differs from job to job.
const POLL_TEMPLATE: &str = "/v2/{endpoint}/{id}";

/// Whoever is near answers at once, or is not there.
#[cfg(feature = "rehost")]
const NEAR_CONNECT: Duration = Duration::from_secs(1);

/// The three lanes. Cheap to clone; opens no socket before the first request.
#[derive(Clone)]
pub(crate) struct Transport(Arc<Lanes>);

struct Lanes {
    billed: reqwest::Client,
    api: reqwest::Client,
    storage: reqwest::Client,
    #[cfg(feature = "rehost")]
    stores: Stores,
    base_url: Url,
    plain_allowed: bool,
    routes: Routes,
    trust: Trust,
    tally: Arc<Tally>,
}

impl Transport {
    /// Builds the lanes. Reads the system's certificates; must run inside a tokio runtime.
    pub(crate) fn new(settings: &Settings, tally: Arc<Tally>) -> Result<Self> {
        let (tls, trust) = tls::client_config(settings)?;
        let local = is_loopback(&settings.base_url);
        let plain_allowed = settings.allow_http || local;
        // Over HTTP/2 all streams of a download would share one connection, and with it what a storage or a line gives to each.
        let mut one_stream_each = tls.clone();
        one_stream_each.alpn_protocols = vec![b"http/1.1".to_vec()];
        let plain = |tls: &rustls::ClientConfig| {
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .user_agent(user_agent(settings))
                .connect_timeout(settings.connect_timeout)
                .referer(false)
                .retry(reqwest::retry::never())
                .redirect(redirect::Policy::none())
        };
        let proxied = |builder: reqwest::ClientBuilder, by_system: bool| -> Result<reqwest::ClientBuilder> {
            Ok(match &settings.proxy {
                Some(proxy) => {
                    let proxy = reqwest::Proxy::all(proxy.as_str())
                        .map_err(|_| Error::new(ErrorKind::Config, "the setting `proxy` is no usable proxy address"))?;
                    builder.proxy(proxy.no_proxy(reqwest::NoProxy::from_env()))
                }
                None if by_system => builder,
                None => builder.no_proxy(),
            })
        };
        // A proxy for the outside world has no business with loopback.
        let lane = |tls: &rustls::ClientConfig| proxied(plain(tls), !local);
        let finish = |builder: reqwest::ClientBuilder| {
            builder.build().map_err(|error| {
                Error::new(
                    ErrorKind::Config,
                    format!("the HTTP client cannot be set up: {}", chain(&error.without_url())),
                )
            })
        };
        let keep_alive = |builder: reqwest::ClientBuilder| {
            builder
                .pool_idle_timeout(IDLE_CONNECTION_LIFE)
                .tcp_keepalive(Duration::from_secs(30))
                .http2_keep_alive_interval(Duration::from_secs(30))
        };
        Ok(Self(Arc::new(Lanes {
            billed: finish(lane(&tls)?.pool_max_idle_per_host(0))?,
            api: finish(keep_alive(lane(&tls)?))?,
            storage: finish(
                keep_alive(lane(&one_stream_each)?)
                    .http1_only()
                    .redirect(storage_redirects(plain_allowed)),
            )?,
            #[cfg(feature = "rehost")]
            stores: Stores {
                outside: finish(keep_alive(proxied(plain(&one_stream_each), true)?).http1_only())?,
                near: finish(
                    plain(&one_stream_each)
                        .no_proxy()
                        .connect_timeout(NEAR_CONNECT)
                        .http1_only(),
                )?,
                stall_timeout: settings.stall_timeout,
            },
            base_url: settings.base_url.clone(),
            plain_allowed,
            routes: Routes::new(settings),
            trust,
            tally,
        })))
    }

    /// The way that requests for this address take.
    pub(crate) fn route(&self, url: &Url) -> Route {
        self.0.routes.of(url)
    }

    /// Where what is done is counted.
    pub(crate) fn tally(&self) -> &Arc<Tally> {
        &self.0.tally
    }

    /// Whose certificates are trusted.
    pub(crate) fn trust(&self) -> &Trust {
        &self.0.trust
    }

    /// A failure with what decides about it, so that nobody has to guess: whose certificates were trusted, and which proxy was asked.
    fn explained(&self, failure: Failure, url: &Url) -> Failure {
        let about_trust = matches!(failure.kind, FailureKind::Tls | FailureKind::Certificate);
        if !about_trust && !matches!(failure.kind, FailureKind::Proxy | FailureKind::Connect) {
            return failure;
        }
        let mut detail = failure.detail;
        if about_trust {
            detail.push_str(&format!("; trusted are {}", self.0.trust));
        }
        match self.route(url) {
            Route::Proxy { address, said_by } => {
                detail.push_str(&format!("; the way is by the proxy {address} ({said_by})"))
            }
            Route::Unusable { said_by } => detail.push_str(&format!("; {said_by} holds no usable proxy address")),
            Route::Direct { .. } => {}
        }
        Failure::new(failure.kind, detail)
    }

    fn endpoint(&self, path: &str) -> std::result::Result<Url, Failure> {
        self.0
            .base_url
            .join(path.trim_start_matches('/'))
            .map_err(|error| Failure::new(FailureKind::Build, error.to_string()))
    }

    /// The paid POST. `gate` tells afterwards, also when this future was dropped, whether the body can have left. `resent` is how often it was sent before.
    pub(crate) async fn billed_post(
        &self,
        path: &str,
        key: &ApiKey,
        body: Bytes,
        limit: Duration,
        gate: &BodyGate,
        resent: u32,
    ) -> std::result::Result<Answer, Failure> {
        let (length, url) = (body.len(), self.endpoint(path)?);
        // The path of a submit has nothing in it that differs from one to the next.
        let span = HttpSpan::new("POST", &url, Some(path), resent);
        if resent > 0 {
            self.0.tally.submit_retries.one();
        }
        let body = GatedBody::new(body, gate.clone(), Arc::clone(&self.0.tally));
        let request = self
            .0
            .billed
            .post(url)
            .header(AUTHORIZATION, bearer(key)?)
            .header(CONTENT_TYPE, "application/json")
            .header(CONTENT_LENGTH, length)
            .header(ACCEPT, "application/json")
            .body(reqwest::Body::wrap(body));
        self.exchange(request, limit, key, &span).await
    }

    /// One question about a job. `resent` is how many before it failed in a row.
    pub(crate) async fn poll(
        &self,
        job: &JobRef,
        key: &ApiKey,
        limit: Duration,
        resent: u32,
    ) -> std::result::Result<Answer, Failure> {
        self.0.tally.polls.one();
        let (endpoint, id) = (job.endpoint().unwrap_or_default(), job.id().unwrap_or_default());
        self.api_get(&format!("/v2/{endpoint}/{id}"), POLL_TEMPLATE, key, limit, resent)
            .await
    }

    /// A GET on the API's origin.
    pub(crate) async fn api_get(
        &self,
        path: &str,
        template: &str,
        key: &ApiKey,
        limit: Duration,
        resent: u32,
    ) -> std::result::Result<Answer, Failure> {
        let url = self.endpoint(path)?;
        let span = HttpSpan::new("GET", &url, Some(template), resent);
        if resent > 0 {
            self.0.tally.api_retries.one();
        }
        let request = self
            .0
            .api
            .get(url)
            .header(AUTHORIZATION, bearer(key)?)
            .header(ACCEPT, "application/json");
        self.exchange(request, limit, key, &span).await
    }

    /// A POST without a body on the API's origin that costs nothing: the request for an upload slot.
    pub(crate) async fn api_post_empty(
        &self,
        path: &str,
        key: &ApiKey,
        limit: Duration,
        resent: u32,
    ) -> std::result::Result<Answer, Failure> {
        let url = self.endpoint(path)?;
        let span = HttpSpan::new("POST", &url, Some(path), resent);
        if resent > 0 {
            self.0.tally.api_retries.one();
        }
        let request = self
            .0
            .api
            .post(url)
            .header(AUTHORIZATION, bearer(key)?)
            .header(CONTENT_LENGTH, 0)
            .header(ACCEPT, "application/json");
        self.exchange(request, limit, key, &span).await
    }

    /// Sends a request and reads its answer, both within `limit`. A head that arrived in time is never thrown away for a body that did not.
    async fn exchange(
        &self,
        request: reqwest::RequestBuilder,
        limit: Duration,
        key: &ApiKey,
        span: &HttpSpan,
    ) -> std::result::Result<Answer, Failure> {
        self.0.tally.http_requests.one();
        let deadline = tokio::time::Instant::now() + limit;
        let exchanging = async {
            match tokio::time::timeout_at(deadline, request.send()).await {
                Ok(sent) => {
                    let (mut answer, version) = collect(
                        sent.map_err(|error| self.explained(failure(error), &self.0.base_url))?,
                        Some(deadline),
                    )
                    .await;
                    answer.body = without_key(answer.body, key);
                    Ok((answer, version))
                }
                Err(_) => Err(Failure::new(FailureKind::Timeout, format!("{} s", limit.as_secs_f64()))),
            }
        };
        let exchanged = span
            .over(exchanging, |(answer, version)| (answer.status, *version))
            .await;
        exchanged.map(|(answer, _)| answer)
    }

    /// A GET on a signed URL, without the key. Ends when the head is there; the body is pulled by the caller, who guards against stalls.
    pub(crate) async fn storage_get(
        &self,
        url: &SignedUrl,
        range: Option<ByteRange>,
        if_range: Option<&str>,
        resent: u32,
    ) -> std::result::Result<StorageAnswer, Failure> {
        self.check_storage_url(url)?;
        let span = self.storage_request("GET", url, resent);
        let mut request = self
            .0
            .storage
            .get(url.url().clone())
            .header(ACCEPT_ENCODING, "identity");
        if let Some(range) = range {
            request = request.header(RANGE, range.header());
            if let Some(validator) = if_range {
                request = request.header(IF_RANGE, validator);
            }
        }
        let sending = async {
            request
                .send()
                .await
                .map_err(|error| self.explained(failure(error), url.url()))
        };
        let response = span
            .over(sending, |response| (response.status().as_u16(), response.version()))
            .await?;
        Ok(StorageAnswer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response,
            tally: Arc::clone(&self.0.tally),
            span,
        })
    }

    /// A PUT on a signed URL, without the key, with exactly the headers given and the length announced.
    pub(crate) async fn storage_put(
        &self,
        url: &SignedUrl,
        headers: &[(String, String)],
        length: u64,
        body: UploadBody,
        resent: u32,
    ) -> std::result::Result<Answer, Failure> {
        self.check_storage_url(url)?;
        let span = self.storage_request("PUT", url, resent);
        let tally = Arc::clone(&self.0.tally);
        let body = body.inspect(move |piece| {
            if let Ok(piece) = piece {
                tally.bytes_uploaded.add(piece.len() as u64);
            }
        });
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|error| Failure::new(FailureKind::Build, error.to_string()))?;
            let value =
                HeaderValue::from_str(value).map_err(|error| Failure::new(FailureKind::Build, error.to_string()))?;
            map.insert(name, value);
        }
        map.insert(CONTENT_LENGTH, HeaderValue::from(length));
        let request = self
            .0
            .storage
            .put(url.url().clone())
            .headers(map)
            .body(reqwest::Body::wrap_stream(body));
        let sending = async {
            let sent = request.send().await;
            let sent = sent.map_err(|error| self.explained(failure(error), url.url()))?;
            Ok(collect(sent, None).await)
        };
        let (answer, _) = span
            .over(sending, |(answer, version)| (answer.status, *version))
            .await?;
        Ok(answer)
    }

    /// Counts a request to the storage, and opens its span.
    fn storage_request(&self, method: &str, url: &SignedUrl, resent: u32) -> HttpSpan {
        self.0.tally.http_requests.one();
        if resent > 0 {
            self.0.tally.storage_retries.one();
        }
        HttpSpan::new(method, url.url(), None, resent)
    }

    /// A request to an object store or to where its credentials come from, with the headers and the body of the caller. Neither key nor redirect; a
    /// body may take as long as it likes as long as it moves.
    #[cfg(feature = "rehost")]
    pub(crate) async fn store_call<B>(
        &self,
        mut request: http::Request<B>,
    ) -> std::result::Result<http::Response<StoreBody>, Failure>
    where
        B: http_body::Body<Data = Bytes> + Unpin + Send + Sync + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let Stores {
            outside,
            near,
            stall_timeout,
        } = &self.0.stores;
        let limit = *stall_timeout;
        let client = if is_near(request.uri()) { near } else { outside };
        if let Some(length) = request.body().size_hint().exact() {
            request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        self.0.tally.http_requests.one();
        let span = HttpSpan::of_uri(request.method().as_str(), request.uri());
        let pulse = Pulse::new();
        let request = request.map(|body| reqwest::Body::wrap(Sliced::new(body, pulse.clone())));
        let request = reqwest::Request::try_from(request).map_err(failure)?;
        let sending = async {
            tokio::select! {
                sent = client.execute(request) => sent.map_err(failure),
                () = pulse.stopped(limit) => Err(pace::stopped(limit)),
            }
        };
        let response = span
            .over(sending, |response| (response.status().as_u16(), response.version()))
            .await?;
        let response: http::Response<reqwest::Body> = response.into();
        Ok(response.map(|body| Guarded::new(body, limit, failure)))
    }

    fn check_storage_url(&self, url: &SignedUrl) -> std::result::Result<(), Failure> {
        if storage_url_fits(url.url(), self.0.plain_allowed) {
            Ok(())
        } else {
            Err(Failure::new(
                FailureKind::Address,
                format!("{url}: files are fetched from https addresses with a host name only"),
            ))
        }
    }
}

/// The fourth lane.
#[cfg(feature = "rehost")]
struct Stores {
    outside: reqwest::Client,
    /// For loopback and the machine's own metadata service: no proxy could reach them.
    near: reqwest::Client,
    stall_timeout: Duration,
}

/// The body of a store's answer.
#[cfg(feature = "rehost")]
pub(crate) type StoreBody = Guarded<reqwest::Body>;

/// Whether a file may be fetched from, or sent to, this address.
fn storage_url_fits(url: &Url, plain_allowed: bool) -> bool {
    let scheme = url.scheme() == "https" || (plain_allowed && url.scheme() == "http");
    let by_name = matches!(url.host(), Some(url::Host::Domain(_)));
    scheme && url.username().is_empty() && url.password().is_none() && (by_name || plain_allowed)
}

fn storage_redirects(plain_allowed: bool) -> redirect::Policy {
    redirect::Policy::custom(move |attempt| {
        let downgrade =
            attempt.url().scheme() != "https" && attempt.previous().last().is_some_and(|url| url.scheme() == "https");
        if attempt.previous().len() > MOST_REDIRECTS {
            attempt.error(format!("more than {MOST_REDIRECTS} redirects"))
        } else if downgrade || !storage_url_fits(attempt.url(), plain_allowed) {
            let to = redact(attempt.url());
            attempt.error(format!("{to} is not an https address with a host name"))
        } else {
            attempt.follow()
        }
    })
}

fn bearer(key: &ApiKey) -> std::result::Result<HeaderValue, Failure> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose()))
        .map_err(|_| Failure::new(FailureKind::Build, "the API key does not fit into a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn user_agent(settings: &Settings) -> String {
    let own = concat!("ltx-jobs/", env!("CARGO_PKG_VERSION"));
    match &settings.user_agent_suffix {
        Some(suffix) => format!("{own} {suffix}"),
        None => own.to_owned(),
    }
}

/// An answer may repeat the request's headers (debugging proxies do), and answers are quoted in errors: the key goes out of it here.
fn without_key(body: Bytes, key: &ApiKey) -> Bytes {
    let text = String::from_utf8_lossy(&body);
    if key.is_empty() || !text.contains(key.expose()) {
        return body;
    }
    Bytes::from(text.replace(key.expose(), "***"))
}

/// Reads a small body to its end. A break or a stall in it is not a failure of the request: the status has arrived and says something.
async fn collect(mut response: reqwest::Response, deadline: Option<tokio::time::Instant>) -> (Answer, http::Version) {
    let (status, version) = (response.status().as_u16(), response.version());
    let headers = response.headers().clone();
    let mut body = BytesMut::new();
    let mut cut = false;
    loop {
        let next = match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline, response.chunk()).await,
            None => Ok(response.chunk().await),
        };
        let Ok(next) = next else {
            tracing::debug!("the body of an answer stalled");
            cut = true;
            break;
        };
        match next {
            Ok(Some(chunk)) => {
                let room = LARGEST_ANSWER.saturating_sub(body.len());
                body.extend_from_slice(chunk.get(..chunk.len().min(room)).unwrap_or_default());
                if chunk.len() > room {
                    cut = true;
                    break;
                }
            }
            Ok(None) => break,
            Err(error) => {
                tracing::debug!(error = %chain(&error.without_url()), "the body of an answer broke off");
                cut = true;
                break;
            }
        }
    }
    let answer = Answer {
        status,
        headers,
        body: body.freeze(),
        cut,
    };
    (answer, version)
}

/// An answer of the storage whose body has not been read yet.
pub(crate) struct StorageAnswer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    body: reqwest::Response,
    tally: Arc<Tally>,
    /// Ends when the body has been read, or is of no use any more.
    span: HttpSpan,
}

impl StorageAnswer {
    /// The next piece of the body; `None` at its proper end.
    pub(crate) async fn next(&mut self) -> std::result::Result<Option<Bytes>, Failure> {
        let next = self.body.chunk().await.map_err(failure);
        match &next {
            // What an error says is no output.
            Ok(Some(bytes)) if self.status < 300 => self.tally.bytes_downloaded.add(bytes.len() as u64),
            Ok(_) => {}
            Err(failure) => self.span.failed(failure),
        }
        next
    }
}

/// What broke, from the evidence inside the HTTP library's error.
fn failure(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    let kind = if error.is_dns() {
        FailureKind::Dns
    } else if let Some(tls) = find::<rustls::Error>(&error) {
        if matches!(tls, rustls::Error::InvalidCertificate(_)) {
            FailureKind::Certificate
        } else {
            FailureKind::Tls
        }
    } else if error.is_connect() {
        if mentions(&error, "tunnel") || mentions(&error, "socks") {
            FailureKind::Proxy
        } else {
            FailureKind::Connect
        }
    } else if error.is_builder() {
        FailureKind::Build
    } else if error.is_redirect() {
        FailureKind::Redirect
    } else if error.is_timeout() {
        FailureKind::Timeout
    } else if find::<h2::Error>(&error).is_some_and(was_never_processed) {
        FailureKind::NeverProcessed
    } else if find::<hyper::Error>(&error).is_some_and(hyper::Error::is_parse) {
        FailureKind::Protocol
    } else {
        FailureKind::Lost
    };
    Failure::new(kind, chain(&error))
}

/// h2 reports a remote GOAWAY on a stream only when the last stream it names is below that stream.
fn was_never_processed(error: &h2::Error) -> bool {
    error.is_remote()
        && (error.is_go_away() || (error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM)))
}

/// The first error of type `T` in the chain of causes, also inside an `io::Error`.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(current) = next {
        if let Some(found) = current.downcast_ref::<T>() {
            return Some(found);
        }
        let inner = current
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        if let Some(found) = inner.and_then(|inner| find::<T>(inner)) {
            return Some(found);
        }
        next = current.source();
    }
    None
}

fn mentions(error: &(dyn StdError + 'static), word: &str) -> bool {
    let mut next = Some(error);
    while let Some(current) = next {
        if current.to_string().to_ascii_lowercase().contains(word) {
            return true;
        }
        next = current.source();
    }
    false
}

/// The causes of an error, most outer first, without repetition.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(current) = next {
        let text = current.to_string();
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        next = current.source();
    }
    parts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_an_answer_repeats_is_taken_out_of_it() {
        let page = Bytes::from_static(b"<pre>authorization: Bearer canary-key</pre>");
        assert_eq!(
            without_key(page, &ApiKey::new("canary-key")),
            "<pre>authorization: Bearer ***</pre>"
        );
    }

    #[test]
    fn files_travel_by_https_and_to_names_unless_plain_is_allowed() {
        let cases = [
            ("https://storage.example/x", false, true),
            ("http://storage.example/x", false, false),
            ("https://10.0.0.1/x", false, false),
            ("https://u:p@storage.example/x", false, false),
            ("http://127.0.0.1:9/x", true, true),
            ("ftp://storage.example/x", true, false),
        ];
        for (url, plain, fits) in cases {
            assert_eq!(storage_url_fits(&Url::parse(url).unwrap(), plain), fits, "{url}");
        }
    }
}
