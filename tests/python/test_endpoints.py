"""Every endpoint: a method and a request class of the same shape, local checks, and warnings."""

from __future__ import annotations

import inspect
import pickle
import re
import types

import pytest
from conftest import MEDIA

import ltx_jobs
from ltx_jobs import _requests

PICTURE = b"\x89PNG\r\n\x1a\n a picture, as far as its first bytes tell"
SOUND = b"ID3\x04 a sound, as far as its first bytes tell"
CLASSES = [value for value in vars(ltx_jobs).values() if isinstance(value, type) and issubclass(value, ltx_jobs.Request) and value.endpoint]
OPTIONS = ["once", "label", "dest", "timeout", "max_cost", "on_unknown", "progress"]
# Long enough for every endpoint.
CLIP = MEDIA / "eighty-frames.mp4"

# Every parameter of every endpoint, the body that the service is to see (without its inputs), and the files that come of it.
EXAMPLES = [
    (
        "text_to_video",
        {
            "prompt": "A lighthouse at dusk",
            "model": "ltx-2-5-fast",
            "duration": 20,
            "resolution": "1920x1080",
            "fps": 25,
            "generate_audio": False,
            "camera_motion": "dolly_in",
        },
        ["video.mp4"],
    ),
    ("text_to_video", {"prompt": "Fog", "model": "ltx-2-5-pro", "duration": None, "resolution": "3840x2160"}, ["video.mp4"]),
    (
        "image_to_video",
        {
            "image_uri": PICTURE,
            "last_frame_uri": PICTURE,
            "prompt": "The fog lifts",
            "model": "ltx-2-3-pro",
            "duration": 6,
            "resolution": "1280x720",
            "fps": 48,
            "generate_audio": True,
            "camera_motion": "focus_shift",
        },
        ["video.mp4"],
    ),
    ("audio_to_video", {"audio_uri": SOUND, "prompt": "A singer"}, ["video.mp4"]),
    (
        "audio_to_video",
        {
            "audio_uri": SOUND,
            "image_uri": PICTURE,
            "last_frame_uri": PICTURE,
            "model": "ltx-2-5-pro",
            "resolution": "1080x1920",
            "fps": 50,
            "camera_motion": "static",
            "guidance_scale": 7.5,
        },
        ["video.mp4"],
    ),
    (
        "retake",
        {
            "video_uri": CLIP,
            "start_time": 0.0,
            "duration": 2.5,
            "prompt": "She smiles",
            "mode": "replace_video",
            "resolution": "1920x1080",
            "model": "ltx-2-3-pro",
        },
        ["video.mp4"],
    ),
    (
        "extend",
        {"video_uri": CLIP, "duration": 5.0, "prompt": "She walks on", "mode": "start", "model": "ltx-2-3-pro", "context": 3.0},
        ["video.mp4"],
    ),
    (
        "video_to_video_hdr",
        {"video_uri": CLIP, "output_colorspace": "aces2065-1"},
        ["frame_00001.exr", "frame_00002.exr", "frame_00003.exr", "video.mp4"],
    ),
    (
        "video_to_video_reframe",
        {"video_uri": CLIP, "resolution": "1080x1920", "placement": {"anchor": "top_left"}, "model": "ltx-2-3-pro"},
        ["video.mp4"],
    ),
    (
        "video_to_video_reframe",
        {"video_uri": CLIP, "resolution": "1080x1080", "placement": types.MappingProxyType({"x": 0.1, "y": 0.0, "height": 0.5})},
        ["video.mp4"],
    ),
    ("video_upscale", {"video_uri": CLIP, "resolution": "4k"}, ["video.mp4"]),
    ("video_alpha_gen", {"video_uri": CLIP}, ["cutout.mov", "matte.mp4"]),
]


def method_name(kind: type[ltx_jobs.Request]) -> str:
    return kind.endpoint.replace("-", "_")


def class_of(method: str) -> type[ltx_jobs.Request]:
    return next(kind for kind in CLASSES if method_name(kind) == method)


