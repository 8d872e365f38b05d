"""The scenes of the set, and which split a place belongs to.

The split is that of a published baseline: January and July are tested on; February,
June, August and December give their north-east halves to validation and their
south-west halves to training; the other months are trained on.
"""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import numpy.typing as npt

SPLITS = ("train", "validation", "test")
"""The splits, in this order."""

ALL = "all"
"""The split of what has no time: the protocol does not say where it belongs."""

TEST_MONTHS = (1, 7)
"""Months whose scenes are tested on."""

HALVED_MONTHS = (2, 6, 8, 12)
"""Months whose scenes are cut into two halves."""

SCENES = (
    "S1A_EW_GRDM_1SDH_20180116T075430_20180116T075530_020177_0226B9_9FE3",
    "S1B_EW_GRDM_1SDH_20180213T175444_20180213T175544_009608_011511_8266",
    "S1A_EW_GRDM_1SDH_20180313T181225_20180313T181325_021000_0240E1_8163",
    "S1A_EW_GRDM_1SDH_20180417T074606_20180417T074706_021504_0250C3_D211",
    "S1B_EW_GRDM_1SDH_20180515T174633_20180515T174733_010935_01403A_A84D",
    "S1A_EW_GRDM_1SDH_20180612T180423_20180612T180523_022327_026AB3_AC33",
    "S1A_EW_GRDM_1SDH_20180717T073809_20180717T073909_022831_0279B9_EBF1",
    "S1B_EW_GRDM_1SDH_20180814T075344_20180814T075444_012256_016952_B1DC",
    "S1A_EW_GRDM_1SDH_20180911T175548_20180911T175652_023654_0293F5_7CA2",
    "S1A_EW_GRDM_1SDH_20181016T072958_20181016T073058_024158_02A460_DA8F",
    "S1B_EW_GRDM_1SDH_20181113T074529_20181113T074629_013583_019254_D382",
    "S1A_EW_GRDM_1SDH_20181218T075437_20181218T075537_025077_02C472_1DB2",
)
"""The products that the charts were drawn on."""

_TIME = re.compile(r"(\d{4})(\d{2})(\d{2})[tT](\d{6})")


def time_of(name: str) -> str | None:
    """Returns the first time in a name as ``20180116T075430``, or None."""
    found = _TIME.search(name)
    return found.group(0).upper() if found else None


def product_at(time: str) -> str:
    """Returns the product of the set that starts at a time, or a pattern for it."""
    for scene in SCENES:
        if f"_{time}_" in scene:
            return scene
    return f"S1?_EW_GRD?_1SDH_{time}_*"


@dataclasses.dataclass(frozen=True)
class Halves:
    """The middle of a chart, at which it is cut into two halves.

    The cut runs from north-west to south-east through the middle of the extent of the
    chart: our choice, the baseline does not say how it was made.

    Attributes:
        time: Start of the scene, ``20180116T075430``.
        longitude: Of the middle, degrees east.
        latitude: Of the middle, degrees north.
    """

    time: str
    longitude: float
    latitude: float

    def splits(
        self, longitude: npt.ArrayLike, latitude: npt.ArrayLike
    ) -> npt.NDArray[np.str_]:
        """Returns the split of places in the scene.

        Args:
            longitude: Degrees east.
            latitude: Degrees north.
        """
        east, north = np.broadcast_arrays(np.asarray(longitude), np.asarray(latitude))
        if not self.time:
            return np.full(east.shape, ALL, "U10")
        month = int(self.time[4:6])
        if month in TEST_MONTHS:
            return np.full(east.shape, "test", "U10")
        if month not in HALVED_MONTHS:
            return np.full(east.shape, "train", "U10")
        # Degrees of longitude shrink towards the pole.
        across = (east - self.longitude + 180) % 360 - 180
        across = across * np.cos(np.radians(self.latitude))
        north_east = across + (north - self.latitude) > 0
        return np.where(north_east, "validation", "train").astype("U10")
