"""Made radar backscatter of sea ice: means by incidence angle, texture, speckle."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

LOOKS = 10.0
"""Equivalent number of looks of the speckle; about that of an EW GRDM product."""


@dataclasses.dataclass(frozen=True)
class Backscatter:
    """Mean backscatter in dB of a class, ``a + b * angle`` with the angle in degrees.

    Attributes:
        hh: ``(a, b)`` of HH.
        hv: ``(a, b)`` of HV.
    """

    hh: tuple[float, float]
    hv: tuple[float, float]


UIT_CLASSES: dict[str, Backscatter] = {
    "open_water": Backscatter((-15.1, -0.289), (-29.4, -0.133)),
    "newly_formed_ice": Backscatter((-18.1, -0.289), (-29.9, -0.100)),
    "brash_pancake_ice": Backscatter((-6.5, -0.150), (-21.0, -0.050)),
    "young_ice": Backscatter((-7.9, -0.133), (-25.7, -0.044)),
    "thin_to_medium_first_year_ice": Backscatter((-5.6, -0.333), (-22.5, -0.275)),
    "thick_or_deformed_ice": Backscatter((-5.1, -0.167), (-18.6, -0.060)),
}
"""Means of the classes of `legends.UIT_SEA_ICE`.

After published fits for leads, level and deformed ice; open water and newly formed ice
are one fit that we set apart, brash ice lies between young and deformed: our choice.
"""


def render(
    kinds: Sequence[Backscatter],
    which: npt.NDArray[np.integer],
    angle: npt.NDArray[np.float32],
    random: np.random.Generator,
    *,
    texture: float = 1.0,
) -> npt.NDArray[np.float32]:
    """Returns HH and HV of a field of classes in dB, ``[rows, cols, 2]``.

    Args:
        kinds: The means of each class.
        which: Class of each pixel, ``[rows, cols]``.
        angle: Incidence angle of each pixel in degrees, ``[rows, cols]``.
        random: Source of texture and speckle.
        texture: Standard deviation in dB of what varies over about four pixels.
    """
    smooth = gaussian_filter(random.normal(size=angle.shape), 2.0)
    smooth *= texture / max(float(smooth.std()), 1e-6)
    image = np.empty((*angle.shape, 2), np.float32)
    for channel, lines in enumerate(
        (np.array([k.hh for k in kinds]), np.array([k.hv for k in kinds]))
    ):
        speckle = random.gamma(LOOKS, 1 / LOOKS, angle.shape)
        mean = lines[which, 0] + lines[which, 1] * angle
        image[..., channel] = mean + smooth + 10 * np.log10(speckle)
    return image
