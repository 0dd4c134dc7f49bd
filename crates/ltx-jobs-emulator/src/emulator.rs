//! The emulator as a value: start it, ask it, drop it.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::{Router, middleware};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ca::Authority;
use crate::faults::Fault;
use crate::front::{Front, receive};
use crate::listen::{self, Door, Doorway};
use crate::programme::{Programme, ProgrammeError};
use crate::record::Received;
use crate::service::{Doors, JobRecord, Service};
use crate::storage::object::Artifact;
use crate::{api, control, lock, storage};

/// How an emulator is to be started.
#[derive(Debug, Clone)]
#[must_use]
pub struct Builder {
    programme: Programme,
    tls: bool,
    http2: bool,
    api_port: u16,
    storage_port: u16,
    control_port: u16,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            programme: Programme::default(),
            tls: false,
            http2: true,
            api_port: 0,
            storage_port: 0,
            control_port: 0,
        }
    }
}

impl Builder {
    /// TLS on the API and the storage, with a throw-away CA. Off by default.
    pub fn tls(mut self, on: bool) -> Self {
        self.tls = on;
        self
    }

    /// HTTP/2 beside HTTP/1.1: by ALPN with TLS, by prior knowledge without. On by default.
    pub fn http2(mut self, on: bool) -> Self {
        self.http2 = on;
        self
    }

    /// The programme; the default one when none is given.
    pub fn programme(mut self, programme: Programme) -> Self {
        self.programme = programme;
        self
    }

    /// The API's port; 0, the default, is a free one.
    pub fn api_port(mut self, port: u16) -> Self {
        self.api_port = port;
        self
    }

    /// The storage's port; 0, the default, is a free one.
    pub fn storage_port(mut self, port: u16) -> Self {
        self.storage_port = port;
        self
    }

    /// The control origin's port; 0, the default, is a free one.
    pub fn control_port(mut self, port: u16) -> Self {
        self.control_port = port;
        self
    }

    /// Listens on all origins, on the present tokio runtime.
    pub async fn start(self) -> io::Result<Emulator> {
        self.programme
            .check()
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let authority = if self.tls {
            Some(Authority::new(self.http2)?)
        } else {
            None
        };
        let service = Arc::new(Service::new(self.programme));
        let stop = CancellationToken::new();
        let plain = Doorway {
            tls: None,
            http2: self.http2,
            connections: Arc::new(AtomicU64::new(0)),
            stop: stop.clone(),
            tasks: TaskTracker::new(),
        };
        let secure = Doorway {
            tls: authority.as_ref().map(|authority| authority.acceptor.clone()),
            ..plain.clone()
        };

        let listeners = [
            listen::bind(self.api_port).await?,
            listen::bind(self.storage_port).await?,
            listen::bind(self.control_port).await?,
        ];
        let [api, storage, control] = listeners;
        let front = |origin, router: Router| {
            let front = Front {
                service: Arc::clone(&service),
                origin,
            };
            router.layer(middleware::from_fn_with_state(front, receive))
        };
        let objects = Router::new().fallback(storage::handle).with_state(Arc::clone(&service));
        let doors = Doors {
            api: listen::open(secure.clone(), api, front("api", api::router(Arc::clone(&service))))?,
            storage: listen::open(secure, storage, front("storage", objects))?,
            scheme: if self.tls { "https" } else { "http" },
        };
        let own = Doorway {
            connections: Arc::new(AtomicU64::new(0)),
            ..plain.clone()
        };
        let control = listen::open(own, control, control::router(Arc::clone(&service)))?;
        let urls = Urls {
            api: doors.url(&doors.api),
            storage: doors.url(&doors.storage),
            control: format!("http://127.0.0.1:{}", control.address.port()),
        };
        // The cell is new: nobody has set it before.
        let _ = service.doors.set(doors);
        service.arm(&service.programme());
        Ok(Emulator {
            service,
            urls,
            authority,
            stop,
            tasks: plain.tasks,
        })
    }
}

#[derive(Debug)]
struct Urls {
    api: String,
    storage: String,
    control: String,
}

