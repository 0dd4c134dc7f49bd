"""How a client begins a batch. What a batch is, in `_batch`, is loaded with the first of them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._batch import Batch, BatchProgressArg
    from ._batch_item import Items
    from ._client import Client
    from ._dest import DestArg, StoreArg
    from ._endpoints import OnUnknown
    from ._job import Timeout
    from ._money import Usd


class Batches:
    """What `Client` inherits `batch` from."""

    __slots__ = ()

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
    ) -> Batch:
        """Submits many requests under a name, waits for them and saves their outputs. **Every item is billed** if its job succeeds.

            items = ((shot, ltx_jobs.VideoToVideoHdr(video_uri=Path(f"plates/{shot}.mp4"))) for shot in shots)
            with client.batch(items, name="reel 2", dest="shots", spend_limit="250") as batch:
                for outcome in batch:
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
                own is copied below it under its key, as `Completed.rehost` does.
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
            InvalidRequest: The name is empty, or an option cannot be used. What iterating raises is told at `Batch`.
            ClosedError: The client was closed; also while it is iterated.
        """
        from ._batch import Batch, begin, shown

        client: Client = self  # type: ignore[assignment]
        source, show = iter(items), shown(progress)
        native = begin(
            client,
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
        return Batch(client, native, source, show)
