"""One palette for a whole film: its most frequent colours.

Rendered scenes have few colours, most of them in large areas. So the most frequent ones serve for all frames,
without dithering: smaller and faster than a palette per frame, and the background does not flicker.
"""

from __future__ import annotations

import numpy as np

from ppo_cli.film.shots import Array

# One colour of a GIF says "as in the frame before". The palette is the smaller one if that holds this share
# of all pixels; the others get the nearest colour. Fewer would lose small things (CartPole's axle).
FEW_COLOURS, MANY_COLOURS = 63, 255
COVERAGE = 0.999

_BINS = 1 << 15  # 5 bits of each channel: colours closer than that are one colour


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
    bins, first, inverse = np.unique(bin_of(colours), return_index=True, return_inverse=True)
    totals = np.bincount(inverse, weights=counts, minlength=len(bins))
    by_total = np.lexsort((bins, -totals))
    covered = totals[by_total[:FEW_COLOURS]].sum() / totals.sum()
    num_colours = FEW_COLOURS if covered >= COVERAGE else MANY_COLOURS
    return channels_of(colours[first[by_total[:num_colours]]])


def nearest_colours(palette: Array) -> Array:
    """Find the nearest colour of the palette [K, 3] for every colour of 15 bits: its index, uint8 [32768].

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
    nearest[bin_of(pixels_of(palette))] = np.arange(len(palette), dtype=np.uint8)
    return nearest


def pixels_of(frame: Array) -> Array:
    """Channels uint8 [..., 3] as colours ``0xRRGGBB``, uint32 [...]."""
    padded = np.zeros((*frame.shape[:-1], 4), dtype=np.uint8)
    padded[..., :3] = frame[..., ::-1]
    return padded.view("<u4")[..., 0]


def channels_of(colours: Array) -> Array:
    """The inverse of :func:`pixels_of`, for colours [C]."""
    return np.stack([colours >> 16 & 255, colours >> 8 & 255, colours & 255], axis=1).astype(np.uint8)


def bin_of(colours: Array) -> Array:
    """The leading 5 bits of each channel of colours ``0xRRGGBB``, as one integer below 32768."""
    return colours >> 9 & 0x7C00 | colours >> 6 & 0x03E0 | colours >> 3 & 0x001F
