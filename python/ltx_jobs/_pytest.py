"""The pytest plugin, found by pytest where this package is installed: the fixture `ltx_emulator`, and nothing else.

Every run of pytest in such an environment imports this file, so it starts nothing, and imports `ltx_jobs.testing` only for a test that asks.
"""

from __future__ import annotations

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .testing import Emulator


@pytest.fixture(scope="session")
def _ltx_emulator_process() -> Iterator[Emulator]:
    from .testing import Emulator

    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def ltx_emulator(_ltx_emulator_process: Emulator) -> Emulator:
    """The service on loopback, an `ltx_jobs.testing.Emulator`: one process for the whole run, as if fresh for each test.

    ``ltx_emulator.client()`` is a client for it; ``ltx_emulator.reset({...})`` gives it a programme. Costs nothing and needs no network.
    """
    _ltx_emulator_process.reset({})
    return _ltx_emulator_process
