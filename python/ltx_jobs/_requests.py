"""Requests: one class per endpoint, with the service's own names.

What a class knows of its endpoint is its signature; everything else is one mechanism in `Request`. Values are checked by the core, for the named
parameters and for `extra` alike, before any network. The documentation of a class and of the client's method of the same name is kept the same by a test.
"""

from __future__ import annotations

from collections.abc import Mapping

from ._models import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike
    from typing import IO, Any, Literal, Union

    # A str is an address, never a path: no local name is sent to the service by mistake.
    MediaInput = Union[str, PathLike[str], bytes, bytearray, memoryview, IO[bytes]]

    # The words are what is documented, never what is allowed: others are passed on, with a warning on the job.
    Model = Union[Literal["ltx-2-5-fast", "ltx-2-5-pro", "ltx-2-3-fast", "ltx-2-3-pro"], str]
    AudioModel = Union[Literal["ltx-2-3-pro", "ltx-2-5-fast", "ltx-2-5-pro"], str]
    EditModel = Union[Literal["ltx-2-3-pro"], str]
    Resolution = Union[
        Literal["1280x720", "720x1280", "1920x1080", "1080x1920", "2560x1440", "1440x2560", "3840x2160", "2160x3840"],
        str,
    ]
    RetakeResolution = Union[Literal["1920x1080", "1080x1920"], str]
    ReframeResolution = Union[
        Literal["720x720", "1080x1080", "720x900", "1080x1350", "900x720", "1350x1080", "720x1280", "1080x1920", "1280x720", "1920x1080"],
        str,
    ]
    UpscaleResolution = Union[Literal["1080p", "4k", "8k"], str]
    CameraMotion = Union[
        Literal["dolly_in", "dolly_out", "dolly_left", "dolly_right", "jib_up", "jib_down", "static", "focus_shift"],
        str,
    ]
    RetakeMode = Union[Literal["replace_audio", "replace_video", "replace_audio_and_video"], str]
    ExtendMode = Union[Literal["end", "start"], str]
    Colorspace = Union[Literal["acescg", "acescct", "srgb_linear", "aces2065-1"], str]
    Placement = Mapping[str, Union[str, float]]


class Request(Value):
    """Base of the requests for `Client.submit`. ``None`` leaves a parameter to the service, unless its documentation says otherwise."""

    __slots__: tuple[str, ...] = ()

    endpoint: str = ""
    """The endpoint's name."""

    # Parameters whose None is a value of its own, sent as null.
    _said_when_none: tuple[str, ...] = ()

    extra: Mapping[str, object] | None
    """Further parameters by the service's names."""
    path: str | None
    """The path it is sent to instead of the endpoint's own."""

    # What is no parameter of the service.
    _beside = ("extra", "path")

    def params(self) -> dict[str, object]:
        """The parameters by the service's names, as they are submitted; inputs as they were given."""
        params: dict[str, object] = {}
        for name in self.__slots__:
            value = getattr(self, name)
            if name not in self._beside and (value is not None or name in self._said_when_none):
                params[name] = _plain(value)
        params.update(self.extra or {})
        return params

    def __hash__(self) -> int:
        # By what always has a hash: a mapping or an open file among the values has none that fits.
        return hash((type(self), tuple(value for value in self._content() if isinstance(value, (str, int, float)))))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={shown}' for name, shown in self._fields())})"

    def _fields(self) -> list[tuple[str, str]]:
        return [(name, _shown(name, getattr(self, name))) for name in self.__slots__ if getattr(self, name) is not None]

    def __reduce__(self) -> tuple[Any, ...]:
        return _request_again, (type(self), dict(zip(self.__slots__, self._content())))


def _request_again(kind: type[Request], values: dict[str, Any]) -> Request:
    """A request from its pickle."""
    return kind(**values)


def _plain(value: object) -> object:
    """Whole numbers without a fraction, so that a request has the same body, and is the same under a ``once`` key, in every language."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return int(value)
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return value


def _shown(name: str, value: object) -> str:
    """A parameter in a repr: an address may carry credentials in its query, bytes are long, and a prompt is the user's own business."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{len(value)} bytes>"  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, str) and name.endswith("_uri"):
        return repr(value.split("?")[0][:80])
    if isinstance(value, str) and name == "prompt":
        return f"<{len(value)} characters>"
    if isinstance(value, Mapping) and name == "extra":
        return f"<{', '.join(map(str, value))}>"  # pyright: ignore[reportUnknownArgumentType]
    return repr(value)  # pyright: ignore[reportUnknownArgumentType]


