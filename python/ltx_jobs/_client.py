"""The client: where everything begins.

Fork: the native client belongs to the process that made it. Every call compares the process id; in a child a new native client is made from the same
settings, and the parent's is leaked rather than dropped, for its threads do not exist there.
"""

from __future__ import annotations

import atexit
import os
import sys
from weakref import WeakSet

from . import _dest, _logs, _wait
from ._batches import Batches
from ._config import media_input, setting_pairs, setting_text, split_params
from ._counters import Counters
from ._endpoints import Endpoints
from ._errors import local, make, raise_failure, unwrap
from ._job import BaseJob, Job
from ._models import Checked, Estimate, Finding, JournaledSubmit, Recovered, Setting, moment
from ._money import amount, amount_text
from ._progress import reporter
from ._wait import add_note, run, seconds, started

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from decimal import Decimal
    from os import PathLike
    from types import TracebackType
    from typing import Any, TypeVar

    from typing_extensions import Never, Self, Unpack

    from . import _native
    from ._config import Duration, Options
    from ._dest import DestArg
    from ._endpoints import OnUnknown
    from ._errors import Error
    from ._job import Completed, Timeout
    from ._money import Usd
    from ._progress import ProgressArg
    from ._requests import MediaInput, Request

    Made = TypeVar("Made", bound="BaseClient")

# Seconds that a paid POST on the wire gets at the exit of the interpreter, so that its answer is not lost.
EXIT_GRACE = 10.0

# Clients of this process that the exit hook closes; those whose submit was interrupted are held until then.
_open: WeakSet[BaseClient] = WeakSet()
_unfinished: set[BaseClient] = set()


