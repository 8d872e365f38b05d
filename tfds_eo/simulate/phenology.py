"""What crops look like from space through a season: greenness and spectra by class.

Parcels are made, not observed. Their classes follow published means; how far a parcel
strays from its class, and which classes it may be taken for, are our choice.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

SEASON_DAYS = 365
"""Days of an agronomic year, from 1 September to 31 August."""

_MONTH_MIDDLES = (14, 45, 75, 106, 137, 166, 196, 226, 257, 287, 318, 349)

MONTHLY_NDVI = (
    (0.48, 0.54, 0.51, 0.33, 0.44, 0.23, 0.29, 0.26, 0.46, 0.75, 0.62, 0.30),
    (0.71, 0.66, 0.66, 0.48, 0.51, 0.32, 0.44, 0.65, 0.78, 0.71, 0.75, 0.73),
    (0.63, 0.60, 0.58, 0.47, 0.37, 0.28, 0.35, 0.36, 0.33, 0.68, 0.84, 0.73),
    (0.53, 0.60, 0.54, 0.36, 0.32, 0.27, 0.29, 0.28, 0.33, 0.76, 0.76, 0.55),
    (0.45, 0.61, 0.54, 0.39, 0.42, 0.30, 0.30, 0.28, 0.37, 0.75, 0.74, 0.50),
    (0.54, 0.53, 0.53, 0.38, 0.36, 0.22, 0.28, 0.25, 0.33, 0.66, 0.86, 0.69),
    (0.45, 0.43, 0.57, 0.64, 0.55, 0.47, 0.51, 0.77, 0.81, 0.50, 0.31, 0.42),
    (0.53, 0.69, 0.63, 0.55, 0.43, 0.30, 0.41, 0.58, 0.74, 0.69, 0.44, 0.39),
    (0.38, 0.42, 0.52, 0.50, 0.56, 0.42, 0.51, 0.70, 0.72, 0.59, 0.36, 0.31),
    (0.37, 0.69, 0.76, 0.71, 0.68, 0.50, 0.52, 0.71, 0.79, 0.56, 0.34, 0.30),
    (0.43, 0.53, 0.53, 0.42, 0.38, 0.28, 0.26, 0.24, 0.32, 0.67, 0.80, 0.74),
    (0.60, 0.60, 0.53, 0.34, 0.37, 0.25, 0.28, 0.32, 0.62, 0.73, 0.42, 0.31),
    (0.52, 0.34, 0.38, 0.36, 0.36, 0.26, 0.35, 0.66, 0.79, 0.71, 0.32, 0.26),
    (0.46, 0.36, 0.44, 0.40, 0.48, 0.34, 0.43, 0.72, 0.77, 0.65, 0.34, 0.31),
    (0.70, 0.75, 0.69, 0.62, 0.57, 0.29, 0.48, 0.60, 0.59, 0.62, 0.61, 0.62),
    (0.67, 0.63, 0.54, 0.43, 0.43, 0.34, 0.38, 0.48, 0.67, 0.71, 0.69, 0.67),
)
"""NDVI of each class (rows, by id) in each month, September to August.

Medians over days of the class means of TimeSen2Crop's training tiles, as Vincent,
Ponce and Aubry publish them with AgriITSC (github.com/ElliotVincent/AgriITSC, MIT).
"""

GREEN = np.array(
    (
        (471, 734, 560, 1124, 2936, 3381, 3743, 1752, 1118),
        (409, 673, 495, 1160, 3063, 3614, 4013, 1988, 1115),
        (338, 520, 375, 772, 2776, 3884, 4247, 1740, 850),
        (493, 824, 606, 1308, 3397, 3943, 4398, 2255, 1247),
        (511, 875, 668, 1326, 3863, 4516, 4921, 2112, 1160),
        (355, 594, 384, 1027, 3779, 4681, 5210, 2195, 1097),
        (359, 597, 434, 1035, 2776, 3611, 3977, 1611, 948),
        (570, 860, 687, 1341, 3307, 3845, 4209, 1821, 1021),
        (406, 639, 523, 1090, 2640, 3193, 3492, 1645, 1020),
        (480, 806, 518, 1280, 3673, 4314, 4653, 1433, 767),
        (513, 829, 563, 1230, 3761, 4470, 4861, 1918, 1017),
        (485, 725, 587, 1174, 2746, 3340, 3693, 1953, 1099),
        (335, 524, 425, 894, 2636, 3400, 3688, 1619, 955),
        (415, 599, 476, 965, 2835, 3557, 3871, 1615, 918),
        (317, 554, 484, 1020, 2362, 2796, 3093, 1699, 969),
        (515, 768, 632, 1240, 2884, 3341, 3693, 2126, 1242),
    ),
    np.float32,
)
"""Reflectance x 10000 of each class (rows) in its greenest month, ``[16, 9]``.