class TextToVideo(Request):
    """A request for a video from a description (``text-to-video``), for `Client.submit`.

    Result: ``video_url``, an MP4. Billed per second of the output, by model and size (vendor's price list: USD 0.03 at 720p with ``ltx-2-3-fast`` to 0.39
    at 4K with ``ltx-2-5-pro``); failed jobs are not billed.

    Args:
        prompt: What is to be seen and heard, 1 to 5000 characters.
        model: ``"ltx-2-5-fast"``, ``"ltx-2-5-pro"``, ``"ltx-2-3-fast"`` or ``"ltx-2-3-pro"``.
        duration: Length in seconds: 6, 8 or 10; with the fast models at 720p and 1080p with 24 or 25 frames per second also 12 to 20 in even numbers. The
            service has been seen to take 2 to 5 as well. ``None`` lets the service choose (and is sent as ``null``); documented for the ``ltx-2-5`` models
            only.
        resolution: ``"1280x720"``, ``"1920x1080"``, ``"2560x1440"`` or ``"3840x2160"``, or one of these turned to portrait.
        fps: Frames per second: 24 (the service's default), 25, 48 or 50.
        generate_audio: Whether the video gets a sound track; the service's default is true.
        camera_motion: How the camera moves: ``"dolly_in"``, ``"dolly_out"``, ``"dolly_left"``, ``"dolly_right"``, ``"jib_up"``, ``"jib_down"``,
            ``"static"`` or ``"focus_shift"``; by default as the model sees fit. The vendor's own application offers it for the pro models only.
        extra: Further parameters by the service's names, passed on as they are; they replace those given above.
        path: Sent to and polled at this path, such as ``"/v2/new-name"``, instead of the endpoint's own: for the day the service renames one.
    """

    __slots__ = ("prompt", "model", "duration", "resolution", "fps", "generate_audio", "camera_motion", "extra", "path")

    endpoint = "text-to-video"
    _said_when_none = ("duration",)

    prompt: str
    model: Model
    duration: int | None
    resolution: Resolution
    fps: int | None
    generate_audio: bool | None
    camera_motion: CameraMotion | None
    extra: Mapping[str, object] | None
    path: str | None

    def __init__(
        self,
        prompt: str,
        model: Model,
        duration: int | None,
        resolution: Resolution,
        *,
        fps: int | None = None,
        generate_audio: bool | None = None,
        camera_motion: CameraMotion | None = None,
        extra: Mapping[str, object] | None = None,
        path: str | None = None,
    ) -> None:
        self._set(
            prompt=prompt,
            model=model,
            duration=duration,
            resolution=resolution,
            fps=fps,
            generate_audio=generate_audio,
            camera_motion=camera_motion,
            extra=extra,
            path=path,
        )


