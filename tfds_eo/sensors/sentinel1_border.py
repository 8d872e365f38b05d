"""The dark frame of Sentinel-1 GRD images from processors before IPF 2.9.

Later processors write DN 0 outside the image. Earlier ones leave low, but not zero,
values there. Our rule: from each side inwards, pixels belong to the frame as long as
the mean of DN^2 over the next 32 pixels stays below half of the thermal noise, which no
true pixel can fall short of; where the table holds no noise, below (20 DN)^2.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from tfds_eo.geo.grid import PixelWindow
from tfds_eo.sensors.sentinel1_channel import Channel

MARGIN = 1024
"""How far a frame can reach into an image, in pixels; our choice."""

Counts = npt.NDArray[np.int32]

_RUN = 32
_SHARE_OF_NOISE = 0.5
_LEAST_POWER = 20.0**2


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class DarkFrame:
    """Width of the frame at each side of an image.

    Attributes:
        left: Pixels at the start of each row, ``[rows]``.
        right: Pixels at the end of each row, ``[rows]``.
        top: Pixels at the start of each column, ``[cols]``.
        bottom: Pixels at the end of each column, ``[cols]``.
    """

    left: Counts
    right: Counts
    top: Counts
    bottom: Counts

    def at(self, window: PixelWindow) -> npt.NDArray[np.bool_]:
        """Returns which pixels of a window belong to the frame, ``[rows, cols]``."""
        row = np.arange(window.row, window.end_row)
        col = np.arange(window.col, window.end_col)
        rows, cols = len(self.left), len(self.top)
        return (
            (col[None] < self.left[row, None])
            | (col[None] >= cols - self.right[row, None])
            | (row[:, None] < self.top[None, col])
            | (row[:, None] >= rows - self.bottom[None, col])
        )


def find_frame(channels: Sequence[Channel]) -> DarkFrame:
    """Finds the frame of a scene: at each place the wider one of its polarisations.

    Only strips of `MARGIN` pixels along the sides are read.
    """
    rows, cols = channels[0].rows, channels[0].cols
    wide, high = min(MARGIN, cols), min(MARGIN, rows)
    left = PixelWindow(row=0, col=0, rows=rows, cols=wide)
    right = PixelWindow(row=0, col=cols - wide, rows=rows, cols=wide)
    top = PixelWindow(row=0, col=0, rows=high, cols=cols)
    bottom = PixelWindow(row=rows - high, col=0, rows=high, cols=cols)

    def widest(window: PixelWindow, *, turned: bool, reversed_: bool) -> Counts:
        found = []
        for channel in channels:
            dn = channel.read_dn(window)
            noise = np.zeros(dn.shape, np.float32)
            if channel.noise is not None:
                place = (window.row, window.rows, window.col, window.cols)
                channel.noise.at(*place, noise)
            if turned:
                dn, noise = dn.T, noise.T
            if reversed_:
                dn, noise = dn[:, ::-1], noise[:, ::-1]
            found.append(frame_widths(dn, noise))
        return np.maximum.reduce(found)

    return DarkFrame(
        left=widest(left, turned=False, reversed_=False),
        right=widest(right, turned=False, reversed_=True),
        top=widest(top, turned=True, reversed_=False),
        bottom=widest(bottom, turned=True, reversed_=True),
    )


def frame_widths(dn: npt.NDArray[np.uint16], noise: npt.NDArray[np.float32]) -> Counts:
    """Returns how many pixels at the start of each row belong to the dark frame.

    Args:
        dn: Digital numbers from one side of the image inwards, ``[rows, cols]``.
        noise: Thermal noise of the same pixels, in the square of digital numbers.

    Returns:
        Between 0 and the number of columns, ``[rows]``.
    """
    run = min(_RUN, dn.shape[1])
    power = np.square(dn, dtype=np.float32)
    ahead = ndimage.uniform_filter1d(
        power, run, axis=1, mode="nearest", origin=-(run // 2)
    )
    true = ahead >= np.maximum(_SHARE_OF_NOISE * noise, _LEAST_POWER)
    first = np.argmax(true, axis=1)
    first[~true.any(axis=1)] = dn.shape[1]
    return first.astype(np.int32)
