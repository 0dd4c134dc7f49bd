//! Sends a local input to the service's storage, apart from a submit.

use std::future::IntoFuture;

use tokio::time::Instant;

use super::inputs::{Digest, Looked, digest_of, look};
use super::uploads::Content;
use super::{Client, Engine};
use crate::error::{Error, ErrorKind, Result};
use crate::keys::Renewal;
use crate::operation::{Operation, Running, Work, cancelled};
use crate::progress::Phase;
use crate::request::{Media, MediaSource};
use crate::secret::ApiKey;
use crate::telemetry::{TRANSFER, operation_span};
use crate::transfer::{self, TransferContext};

impl Client {
    /// Uploads a local file or bytes; gives the `ltx://uploads/...` address that goes into a request. It lives for 24 h. Costs nothing.
    ///
    /// # Errors
    /// `Io` and `InvalidRequest` before any network; those of the network and the storage.
    pub fn upload(&self, media: impl Into<Media>) -> Upload {
        Upload {
            client: self.clone(),
            media: media.into(),
        }
    }

    /// The text that stands for an input in the request, after uploading what has to be.
    ///
    /// Content that was sent before is not sent again as long as its upload lives.
    pub(crate) async fn resolve_media(
        &self,
        engine: &Engine,
        media: &Media,
        looked: Option<&Looked>,
        work: &Work,
    ) -> Result<String> {
        let context = || TransferContext {
            transport: engine.transport.clone(),
            settings: self.settings().clone(),
            progress: work.progress.clone(),
            cancel: work.cancel.clone(),
        };
        if let MediaSource::Ready(text) = media.source() {
            return Ok(text.to_owned());
        }
        work.progress.set_phase(Phase::Uploading);
        let (key, sent) = (self.key(&work.cancel).await?, Instant::now());
        // Boxed: it is large, and most submits have nothing to upload.
        let send = Box::pin(async {
            let mut uploaded = self.send_media(&context(), &key, media).await;
            if let Err(refusal) = &uploaded
                && refusal.kind() == ErrorKind::Unauthenticated
            {
                let renewal = tokio::select! {
                    biased;
                    () = work.cancel.cancelled() => return Err(cancelled("the upload")),
                    renewal = self.keys().renewed_since(Some(&key), sent) => renewal,
                };
                uploaded = match renewal {
                    Renewal::Key(key) => self.send_media(&context(), &key, media).await,
                    other => uploaded.map_err(|refusal| other.explain(refusal)),
                };
            }
            uploaded
        });
        let uploaded = match looked {
            Some(looked) => {
                let changed = || {
                    Error::new(
                        ErrorKind::Io,
                        format!("{media:?} changed between the look at it and its upload"),
                    )
                    .with_advice("submit again")
                };
                let sending = async {
                    let uri = send.await?;
                    if looked.is_current(media) {
                        Ok(uri)
                    } else {
                        Err(changed())
                    }
                };
                let content = |sha256| Content {
                    sha256,
                    bytes: looked.facts.bytes,
                    key: key.fingerprint(),
                };
                let uploads = &self.0.uploads;
                match (&looked.sha256, uploads.first(looked.facts.bytes, &key.fingerprint())) {
                    // Nothing as long as this was sent before, so it need not be known before it is sent: what it was is found out afterwards, and whoever
                    // sends something as long meanwhile waits for that.
                    (None, Some(first)) => {
                        let sent = sending.await;
                        if let Ok(uri) = &sent {
                            let at = Instant::now();
                            uploads.know(uri.clone(), &looked.facts, at);
                            let (client, media, looked) = (self.clone(), media.clone(), looked.clone());
                            let (uri, key) = (uri.clone(), key.fingerprint());
                            tokio::spawn(async move {
                                if let Ok(sha256) = digest_of(&media).await
                                    && looked.is_current(&media)
                                {
                                    let content = Content {
                                        sha256,
                                        bytes: looked.facts.bytes,
                                        key,
                                    };
                                    client.0.uploads.learn(content, uri, at);
                                }
                                drop(first);
                            });
                        }
                        sent
                    }
                    (known, first) => {
                        drop(first);
                        let sha256 = match known {
                            Some(sha256) => sha256.clone(),
                            None => digest_of(media).await?,
                        };
                        uploads.once(content(sha256), &looked.facts, sending).await
                    }
                }
            }
            None => send.await,
        };
        uploaded.map_err(|error| self.closed_instead(error))
    }
}

impl Client {
    async fn send_media(&self, context: &TransferContext, key: &ApiKey, media: &Media) -> Result<String> {
        match media.source() {
            MediaSource::Ready(text) => Ok(text.to_owned()),
            MediaSource::File(path) => transfer::upload_file(context, key, path).await,
            MediaSource::Bytes(bytes) => transfer::upload_bytes(context, key, bytes.clone(), None).await,
        }
    }
}

/// An upload being prepared; see [`Client::upload`].
#[must_use = "nothing happens before it is awaited or started"]
#[derive(Debug, Clone)]
pub struct Upload {
    client: Client,
    media: Media,
}

impl Upload {
    /// Starts the upload on the runtime.
    pub fn start(self) -> Operation<String> {
        let client = self.client.clone();
        client.run(
            operation_span!(INFO, TRANSFER, "upload"),
            move |engine, work| async move {
                self.media.check("upload")?;
                let looked = tokio::select! {
                    looked = look(None, &self.media, Digest::Later) => looked?,
                    () = work.cancel.cancelled() => return Err(self.client.closed_instead(cancelled("the upload"))),
                };
                let looked = looked.as_ref().map(|(looked, _)| looked);
                self.client.resolve_media(&engine, &self.media, looked, &work).await
            },
        )
    }
}

impl IntoFuture for Upload {
    type Output = Result<String>;
    type IntoFuture = Running<String>;

    fn into_future(self) -> Self::IntoFuture {
        self.start().into_future()
    }
}