class ImageToVideo(Request):
    """A request for a video that begins with a picture (``image-to-video``), for `Client.submit`.

    Result: ``video_url``, an MP4. Billed per second of the output, by model and size (vendor's price list: USD 0.03 at 720p with ``ltx-2-3-fast`` to 0.39
    at 4K with ``ltx-2-5-pro``); failed jobs are not billed.

    Args:
        image_uri: A ``Path``, an open binary file or bytes are uploaded first (PNG, JPEG or WEBP, at most 15 MB). A ``str`` is an address: ``https://``
            (fetched by the service), ``data:`` or ``ltx://`` (from `Client.upload`).
        prompt: What is to be seen and heard, 1 to 5000 characters.
        model: ``"ltx-2-5-fast"``, ``"ltx-2-5-pro"``, ``"ltx-2-3-fast"`` or ``"ltx-2-3-pro"``.
        duration: Length in seconds: 6, 8 or 10; with the fast models at 720p and 1080p with 24 or 25 frames per second also 12 to 20 in even numbers. The
            service has been seen to take 2 to 5 as well. ``None`` lets the service choose (and is sent as ``null``); documented for the ``ltx-2-5`` models
            only.
        resolution: ``"1280x720"``, ``"1920x1080"``, ``"2560x1440"`` or ``"3840x2160"``, or one of these turned to portrait.
        last_frame_uri: The picture the video ends with, given like `image_uri`; by default the model finds an end. Refused together with an automatic
            `duration`.
        fps: Frames per second: 24 (the service's default), 25, 48 or 50.
        generate_audio: Whether the video gets a sound track; the service's default is true.
        camera_motion: How the camera moves: ``"dolly_in"``, ``"dolly_out"``, ``"dolly_left"``, ``"dolly_right"``, ``"jib_up"``, ``"jib_down"``,
            ``"static"`` or ``"focus_shift"``; by default as the model sees fit. The vendor's own application offers it for the pro models only.
        extra: Further parameters by the service's names, passed on as they are; they replace those given above.
        path: Sent to and polled at this path, such as ``"/v2/new-name"``, instead of the endpoint's own: for the day the service renames one.
    """

    __slots__ = ("image_uri", "prompt", "model", "duration", "resolution", "last_frame_uri", "fps", "generate_audio", "camera_motion", "extra", "path")

    endpoint = "image-to-video"
    _said_when_none = ("duration",)

    image_uri: MediaInput
    prompt: str
    model: Model
    duration: int | None
    resolution: Resolution
    last_frame_uri: MediaInput | None
    fps: int | None
    generate_audio: bool | None
    camera_motion: CameraMotion | None
    extra: Mapping[str, object] | None
    path: str | None

    def __init__(
        self,
        image_uri: MediaInput,
        prompt: str,
        model: Model,
        duration: int | None,
        resolution: Resolution,
        *,
        last_frame_uri: MediaInput | None = None,
        fps: int | None = None,
        generate_audio: bool | None = None,
        camera_motion: CameraMotion | None = None,
        extra: Mapping[str, object] | None = None,
        path: str | None = None,
    ) -> None:
        self._set(
            image_uri=image_uri,
            prompt=prompt,
            model=model,
            duration=duration,
            resolution=resolution,
            last_frame_uri=last_frame_uri,
            fps=fps,
            generate_audio=generate_audio,
            camera_motion=camera_motion,
            extra=extra,
            path=path,
        )


class AudioToVideo(Request):
    """A request for a video to a sound track (``audio-to-video``), for `Client.submit`.

    Needs a `prompt` or an `image_uri` as well. Result: ``video_url``, an MP4 as long as the audio. Billed per second of the input audio (vendor's price
    list: USD 0.10 at 1080p with ``ltx-2-3-pro``; a partner's for the ``ltx-2-5`` models: 0.13 at 1080p for fast, 0.17 for pro); failed jobs are not
    billed.

    Args:
        audio_uri: A ``Path``, an open binary file or bytes are uploaded first (MP3, M4A with AAC-LC, OGG with Opus or Vorbis, or WAV with such content, at
            most 200 MB; plain PCM and HE-AAC are refused by the service). A ``str`` is an address: ``https://`` (fetched by the service), ``data:`` or
            ``ltx://`` (from `Client.upload`). At least 2 s; at most 20 s with ``ltx-2-5-fast`` and ``ltx-2-3-pro`` at 720p and 1080p, otherwise 10 s.
        image_uri: The picture the video begins with (PNG, JPEG or WEBP, at most 15 MB), given like `audio_uri`; none by default.
        last_frame_uri: The picture the video ends with, given like `audio_uri`; none by default. Only together with `image_uri`.
        prompt: What is to be seen, at most 5000 characters. May be left out, or be empty, only beside a picture.
        model: ``"ltx-2-3-pro"`` (the service's default), ``"ltx-2-5-fast"`` or ``"ltx-2-5-pro"``.
        resolution: ``"1280x720"``, ``"1920x1080"``, ``"2560x1440"`` or ``"3840x2160"``, or one of these turned to portrait. The service's default is
            ``"1920x1080"``, or ``"1080x1920"`` for a picture in portrait.
        fps: Frames per second: 24 (the service's default), 25, 48 or 50.
        camera_motion: How the camera moves: ``"dolly_in"``, ``"dolly_out"``, ``"dolly_left"``, ``"dolly_right"``, ``"jib_up"``, ``"jib_down"``,
            ``"static"`` or ``"focus_shift"``; by default as the model sees fit.
        guidance_scale: How closely the video follows the prompt; the service's default is 5, or 9 with a picture. Documented in July 2026 only.
        extra: Further parameters by the service's names, passed on as they are; they replace those given above.
        path: Sent to and polled at this path, such as ``"/v2/new-name"``, instead of the endpoint's own: for the day the service renames one.
    """

    __slots__ = ("audio_uri", "image_uri", "last_frame_uri", "prompt", "model", "resolution", "fps", "camera_motion", "guidance_scale", "extra", "path")

    endpoint = "audio-to-video"

    audio_uri: MediaInput
    image_uri: MediaInput | None
    last_frame_uri: MediaInput | None
    prompt: str | None
    model: AudioModel | None
    resolution: Resolution | None
    fps: int | None
    camera_motion: CameraMotion | None
    guidance_scale: float | None
    extra: Mapping[str, object] | None
    path: str | None

    def __init__(
        self,
        audio_uri: MediaInput,
        *,
        image_uri: MediaInput | None = None,
        last_frame_uri: MediaInput | None = None,
        prompt: str | None = None,
        model: AudioModel | None = None,
        resolution: Resolution | None = None,
        fps: int | None = None,
        camera_motion: CameraMotion | None = None,
        guidance_scale: float | None = None,
        extra: Mapping[str, object] | None = None,
        path: str | None = None,
    ) -> None:
        self._set(
            audio_uri=audio_uri,
            image_uri=image_uri,
            last_frame_uri=last_frame_uri,
            prompt=prompt,
            model=model,
            resolution=resolution,
            fps=fps,
            camera_motion=camera_motion,
            guidance_scale=guidance_scale,
            extra=extra,
            path=path,
        )