def seen(params: dict) -> dict:
    """What of them the service sees, its inputs left out, with mappings and whole numbers as JSON has them."""
    return {name: dict(value) if name == "placement" else value for name, value in params.items() if not name.endswith("_uri")}


def test_there_are_nine_and_each_is_a_method_and_a_class():
    assert len(CLASSES) == 9
    assert {method for method, _, _ in EXAMPLES} == {method_name(kind) for kind in CLASSES}
    assert all(callable(getattr(ltx_jobs.Client, method_name(kind))) for kind in CLASSES)


@pytest.mark.parametrize(("method", "params", "files"), EXAMPLES, ids=lambda value: value if isinstance(value, str) else "")
def test_it_is_submitted_waited_for_and_saved(method, params, files, emulator, client, tmp_path):
    job = getattr(client, method)(**params, label="sh010")
    assert (job.endpoint, job.label, job.snapshot().warnings) == (class_of(method).endpoint, "sh010", ())
    body = emulator.jobs()[-1]["body"]
    assert {name: value for name, value in body.items() if not name.endswith("_uri")} == seen(params)
    assert all(body[name].startswith("ltx://uploads/") for name in params if name.endswith("_uri"))
    assert sorted(path.name for path in job.save(tmp_path, timeout=30).paths) == files


@pytest.mark.parametrize(("method", "params", "files"), EXAMPLES, ids=lambda value: value if isinstance(value, str) else "")
def test_its_request_is_a_value(method, params, files, emulator, client):
    values = {name: dict(value) if name == "placement" else value for name, value in params.items()}
    request = class_of(method)(**values, extra={"seed": 7})
    again = pickle.loads(pickle.dumps(request))
    assert again == request and hash(again) == hash(request) and request != class_of(method)(**values)
    assert request.params() == {**values, "seed": 7}
    with pytest.raises(AttributeError):
        request.extra = None
    job = client.submit(request)
    assert emulator.jobs()[-1]["body"]["seed"] == 7
    (warning,) = job.snapshot().warnings
    assert '"seed"' in warning


