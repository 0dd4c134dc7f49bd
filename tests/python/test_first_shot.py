"""The notebook of the examples, run by a kernel as a reader would: a table of the job, a bar of its progress, pictures of its frames, a player for its video."""

from __future__ import annotations

import os
import shutil

import pytest
from conftest import PLATE, ROOT

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")

NOTEBOOK = ROOT / "examples" / "notebook" / "first_shot.ipynb"


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """What each cell of code shows, by its source."""
    folder = tmp_path_factory.mktemp("notebook")
    shutil.copy(PLATE, folder / "plate.mp4")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    # Without a key: the notebook starts an emulator of its own.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LTX_", "LTXV_")) or name == "LTX_JOBS_COMMAND"}
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute(env=environment)
    return {cell.source: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}


def of(outputs, words: str):
    """What the cell with these words in it shows."""
    return next(shown for source, shown in outputs.items() if words in source)


def html(shown) -> str:
    return "".join(output.data.get("text/html", "") for output in shown if output.output_type == "execute_result")


def text(shown) -> str:
    return "".join(output.text for output in shown if output.output_type == "stream")


def test_it_is_kept_without_outputs():
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        assert not cell.get("outputs") and cell.get("execution_count") is None


def test_the_job_is_shown_as_a_table(outputs):
    shown = html(of(outputs, "job.wait"))
    assert "<table" in shown and "completed" in shown and "video-to-video-hdr" in shown and "first shot" in shown


def test_waiting_and_downloading_show_a_bar(outputs):
    assert "waiting" in text(of(outputs, "job.wait"))
    bar = text(of(outputs, "done.download"))
    assert "downloading" in bar and "100%|" in bar and "24/24 frames" in bar


def test_the_frames_are_shown_as_pictures(outputs):
    shown = html(of(outputs, "done.frames()"))
    assert shown.count("<img") >= 2 and "data:image/png;base64," in shown


def test_the_saved_video_has_a_player(outputs):
    assert "<video" in html(of(outputs, "done.download"))


def test_nothing_shown_has_a_secret_in_it(outputs):
    everything = str(list(outputs.values()))
    assert "X-Goog-Signature" not in everything and "emulator-key" not in everything
