"""Filters against speckle, in linear power."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage


def boxcar(power: npt.NDArray[np.float32], size: int) -> npt.NDArray[np.float32]:
    """Returns the mean of the known pixels in a square around each pixel.

    Args:
        power: Linear power, ``[rows, cols]``; NaN where it is not known.
        size: Width and height of the square in pixels, odd.

    Returns:
        ``[rows, cols]``; NaN stays NaN, and pixels beyond the edge count for nothing.

    Raises:
        ValueError: If ``size`` is not odd and positive.
    """
    check_boxcar(size)
    if size == 1:
        return power
    known = np.isfinite(power)
    share = ndimage.uniform_filter(
        known.astype(np.float64), size, mode="constant", cval=0.0
    )
    total = ndimage.uniform_filter(
        np.where(known, power, 0).astype(np.float64), size, mode="constant", cval=0.0
    )
    result = np.full(power.shape, np.nan, np.float32)
    result[known] = total[known] / share[known]
    return result


def check_boxcar(size: int) -> None:
    """Checks the width of a boxcar filter.

    Raises:
        ValueError: If it is not odd and positive.
    """
    if size < 1 or size % 2 == 0:
        raise ValueError(f"a boxcar must be an odd number of pixels wide; got {size!r}")