/// A running emulator. Dropping it closes its ports and its connections.
pub struct Emulator {
    service: Arc<Service>,
    urls: Urls,
    authority: Option<Authority>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl std::fmt::Debug for Emulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Emulator")
            .field("urls", &self.urls)
            .finish_non_exhaustive()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Emulator {
    /// Starts on free ports of the loopback, without TLS.
    pub async fn start(programme: Programme) -> io::Result<Self> {
        Self::builder().programme(programme).start().await
    }

    /// For everything else than the defaults.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Base URL of the API.
    pub fn api_url(&self) -> &str {
        &self.urls.api
    }

    /// Base URL of the storage.
    pub fn storage_url(&self) -> &str {
        &self.urls.storage
    }

    /// Base URL of the control origin: plain HTTP, whatever the others are.
    pub fn control_url(&self) -> &str {
        &self.urls.control
    }

    /// The key that is accepted now.
    pub fn api_key(&self) -> String {
        self.service.programme().api_key.clone()
    }

    /// PEM file of the throw-away CA, with TLS. It goes with the emulator.
    pub fn ca_bundle(&self) -> Option<&Path> {
        self.authority.as_ref().map(Authority::bundle)
    }

    /// The programme it runs on now.
    pub fn programme(&self) -> Programme {
        (*self.service.programme()).clone()
    }

    /// Everything received on the API and the storage, in order.
    pub fn requests(&self) -> Vec<Received> {
        self.service.ledger.all()
    }

    /// Requests of this method and path whose whole body was read; the path may end in `*`, the method may be `*`.
    pub fn count(&self, method: &str, path: &str) -> usize {
        self.service.ledger.count(method, path)
    }

    /// The signatures of all URLs given out: what must be in no log of a client.
    pub fn signatures(&self) -> Vec<String> {
        self.service.signatures()
    }

    /// The jobs that exist, oldest first; a job past its retention stays in this list.
    pub fn jobs(&self) -> Vec<JobRecord> {
        self.service.jobs()
    }

    /// Appends a fault for a route.
    pub fn push_fault(&self, route: &str, mut fault: Fault) -> Result<(), ProgrammeError> {
        route.clone_into(&mut fault.route);
        fault.check()?;
        lock(&self.service.faults).push(fault);
        Ok(())
    }

    /// Moves the emulator's clock on.
    pub fn advance(&self, by: Duration) {
        self.service.clock.advance(by);
    }

    /// The results of all completed jobs, with their hashes. Reads every one of them through once.
    pub async fn artifacts(&self) -> io::Result<Vec<Artifact>> {
        control::artifacts(&self.service).await.map_err(io::Error::other)
    }

    /// One result of a job, with its hashes, whether or not the job has been seen to complete.
    pub async fn artifact_hashes(&self, job_id: &str, label: &str) -> io::Result<Artifact> {
        let object = lock(&self.service.jobs).find(job_id).and_then(|job| {
            job.outputs
                .iter()
                .find(|(found, _)| found == label)
                .map(|(_, object)| Arc::clone(object))
        });
        let object = object.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("{job_id}: {label}")))?;
        object.artifact().await.map_err(io::Error::other)
    }

    /// Lets an origin refuse connections, for a time or until [`Self::accept_connections`]. Open connections stay.
    pub async fn refuse_connections(&self, origin: Origin, duration: Option<Duration>) {
        if let Some(door) = self.door(origin) {
            door.refuse(duration).await;
        }
    }

    /// Lets an origin accept connections again, on the same port.
    pub async fn accept_connections(&self, origin: Origin) {
        if let Some(door) = self.door(origin) {
            door.open().await;
        }
    }

    fn door(&self, origin: Origin) -> Option<&Door> {
        let doors = self.service.doors.get()?;
        Some(match origin {
            Origin::Api => &doors.api,
            Origin::Storage => &doors.storage,
        })
    }

    /// Forgets everything and starts on another programme; ports and open connections stay.
    pub fn reset(&self, programme: Programme) -> Result<(), ProgrammeError> {
        programme.check()?;
        self.service.reset(programme);
        Ok(())
    }

    /// Closes everything and waits until it is closed.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// One of the two origins a client talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The API.
    Api,
    /// The storage.
    Storage,
}