Medians over the days of that month; source as of `MONTHLY_NDVI`.
"""

MOIST_SOIL = np.array((600, 800, 1060, 1340, 1560, 1600, 1720, 1860, 1480), np.float32)
"""Reflectance x 10000 of bare ground in winter: our choice, near the darkest means."""

DRY_GROUND = np.array((850, 1130, 1500, 1740, 2130, 2280, 2480, 3060, 2400), np.float32)
"""Reflectance x 10000 of stubble and dry ground: near the class means of August."""

_RED, _NIR = 2, 6


@dataclasses.dataclass(frozen=True, kw_only=True)
class Habit:
    """How far the parcels of a class stray from its mean.

    Attributes:
        kin: Classes that a parcel may lean towards, drawn evenly.
        lean: Greatest share of the kin in a parcel; the mean share is a third of it.
        stray: Share of parcels that look like kin altogether.
        autumn: Standard deviation of NDVI from September to November, where the crop
            before still stands or a catch crop does.
        cuts: Mean number of cuts a season.
    """

    kin: tuple[int, ...]
    lean: float
    stray: float = 0.0
    autumn: float = 0.04
    cuts: float = 0.0


HABITS = (
    Habit(kin=(1, 11, 5, 15), lean=0.15, stray=0.02, cuts=0.3),
    Habit(kin=(14, 15, 0), lean=0.2, stray=0.01, cuts=3.0),
    Habit(kin=(5, 3, 10, 4), lean=0.2, stray=0.01, autumn=0.06),
    Habit(kin=(10, 2, 4), lean=0.2, stray=0.01, autumn=0.06),
    Habit(kin=(2, 3, 5), lean=0.2, stray=0.01, autumn=0.06),
    Habit(kin=(2, 10, 4), lean=0.2, stray=0.01, autumn=0.06),
    Habit(kin=(13, 8, 12), lean=0.25, stray=0.01),
    Habit(kin=(9, 15), lean=0.1),
    Habit(kin=(13, 12, 6), lean=0.3, stray=0.02),
    Habit(kin=(6, 7), lean=0.2),
    Habit(kin=(5, 2, 3), lean=0.2, stray=0.01, autumn=0.06),
    Habit(kin=(0, 12, 13), lean=0.2, stray=0.01, autumn=0.06),
    Habit(kin=(13, 8), lean=0.25, stray=0.01),
    Habit(kin=(12, 8, 6), lean=0.3, stray=0.02),
    Habit(kin=(1, 15), lean=0.2, stray=0.02),
    Habit(kin=(1, 0, 2, 11, 3), lean=0.35, stray=0.07, autumn=0.06, cuts=0.5),
)
"""Our choice for each class, by id: cereals resemble cereals, row crops row crops."""


# Public functions ----------------------------------------------------------------


def greenness(label: int, days: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Returns the mean NDVI of a class.

    Args:
        label: Class id.
        days: Days since 1 September, any shape; before the middle of September and
            after the middle of August the value of that middle stands.
    """
    table = _DAILY_NDVI[label]
    return table[np.clip(np.rint(days), 0, SEASON_DAYS - 1).astype(np.intp)]


