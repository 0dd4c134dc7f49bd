"""The client's method for each endpoint. Each makes the request of its class and submits it: nothing is decided here."""

from __future__ import annotations

from . import _requests

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Generic, Literal, TypeVar

    from ._dest import DestArg
    from ._job import Timeout
    from ._money import Usd
    from ._progress import ProgressArg
    from ._requests import (
        AudioModel,
        CameraMotion,
        Colorspace,
        EditModel,
        ExtendMode,
        MediaInput,
        Model,
        Placement,
        ReframeResolution,
        Request,
        Resolution,
        RetakeMode,
        RetakeResolution,
        UpscaleResolution,
    )

    OnUnknown = Literal["stop", "accept_double_charge"]

    # What a submit gives: a job, or something to await for one.
    Submitted = TypeVar("Submitted", covariant=True)
else:
    from ._generic import Generic

    Submitted = None


class Endpoints(Generic[Submitted]):
    """What `Client` and `AsyncClient` inherit their endpoints from."""

    __slots__ = ()

    if TYPE_CHECKING:

        def submit(
            self,
            endpoint: Request,
            *,
            once: str | None = None,
            label: str | None = None,
            dest: DestArg | None = None,
            timeout: Timeout = None,
            max_cost: Usd | None = None,
            on_unknown: OnUnknown = "stop",
            progress: ProgressArg = None,
        ) -> Submitted:
            """Submits a request; see `Client.submit`."""
            ...

    def text_to_video(
        self,
        *,
        prompt: str,
        model: Model,
        duration: int | None,
        resolution: Resolution,
        fps: int | None = None,
        generate_audio: bool | None = None,
        camera_motion: CameraMotion | None = None,
        extra: Mapping[str, object] | None = None,
        path: str | None = None,
        once: str | None = None,
        label: str | None = None,
        dest: DestArg | None = None,
        timeout: Timeout = None,
        max_cost: Usd | None = None,
        on_unknown: OnUnknown = "stop",
        progress: ProgressArg = None,
    ) -> Submitted:
        """Submits a request for a video from a description (``text-to-video``). **Billed** if the job succeeds.

        Result: ``video_url``, an MP4. Billed per second of the output, by model and size (vendor's price list: USD 0.03 at 720p with ``ltx-2-3-fast`` to
        0.39 at 4K with ``ltx-2-5-pro``); failed jobs are not billed.

        Args:
            prompt: What is to be seen and heard, 1 to 5000 characters.
            model: ``"ltx-2-5-fast"``, ``"ltx-2-5-pro"``, ``"ltx-2-3-fast"`` or ``"ltx-2-3-pro"``.
            duration: Length in seconds: 6, 8 or 10; with the fast models at 720p and 1080p with 24 or 25 frames per second also 12 to 20 in even numbers.
                The service has been seen to take 2 to 5 as well. ``None`` lets the service choose (and is sent as ``null``); documented for the
                ``ltx-2-5`` models only.
            resolution: ``"1280x720"``, ``"1920x1080"``, ``"2560x1440"`` or ``"3840x2160"``, or one of these turned to portrait.
            fps: Frames per second: 24 (the service's default), 25, 48 or 50.
            generate_audio: Whether the video gets a sound track; the service's default is true.
            camera_motion: How the camera moves: ``"dolly_in"``, ``"dolly_out"``, ``"dolly_left"``, ``"dolly_right"``, ``"jib_up"``, ``"jib_down"``,
                ``"static"`` or ``"focus_shift"``; by default as the model sees fit. The vendor's own application offers it for the pro models only.
            extra: Further parameters by the service's names, passed on as they are; they replace those given above.
            path: Sent to and polled at this path, such as ``"/v2/new-name"``, instead of the endpoint's own: for the day the service renames one.
            once: As in `Client.submit`.
            label: As in `Client.submit`.
            dest: As in `Client.submit`.
            timeout: As in `Client.submit`.
            max_cost: As in `Client.submit`.
            on_unknown: As in `Client.submit`.
            progress: As in `Client.submit`.

        Raises:
            Error: What `Client.submit` raises.
        """
        request = _requests.TextToVideo(
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
        return self.submit(
            request, once=once, label=label, dest=dest, timeout=timeout, max_cost=max_cost, on_unknown=on_unknown, progress=progress
        )

    def image_to_video(
        self,
        *,
        image_uri: MediaInput,
        prompt: str,
        model: Model,
        duration: int | None,
        resolution: Resolution,
        last_frame_uri: MediaInput | None = None,
        fps: int | None = None,
        generate_audio: bool | None = None,
        camera_motion: CameraMotion | None = None,
        extra: Mapping[str, object] | None = None,
        path: str | None = None,
        once: str | None = None,
        label: str | None = None,
        dest: DestArg | None = None,
        timeout: Timeout = None,
        max_cost: Usd | None = None,
        on_unknown: OnUnknown = "stop",
        progress: ProgressArg = None,
    ) -> Submitted:
        """Submits a request for a video that begins with a picture (``image-to-video``). **Billed** if the job succeeds.

        Result: ``video_url``, an MP4. Billed per second of the output, by model and size (vendor's price list: USD 0.03 at 720p with ``ltx-2-3-fast`` to
        0.39 at 4K with ``ltx-2-5-pro``); failed jobs are not billed.

        Args:
            image_uri: A ``Path``, an open binary file or bytes are uploaded first (PNG, JPEG or WEBP, at most 15 MB). A ``str`` is an address:
                ``https://`` (fetched by the service), ``data:`` or ``ltx://`` (from `Client.upload`).
            prompt: What is to be seen and heard, 1 to 5000 characters.
            model: ``"ltx-2-5-fast"``, ``"ltx-2-5-pro"``, ``"ltx-2-3-fast"`` or ``"ltx-2-3-pro"``.
            duration: Length in seconds: 6, 8 or 10; with the fast models at 720p and 1080p with 24 or 25 frames per second also 12 to 20 in even numbers.
                The service has been seen to take 2 to 5 as well. ``None`` lets the service choose (and is sent as ``null``); documented for the
                ``ltx-2-5`` models only.
            resolution: ``"1280x720"``, ``"1920x1080"``, ``"2560x1440"`` or ``"3840x2160"``, or one of these turned to portrait.
            last_frame_uri: The picture the video ends with, given like `image_uri`; by default the model finds an end. Refused together with an automatic
                `duration`.
            fps: Frames per second: 24 (the service's default), 25, 48 or 50.
            generate_audio: Whether the video gets a sound track; the service's default is true.
            camera_motion: How the camera moves: ``"dolly_in"``, ``"dolly_out"``, ``"dolly_left"``, ``"dolly_right"``, ``"jib_up"``, ``"jib_down"``,
                ``"static"`` or ``"focus_shift"``; by default as the model sees fit. The vendor's own application offers it for the pro models only.
            extra: Further parameters by the service's names, passed on as they are; they replace those given above.
            path: Sent to and polled at this path, such as ``"/v2/new-name"``, instead of the endpoint's own: for the day the service renames one.
            once: As in `Client.submit`.
            label: As in `Client.submit`.
            dest: As in `Client.submit`.
            timeout: As in `Client.submit`.
            max_cost: As in `Client.submit`.
            on_unknown: As in `Client.submit`.
            progress: As in `Client.submit`.

        Raises:
            Error: What `Client.submit` raises.
        """
        request = _requests.ImageToVideo(
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
        return self.submit(
            request, once=once, label=label, dest=dest, timeout=timeout, max_cost=max_cost, on_unknown=on_unknown, progress=progress
        )

    def audio_to_video(
        self,
        *,
        audio_uri: MediaInput,
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
        once: str | None = None,
        label: str | None = None,
        dest: DestArg | None = None,
        timeout: Timeout = None,
        max_cost: Usd | None = None,
        on_unknown: OnUnknown = "stop",
        progress: ProgressArg = None,
    ) -> Submitted:
        """Submits a request for a video to a sound track (``audio-to-video``). **Billed** if the job succeeds.

        Needs a `prompt` or an `image_uri` as well. Result: ``video_url``, an MP4 as long as the audio. Billed per second of the input audio (vendor's
        price list: USD 0.10 at 1080p with ``ltx-2-3-pro``; a partner's for the ``ltx-2-5`` models: 0.13 at 1080p for fast, 0.17 for pro); failed jobs are
        not billed.

        Args:
            audio_uri: A ``Path``, an open binary file or bytes are uploaded first (MP3, M4A with AAC-LC, OGG with Opus or Vorbis, or WAV with such
                content, at most 200 MB; plain PCM and HE-AAC are refused by the service). A ``str`` is an address: ``https://`` (fetched by the service),
                ``data:`` or ``ltx://`` (from `Client.upload`). At least 2 s; at most 20 s with ``ltx-2-5-fast`` and ``ltx-2-3-pro`` at 720p and 1080p,
                otherwise 10 s.
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
            once: As in `Client.submit`.
            label: As in `Client.submit`.
            dest: As in `Client.submit`.
            timeout: As in `Client.submit`.
            max_cost: As in `Client.submit`.
            on_unknown: As in `Client.submit`.
            progress: As in `Client.submit`.

        Raises:
            Error: What `Client.submit` raises.
        """
        request = _requests.AudioToVideo(
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
        return self.submit(
            request, once=once, label=label, dest=dest, timeout=timeout, max_cost=max_cost, on_unknown=on_unknown, progress=progress
        )

    def retake(
        self,
        *,
        video_uri: MediaInput,
        start_time: float,
        duration: float,
        prompt: str | None = None,
        mode: RetakeMode | None = None,
        resolution: RetakeResolution | None = None,
        model: EditModel | None = None,
        extra: Mapping[str, object] | None = None,
        path: str | None = None,
        once: str | None = None,
        label: str | None = None,
        dest: DestArg | None = None,
        timeout: Timeout = None,
        max_cost: Usd | None = None,
        on_unknown: OnUnknown = "stop",
        progress: ProgressArg = None,
    ) -> Submitted:
        """Submits a request for a part of a clip made anew (``retake``). **Billed** if the job succeeds.

        Result: ``video_url``, an MP4 of the whole clip. Billed per second of the **whole** input, not of the part (vendor's price list: USD 0.10); failed
        jobs are not billed.

        Args:
            video_uri: A ``Path``, an open binary file or bytes are uploaded first (MP4, MOV or MKV with H.264 or H.265, at least 73 frames, at most
                3840x2160 and 200 MB). A ``str`` is an address: ``https://`` (fetched by the service), ``data:`` or ``ltx://`` (from `Client.upload`).
            start_time: Where the part begins, in seconds from the start of the clip; 0 or more.
            duration: Length of the part in seconds, at least 2. The service clamps the part to the clip.
            prompt: What happens in this part, 1 to 5000 characters; by default the model decides.
            mode: What is made anew: ``"replace_audio"``, ``"replace_video"`` or ``"replace_audio_and_video"`` (the service's default).
            resolution: ``"1920x1080"`` or ``"1080x1920"``; the service's default follows the clip's orientation.
            model: The service's default, and the only one documented, is ``"ltx-2-3-pro"``.
            extra: Further parameters by the service's names, passed on as they are; they replace those given above.
            path: Sent to and polled at this path, such as ``"/v2/new-name"``, instead of the endpoint's own: for the day the service renames one.
            once: As in `Client.submit`.
            label: As in `Client.submit`.
            dest: As in `Client.submit`.
            timeout: As in `Client.submit`.
            max_cost: As in `Client.submit`.
            on_unknown: As in `Client.submit`.
            progress: As in `Client.submit`.

        Raises:
            Error: What `Client.submit` raises.
        """
        request = _requests.Retake(
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
        return self.submit(
            request, once=once, label=label, dest=dest, timeout=timeout, max_cost=max_cost, on_unknown=on_unknown, progress=progress
        )

    def extend(
        self,
        *,
        video_uri: MediaInput,
        duration: float,
        prompt: str | None = None,
        mode: ExtendMode | None = None,
        model: EditModel | None = None,
        context: float | None = None,
        extra: Mapping[str, object] | None = None,
        path: str | None = None,
        once: str | None = None,
        label: str | None = None,
        dest: DestArg | None = None,
        timeout: Timeout = None,
        max_cost: Usd | None = None,
        on_unknown: OnUnknown = "stop",
        progress: ProgressArg = None,
    ) -> Submitted:
        """Submits a request for a clip that goes on, or begins earlier (``extend``). **Billed** if the job succeeds.

        Result: ``video_url``, an MP4 of the clip's size. Billed per second of extension **and context** together, at most 505 frames (vendor's price list:
        USD 0.10); failed jobs are not billed.

        Args:
            video_uri: A ``Path``, an open binary file or bytes are uploaded first (MP4, MOV or MKV with H.264 or H.265, 16:9 or 9:16, at least 73 frames,
                at most 3840x2160 and 100 MB). A ``str`` is an address: ``https://`` (fetched by the service), ``data:`` or ``ltx://`` (from
                `Client.upload`).
            duration: Length of the extension in seconds, 2 to 20.
            prompt: What happens in the new part, 1 to 5000 characters; by default the model decides.
            mode: ``"end"`` (the service's default) goes on after the clip, ``"start"`` begins before it.
            model: The service's default, and the only one documented, is ``"ltx-2-3-pro"``.
            context: How many seconds of the clip the model looks at, 1 to 20; they are billed too. Together with `duration` at most 505 frames, some 21 s
                at 24 frames per second. The service's default is as much as fits.
            extra: Further parameters by the service's names, passed on as they are; they replace those given above.
            path: Sent to and polled at this path, such as ``"/v2/new-name"``, instead of the endpoint's own: for the day the service renames one.
            once: As in `Client.submit`.
            label: As in `Client.submit`.
            dest: As in `Client.submit`.
            timeout: As in `Client.submit`.
            max_cost: As in `Client.submit`.
            on_unknown: As in `Client.submit`.
            progress: As in `Client.submit`.

        Raises:
            Error: What `Client.submit` raises.
        """
        request = _requests.Extend(video_uri=video_uri, duration=duration, prompt=prompt, mode=mode, model=model, context=context, extra=extra, path=path)
        return self.submit(
            request, once=once, label=label, dest=dest, timeout=timeout, max_cost=max_cost, on_unknown=on_unknown, progress=progress
        )

    def video_to_video_hdr(
        self,
        *,
        video_uri: MediaInput,
        output_colorspace: Colorspace | None = None,
        extra: Mapping[str, object] | None = None,
        path: str | None = None,
        once: str | None = None,
        label: str | None = None,
        dest: DestArg | None = None,
        timeout: Timeout = None,
        max_cost: Usd | None = None,
        on_unknown: OnUnknown = "stop",
        progress: ProgressArg = None,
    ) -> Submitted:
        """Submits a request for a clip in HDR (``video-to-video-hdr``). **Billed** if the job succeeds.

        Results: ``exr_frames_url``, a ZIP of half-float OpenEXR frames, and, where the service offers it, ``video_url``, an HLG video. Billed per second
        of the input, by its pixel count (vendor's price list: USD 0.20 at 1080p, 0.40 at 1440p, 0.80 at 4K); failed jobs are not billed.

        Args:
            video_uri: A ``Path``, an open binary file or bytes are uploaded first (MP4, MOV or MKV with H.264 or H.265, at most 3840x2160 and 200 MB). A
                ``str`` is an address: ``https://`` (fetched by the service), ``data:`` or ``ltx://`` (from `Client.upload`).
            output_colorspace: Colour space of the frames: ``"acescg"`` (the service's default), ``"acescct"``, ``"srgb_linear"``, ``"aces2065-1"``, or
                what the service may add. Does not affect the video.
            extra: Further parameters by the service's names, passed on as they are; they replace those given above.
            path: Sent to and polled at this path, such as ``"/v2/new-name"``, instead of the endpoint's own: for the day the service renames one.
            once: As in `Client.submit`.
            label: As in `Client.submit`.
            dest: As in `Client.submit`.
            timeout: As in `Client.submit`.
            max_cost: As in `Client.submit`.
            on_unknown: As in `Client.submit`.
            progress: As in `Client.submit`.

        Raises:
            Error: What `Client.submit` raises.
        """
        request = _requests.VideoToVideoHdr(video_uri=video_uri, output_colorspace=output_colorspace, extra=extra, path=path)
        return self.submit(
            request, once=once, label=label, dest=dest, timeout=timeout, max_cost=max_cost, on_unknown=on_unknown, progress=progress
        )

    def video_to_video_reframe(
        self,
        *,
        video_uri: MediaInput,
        resolution: ReframeResolution,
        placement: Placement | None = None,
        model: EditModel | None = None,
        extra: Mapping[str, object] | None = None,
        path: str | None = None,
        once: str | None = None,
        label: str | None = None,
        dest: DestArg | None = None,
        timeout: Timeout = None,
        max_cost: Usd | None = None,
        on_unknown: OnUnknown = "stop",
        progress: ProgressArg = None,
    ) -> Submitted:
        """Submits a request for a clip in another shape (``video-to-video-reframe``). **Billed** if the job succeeds.

        What is missing around it is made. Result: ``video_url``, an MP4. Billed per second of the input, by the size of the output (vendor's price list:
        USD 0.10 at 720p, 0.20 at 1080p); failed jobs are not billed.

        Args:
            video_uri: A ``Path``, an open binary file or bytes are uploaded first (MP4, MOV or MKV with H.264 or H.265, at most 60 s, 1800 frames and 200
                MB, sides from 64 to 4096). A ``str`` is an address: ``https://`` (fetched by the service), ``data:`` or ``ltx://`` (from `Client.upload`).
            resolution: ``"720x720"``, ``"1080x1080"``, ``"720x900"``, ``"1080x1350"``, ``"900x720"``, ``"1350x1080"``, ``"720x1280"``, ``"1080x1920"``,
                ``"1280x720"`` or ``"1920x1080"``.
            placement: Where the clip stands in the new frame; the service's default is the middle, in the largest size that fits. Either ``{"anchor":
                "top"}`` (``center``, ``top``, ``bottom``, ``left``, ``right``, ``top_left``, ``top_right``, ``bottom_left``, ``bottom_right``), or ``{"x":
                0.1, "y": 0.25, "width": 0.8}`` with ``width``, ``height`` or both: fractions of the new frame's width and height, from 0 to below 1 for
                the left and upper edge. Known from partners of the vendor.
            model: ``"ltx-2-3-pro"``. Required by the service in July 2026, ignored since September.
            extra: Further parameters by the service's names, passed on as they are; they replace those given above.
            path: Sent to and polled at this path, such as ``"/v2/new-name"``, instead of the endpoint's own: for the day the service renames one.
            once: As in `Client.submit`.
            label: As in `Client.submit`.
            dest: As in `Client.submit`.
            timeout: As in `Client.submit`.
            max_cost: As in `Client.submit`.
            on_unknown: As in `Client.submit`.
            progress: As in `Client.submit`.

        Raises:
            Error: What `Client.submit` raises.
        """
        request = _requests.VideoToVideoReframe(video_uri=video_uri, resolution=resolution, placement=placement, model=model, extra=extra, path=path)
        return self.submit(
            request, once=once, label=label, dest=dest, timeout=timeout, max_cost=max_cost, on_unknown=on_unknown, progress=progress
        )

    def video_upscale(
        self,
        *,
        video_uri: MediaInput,
        resolution: UpscaleResolution,
        extra: Mapping[str, object] | None = None,
        path: str | None = None,
        once: str | None = None,
        label: str | None = None,
        dest: DestArg | None = None,
        timeout: Timeout = None,
        max_cost: Usd | None = None,
        on_unknown: OnUnknown = "stop",
        progress: ProgressArg = None,
    ) -> Submitted:
        """Submits a request for a clip in a higher resolution (``video-upscale``). **Billed** if the job succeeds.

        Result: ``video_url``, an MP4 with the clip's sound and shape. Billed per second of the input, by the size of the output (a partner's price list:
        USD 0.08 at 1080p, 0.30 at 4K, 1.20 at 8K); failed jobs are not billed. The endpoint's path is inferred from the name at partners of the vendor.

        Args:
            video_uri: A ``Path``, an open binary file or bytes are uploaded first (MP4, MOV or MKV with H.264 or H.265, at least 2 frames, the shorter
                side at least 480, at most 7680x4320 and 200 MB). A ``str`` is an address: ``https://`` (fetched by the service), ``data:`` or ``ltx://``
                (from `Client.upload`). At most 2401 frames to 1080p, 601 to 4K, 241 to 8K.
            resolution: A label: ``"1080p"``, ``"4k"`` or ``"8k"``. The clip is fitted into 1920x1080, 3840x2160 or 7680x4320, turned for portrait.
            extra: Further parameters by the service's names, passed on as they are; they replace those given above.
            path: Sent to and polled at this path, such as ``"/v2/new-name"``, instead of the endpoint's own: for the day the service renames one.
            once: As in `Client.submit`.
            label: As in `Client.submit`.
            dest: As in `Client.submit`.
            timeout: As in `Client.submit`.
            max_cost: As in `Client.submit`.
            on_unknown: As in `Client.submit`.
            progress: As in `Client.submit`.

        Raises:
            Error: What `Client.submit` raises.
        """
        request = _requests.VideoUpscale(video_uri=video_uri, resolution=resolution, extra=extra, path=path)
        return self.submit(
            request, once=once, label=label, dest=dest, timeout=timeout, max_cost=max_cost, on_unknown=on_unknown, progress=progress
        )

    def video_alpha_gen(
        self,
        *,
        video_uri: MediaInput,
        extra: Mapping[str, object] | None = None,
        path: str | None = None,
        once: str | None = None,
        label: str | None = None,
        dest: DestArg | None = None,
        timeout: Timeout = None,
        max_cost: Usd | None = None,
        on_unknown: OnUnknown = "stop",
        progress: ProgressArg = None,
    ) -> Submitted:
        """Submits a request for the foreground of a clip, cut out (``video-alpha-gen``). **Billed** if the job succeeds.

        Results: a ProRes 4444 MOV with straight alpha, and an MP4 with the matte (white is foreground); their labels are not documented, so go by
        `Completed.outputs`. Billed per second of the input, by its shorter side (a partner's price list: USD 0.10 at 1080p, 0.25 at 1440p, 1.00 at 4K);
        failed jobs are not billed. The endpoint's path is inferred from the name at partners of the vendor.

        Args:
            video_uri: A ``Path``, an open binary file or bytes are uploaded first (MP4, MOV or MKV with H.264 or H.265, sides at most 3840 and 2160, not
                wider than 32:9, at most 200 MB). A ``str`` is an address: ``https://`` (fetched by the service), ``data:`` or ``ltx://`` (from
                `Client.upload`).
            extra: Further parameters by the service's names, passed on as they are; they replace those given above.
            path: Sent to and polled at this path, such as ``"/v2/new-name"``, instead of the endpoint's own: for the day the service renames one.
            once: As in `Client.submit`.
            label: As in `Client.submit`.
            dest: As in `Client.submit`.
            timeout: As in `Client.submit`.
            max_cost: As in `Client.submit`.
            on_unknown: As in `Client.submit`.
            progress: As in `Client.submit`.

        Raises:
            Error: What `Client.submit` raises.
        """
        request = _requests.VideoAlphaGen(video_uri=video_uri, extra=extra, path=path)
        return self.submit(
            request, once=once, label=label, dest=dest, timeout=timeout, max_cost=max_cost, on_unknown=on_unknown, progress=progress
        )