class Retake(Request):
    """A request for a part of a clip made anew (``retake``), for `Client.submit`.

    Result: ``video_url``, an MP4 of the whole clip. Billed per second of the **whole** input, not of the part (vendor's price list: USD 0.10); failed jobs
    are not billed.

    Args:
        video_uri: A ``Path``, an open binary file or bytes are uploaded first (MP4, MOV or MKV with H.264 or H.265, at least 73 frames, at most 3840x2160
            and 200 MB). A ``str`` is an address: ``https://`` (fetched by the service), ``data:`` or ``ltx://`` (from `Client.upload`).
        start_time: Where the part begins, in seconds from the start of the clip; 0 or more.
        duration: Length of the part in seconds, at least 2. The service clamps the part to the clip.
        prompt: What happens in this part, 1 to 5000 characters; by default the model decides.
        mode: What is made anew: ``"replace_audio"``, ``"replace_video"`` or ``"replace_audio_and_video"`` (the service's default).
        resolution: ``"1920x1080"`` or ``"1080x1920"``; the service's default follows the clip's orientation.
        model: The service's default, and the only one documented, is ``"ltx-2-3-pro"``.
        extra: Further parameters by the service's names, passed on as they are; they replace those given above.
        path: Sent to and polled at this path, such as ``"/v2/new-name"``, instead of the endpoint's own: for the day the service renames one.
    """

    __slots__ = ("video_uri", "start_time", "duration", "prompt", "mode", "resolution", "model", "extra", "path")

    endpoint = "retake"

    video_uri: MediaInput
    start_time: float
    duration: float
    prompt: str | None
    mode: RetakeMode | None
    resolution: RetakeResolution | None
    model: EditModel | None
    extra: Mapping[str, object] | None
    path: str | None

    def __init__(
        self,
        video_uri: MediaInput,
        start_time: float,
        duration: float,
        *,
        prompt: str | None = None,
        mode: RetakeMode | None = None,
        resolution: RetakeResolution | None = None,
        model: EditModel | None = None,
        extra: Mapping[str, object] | None = None,
        path: str | None = None,
    ) -> None:
        self._set(
            video_uri=video_uri,
            start_time=start_time,
            duration=duration,
            prompt=prompt,
            mode=mode,
            resolution=resolution,
            model=model,
            extra=extra,
            path=path,
        )


