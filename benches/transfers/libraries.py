"""One transfer by a Python library, and what it cost: the contender that `compare.py` runs beside the others.

    libraries.py LIBRARY download URL PATH [AUTHORITY]
    libraries.py LIBRARY watched URL PATH
    libraries.py LIBRARY frame URL INDEX PATH
    libraries.py LIBRARY upload PATH URL
    libraries.py LIBRARY ask URL TIMES

Of `ltx_jobs`, the URL of a download is a job and its path a directory, and that of a request the job's name without its number; the other URLs it knows by
its settings. A download that is `watched` has a function for its progress. What is measured begins when the interpreter is up and the library imported, as
it is in a program that uses it, and ends when the result is there. It is printed as one line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Optional
from urllib.parse import urlsplit

PIECE = 1 << 20
RANGE = 8 << 20
CONNECTIONS = 8
Work = Callable[[], Any]


def with_requests(what: str, arguments: list[str]) -> tuple[Optional[Work], Work]:
    import requests

    if what == "download":
        url, path, authority = arguments

        def download() -> None:
            with requests.get(url, stream=True, verify=authority or True) as answer, open(path, "wb") as file:
                answer.raise_for_status()
                for piece in answer.iter_content(PIECE):
                    file.write(piece)

        return None, download
    if what == "upload":
        path, url = arguments

        def upload() -> None:
            with open(path, "rb") as file:
                requests.put(url, data=file).raise_for_status()

        return None, upload
    url, times = arguments[0], int(arguments[1])
    session = requests.Session()

    def ask() -> None:
        for _ in range(times):
            session.get(url).json()

    return lambda: session.get(url), ask


def with_requests_in_memory(what: str, arguments: list[str]) -> tuple[Optional[Work], Work]:
    """As vendors' guides show it."""
    import requests

    if what != "download":
        raise SystemExit("only a download")
    url, path, authority = arguments

    def download() -> None:
        answer = requests.get(url, verify=authority or True)
        with open(path, "wb") as file:
            file.write(answer.content)

    return None, download


def with_obstore(what: str, arguments: list[str]) -> tuple[Optional[Work], Work]:
    """Eight ranges at a time: the fastest way it has for one file."""
    import obstore
    from obstore.store import HTTPStore

    if what != "download":
        raise SystemExit("only a download")
    url, path, authority = arguments
    place = urlsplit(url)
    # It has no setting for an authority of one's own, so over TLS it is spared the proof.
    options: Any = {"allow_http": True, "allow_invalid_certificates": bool(authority)}

    def download() -> None:
        store = HTTPStore.from_url(f"{place.scheme}://{place.netloc}", client_options=options)
        name = place.path.lstrip("/")
        size = obstore.head(store, name)["size"]
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)

        def fetch(start: int) -> None:
            os.pwrite(file, obstore.get_range(store, name, start=start, end=min(start + RANGE, size)), start)

        with ThreadPoolExecutor(CONNECTIONS) as pool:
            for _ in pool.map(fetch, range(0, size, RANGE)):
                pass
        os.close(file)

    return None, download


def with_remotezip(what: str, arguments: list[str]) -> tuple[Optional[Work], Work]:
    from remotezip import RemoteZip

    if what != "frame":
        raise SystemExit("only a frame")
    url, index, path = arguments

    def frame() -> None:
        with RemoteZip(url) as archive, open(path, "wb") as file:
            file.write(archive.read(archive.namelist()[int(index)]))

    return None, frame


def with_httpx(what: str, arguments: list[str]) -> tuple[Optional[Work], Work]:
    import httpx

    if what != "ask":
        raise SystemExit("only small requests")
    url, times = arguments[0], int(arguments[1])
    client = httpx.Client()

    def ask() -> None:
        for _ in range(times):
            client.get(url).json()

    return lambda: client.get(url), ask


def with_pycurl(what: str, arguments: list[str]) -> tuple[Optional[Work], Work]:
    import pycurl

    if what != "ask":
        raise SystemExit("only small requests")
    url, times = arguments[0], int(arguments[1])
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url)

    def once() -> None:
        json.loads(curl.perform_rb())

    def ask() -> None:
        for _ in range(times):
            once()

    return once, ask


def with_ltx_jobs(what: str, arguments: list[str]) -> tuple[Optional[Work], Work]:
    import ltx_jobs

    if what in ("download", "watched"):
        reference, directory = arguments[0], arguments[1]
        # As short as one that draws a bar.
        seen: list[str] = []

        def show(progress: ltx_jobs.Progress) -> None:
            seen.append(f"{progress.bytes_done} of {progress.bytes_total}")

        watch: dict[str, Any] = {"progress": show} if what == "watched" else {}

        def download() -> None:
            ltx_jobs.Client().job(reference).wait().download(directory, **watch)
            if watch and not seen:
                raise SystemExit("no progress was told")

        return None, download
    if what == "upload":
        path = Path(arguments[0])
        return None, lambda: ltx_jobs.Client().upload(path)
    client, jobs, times = ltx_jobs.Client(), arguments[0], int(arguments[1])

    def ask() -> None:
        # Another job each time: one that was asked for a moment ago is answered from memory.
        for number in range(1, times + 1):
            client.job(f"{jobs}{number}").poll()

    return lambda: client.job(f"{jobs}0").poll(), ask


def with_ltx_jobs_and_asyncio(what: str, arguments: list[str]) -> tuple[Optional[Work], Work]:
    import asyncio

    import ltx_jobs

    if what != "ask":
        raise SystemExit("only small requests")
    client, jobs, times = ltx_jobs.AsyncClient(), arguments[0], int(arguments[1])
    loop = asyncio.new_event_loop()

    async def ask(numbers: range) -> None:
        for number in numbers:
            await client.job(f"{jobs}{number}").poll()

    return lambda: loop.run_until_complete(ask(range(1))), lambda: loop.run_until_complete(ask(range(1, times + 1)))


LIBRARIES: dict[str, Callable[[str, list[str]], tuple[Optional[Work], Work]]] = {
    "requests": with_requests,
    "requests-in-memory": with_requests_in_memory,
    "obstore": with_obstore,
    "remotezip": with_remotezip,
    "httpx": with_httpx,
    "pycurl": with_pycurl,
    "ltx_jobs": with_ltx_jobs,
    "ltx_jobs-asyncio": with_ltx_jobs_and_asyncio,
}


def main() -> None:
    library, what, *arguments = sys.argv[1:]
    prepare, work = LIBRARIES[library](what, arguments)
    if prepare is not None:
        prepare()
    began, clock, used = time.time(), time.perf_counter(), time.process_time()
    work()
    print(json.dumps({"began": began, "seconds": time.perf_counter() - clock, "cpu": time.process_time() - used}))


if __name__ == "__main__":
    main()