@pytest.mark.parametrize("kind", CLASSES)
def test_method_and_class_agree_and_document_every_parameter(kind):
    def documented(doc: str) -> dict[str, str]:
        args = re.search(r"^( *)Args:\n(.*?)(\n\n|\Z)", inspect.cleandoc(doc), re.M | re.S)
        entries = re.findall(r"^    (\w+): (.*?)(?=^    \w+: |\Z)", args[2] + "\n", re.M | re.S)
        return {name: " ".join(text.split()) for name, text in entries}

    method = inspect.signature(getattr(ltx_jobs.Client, method_name(kind)))
    made = inspect.signature(kind)
    takes = {name: parameter for name, parameter in method.parameters.items() if name != "self"}
    assert {parameter.kind for parameter in takes.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert list(takes) == [*made.parameters, *OPTIONS]
    for name, parameter in made.parameters.items():
        assert (takes[name].annotation, takes[name].default) == (parameter.annotation, parameter.default), name
    submit = inspect.signature(ltx_jobs.Client.submit).parameters
    assert all((takes[name].annotation, takes[name].default) == (submit[name].annotation, submit[name].default) for name in OPTIONS)

    of_class, of_method = documented(kind.__doc__), documented(getattr(ltx_jobs.Client, method_name(kind)).__doc__)
    assert list(of_class) == list(made.parameters) and list(of_method) == list(takes)
    assert {name: of_method[name] for name in of_class} == of_class
    for text in (kind.__doc__, getattr(ltx_jobs.Client, method_name(kind)).__doc__):
        assert "Billed per second" in text and f"``{kind.endpoint}``" in text


def test_what_is_not_given_is_not_sent_and_an_automatic_duration_is_sent_as_null(emulator, client, plate):
    client.retake(video_uri=plate, start_time=0, duration=2)
    assert set(emulator.jobs()[-1]["body"]) == {"video_uri", "start_time", "duration"}
    client.text_to_video(prompt="Fog", model="ltx-2-5-pro", duration=None, resolution="1280x720")
    assert emulator.jobs()[-1]["body"] == {"prompt": "Fog", "model": "ltx-2-5-pro", "duration": None, "resolution": "1280x720"}


def test_the_same_length_as_float_or_int_is_the_same_request_under_a_key(emulator, client):
    address = client.upload(PICTURE + b"x" * 10)  # any upload serves: the clip is not looked at before the POST
    emulator.push_fault("submit", "read_and_close", times=2)
    for duration in (5, 5.0):
        with pytest.raises(ltx_jobs.SubmitUnknown):
            client.extend(video_uri=address, duration=duration, once="sh010")
    assert emulator.count("POST", "/v2/extend") == 1


def test_extra_parameters_replace_named_ones(emulator, client):
    job = client.text_to_video(prompt="Fog", model="ltx-2-5-pro", duration=6, resolution="1280x720", extra={"resolution": "1920x1080"})
    assert emulator.jobs()[-1]["body"]["resolution"] == "1920x1080" and job.snapshot().warnings == ()


@pytest.mark.parametrize("kind", CLASSES)
def test_a_renamed_path_is_posted_to_and_polled_with_all_that_is_known_of_the_endpoint(kind, emulator, client):
    params = next(params for method, params, _ in EXAMPLES if method == method_name(kind))
    emulator.push_fault("submit", "status", times=2, status=202, json={"id": "of-2027", "created_at": "2027-01-01T00:00:00.000Z"})
    for submit in (
        lambda **given: getattr(client, method_name(kind))(**params, **given),
        lambda **given: client.submit(kind(**params, **given)),
    ):
        job = submit(path="/v2/renamed", extra={"seed": 7})
        assert job.ref == "renamed/of-2027"
        (warning,) = job.snapshot().warnings
        assert '"seed" is not among the documented fields (' in warning
        with pytest.raises(ltx_jobs.InvalidRequest, match="path"):
            submit(path="/v1/../renamed")
    assert emulator.count("POST", "/v2/renamed") == 2 and emulator.count("POST", "/v2/*") == 2
    # The emulator has no such endpoint; what counts is where it was asked.
    with pytest.raises(LookupError):
        job.poll()
    assert emulator.count("GET", "/v2/renamed/of-2027") > 0
    again = kind(**params, path="/v2/renamed")
    assert again != kind(**params) and "path='/v2/renamed'" in repr(again) and "path" not in again.params()


FULL = {"prompt": "Fog", "model": "ltx-2-5-pro", "duration": 6, "resolution": "1280x720"}
REFUSED = [
    ("text_to_video", {**FULL, "prompt": ""}, "prompt is empty"),
    ("text_to_video", {**FULL, "prompt": "x" * 5001}, "5001 characters"),
    ("text_to_video", {**FULL, "prompt": 5}, "prompt = 5: must be"),
    ("text_to_video", {**FULL, "duration": 0}, "duration = 0: must be at least 1"),
    ("text_to_video", {**FULL, "duration": "6"}, "duration"),
    ("image_to_video", {**FULL, "image_uri": "ltx://uploads/x", "last_frame_uri": "ltx://uploads/y", "duration": None}, "last_frame_uri"),
    ("image_to_video", {**FULL, "image_uri": "first.png"}, "path"),
    ("audio_to_video", {"audio_uri": "ltx://uploads/x"}, "image_uri"),
    ("audio_to_video", {"audio_uri": "ltx://uploads/x", "prompt": "x", "last_frame_uri": "ltx://uploads/y"}, "image_uri"),
    ("retake", {"video_uri": "ltx://uploads/x", "start_time": -0.5, "duration": 2}, "start_time = -0.5: must be at least 0"),
    ("retake", {"video_uri": "ltx://uploads/x", "start_time": 0, "duration": 1.5}, "duration = 1.5: must be at least 2"),
    ("extend", {"video_uri": "ltx://uploads/x", "duration": 1}, "duration = 1: must be at least 2"),
    ("video_to_video_hdr", {"video_uri": None}, "video_uri is missing"),
    ("video_to_video_reframe", {"video_uri": "ltx://uploads/x", "resolution": "720x720", "placement": {"x": 0.1}}, "placement.y is missing"),
    ("video_upscale", {"video_uri": "ltx://uploads/x", "resolution": 4}, "resolution = 4: must be"),
    ("video_alpha_gen", {"video_uri": "http://example.com/x.mp4"}, "https"),
]


@pytest.mark.parametrize(("method", "params", "words"), REFUSED, ids=[f"{method}-{words}" for method, _, words in REFUSED])
def test_what_can_never_be_right_reaches_no_network(method, params, words, emulator, client):
    for submit in (lambda: getattr(client, method)(**params), lambda: client.submit(class_of(method)(**params))):
        with pytest.raises(ltx_jobs.InvalidRequest, match=re.escape(words)) as caught:
            submit()
        assert caught.value.billing == "no_job" and not caught.value.retryable
    assert emulator.requests() == []


def test_raw_parameters_are_checked_by_the_same_rules(emulator, client):
    with pytest.raises(ltx_jobs.InvalidRequest, match="duration is missing"):
        client.submit("text-to-video", {"prompt": "Fog", "model": "ltx-2-5-pro", "resolution": "1280x720"})
    assert emulator.requests() == []


ADDRESS = "ltx://uploads/x"
UNDOCUMENTED = [
    ("text_to_video", {**FULL, "model": "ltx-3-pro"}, "ltx-3-pro"),
    ("text_to_video", {**FULL, "duration": 7}, "duration = 7"),
    ("text_to_video", {**FULL, "extra": {"enhance_promt": True}}, "enhance_promt"),
    ("image_to_video", {**FULL, "image_uri": ADDRESS, "fps": 60}, "fps = 60"),
    ("extend", {"video_uri": ADDRESS, "duration": 19, "context": 19}, "505"),
    ("video_to_video_hdr", {"video_uri": ADDRESS, "output_colorspace": "acescg2"}, "acescg2"),
    ("video_to_video_reframe", {"video_uri": ADDRESS, "resolution": "720x720", "placement": {"anchor": "middle"}}, "middle"),
    ("video_upscale", {"video_uri": ADDRESS, "resolution": "16k"}, "16k"),
]


@pytest.mark.parametrize(("method", "params", "words"), UNDOCUMENTED, ids=[f"{method}-{words}" for method, _, words in UNDOCUMENTED])
def test_what_is_not_documented_is_submitted_with_a_warning_on_the_job(method, params, words, emulator, client):
    # A service of next year, which takes it.
    emulator.push_fault("submit", "status", status=202, json={"id": "of-2027", "created_at": "2027-01-01T00:00:00.000Z"})
    job = getattr(client, method)(**params)
    assert job.id == "of-2027"
    (warning,) = job.snapshot().warnings
    assert words in warning
    assert emulator.count("POST", "/v2/*") == 1


def test_a_missing_parameter_is_an_error_of_the_call(client):
    with pytest.raises(TypeError, match="duration"):
        client.text_to_video(prompt="Fog", model="ltx-2-5-pro", resolution="1280x720")
    with pytest.raises(TypeError, match="duration"):
        ltx_jobs.TextToVideo("Fog", "ltx-2-5-pro", resolution="1280x720")


def test_a_requests_repr_shows_no_prompt_and_no_credential():
    request = ltx_jobs.ImageToVideo("https://x.example/a.png?token=secret", "my own story", "ltx-2-5-pro", 6, "1280x720", last_frame_uri=b"12345")
    shown = repr(request)
    assert "secret" not in shown and "story" not in shown and "<5 bytes>" in shown and "https://x.example/a.png" in shown


def test_whole_numbers_are_written_without_a_fraction():
    assert [_requests._plain(value) for value in (2.0, 2.5, True, "2.0", 1e300)] == [2, 2.5, True, "2.0", 1e300]
    assert isinstance(_requests._plain(2.0), int) and _requests._plain(True) is True