class BaseClient:
    """What `Client` and `AsyncClient` have in common: the settings, the native client of each process, and what asks nobody."""

    __slots__ = ("_base_url", "_natives", "_settings", "__weakref__")

    def __init__(
        self,
        api_key: str | PathLike[str] | None = None,
        *,
        base_url: str | None = None,
        journal: str | PathLike[str] | bool | None = None,
        max_concurrent_jobs: int | str | None = None,
        spend_limit: Usd | None = None,
        prices: str | PathLike[str] | None = None,
        poll_interval: Duration | None = None,
        backoff_base: Duration | None = None,
        backoff_cap: Duration | None = None,
        connect_timeout: Duration | None = None,
        submit_timeout: Duration | None = None,
        poll_timeout: Duration | None = None,
        stall_timeout: Duration | None = None,
        connections: int | str | None = None,
        proxy: str | None = None,
        ca_bundle: str | PathLike[str] | None = None,
        allow_http: bool | str | None = None,
        worker_threads: int | str | None = None,
        user_agent_suffix: str | None = None,
        **unknown: Never,
    ) -> None:
        from . import _native

        given: dict[str, object] = {
            "api_key": api_key,
            "base_url": base_url,
            "journal": journal,
            "max_concurrent_jobs": max_concurrent_jobs,
            "spend_limit": spend_limit,
            "prices": prices,
            "poll_interval": poll_interval,
            "backoff_base": backoff_base,
            "backoff_cap": backoff_cap,
            "connect_timeout": connect_timeout,
            "submit_timeout": submit_timeout,
            "poll_timeout": poll_timeout,
            "stall_timeout": stall_timeout,
            "connections": connections,
            "proxy": proxy,
            "ca_bundle": ca_bundle,
            "allow_http": allow_http,
            "worker_threads": worker_threads,
            "user_agent_suffix": user_agent_suffix,
        }
        # A setting that does not exist is the core's to refuse: it knows the nearest name.
        given.update(unknown)
        settings = _native.Settings(setting_pairs(given))
        # A report with the local variables of each frame would show the key.
        del api_key, given
        self._start_with(settings)

    def _start_with(self, settings: _native.Settings) -> None:
        from . import _native

        self._settings = settings
        _logs.attend()
        native = unwrap(_native.Client.make(settings))
        self._natives: dict[int, _native.Client] = {os.getpid(): native}
        self._base_url = _value(native, "base_url")
        _open.add(self)

    def _here(self) -> _native.Client:
        """The native client of this process. Asked before anything begins."""
        _logs.attend()
        pid = os.getpid()
        native = self._natives.get(pid)
        if native is None:
            from . import _native

            for inherited in list(self._natives.values()):
                inherited.leak()
            native = self._natives.setdefault(pid, unwrap(_native.Client.make(self._settings)))
            _open.add(self)
        return native

    @property
    def base_url(self) -> str:
        """Address of the API."""
        return self._base_url

    @property
    def closed(self) -> bool:
        """Whether it was closed in this process."""
        native = self._natives.get(os.getpid())
        return native is not None and native.is_closed()

    @property
    def committed(self) -> Decimal:
        """US dollars this client has committed itself to: the estimates of jobs that run or succeeded, and of submits whose outcome is unknown.

        What was refused or failed without a bill is not in it. Counted in this process, and only while ``spend_limit`` is set.
        """
        return amount(self._here().committed())

    @property
    def counters(self) -> Counters:
        """What this client has done since it was made: submits, jobs, polls, retries, bytes, money. From memory, and never waits.

        Counted in this process; also there when the client is closed.
        """
        numbers, committed = self._here().counters()
        return Counters(*numbers, amount(committed))

    def set_api_key(self, api_key: str) -> None:
        """Uses another key from now on, also for jobs whose polling stopped because the old one was refused. Asks nobody and costs nothing.

        Args:
            api_key: The key itself, as text. It replaces the one that was given or found, in this client alone. Nobody is asked about it here: one that the
                service does not accept is `Unauthenticated` where it is used.
        """
        self._settings = self._settings.with_api_key(api_key)
        failure = self._here().set_api_key(api_key)
        if failure is not None:
            raise_failure(failure, self)

    def with_options(self, **changes: Unpack[Options]) -> Self:
        """A client with the same settings but for those that are named; ``None`` takes one back to the environment, or its default. Opens nothing.

            careful = client.with_options(spend_limit="10", max_concurrent_jobs=1)

        A client of its own, to be closed for itself: connections, polling and what counts against a ``spend_limit`` are not shared. Shared is what settings
        name: the journal's directory, so that ``once`` keys and `recover` know what either submitted, and the places of ``max_concurrent_jobs``, which belong
        to the key.

        Raises:
            ConfigError: A value cannot be used, or a setting does not exist (the message names the nearest).
        """
        known = {key for key, _, _ in self._here().describe()}
        pairs = [
            # One that does not exist is the core's to refuse, also with nothing as its value.
            (key, (None if key in known else "") if value is None else setting_text(key, value))
            for key, value in changes.items()
        ]
        settings = self._settings.with_changes(pairs)
        del changes, pairs
        client = type(self).__new__(type(self))
        client._start_with(settings)
        return client

    def _found(self, ref: str | BaseJob) -> tuple[str, str | None, _native.Job | None]:
        """Reference, label and native handle of a job."""
        if isinstance(ref, BaseJob):
            ref = ref.ref
        if not ref.startswith("intent:"):
            return ref, None, None
        native = unwrap(self._here().job(ref), self)
        return native.reference, native.label, native

    if TYPE_CHECKING:

        def job(self, ref: str, /) -> BaseJob: ...

    def _submitting(
        self,
        request: _native.Request,
        *,
        once: str | None,
        label: str | None,
        dest: DestArg | None,
        timeout: Timeout,
        max_cost: Usd | None,
        on_unknown: OnUnknown,
    ) -> _native.Operation[_native.Job]:
        """Starts a submit."""
        limit = seconds("timeout", timeout)
        most = None if max_cost is None else amount_text("max_cost", max_cost)
        place = _dest.given(dest)
        native = self._here()
        return started(
            native.submit(request, once=once, label=label, dest=place, timeout=limit, max_cost=most, on_unknown=on_unknown), self
        )

    def _left(self, stop: BaseException, operation: _native.Operation[_native.Job]) -> None:
        """Notes what becomes of a submit that was left: an attempt that is on the wire is finished in the background, and written down."""
        if isinstance(stop, Exception) and hasattr(stop, "billing"):
            return
        self._hold_until_exit()
        add_note(stop, f"the submit was withdrawn unless it was on the wire already; Client.job({operation.reference!r}) tells what became of it")

    def _hold_until_exit(self) -> None:
        """Something paid may be on the wire: it is finished in the background, at the exit of the interpreter at the latest."""
        _unfinished.add(self)

    def _uploading(self, source: MediaInput) -> _native.Operation[str]:
        """Starts an upload."""
        if isinstance(source, str):
            raise local(101, "upload takes a Path, an open binary file or bytes; a str is an address, which needs no upload")
        found = media_input("upload", source)
        if found is None:
            raise local(101, f"upload takes a Path, an open binary file or bytes, not {type(source).__name__}")
        return started(self._here().upload(*found), self)

    def _resolving(self, intent: str | JournaledSubmit, job: str | BaseJob | None) -> _native.Operation[None]:
        """Starts to settle a submit."""
        if isinstance(intent, JournaledSubmit):
            intent = intent.intent
        ref = job.ref if isinstance(job, BaseJob) else job
        return started(self._here().resolve(intent, ref), self)

    def _closing(self, grace: float) -> _native.Operation[int] | None:
        """Starts to close it; nothing when there is nothing to close."""
        _unfinished.discard(self)
        native = self._natives.get(os.getpid())
        return None if native is None else started(native.close(grace), self)

    def _end(self, grace: float) -> int:
        """Closes it, and blocks the thread until it is closed."""
        closing = self._closing(grace)
        return 0 if closing is None else run(closing, self)

    def _checked(self, raw: _native._Checked) -> Checked:
        """What a look at everything found, from the native module's words."""
        request_id, elapsed, submits, unknown, findings, settings = raw
        told = [
            Finding(what, state, detail, time, None if error is None else make(error, self)) for what, state, detail, time, error in findings
        ]
        return Checked(request_id, elapsed, submits, unknown, told, [Setting(*setting) for setting in settings])

    @classmethod
    def _later(cls, base_url: str) -> Self:
        """A client that reads the environment when it is first needed, so that unpickling a job cannot fail for want of a key."""
        from . import _native

        client = cls.__new__(cls)
        client._base_url = base_url
        client._settings = _native.Settings([("base_url", base_url)])
        client._natives = {}
        return client

    def __repr__(self) -> str:
        if not hasattr(self, "_natives"):
            # A debugger looks at what a failed constructor left.
            return f"{type(self).__name__}(never made)"
        settings = ", ".join(f"{key}={value!r} ({origin})" for key, value, origin in self._here().describe())
        return f"{type(self).__name__}({settings})"

    def _repr_html_(self) -> str:
        from ._notebook import settings

        return settings(type(self).__name__, self._here().describe() if hasattr(self, "_natives") else ())

    def __reduce__(self) -> tuple[Any, ...]:
        if self._settings.has_api_key():
            from pickle import PicklingError

            raise PicklingError(
                f"a {type(self).__name__} whose key was given in the program is not pickled, so that the key stays out of files and queues; "
                "set LTXV_API_KEY there and here, or pickle jobs and make a client where they arrive"
            )
        return _client_again, (type(self), self._settings.without_api_key())