class Extend(Request):
    """A request for a clip that goes on, or begins earlier (``extend``), for `Client.submit`.

    Result: ``video_url``, an MP4 of the clip's size. Billed per second of extension **and context** together, at most 505 frames (vendor's price list: USD
    0.10); failed jobs are not billed.

    Args:
        video_uri: A ``Path``, an open binary file or bytes are uploaded first (MP4, MOV or MKV with H.264 or H.265, 16:9 or 9:16, at least 73 frames, at
            most 3840x2160 and 100 MB). A ``str`` is an address: ``https://`` (fetched by the service), ``data:`` or ``ltx://`` (from `Client.upload`).
        duration: Length of the extension in seconds, 2 to 20.
        prompt: What happens in the new part, 1 to 5000 characters; by default the model decides.
        mode: ``"end"`` (the service's default) goes on after the clip, ``"start"`` begins before it.
        model: The service's default, and the only one documented, is ``"ltx-2-3-pro"``.
        context: How many seconds of the clip the model looks at, 1 to 20; they are billed too. Together with `duration` at most 505 frames, some 21 s at
            24 frames per second. The service's default is as much as fits.
        extra: Further parameters by the service's names, passed on as they are; they replace those given above.
        path: Sent to and polled at this path, such as ``"/v2/new-name"``, instead of the endpoint's own: for the day the service renames one.
    """

    __slots__ = ("video_uri", "duration", "prompt", "mode", "model", "context", "extra", "path")

    endpoint = "extend"

    video_uri: MediaInput
    duration: float
    prompt: str | None
    mode: ExtendMode | None
    model: EditModel | None
    context: float | None
    extra: Mapping[str, object] | None
    path: str | None

    def __init__(
        self,
        video_uri: MediaInput,
        duration: float,
        *,
        prompt: str | None = None,
        mode: ExtendMode | None = None,
        model: EditModel | None = None,
        context: float | None = None,
        extra: Mapping[str, object] | None = None,
        path: str | None = None,
    ) -> None:
        self._set(video_uri=video_uri, duration=duration, prompt=prompt, mode=mode, model=model, context=context, extra=extra, path=path)


class VideoToVideoHdr(Request):
    """A request for a clip in HDR (``video-to-video-hdr``), for `Client.submit`.

    Results: ``exr_frames_url``, a ZIP of half-float OpenEXR frames, and, where the service offers it, ``video_url``, an HLG video. Billed per second of
    the input, by its pixel count (vendor's price list: USD 0.20 at 1080p, 0.40 at 1440p, 0.80 at 4K); failed jobs are not billed.

    Args:
        video_uri: A ``Path``, an open binary file or bytes are uploaded first (MP4, MOV or MKV with H.264 or H.265, at most 3840x2160 and 200 MB). A
            ``str`` is an address: ``https://`` (fetched by the service), ``data:`` or ``ltx://`` (from `Client.upload`).
        output_colorspace: Colour space of the frames: ``"acescg"`` (the service's default), ``"acescct"``, ``"srgb_linear"``, ``"aces2065-1"``, or what
            the service may add. Does not affect the video.
        extra: Further parameters by the service's names, passed on as they are; they replace those given above.
        path: Sent to and polled at this path, such as ``"/v2/new-name"``, instead of the endpoint's own: for the day the service renames one.
    """

    __slots__ = ("video_uri", "output_colorspace", "extra", "path")

    endpoint = "video-to-video-hdr"

    video_uri: MediaInput
    output_colorspace: Colorspace | None
    extra: Mapping[str, object] | None
    path: str | None

    def __init__(
        self,
        video_uri: MediaInput,
        *,
        output_colorspace: Colorspace | None = None,
        extra: Mapping[str, object] | None = None,
        path: str | None = None,
    ) -> None:
        self._set(video_uri=video_uri, output_colorspace=output_colorspace, extra=extra, path=path)


class VideoToVideoReframe(Request):
    """A request for a clip in another shape (``video-to-video-reframe``), for `Client.submit`.

    What is missing around it is made. Result: ``video_url``, an MP4. Billed per second of the input, by the size of the output (vendor's price list: USD
    0.10 at 720p, 0.20 at 1080p); failed jobs are not billed.

    Args:
        video_uri: A ``Path``, an open binary file or bytes are uploaded first (MP4, MOV or MKV with H.264 or H.265, at most 60 s, 1800 frames and 200 MB,
            sides from 64 to 4096). A ``str`` is an address: ``https://`` (fetched by the service), ``data:`` or ``ltx://`` (from `Client.upload`).
        resolution: ``"720x720"``, ``"1080x1080"``, ``"720x900"``, ``"1080x1350"``, ``"900x720"``, ``"1350x1080"``, ``"720x1280"``, ``"1080x1920"``,
            ``"1280x720"`` or ``"1920x1080"``.
        placement: Where the clip stands in the new frame; the service's default is the middle, in the largest size that fits. Either ``{"anchor": "top"}``
            (``center``, ``top``, ``bottom``, ``left``, ``right``, ``top_left``, ``top_right``, ``bottom_left``, ``bottom_right``), or ``{"x": 0.1, "y":
            0.25, "width": 0.8}`` with ``width``, ``height`` or both: fractions of the new frame's width and height, from 0 to below 1 for the left and
            upper edge. Known from partners of the vendor.
        model: ``"ltx-2-3-pro"``. Required by the service in July 2026, ignored since September.
        extra: Further parameters by the service's names, passed on as they are; they replace those given above.
        path: Sent to and polled at this path, such as ``"/v2/new-name"``, instead of the endpoint's own: for the day the service renames one.
    """

    __slots__ = ("video_uri", "resolution", "placement", "model", "extra", "path")

    endpoint = "video-to-video-reframe"

    video_uri: MediaInput
    resolution: ReframeResolution
    placement: Placement | None
    model: EditModel | None
    extra: Mapping[str, object] | None
    path: str | None

    def __init__(
        self,
        video_uri: MediaInput,
        resolution: ReframeResolution,
        *,
        placement: Placement | None = None,
        model: EditModel | None = None,
        extra: Mapping[str, object] | None = None,
        path: str | None = None,
    ) -> None:
        self._set(video_uri=video_uri, resolution=resolution, placement=placement, model=model, extra=extra, path=path)


