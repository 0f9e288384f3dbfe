"""MP4 files: H.264 in a form that every browser plays. The home of PyAV, which is an extra."""

from __future__ import annotations

import io
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np

from ppo_cli.errors import UsageError
from ppo_cli.film.shots import Array, Encoded, Shot

_TICK = Fraction(1, 100)  # seconds; the times of shots
# One thread: how a picture is cut into pieces for several would depend on the machine.
_OPTIONS = {"crf": "20", "preset": "medium", "threads": "1"}


def require_av() -> None:
    """Refuse early what could not be written later.

    Raises:
        UsageError: PyAV is not installed, or it cannot write H.264.
    """
    try:
        import av
    except ImportError as error:
        hint = "install it with: pip install 'ppo-cli[mp4]'; or write a GIF: let the name end in .gif"
        raise UsageError("MP4 files need PyAV, which is not installed", hint=hint) from error
    if "libx264" not in av.codecs_available:
        raise UsageError(
            "this PyAV was built without H.264",
            hint="install PyAV's own wheel: pip install --force-reinstall --only-binary :all: av",
        )


def encode_mp4(shots: Iterable[Shot]) -> Encoded:
    """A film as an MP4 file. Equal films give equal bytes; sides are made even by repeating a pixel."""
    import av

    file = io.BytesIO()
    durations: dict[int, int] = {}
    with av.open(file, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream: Any = None
        for shot in shots:
            frame = _even(shot.frame)
            if stream is None:
                stream = _stream(container, frame)
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = sum(durations.values()), _TICK
            durations[picture.pts] = shot.delay
            _mux(container, stream.encode(picture), durations)
        _mux(container, stream.encode(None), durations)
    return Encoded(file.getvalue(), len(durations), sum(durations.values()) / 100)


def _stream(container: Any, frame: Array) -> Any:
    stream = container.add_stream("libx264", rate=25, options=_OPTIONS)
    stream.height, stream.width = frame.shape[:2]
    stream.pix_fmt = "yuv420p"
    stream.time_base = stream.codec_context.time_base = _TICK
    return stream


def _mux(container: Any, packets: Iterable[Any], durations: dict[int, int]) -> None:
    for packet in packets:
        packet.duration = durations[packet.pts]
        container.mux(packet)


def _even(frame: Array) -> Array:
    """A frame whose sides are even, as the halved colours of yuv420p need."""
    height, width = frame.shape[:2]
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
