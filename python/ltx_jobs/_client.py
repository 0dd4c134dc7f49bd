"""The client: where everything begins. What it has in common with the one for asyncio is in `_client_base`."""

from __future__ import annotations

from ._batches import Batches
from ._client_base import BaseClient, journaled, native_request
from ._endpoints import Endpoints
from ._job import BaseJob, Job
from ._models import Checked, Estimate, JournaledSubmit, Recovered
from ._money import amount
from ._progress import reporter
from ._wait import run, seconds, started

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import TracebackType

    from typing_extensions import Self

    from ._completed import Completed
    from ._dest import DestArg
    from ._endpoints import OnUnknown
    from ._errors import Error
    from ._job import Timeout
    from ._money import Usd
    from ._progress import ProgressArg
    from ._requests import MediaInput, Request


class Client(BaseClient, Endpoints["Job"], Batches):
    """A client of the service.

    Opens no socket and starts no thread before the first operation. May be shared between threads, and used again in a forked child. As a context manager
    it is closed at the end; otherwise at the exit of the interpreter.

    Each endpoint is a method, named like it; `submit` takes requests, and the parameters of any endpoint. What was submitted is in the journal until it
    was saved: see `recover`.

    Every setting can also come from the environment, as ``LTX_`` and its name in capitals. Durations are seconds, a ``timedelta``, or text with a unit
    (``"500ms"``, ``"2m"``).

    Args:
        api_key: The key, or a ``Path`` of a file that holds it (read again after the service refused it), or a callable without arguments that returns it,
            such as ``lambda: vault.read("ltx")``. That is called when the key is first needed, and once more after the service refused it: on a thread of
            its own, ``ltx-api-key``, one call at a time, for 60 s at most. What it raises is the ``__cause__`` of a `ConfigError`: nothing was sent, jobs go
            on, and the next call asks again. By default ``LTXV_API_KEY`` or ``LTX_API_KEY`` from the environment. The key is sent to the API's origin only
            and shown nowhere.
        base_url: Address of the API; default ``https://api.ltx.video``.
        journal: A directory where submits are written down before they are sent, so that a killed script finds its jobs again; by default in the user's
            directory for state, and in memory for a service on loopback. ``"memory"`` keeps it as long as the client lives; ``False`` keeps none: then
            ``once`` cannot be used.
        max_concurrent_jobs: Most jobs at once, for all clients of this key in this process; by default the service alone judges. A submit beyond it waits
            for its turn before it is sent (progress phase ``"queued"``), within its own `timeout`.
        spend_limit: US dollars (``Decimal``, text or int) that this client may commit itself to, by its estimates. A submit beyond it, and one for which no
            estimate can be made, raises `CostLimit` before anything is sent. What is refused or fails without a bill is given back; see `committed`.
        prices: A JSON file with prices to estimate by, instead of the vendor's public lists of autumn 2026; the form is that of the table in the sources,
            ``crates/ltx-jobs/src/money/prices.json``.
        poll_interval: Time between two polls of a job; default 5 s, as the service asks. Below 1 s is for loopback only.
        backoff_base: First ceiling of the back-off between retries; default 1 s.
        backoff_cap: Largest ceiling of the back-off; default 30 s.
        connect_timeout: Limit for making a connection; default 10 s.
        submit_timeout: Limit for one attempt to submit; default 60 s.
        poll_timeout: Limit for one poll; default 20 s.
        stall_timeout: A transfer that does not move for this long is broken off and resumed; default 30 s. A transfer as a whole has no limit.
        connections: Connections of a download, a number or ``"auto"`` (the default: as many as pay).
        proxy: ``http``, ``https``, ``socks5`` or ``socks5h`` URL; by default what ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` say.
        ca_bundle: PEM file, or a directory of them, with certificates to trust beside the system's, for proxies that inspect TLS; also ``SSL_CERT_FILE``,
            ``REQUESTS_CA_BUNDLE`` and ``CURL_CA_BUNDLE``, in this order. On Linux ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` stand in place of the system's.
        allow_http: Allow unencrypted addresses beyond loopback. The key can then be read on the way.
        worker_threads: Threads for network and disk, 1 to 64; default 2.
        user_agent_suffix: Text behind ``ltx-jobs/<version>`` in the ``User-Agent``.

    Raises:
        ConfigError: A value cannot be used, a setting does not exist (the message names the nearest), or no key is set.
        TypeError: ``api_key`` is an async function.
    """

    __slots__ = ()

    def submit(
        self,
        endpoint: str | Request,
        params: Mapping[str, object] | None = None,
        *,
        once: str | None = None,
        label: str | None = None,
        dest: DestArg | None = None,
        timeout: Timeout = None,
        max_cost: Usd | None = None,
        on_unknown: OnUnknown = "stop",
        progress: ProgressArg = None,
    ) -> Job:
        """Submits a request. **Billed** if the job succeeds.

        The POST is sent again only with proof that no job exists. When nobody can tell, `SubmitUnknown` is raised and nothing is resent.

        What can never be right is refused before any network: a missing parameter, a wrong type, a prompt that is empty or too long, a local file that is
        ProRes, DNx, plain PCM or HE-AAC (the message has the ffmpeg command that mends it). What is merely not documented is submitted, with a line in
        ``job.snapshot().warnings``; the service is the judge. The same content is uploaded once, as long as its upload lives (24 h).

        Args:
            endpoint: A request object such as `VideoToVideoHdr`, or the name of any endpoint together with `params`.
            params: Parameters by the service's names. A ``Path``, open binary file or bytes is uploaded first.
            once: A key under which this is submitted only once: the same request again gives the job that is there, or `SubmitUnknown` again. Another
                request under the key is an error. A key whose submit was refused, or whose job failed without a bill, is free again. Known as long as the
                journal is: by default to the next run of a script too.
            label: A name for people.
            dest: Where the outputs are meant to go: a directory, or a `Destination`. Nothing is saved by it: it is written down, and whoever brings them home
                finds it as `Job.dest`, ``recover`` and the command ``ltx-jobs recover --finish`` too.
            timeout: Seconds or ``timedelta`` until it is given up, uploads included; by default transient refusals are tried for two minutes and rate
                limits are waited out.
            max_cost: US dollars (``Decimal``, text such as ``"2.50"``, or int; a float is no exact amount). The submit is refused with `CostLimit`, before
                anything is uploaded or sent, when its estimate is above, or when no estimate can be made; see `estimate`.
            on_unknown: ``"accept_double_charge"`` sends again when the outcome is unknown. **May create, and bill, the job twice.**
            progress: ``True``, ``"tqdm"`` or ``"rich"`` for a bar, or a callable that gets a `Progress` on this thread, at most ten times a second.

        Raises:
            InvalidRequest, RequestTooLarge, ContentFiltered, Unauthenticated, InsufficientFunds, PermissionDenied: Refused; no job was created.
            ConfigError: The callable for the key gave none. Nothing was sent.
            CostLimit: Above `max_cost`, or beyond the client's ``spend_limit``. Nothing was sent.
            RateLimited, ConcurrencyLimited, Unavailable, Overloaded, TransportError: Refused for longer than was waited; no job was created.
            SubmitUnknown: A job may exist and be billed; ``error.ref`` names the submit.
            IdLost: A job exists, its id was lost.
        """
        show = reporter(progress)
        request = native_request(endpoint, params)
        # As with the key: an address of the caller's may be signed.
        del params, endpoint
        operation = self._submitting(request, once=once, label=label, dest=dest, timeout=timeout, max_cost=max_cost, on_unknown=on_unknown)
        try:
            job = run(operation, self, reporter=show)
        except BaseException as stop:
            self._left(stop, operation)
            raise
        return Job(self, job.reference, job.label, job)

    def estimate(self, endpoint: str | Request, params: Mapping[str, object] | None = None) -> Estimate:
        """Estimates what a request would cost, from the vendor's public price lists (or the setting ``prices``) and from what is in its local inputs.

        Sends nothing and costs nothing. No offer: the service's own bill counts. Local files are read to their end, so that a clip of 200 MB takes a moment.
        An input that is an address is not looked into, unless this client uploaded it.

        Args:
            endpoint: A request object such as `VideoToVideoHdr`, or the name of any endpoint together with `params`.
            params: Parameters by the service's names, as in `submit`. An open file stands where it stood before.

        Raises:
            Unsupported: No estimate can be made; the message says which figure is missing.
            InvalidRequest, RequestTooLarge, LocalIOError: A submit would be refused here in the same way.
        """
        request = native_request(endpoint, params, put_back=True)
        usd, basis = run(started(self._here().estimate(request), self), self)
        return Estimate(amount(usd), basis)

    def job(self, ref: str | BaseJob) -> Job:
        """A handle to a job from its reference (``endpoint/id``). Asks nobody and costs nothing.

        An ``intent:`` reference, which a submit has from its first moment, is looked up in the journal.

        Raises:
            InvalidRequest: It is no reference.
            SubmitUnknown, IdLost, InvalidState, JobNotFound: For an intent: its outcome or its job's id is unknown, not there yet, or there is no job.
        """
        return Job(self, *self._found(ref))

    def jobs(self) -> list[JournaledSubmit]:
        """Every submit to this service that the journal knows, oldest first: of this script, of earlier runs, of other processes. Asks nobody.

        A journal in memory knows this client's own; none (``journal=False``) knows nothing.

        Raises:
            JournalError: A file of the journal is damaged or cannot be read; the message names file and line.
        """
        return [journaled(raw) for raw in run(started(self._here().jobs(), self), self)]

    def recover(self) -> Recovered:
        """What an earlier run left behind, killed scripts included: jobs to wait for and to save, and submits whose outcome is unknown.

        Asks nobody and bills nothing. A job is out of the list once its outputs were saved, or it failed.

            left = client.recover()
            for job in client.as_completed(left.jobs):
                job.save(f"shots/{job.label}")

        Raises:
            Error: What `jobs` raises.
        """
        jobs, unknown, other_key = run(started(self._here().recover(), self), self)
        handles = [Job(self, native.reference, native.label, native) for native in jobs]
        return Recovered(handles, map(journaled, unknown), map(journaled, other_key))

    def resolve(self, intent: str | JournaledSubmit, *, job: str | BaseJob | None) -> None:
        """Settles a submit whose outcome was unknown, after a look at the account. Asks nobody.

        Args:
            intent: One of ``recover().unknown``, its ``intent``, or ``error.ref`` of a `SubmitUnknown` or `IdLost`.
            job: The job it became, or its reference ``endpoint/id``. ``None`` when there is none: its ``once`` key is then free again, so **the same submit
                will be sent, and billed, once more**.

        Raises:
            InvalidRequest: `intent` is no intent, or `job` no job.
            InvalidState: The outcome is not unknown; the message says what it is.
            JobNotFound: The journal does not know the intent.
            JournalError: It cannot be written.
        """
        run(self._resolving(intent, job), self)

    def as_completed(self, jobs: Iterable[Job], timeout: Timeout = None) -> Iterator[Job]:
        """Gives each job as soon as waiting for it has come to an end: a completed one, and one that failed or cannot be waited for. Costs nothing.

        `wait` of the job then returns or raises at once what came of it, and nothing that happened to one job keeps the others back. Jobs given twice come
        once; jobs of several clients go together. Leaving the loop early changes nothing for the jobs.

        Args:
            jobs: Jobs to wait for, for example those of `recover`.
            timeout: Seconds or ``timedelta`` from this call on, for all of them together; ``None`` waits without limit, ``0`` only looks.

        Raises:
            WaitTimeout: The time is up, and the jobs that ended before were given; ``error.job`` is the first of those that go on.
            ForkedError: The loop was begun in the parent of this forked process.
        """
        from ._ends import as_completed

        return as_completed(jobs, timeout)

    def wait_all(self, jobs: Iterable[Job], timeout: Timeout = None) -> list[Completed | Error]:
        """Waits until all of these jobs have ended, and tells what came of each: its results, or the `Error` that waiting for it would raise. Costs nothing.

        Never raises for one of them, so that a failed job loses no result of another. The jobs go on, whatever ends the wait.

        Args:
            jobs: Jobs to wait for.
            timeout: Seconds or ``timedelta`` for all of them together; ``None`` waits without limit, ``0`` only looks. A job that has not ended by then has
                a `WaitTimeout` as its outcome: it goes on, and is billed if it succeeds.

        Returns:
            The outcomes in the order of `jobs`.
        """
        from ._ends import wait_all

        return wait_all(jobs, timeout)

    def upload(self, source: MediaInput, *, progress: ProgressArg = None) -> str:
        """Uploads an input and gives its ``ltx://uploads/...`` address, for several requests with the same input. It lives for 24 h. Costs nothing.

        Args:
            source: A ``Path``, an open binary file, or bytes. Files are streamed, never held in memory.
            progress: ``True``, ``"tqdm"`` or ``"rich"`` for a bar, or a callable that gets a `Progress` on this thread, at most ten times a second.

        Raises:
            InvalidRequest, RequestTooLarge: The input can never be taken.
            LocalIOError: It cannot be read.
            TransportError, ApiError: The network and the service, after all retries.
        """
        show = reporter(progress)
        operation = self._uploading(source)
        return run(operation, self, reporter=show)

    def check(self, *, keep_failures: bool = False) -> Checked:
        """Looks whether everything works that a submit needs: proxy, certificates, address, key, clock, journal, storage. Costs nothing.

        Asks the service for a job that cannot exist and for an upload slot, and the storage for something it refuses. Nothing is uploaded.

            print(client.check(keep_failures=True))

        Args:
            keep_failures: What does not work is told in the findings, and nothing is raised for it. A storage out of reach and a wrong clock are findings
                in any case.

        Raises:
            Unauthenticated: The key is refused.
            GatewayError: Something else answered.
            TransportError: The network.
            JournalError: The journal cannot be used.
        """
        return self._checked(run(started(self._here().check(keep_failures), self), self))

    def close(self, grace: float = 10.0) -> int:
        """Closes the client: waits and transfers end at once with `ClosedError`, in whatever thread they are; jobs go on at the service.

        Args:
            grace: Seconds that a paid POST on the wire gets to finish and be written down.

        Returns:
            How many threads had to be left behind because they hang in the operating system; 0 is the rule. Closing twice is fine.
        """
        return self._end(seconds("grace", grace) or 0.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()