class Client(BaseClient, Endpoints["Job"], Batches):
    """A client of the service.

    Opens no socket and starts no thread before the first operation. May be shared between threads, and used again in a forked child. As a context manager
    it is closed at the end; otherwise at the exit of the interpreter.

    Each endpoint is a method, named like it; `submit` takes requests, and the parameters of any endpoint. What was submitted is in the journal until it
    was saved: see `recover`.

    Every setting can also come from the environment, as ``LTX_`` and its name in capitals. Durations are seconds, a ``timedelta``, or text with a unit
    (``"500ms"``, ``"2m"``).

    Args:
        api_key: The key, or a ``Path`` of a file that holds it (read again after the service refused it). By default ``LTXV_API_KEY`` or ``LTX_API_KEY``
            from the environment. It is sent to the API's origin only and shown nowhere.
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

def _client_again(kind: type[Made], settings: list[tuple[str, str]]) -> Made:
    """A client from its pickle: the key comes from the environment it arrives in."""
    from . import _native

    client = kind.__new__(kind)
    client._start_with(_native.Settings(settings))
    return client


_by_address: dict[tuple[type[BaseClient], str], BaseClient] = {}


def environment_client(kind: type[Made], base_url: str) -> Made:
    """The client for jobs that arrive in a pickle: one per address, with the key from the environment. Makes none before a job is used."""
    client = _by_address.get((kind, base_url))
    if not isinstance(client, kind) or client.closed:
        client = _by_address[kind, base_url] = kind._later(base_url)
    return client


def native_request(endpoint: str | Request, params: Mapping[str, object] | None, *, put_back: bool = False) -> _native.Request:
    """The native request of a request object, or of an endpoint's name with parameters; `put_back` for inputs that are needed again."""
    from . import _native

    if isinstance(endpoint, str):
        name, values, path = endpoint, params or {}, None
    elif params is not None:
        raise TypeError("params go with the name of an endpoint, not with a request object")
    else:
        name, values, path = endpoint.endpoint, endpoint.params(), endpoint.path
    made = _native.Request.make(name, *split_params(values, put_back=put_back), path)
    # A traceback shows variables, and an address of the caller's may be signed.
    del endpoint, params, values
    return unwrap(made)


def journaled(raw: tuple[Any, ...]) -> JournaledSubmit:
    intent, ref, endpoint, label, once, began_at, state, ended, saved, other_key, request_id, (doubts, dest, usd) = raw
    place, cost = _dest.told(dest), None if usd is None else amount(usd)
    began = moment(began_at)
    return JournaledSubmit(intent, ref, endpoint, label, once, began, state, ended, saved, other_key, request_id, doubts, place, cost)


def _value(native: _native.Client, key: str) -> str:
    return next(value for name, value, _ in native.describe() if name == key)


def _at_exit() -> None:
    """Before the interpreter goes: a paid POST on the wire is finished, waiters are woken, our threads are joined."""
    _wait.exiting = True
    dispatch = sys.modules.get(f"{__package__}._dispatch")
    if dispatch is not None:
        dispatch.end()
    for client in [*_open, *_unfinished]:
        try:
            client._end(EXIT_GRACE)
        except KeyboardInterrupt:
            # The user does not want to wait for the rest either.
            break


atexit.register(_at_exit)
