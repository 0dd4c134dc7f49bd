"""One cell of the fork matrix: what the parent has done, how the child is made, and both kinds of call in it. Started by test_fork.py."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
import threading
import warnings

import ltx_jobs

# A child that hangs is ended, and told of.
LIMIT = 20


def used_by_sync(client: ltx_jobs.Client | None, job: ltx_jobs.Job) -> str:
    """A job and a client of the parent, as far as they came here, and a client that is made here."""
    seen = [str(job.poll().status)]
    if client is not None:
        seen.append(str(client.job(job.ref).poll().status))
    with ltx_jobs.Client() as fresh:
        seen.append(str(fresh.job(job.ref).poll().status))
    return seen[0] if len(set(seen)) == 1 else f"they disagree: {seen}"


def used_by_async(aclient: ltx_jobs.AsyncClient | None, ref: str) -> str:
    async def look() -> list[str]:
        seen = []
        if aclient is not None:
            seen.append(str((await aclient.job(ref).poll()).status))
        async with ltx_jobs.AsyncClient() as fresh:
            seen.append(str((await fresh.job(ref).poll()).status))
        return seen

    seen = asyncio.run(look())
    return seen[0] if len(set(seen)) == 1 else f"they disagree: {seen}"


# What a child of a fork finds; nothing, where the child is a new interpreter.
parents: tuple[ltx_jobs.Client, ltx_jobs.AsyncClient] | tuple[None, None] = (None, None)


def work(given: tuple[str, str, ltx_jobs.Job]) -> str:
    """In the child."""
    if hasattr(signal, "alarm"):
        signal.alarm(LIMIT)
    kind, ref, job = given
    client, aclient = parents
    try:
        return used_by_sync(client, job) if kind == "sync" else used_by_async(aclient, ref)
    except BaseException as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}"


def forked(given: tuple[str, str, ltx_jobs.Job]) -> str:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        os.write(writing, work(given).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        text = told.read().decode()
    _, status = os.waitpid(pid, 0)
    return text if status == 0 else f"ended with {status} (14 is the alarm: it hung)"


def main(state: str, way: str, ref: str) -> None:
    global parents
    # Python itself warns of threads at a fork since 3.12; that is the subject here.
    warnings.simplefilter("ignore", DeprecationWarning)
    client, aclient, waiting = None, None, []
    if state != "import only":
        client, aclient = ltx_jobs.Client(), ltx_jobs.AsyncClient()
        parents = (client, aclient)
    if state in ("operation done", "operation in flight", "async used"):
        client.job(ref).poll()
    if state in ("async used", "operation in flight"):
        asyncio.run(aclient.job(ref).poll())
    if state == "operation in flight":
        begun = [threading.Event(), threading.Event()]
        waits = [
            lambda: client.job(ref).wait(progress=lambda _: begun[0].set()),
            lambda: asyncio.run(aclient.job(ref).wait(progress=lambda _: begun[1].set())),
        ]
        waiting = [threading.Thread(target=quietly, args=(wait,)) for wait in waits]
        for thread in waiting:
            thread.start()
        assert all(event.wait(LIMIT) for event in begun)
    # The handle of a client that reads the environment, where there is none yet.
    job = client.job(ref) if client is not None else ltx_jobs.Client().job(ref)
    for kind in ("sync", "async"):
        given = (kind, ref, job)
        if way == "os.fork":
            told = forked(given)
        else:
            with multiprocessing.get_context(way).Pool(1) as pool:
                told = pool.apply_async(work, (given,)).get(LIMIT)
        print(f"child: {kind}: {told}", flush=True)
    # The parent goes on as if nothing had been.
    print(f"parent: sync: {used_by_sync(client, job)}", flush=True)
    print(f"parent: async: {used_by_async(aclient, ref)}", flush=True)
    if client is not None:
        client.close()
        asyncio.run(aclient.close())
    for thread in waiting:
        thread.join(LIMIT)
        assert not thread.is_alive()


def quietly(wait: object) -> None:
    """The wait that is in flight ends with the client."""
    try:
        wait()
    except ltx_jobs.ClosedError:
        pass


if __name__ == "__main__":
    main(*sys.argv[1:])
