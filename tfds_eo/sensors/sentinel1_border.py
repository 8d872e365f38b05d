"""The dark frame of Sentinel-1 GRD images from processors before IPF 2.9.

Later processors write DN 0 outside the image. Earlier ones leave low, but not zero,
values there. Our rule: from each side inwards, pixels belong to the frame as long as
the mean of DN^2 over the next 32 pixels stays below half of the thermal noise, which no
true pixel can fall short of; where the table holds no noise, below (20 DN)^2.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

MARGIN = 1024
"""How far a frame can reach into an image, in pixels; our choice."""

_RUN = 32
_SHARE_OF_NOISE = 0.5
_LEAST_POWER = 20.0**2


def frame_widths(
    dn: npt.NDArray[np.uint16], noise: npt.NDArray[np.float32]
) -> npt.NDArray[np.int32]:
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