def spectra(
    ndvi: npt.NDArray[np.float32],
    green: npt.NDArray[np.float32],
    ground: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """Mixes ground and green plants so that the mixture has a given NDVI.

    The share of green is held within [-0.1, 1.25], as the spectra are means of whole
    landscapes rather than pure; beyond, the NDVI is missed.

    Args:
        ndvi: NDVI wanted, ``[parcels, T]``.
        green: Reflectance x 10000 of each parcel's plants, ``[parcels, 9]``.
        ground: Reflectance x 10000 below them, ``[parcels, T, 9]``.

    Returns:
        Reflectance x 10000, ``[parcels, T, 9]``.
    """
    slope = green[:, None, :] - ground
    red, nir = ground[..., _RED], ground[..., _NIR]
    rise = (1 - ndvi) * slope[..., _NIR] - (1 + ndvi) * slope[..., _RED]
    share = ((1 + ndvi) * red - (1 - ndvi) * nir) / rise
    return ground + np.clip(share, -0.1, 1.25)[..., None] * slope


def draw_parcels(
    rng: np.random.Generator,
    label: int,
    parcels: int,
    days: npt.NDArray[np.float32],
    *,
    delay: float,
    vigour: float,
    wetness: npt.NDArray[np.float32],
    soil: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """Draws the reflectance of parcels of a class on clear days.

    Args:
        rng: Source of chance.
        label: Class id.
        parcels: Number of parcels.
        days: Days since 1 September, ``[T]``.
        delay: How many days the growth of the place lags behind the mean.
        vigour: How green the place gets, relative to the mean.
        wetness: From 0, dry, to 1 for each day, ``[T]``.
        soil: Factor on bare ground in each band, ``[9]``.

    Returns:
        Reflectance x 10000, ``[parcels, T, 9]``.
    """
    habit = HABITS[label]
    kin = rng.choice(habit.kin, parcels)
    leans = habit.lean * rng.random(parcels) ** 2
    strays = rng.random(parcels) < habit.stray
    lean = np.where(strays, 1.0, leans).astype(np.float32)[:, None]
    lag = np.float32(delay) + rng.normal(0, 6, parcels).astype(np.float32)[:, None]
    pace = np.exp(rng.normal(0, 0.03, parcels)).astype(np.float32)[:, None]
    times = (days - 180 - lag) * pace + 180
    ndvi = (1 - lean) * greenness(label, times)
    for other in np.unique(kin).tolist():
        rows = kin == other
        ndvi[rows] += lean[rows] * greenness(other, times[rows])
    strength = vigour * np.exp(rng.normal(0, 0.1, (parcels, 1)))
    ndvi = 0.2 + (ndvi - 0.2) * strength.astype(np.float32)
    ndvi += _wander(rng, parcels, days, habit.autumn)
    if habit.cuts:
        ndvi -= _cuts(rng, parcels, days, habit.cuts)
    ndvi = np.clip(ndvi, 0.12, 0.93, dtype=np.float32)

    green = (1 - lean) * GREEN[label] + lean * GREEN[kin]
    green = green * _colours(rng, parcels, shared=0.05, each=0.025)
    bare = soil * _colours(rng, parcels, shared=0.08, each=0.025)
    ground = wetness[:, None] * MOIST_SOIL + (1 - wetness[:, None]) * DRY_GROUND
    return spectra(ndvi, green, ground[None] * bare[:, None, :])


# Private -------------------------------------------------------------------------


def _daily(monthly: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Interpolates monthly values to days by cubic Hermite splines, ``[..., 365]``."""
    middles = np.array(_MONTH_MIDDLES, float)
    slopes = np.gradient(monthly, middles, axis=-1)
    slopes[..., 0] = slopes[..., -1] = 0
    days = np.clip(np.arange(SEASON_DAYS, dtype=float), middles[0], middles[-1])
    left = np.clip(np.searchsorted(middles, days, "right") - 1, 0, len(middles) - 2)
    width = middles[left + 1] - middles[left]
    t = (days - middles[left]) / width
    values = (
        (2 * t**3 - 3 * t**2 + 1) * monthly[..., left]
        + (3 * t**2 - 2 * t**3) * monthly[..., left + 1]
        + (t**3 - 2 * t**2 + t) * width * slopes[..., left]
        + (t**3 - t**2) * width * slopes[..., left + 1]
    )
    return values.astype(np.float32)


_DAILY_NDVI = _daily(np.array(MONTHLY_NDVI))


def _wander(
    rng: np.random.Generator, parcels: int, days: npt.NDArray[np.float32], autumn: float
) -> npt.NDArray[np.float32]:
    """Draws slow departures of NDVI, larger in autumn, ``[parcels, T]``."""
    knots = np.arange(-15, SEASON_DAYS + 31, 30, dtype=np.float32)
    spread = np.where(knots < 100, autumn, 0.035).astype(np.float32)
    values = spread * rng.standard_normal((parcels, len(knots)), np.float32)
    weights = np.maximum(0, 1 - np.abs(days[:, None] - knots) / 30)
    return values @ weights.astype(np.float32).T


def _cuts(
    rng: np.random.Generator, parcels: int, days: npt.NDArray[np.float32], mean: float
) -> npt.NDArray[np.float32]:
    """Draws the NDVI lost to cuts, which grows back in weeks, ``[parcels, T]``."""
    most = 5
    loss = np.zeros((parcels, len(days)), np.float32)
    number = rng.poisson(mean, parcels)
    for cut in range(most):
        day = rng.uniform(235, 345, (parcels, 1)).astype(np.float32)
        depth = rng.uniform(0.1, 0.35, (parcels, 1)) * (number > cut)[:, None]
        since = days - day
        grown = np.exp(-np.maximum(since, 0) / 14)
        loss = np.maximum(loss, (depth * (since >= 0) * grown).astype(np.float32))
    return loss


def _colours(
    rng: np.random.Generator, parcels: int, *, shared: float, each: float
) -> npt.NDArray[np.float32]:
    """Draws factors on spectra: one for all bands times one for each, ``[.., 9]``."""
    logs = shared * rng.standard_normal((parcels, 1), np.float32)
    logs = logs + each * rng.standard_normal((parcels, GREEN.shape[1]), np.float32)
    return np.exp(logs)
