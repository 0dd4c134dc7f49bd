"""What the clients have in common: settings, the native client of each process, pickling, and the end at the exit of the interpreter.

Fork: the native client belongs to the process that made it. Every call compares the process id; in a child a new native client is made from the same
settings, and the parent's is leaked rather than dropped, for its threads do not exist there.
"""

from __future__ import annotations

import atexit
import os
import sys
from weakref import WeakSet

from . import _dest, _logs, _wait
from ._config import key_function, media_input, setting_pairs, setting_text, split_params
from ._counters import Counters
from ._errors import local, make, raise_failure, unwrap
from ._job import BaseJob
from ._models import Checked, Finding, JournaledSubmit, Setting, moment
from ._money import amount, amount_text
from ._wait import add_note, run, seconds, started, stay_at_exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal
    from os import PathLike
    from typing import Any, TypeVar

    from typing_extensions import Never, Self, Unpack

    from . import _native
    from ._config import Duration, Options
    from ._dest import DestArg
    from ._endpoints import OnUnknown
    from ._job import Timeout
    from ._key import KeyFunction, KeyGiver
    from ._money import Usd
    from ._requests import MediaInput, Request

    Made = TypeVar("Made", bound="BaseClient")

# Seconds that a paid POST on the wire gets at the exit of the interpreter, so that its answer is not lost.
EXIT_GRACE = 10.0

# Clients of this process that the exit hook closes; those whose submit was interrupted are held until then.
_open: WeakSet[BaseClient] = WeakSet()
_unfinished: set[BaseClient] = set()


class BaseClient:
    """What `Client` and `AsyncClient` have in common: the settings, the native client of each process, and what asks nobody."""

    __slots__ = ("_base_url", "_key_function", "_key_givers", "_natives", "_settings", "__weakref__")

    def __init__(
        self,
        api_key: str | PathLike[str] | Callable[[], str] | None = None,
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
        function = key_function(given)
        settings = _native.Settings(setting_pairs(given))
        # A report with the local variables of each frame would show the key.
        del api_key, given
        self._start_with(settings, function)

    def _start_with(self, settings: _native.Settings, function: KeyFunction | None = None) -> None:
        from . import _native

        self._settings = settings
        self._key_function = function
        # By process, as the native clients.
        self._key_givers: dict[int, KeyGiver] = {}
        _logs.attend()
        native = unwrap(_native.Client.make(settings, function is not None))
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
            made = unwrap(_native.Client.make(self._settings, self._key_function is not None))
            native = self._natives.setdefault(pid, made)
            _open.add(self)
        return native

    def _give_keys(self) -> None:
        """Has a thread call the function for the key, if there is one. Called when something has begun that may need the key."""
        function, pid = self._key_function, os.getpid()
        if function is None:
            return
        giver = self._key_givers.get(pid)
        if giver is not None:
            giver.must_not_be_here()
            return
        from ._key import KeyGiver

        requests = self._here().key_requests()
        if requests is None:
            return
        giver = KeyGiver(requests, function)
        if self._key_givers.setdefault(pid, giver) is giver:
            try:
                giver.start()
            except BaseException:
                del self._key_givers[pid]
                raise

    def _key_failure(self) -> BaseException | None:
        """What the function for the key raised when it was called last."""
        giver = self._key_givers.get(os.getpid())
        return None if giver is None else giver.failure

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
            api_key: The key itself, as text. It replaces the one that was given or found, or the function for it, in this client alone. Nobody is asked about it here: one that the
                service does not accept is `Unauthenticated` where it is used.
        """
        self._settings = self._settings.with_api_key(api_key)
        # Its thread, if there is one, is told to end by the native client.
        self._key_function = None
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
        given: dict[str, object] = {**changes}
        function = key_function(given) if "api_key" in given else self._key_function
        pairs = [
            # One that does not exist is the core's to refuse, also with nothing as its value.
            (key, (None if key in known else "") if value is None else setting_text(key, value))
            for key, value in given.items()
        ]
        settings = self._settings.with_changes(pairs)
        del changes, given, pairs
        client = type(self).__new__(type(self))
        client._start_with(settings, function)
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
        if native is None:
            return None
        stay_at_exit()
        return unwrap(native.close(grace), self)

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
        client._key_function, client._key_givers = None, {}
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
        if self._settings.has_api_key() or self._key_function is not None:
            from pickle import PicklingError

            raise PicklingError(
                f"a {type(self).__name__} whose key was given in the program is not pickled, so that the key stays out of files and queues; "
                "set LTXV_API_KEY there and here, or pickle jobs and make a client where they arrive"
            )
        return _client_again, (type(self), self._settings.without_api_key())


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
            return
    key = sys.modules.get(f"{__package__}._key")
    if key is not None:
        key.end()


atexit.register(_at_exit)
