"""The recipes for more than one machine: their programs are those of `examples/python`, compile, and run where their engine is installed."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PLATE, ROOT, SUBMITS, until

import ltx_jobs

PAGES = ROOT / "docs" / "python" / "recipes"
PROGRAMS = ROOT / "examples" / "python"
RECIPES = {"dask": "dask_film.py", "celery": "celery_film.py", "ray": "ray_film.py", "airflow": "airflow_shot.py"}


def needs(*modules: str) -> None:
    for module in modules:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed: its recipe was not run")


def environment(emulator, tmp_path, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "LTXV_API_KEY": emulator.api_key,
        "LTX_BASE_URL": emulator.base_url,
        "LTX_POLL_INTERVAL": "20ms",
        "LTX_JOURNAL": str(tmp_path / "journal"),
        "PYTHONPATH": os.pathsep.join([str(Path(ltx_jobs.__file__).parent.parent), str(PROGRAMS)]),
        **more,
    }


def plates(tmp_path) -> Path:
    folder = tmp_path / "plates"
    folder.mkdir()
    for shot in ("sh010", "sh020", "sh030"):
        (folder / f"{shot}.mp4").write_bytes(PLATE.read_bytes())
    return folder


def run(environment, *arguments: str) -> str:
    ran = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.parametrize("page", RECIPES)
def test_a_page_shows_the_program_that_is_there(page):
    program = (PROGRAMS / RECIPES[page]).read_text(encoding="utf-8")
    compile(program, RECIPES[page], "exec")
    assert f'```python title="{RECIPES[page]}"\n{program}```\n' in (PAGES / f"{page}.md").read_text(encoding="utf-8")


def test_every_recipe_has_the_rule_and_a_place_among_the_others():
    index = (PAGES / "index.md").read_text(encoding="utf-8")
    for page in (*RECIPES, "farms"):
        assert f"({page}.md)" in index
    for page in ("celery", "ray", "airflow", "farms"):
        assert "\n## The rule\n" in (PAGES / f"{page}.md").read_text(encoding="utf-8")


def test_the_dask_program_brings_a_film_home_and_pays_once(emulator, tmp_path):
    needs("distributed")
    arguments = (str(PROGRAMS / "dask_film.py"), "local", str(plates(tmp_path)), str(tmp_path / "shots"))
    assert run(environment(emulator, tmp_path), *arguments).endswith("3 items, 3 saved, USD 0.60\n")
    assert len(list((tmp_path / "shots").rglob("*.exr"))) == 9
    assert run(environment(emulator, tmp_path), *arguments).endswith("3 items, 3 was saved, USD 0.60\n")
    assert emulator.count("POST", SUBMITS) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="Celery's workers do not run on Windows")
def test_the_celery_program_submits_and_a_real_worker_fetches(emulator, tmp_path):
    needs("celery")
    (tmp_path / "queue").mkdir()
    settings = tmp_path / "queue_of_files.py"
    # A broker of files: nothing else has to run.
    settings.write_text(
        f"broker_transport_options = {{'data_folder_in': {str(tmp_path / 'queue')!r}, 'data_folder_out': {str(tmp_path / 'queue')!r}, "
        f"'control_folder': {str(tmp_path / 'control')!r}, 'polling_interval': 0.1}}\n"
    )
    around = environment(emulator, tmp_path, CELERY_BROKER_URL="filesystem://", CELERY_RECIPE_TEST=str(settings))
    around["PYTHONPATH"] = os.pathsep.join([around["PYTHONPATH"], str(tmp_path)])
    (tmp_path / "sitecustomize.py").write_text(
        "import celery\n"
        "import queue_of_files\n"
        "made = celery.Celery.__init__\n"
        "def with_files(self, *arguments, **options):\n"
        "    made(self, *arguments, **options)\n"
        "    self.conf.broker_transport_options = queue_of_files.broker_transport_options\n"
        "celery.Celery.__init__ = with_files\n"
    )
    program = [str(PROGRAMS / "celery_film.py"), str(plates(tmp_path)), str(tmp_path / "shots")]
    with (tmp_path / "worker.log").open("w") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "--app", "celery_film", "worker", "--queues", "ltx-fetch", "--concurrency", "2", "--loglevel", "INFO",
             "--without-gossip", "--without-mingle", "--without-heartbeat"],
            env=around, cwd=tmp_path, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            for _ in range(2):
                assert "3 items, 3 completed" in run(around, *program)
            said = lambda: (tmp_path / "worker.log").read_text()  # noqa: E731
            until(lambda: said().count("succeeded") == 6 or worker.poll() is not None, "the worker's six tasks", limit=60)
            assert said().count("succeeded") == 6, said()
        finally:
            worker.terminate()
            worker.wait(30)
    assert emulator.count("POST", SUBMITS) == 3
    assert len(list((tmp_path / "shots").rglob("*.exr"))) == 9 and emulator.api_key not in said()


def test_the_ray_program_submits_and_remote_functions_fetch(emulator, tmp_path):
    needs("ray")
    told = run(environment(emulator, tmp_path), str(PROGRAMS / "ray_film.py"), str(plates(tmp_path)), str(tmp_path / "shots"))
    assert "3 items, 3 completed" in told and told.count("4 files") == 3
    assert len(list((tmp_path / "shots").rglob("*.exr"))) == 9 and emulator.count("POST", SUBMITS) == 3


def test_the_airflow_program_submits_waits_and_fetches(emulator, tmp_path):
    needs("airflow", "airflow.sdk")
    home = {"AIRFLOW_HOME": str(tmp_path / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "SHOT_JOURNAL": str(tmp_path / "journal")}
    around = environment(emulator, tmp_path, **home)
    (tmp_path / "airflow/dags").mkdir(parents=True)
    (tmp_path / "airflow/dags/airflow_shot.py").write_bytes((PROGRAMS / "airflow_shot.py").read_bytes())
    conf = json.dumps({"plate": str(PLATE), "shot": "sh010_v003", "dest": str(tmp_path / "shots")})
    run(around, "-m", "airflow", "db", "migrate")
    run(around, "-m", "airflow", "dags", "reserialize")
    for _ in range(2):
        run(around, "-m", "airflow", "dags", "test", "ltx_shot", "--conf", conf)
    assert len(list((tmp_path / "shots").rglob("*.exr"))) == 3 and emulator.count("POST", SUBMITS) == 1


@pytest.mark.parametrize("program", RECIPES.values())
def test_the_programs_are_checked(program, tmp_path):
    needs("mypy")
    # The engines have no annotations of their own, or may not be there.
    (tmp_path / "mypy.ini").write_text(
        "[mypy]\nstrict = True\ndisallow_subclassing_any = False\ndisallow_untyped_decorators = False\n"
        "[mypy-distributed.*,celery.*,ray.*,airflow.*]\nignore_missing_imports = True\nfollow_imports = skip\n"
    )
    around = {**os.environ, "MYPY_CACHE_DIR": os.devnull}
    if Path(ltx_jobs.__file__).parent.parent.name not in ("site-packages", "dist-packages"):
        around["MYPYPATH"] = str(Path(ltx_jobs.__file__).parent.parent)
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", str(PROGRAMS / program)], cwd=tmp_path, env=around, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
