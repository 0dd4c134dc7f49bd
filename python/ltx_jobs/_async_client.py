"""The client for asyncio: the twin of `_client`, method for method. What is decided is decided there and in the core; here it is awaited."""

from __future__ import annotations

from ._async_job import AsyncJob
from ._async_turn import turn
from ._async_wait import run
from ._batch import begin, shown
from ._client_base import BaseClient, journaled, native_request
from ._endpoints import Endpoints
from ._models import Estimate, Recovered
from ._money import amount
from ._progress import reporter
from ._wait import seconds, started

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
    from types import TracebackType
    from typing import Any

    from typing_extensions import Self

    from ._async_job import AsyncCompleted
    from ._async_batch import AsyncBatch, Items
    from ._batch import BatchProgressArg
    from ._dest import DestArg, StoreArg
    from ._endpoints import OnUnknown
    from ._errors import Error
    from ._job import BaseJob, Timeout
    from ._models import Checked, JournaledSubmit
    from ._money import Usd
    from ._progress import ProgressArg
    from ._requests import MediaInput, Request


class AsyncClient(BaseClient, Endpoints["Coroutine[Any, Any, AsyncJob]"]):
    """A client of the service for asyncio: the names, parameters and results of `Client`, to be awaited.

        async with ltx_jobs.AsyncClient() as client:
            job = await client.video_to_video_hdr(video_uri=Path("plate.mp4"))
            done = await job.wait(timeout=1800)        # or: await job
            await done.download("shots/010")

    Belongs to no event loop: one client serves several loops, one after the other or in several threads, uvloop's too. What is awaited waits in the core; it
    costs no thread, and the loop is told by one thread of this library, ``ltx-dispatch``. Cancelling a task ends what it awaits at once; a submit whose request
    is on the wire is finished in the background and written down.

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

    async def submit(
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
    ) -> AsyncJob:
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
        await turn()
        operation = self._submitting(request, once=once, label=label, dest=dest, timeout=timeout, max_cost=max_cost, on_unknown=on_unknown)
        try:
            job = await run(operation, self, reporter=show)
        except BaseException as stop:
            self._left(stop, operation)
            raise
        return AsyncJob(self, job.reference, job.label, job)

    def batch(
        self,
        items: Items,
        *,
        name: str,
        dest: DestArg | None = None,
        rehost: StoreArg | None = None,
        spend_limit: Usd | None = None,
        max_cost: Usd | None = None,
        on_unknown: OnUnknown = "stop",
        overwrite: bool = False,
        resume: bool = True,
        bandwidth: int | str | None = None,
        lock_timeout: Timeout = None,
        submits_at_once: int = 4,
        saves_at_once: int = 2,
        progress: BatchProgressArg = None,
    ) -> AsyncBatch:
        """Submits many requests under a name, waits for them and saves their outputs. **Every item is billed** if its job succeeds.

            items = ((shot, ltx_jobs.VideoToVideoHdr(video_uri=Path(f"plates/{shot}.mp4"))) for shot in shots)
            async with client.batch(items, name="reel 2", dest="shots", spend_limit="250") as batch:
                async for outcome in batch:
                    print(outcome.key, outcome.state, outcome.error or "")
            print(batch.summary)

        Nothing that happens to one item is raised, or keeps the others. Each is submitted under a ``once`` key made of the name and its own: a batch that was
        killed, stopped or paused is simply started again with the same items. What is saved is skipped, what runs is waited for, what was not billed is
        submitted again, and what is unknown is told and never submitted again without consent. When the account is in the way (no credits, the key refused),
        or several submits in a row end in doubt or find no service, nothing more is submitted: `BatchProgress.paused` says why, and the items that are left
        end as ``"not_submitted"``.

        Items are taken while somebody iterates, and at most some 256 ahead of what is submitted.

        Args:
            items: `BatchItem` objects, or tuples of key and request; a generator is run on the iterating thread, as the batch has room.
            name: The name of the batch; the same for the same work.
            dest: A directory, or a `Destination`: each item that has no place of its own is saved into a directory named after its key in it. Without, such
                items are waited for and not saved. ``{key}`` in a ``frame_name`` becomes the last part of the key: ``"{key}.{frame:04d}.exr"``.
            rehost: Instead of `dest`: a URL of an object store, such as ``"s3://plates/reel2/"``, or a `StoreDestination`. Each item that has no place of its
                own is copied below it under its key, as `AsyncCompleted.rehost` does.
            spend_limit: US dollars for all its items together, by their estimates, counting what runs of before have submitted. Items beyond it, and those
                without an estimate, end as ``"not_submitted"``.
            max_cost: As in `submit`, for every item without one of its own.
            on_unknown: As in `submit`.
            overwrite: Replace different files and objects that are there.
            resume: Go on with what an interrupted download left, and leave such for the next. ``False`` begins anew and leaves nothing.
            bandwidth: A limit for all that is saved at the same time, together: bytes per second, or a text such as ``"20MB/s"`` or ``"100Mbit/s"``.
            lock_timeout: How long to wait for a file that somebody else is fetching to the same place, in seconds or as ``timedelta``; ``0`` does not
                wait, and the item ends as ``"unsaved"`` with `Locked`. By default without limit: what the other one saves counts as saved.
            submits_at_once: Submits that are prepared (hashed, uploaded for) and sent at the same time, 1 to 64. How many jobs run is for the service to say,
                or for the client's ``max_concurrent_jobs``.
            saves_at_once: Jobs whose outputs are saved at the same time, 1 to 64; what expires first is saved first.
            progress: ``True``, ``"tqdm"`` or ``"rich"`` for a bar, or a callable that gets a `BatchProgress` on the iterating thread, at most ten times a
                second. What it raises stops the batch.

        Raises:
            InvalidRequest: The name is empty, or an option cannot be used. What iterating raises is told at `AsyncBatch`.
            ClosedError: The client was closed; also while it is iterated.
        """
        from ._async_batch import AsyncBatch, source_of

        source, show = source_of(items), shown(progress)
        native = begin(
            self,
            name=name,
            dest=dest,
            rehost=rehost,
            spend_limit=spend_limit,
            max_cost=max_cost,
            on_unknown=on_unknown,
            overwrite=overwrite,
            resume=resume,
            bandwidth=bandwidth,
            lock_timeout=lock_timeout,
            submits_at_once=submits_at_once,
            saves_at_once=saves_at_once,
        )
        return AsyncBatch(self, native, source, show)

    async def estimate(self, endpoint: str | Request, params: Mapping[str, object] | None = None) -> Estimate:
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
        await turn()
        usd, basis = await run(started(self._here().estimate(request), self), self)
        return Estimate(amount(usd), basis)

    def job(self, ref: str | BaseJob) -> AsyncJob:
        """A handle to a job from its reference (``endpoint/id``). Asks nobody and costs nothing.

        An ``intent:`` reference, which a submit has from its first moment, is looked up in the journal.

        Raises:
            InvalidRequest: It is no reference.
            SubmitUnknown, IdLost, InvalidState, JobNotFound: For an intent: its outcome or its job's id is unknown, not there yet, or there is no job.
        """
        return AsyncJob(self, *self._found(ref))

    async def jobs(self) -> list[JournaledSubmit]:
        """Every submit to this service that the journal knows, oldest first: of this script, of earlier runs, of other processes. Asks nobody.

        A journal in memory knows this client's own; none (``journal=False``) knows nothing.

        Raises:
            JournalError: A file of the journal is damaged or cannot be read; the message names file and line.
        """
        return [journaled(raw) for raw in await run(started(self._here().jobs(), self), self)]

    async def recover(self) -> Recovered[AsyncJob]:
        """What an earlier run left behind, killed scripts included: jobs to wait for and to save, and submits whose outcome is unknown.

        Asks nobody and bills nothing. A job is out of the list once its outputs were saved, or it failed.

            left = client.recover()
            for job in client.as_completed(left.jobs):
                job.save(f"shots/{job.label}")

        Raises:
            Error: What `jobs` raises.
        """
        jobs, unknown, other_key = await run(started(self._here().recover(), self), self)
        handles = [AsyncJob(self, native.reference, native.label, native) for native in jobs]
        return Recovered(handles, map(journaled, unknown), map(journaled, other_key))

    async def resolve(self, intent: str | JournaledSubmit, *, job: str | BaseJob | None) -> None:
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
        await run(self._resolving(intent, job), self)

    def as_completed(self, jobs: Iterable[AsyncJob], timeout: Timeout = None) -> AsyncIterator[AsyncJob]:
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
        from ._async_ends import as_completed

        return as_completed(jobs, timeout)

    async def wait_all(self, jobs: Iterable[AsyncJob], timeout: Timeout = None) -> list[AsyncCompleted | Error]:
        """Waits until all of these jobs have ended, and tells what came of each: its results, or the `Error` that waiting for it would raise. Costs nothing.

        Never raises for one of them, so that a failed job loses no result of another. The jobs go on, whatever ends the wait.

        Args:
            jobs: Jobs to wait for.
            timeout: Seconds or ``timedelta`` for all of them together; ``None`` waits without limit, ``0`` only looks. A job that has not ended by then has
                a `WaitTimeout` as its outcome: it goes on, and is billed if it succeeds.

        Returns:
            The outcomes in the order of `jobs`.
        """
        from ._async_ends import wait_all

        return await wait_all(jobs, timeout)

    async def upload(self, source: MediaInput, *, progress: ProgressArg = None) -> str:
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
        await turn()
        return await run(self._uploading(source), self, reporter=show)

    async def check(self, *, keep_failures: bool = False) -> Checked:
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
        return self._checked(await run(started(self._here().check(keep_failures), self), self))

    async def close(self, grace: float = 10.0) -> int:
        """Closes the client: waits and transfers end at once with `ClosedError`, in whatever thread they are; jobs go on at the service.

        Args:
            grace: Seconds that a paid POST on the wire gets to finish and be written down.

        Returns:
            How many threads had to be left behind because they hang in the operating system; 0 is the rule. Closing twice is fine.
        """
        closing = self._closing(seconds("grace", grace) or 0.0)
        return 0 if closing is None else await run(closing, self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        await self.close()
