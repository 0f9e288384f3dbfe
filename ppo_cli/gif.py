"""GIF files of rendered frames: one palette for all of them, delays that keep the time, only what changed.

Rendered scenes have few colours, most of them in large areas. So the most frequent colours make one palette
for the whole film, without dithering: smaller and faster than a palette per frame, and the background does
not flicker. Frames are arrays ``[H, W, 3]`` of uint8; times are in hundredths of a second, GIF's own unit.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import GifImagePlugin, Image

Array = NDArray[Any]

# Browsers show frames of less than 2 hundredths for 10 of them.
SHORTEST_DELAY = 2
LONGEST_DELAY = 65_535

# One colour of a GIF says "as in the frame before". The palette is the smaller one if that holds this share
# of all pixels; the others get the nearest colour. Fewer would lose small things (CartPole's axle).
FEW_COLOURS, MANY_COLOURS = 63, 255
COVERAGE = 0.999

_BINS = 1 << 15  # 5 bits of each channel: colours closer than that are one colour
_FASTEST = 1  # zlib level: frames are mostly flat


def frame_stride(env_fps: float, fps: int) -> int:
    """Of how many of the environment's frames one is shown.

    Every n-th frame, never an uneven choice, so that motion stays smooth: about ``fps`` frames per second,
    and never more than 50.

    >>> [frame_stride(env_fps, 25) for env_fps in (15, 30, 50, 60)]
    [1, 1, 2, 2]
    >>> [frame_stride(env_fps, 50) for env_fps in (15, 30, 50, 60)]
    [1, 1, 1, 2]
    """
    return max(1, round(env_fps / fps), math.ceil(env_fps * SHORTEST_DELAY / 100))


def frame_delays(shown: Sequence[int], num_frames: int, env_fps: float) -> list[int]:
    """How long each shown frame stays, so that the film takes as long as the episode.

    Start times are rounded, not delays: the error does not grow. (Of an environment with more than 50 frames
    per second the last two are shown some hundredths longer, for browsers' sake.)

    Args:
        shown: Indices of the shown frames, increasing from 0.
        num_frames: Number of frames of the episode, shown or not.
        env_fps: The environment's frames per second.

    Returns:
        Hundredths of a second, one per shown frame.

    >>> frame_delays([0, 2, 4], 5, 50), frame_delays([0, 1, 2], 3, 30)
    ([4, 4, 2], [3, 4, 3])
    """
    starts = [math.floor(100 * index / env_fps + 0.5) for index in (*shown, num_frames)]
    return [max(SHORTEST_DELAY, after - before) for before, after in pairwise(starts)]


def choose_palette(colours: Array, counts: Array) -> Array:
    """The most frequent colours: few if they cover nearly all pixels, otherwise many.

    Colours with the same leading 5 bits of each channel count as one; the most frequent of them stands for
    it.

    Args:
        colours: Different colours as ``0xRRGGBB``, integers [C].
        counts: How many pixels have each, [C].

    Returns:
        The palette, uint8 [K, 3], K at most 255, the most frequent first.
    """
    order = np.lexsort((colours, -counts))  # the most frequent first; of equals always the same one
    colours, counts = colours[order], counts[order]
    bins, first, inverse = np.unique(_bin_of(colours), return_index=True, return_inverse=True)
    totals = np.bincount(inverse, weights=counts, minlength=len(bins))
    by_total = np.lexsort((bins, -totals))
    covered = totals[by_total[:FEW_COLOURS]].sum() / totals.sum()
    num_colours = FEW_COLOURS if covered >= COVERAGE else MANY_COLOURS
    return _channels(colours[first[by_total[:num_colours]]])


def nearest_colours(palette: Array) -> Array:
    """For every colour of 15 bits the index of the nearest one of the palette [K, 3]; uint8 [32768].

    A colour of the palette gets its own index.
    """
    steps = np.arange(_BINS)
    centres = np.stack([(steps >> shift & 31) * 8 + 4 for shift in (10, 5, 0)], axis=1)
    nearest = np.zeros(_BINS, dtype=np.uint8)
    smallest = np.full(_BINS, np.iinfo(np.int64).max)
    for index, colour in enumerate(palette.astype(np.int64)):
        distance = ((centres - colour) ** 2).sum(axis=1)
        closer = distance < smallest
        nearest[closer], smallest[closer] = index, distance[closer]
    nearest[_bin_of(_pixels(palette))] = np.arange(len(palette), dtype=np.uint8)
    return nearest


class Film:
    """Frames on their way to a GIF, kept compressed: a thousand of them take some megabytes.

    Args:
        width: Scale frames down to this many pixels; None, or more than they have, leaves them as they are.
    """

    def __init__(self, width: int | None = None) -> None:
        self._width = width
        self._shape: tuple[int, int] | None = None
        self._frames: list[bytes] = []
        self._counts: Array = np.zeros(1 << 24, dtype=np.int64)  # by colour; pages never written cost nothing

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, frame: Array) -> None:
        """Add a frame, uint8 [H, W, 3].

        Raises:
            ValueError: It is of another size than those before.
        """
        frame = scaled(frame, self._width)
        self._shape = self._shape or (frame.shape[0], frame.shape[1])
        if frame.shape[:2] != self._shape:
            raise ValueError(f"a frame of {frame.shape[:2]} pixels follows one of {self._shape}")
        pixels = _pixels(frame)
        colours, counts = np.unique(pixels, return_counts=True)
        self._counts[colours] += counts
        self._frames.append(zlib.compress(_bin_of(pixels).astype(np.uint16).tobytes(), _FASTEST))

    def to_gif(self, delays: Sequence[int]) -> tuple[bytes, int]:
        """The film as a GIF that repeats for ever.

        Args:
            delays: How long each frame stays, in hundredths of a second.

        Returns:
            The file, and the number of its frames: frames that look like the one before only prolong it.
        """
        colours = np.flatnonzero(self._counts)
        palette = choose_palette(colours, self._counts[colours])
        before: Array | None = None
        blocks = []
        for indices, delay in _merged(self._indices(nearest_colours(palette)), delays):
            blocks.append(_frame_block(indices, before, delay, transparent=len(palette)))
            before = indices
        assert self._shape is not None
        return b"".join([_head(self._shape, palette), *blocks, b";"]), len(blocks)

    def _indices(self, nearest: Array) -> Iterator[Array]:
        """Each frame as indices into the palette, uint8 [H, W]."""
        for packed in self._frames:
            yield nearest[np.frombuffer(zlib.decompress(packed), dtype=np.uint16)].reshape(self._shape)


def scaled(frame: Array, width: int | None) -> Array:
    """A frame scaled down to a width, in proportion; one that is not wider is returned as it is."""
    height_now, width_now = frame.shape[:2]
    if width is None or width >= width_now:
        return frame
    height = max(1, round(height_now * width / width_now))
    return np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BOX))


def _merged(frames: Iterator[Array], delays: Sequence[int]) -> Iterator[tuple[Array, int]]:
    """Frames and their delays, where a frame that equals the one before prolongs that one."""
    shown, total = next(frames), delays[0]
    for frame, delay in zip(frames, delays[1:], strict=True):
        if total + delay <= LONGEST_DELAY and np.array_equal(frame, shown):
            total += delay
        else:
            yield shown, total
            shown, total = frame, delay
    yield shown, total


def _head(shape: tuple[int, int], palette: Array) -> bytes:
    """The beginning of a GIF: its size, the palette that all frames share, and that it repeats for ever."""
    bits = max(1, len(palette).bit_length())  # one colour more than the palette has: the transparent one
    table = palette.tobytes().ljust(3 << bits, b"\0")
    size = struct.pack("<HHBBB", shape[1], shape[0], 0x80 | 0x70 | bits - 1, 0, 0)
    return b"GIF89a" + size + table + b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"


def _frame_block(indices: Array, before: Array | None, delay: int, transparent: int) -> bytes:
    """One frame of a GIF: the rectangle that changed, in which what did not change is transparent.

    Args:
        indices: The frame, uint8 [H, W].
        before: The frame that is shown already, or None.
        delay: Hundredths of a second.
        transparent: The index that shows what is there already.
    """
    if before is None:
        return _image_block(indices, (0, 0), delay)
    changed = indices != before
    rows, columns = (np.flatnonzero(changed.any(axis=axis)) for axis in (1, 0))
    if not len(rows):  # a frame that is longer than a delay can be
        rows = columns = np.zeros(1, dtype=np.int64)
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    sparse = np.where(changed[box], indices[box], np.uint8(transparent))
    corner = (int(columns[0]), int(rows[0]))
    return min(
        _image_block(indices[box], corner, delay),
        _image_block(sparse, corner, delay, transparency=transparent),
        key=len,
    )


def _image_block(indices: Array, corner: tuple[int, int], delay: int, **options: int) -> bytes:
    """An image with its delay, compressed by Pillow."""
    image = Image.fromarray(np.ascontiguousarray(indices))
    return b"".join(GifImagePlugin.getdata(image, corner, duration=delay * 10, **options))


def _pixels(frame: Array) -> Array:
    """Channels uint8 [..., 3] as colours ``0xRRGGBB``, uint32 [...]."""
    padded = np.zeros((*frame.shape[:-1], 4), dtype=np.uint8)
    padded[..., :3] = frame[..., ::-1]
    return padded.view("<u4")[..., 0]


def _channels(colours: Array) -> Array:
    """The inverse of :func:`_pixels`, for colours [C]."""
    return np.stack([colours >> 16 & 255, colours >> 8 & 255, colours & 255], axis=1).astype(np.uint8)


def _bin_of(colours: Array) -> Array:
    """The leading 5 bits of each channel of colours ``0xRRGGBB``, as one integer below 32768."""
    return colours >> 9 & 0x7C00 | colours >> 6 & 0x03E0 | colours >> 3 & 0x001F