class VideoUpscale(Request):
    """A request for a clip in a higher resolution (``video-upscale``), for `Client.submit`.

    Result: ``video_url``, an MP4 with the clip's sound and shape. Billed per second of the input, by the size of the output (a partner's price list: USD
    0.08 at 1080p, 0.30 at 4K, 1.20 at 8K); failed jobs are not billed. The endpoint's path is inferred from the name at partners of the vendor.

    Args:
        video_uri: A ``Path``, an open binary file or bytes are uploaded first (MP4, MOV or MKV with H.264 or H.265, at least 2 frames, the shorter side at
            least 480, at most 7680x4320 and 200 MB). A ``str`` is an address: ``https://`` (fetched by the service), ``data:`` or ``ltx://`` (from
            `Client.upload`). At most 2401 frames to 1080p, 601 to 4K, 241 to 8K.
        resolution: A label: ``"1080p"``, ``"4k"`` or ``"8k"``. The clip is fitted into 1920x1080, 3840x2160 or 7680x4320, turned for portrait.
        extra: Further parameters by the service's names, passed on as they are; they replace those given above.
        path: Sent to and polled at this path, such as ``"/v2/new-name"``, instead of the endpoint's own: for the day the service renames one.
    """

    __slots__ = ("video_uri", "resolution", "extra", "path")

    endpoint = "video-upscale"

    video_uri: MediaInput
    resolution: UpscaleResolution
    extra: Mapping[str, object] | None
    path: str | None

    def __init__(
        self,
        video_uri: MediaInput,
        resolution: UpscaleResolution,
        *,
        extra: Mapping[str, object] | None = None,
        path: str | None = None,
    ) -> None:
        self._set(video_uri=video_uri, resolution=resolution, extra=extra, path=path)


class VideoAlphaGen(Request):
    """A request for the foreground of a clip, cut out (``video-alpha-gen``), for `Client.submit`.

    Results: a ProRes 4444 MOV with straight alpha, and an MP4 with the matte (white is foreground); their labels are not documented, so go by
    `Completed.outputs`. Billed per second of the input, by its shorter side (a partner's price list: USD 0.10 at 1080p, 0.25 at 1440p, 1.00 at 4K); failed
    jobs are not billed. The endpoint's path is inferred from the name at partners of the vendor.

    Args:
        video_uri: A ``Path``, an open binary file or bytes are uploaded first (MP4, MOV or MKV with H.264 or H.265, sides at most 3840 and 2160, not wider
            than 32:9, at most 200 MB). A ``str`` is an address: ``https://`` (fetched by the service), ``data:`` or ``ltx://`` (from `Client.upload`).
        extra: Further parameters by the service's names, passed on as they are; they replace those given above.
        path: Sent to and polled at this path, such as ``"/v2/new-name"``, instead of the endpoint's own: for the day the service renames one.
    """

    __slots__ = ("video_uri", "extra", "path")

    endpoint = "video-alpha-gen"

    video_uri: MediaInput
    extra: Mapping[str, object] | None
    path: str | None

    def __init__(
        self,
        video_uri: MediaInput,
        *,
        extra: Mapping[str, object] | None = None,
        path: str | None = None,
    ) -> None:
        self._set(video_uri=video_uri, extra=extra, path=path)
