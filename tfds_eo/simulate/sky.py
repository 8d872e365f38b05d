"""What stands between Sentinel-2 and the fields: orbits, clouds, shadows, snow, haze.

Dates follow the true orbits; weather is drawn. Within an acquisition, clouds and snow
lie in patches, so that neighbouring fields share them.
"""

from __future__ import annotations

import dataclasses
import statistics

import numpy as np
import numpy.typing as npt

CLEAR, CLOUD, SHADOW, SNOW = range(4)

SNOW_REFLECTANCE = np.array(
    (7600, 7700, 7800, 7700, 7500, 7400, 7100, 900, 800), np.float32
)
"""Reflectance x 10000 of settled snow: bright but for the short-wave infrared."""

CLOUD_SHAPE = np.array((1.0, 0.97, 0.97, 0.98, 1.0, 1.03, 1.02, 0.72, 0.55), np.float32)
"""Brightness of a cloud in each band, relative to B2: our choice."""

HAZE_SHAPE = np.array((1.3, 1.1, 1.0, 0.95, 0.9, 0.88, 0.85, 0.45, 0.3), np.float32)
"""Brightness of haze in each band: bluer than a cloud; our choice."""

_ORBIT_36 = np.datetime64("2017-01-05")
"""A day on which Sentinel-2A flew relative orbit 36.

S2A_MSIL1C_20170105T013442_N0204_R031, the example in ESA's naming convention, is five
orbits, or eight hours, earlier. Orbits 79, 122, 22, 65 and 108 follow every three days
(43 of 143 orbits in ten days); Sentinel-2B flies the same orbit five days later.
"""

_DAYS_AFTER_36 = {36: 0, 79: 3, 122: 6, 22: 9, 65: 12, 108: 15}
_REVISIT_DAYS = 5
_WAVES = 8
_CLOUD_EDGE = 3.0
_THIN = 0.3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sky:
    """The acquisitions of a tile in a season, and what the weather made of them.

    Attributes:
        dates: Acquisition dates, ascending, ``datetime64[D]``, ``[T]``.
        days: Days since 1 September, ``[T]``.
        wetness: Of the ground, 0 to 1, ``[T]``.
        cloud_level: Height of the cloud field above which there is cloud, in standard
            deviations, ``[T]``.
        cloud_brightness: Reflectance x 10000 of clouds in B2, ``[T]``.
        snow_level: The same as ``cloud_level`` for snow on the ground, ``[T]``.
        haze: Opacity of haze over the whole tile, mostly 0, ``[T]``.
        gain: Factor on what is seen: sun, view, imperfect correction, ``[T, 9]``.
        waves: Wave vectors of the cloud field in radians per tile width,
            ``[T, waves, 2]``.
        phases: Their phases, ``[T, waves]``.
        sun: From a cloud to its shadow, in tile widths, ``[2]``.
    """

    dates: npt.NDArray[np.datetime64]
    days: npt.NDArray[np.float32]
    wetness: npt.NDArray[np.float32]
    cloud_level: npt.NDArray[np.float32]
    cloud_brightness: npt.NDArray[np.float32]
    snow_level: npt.NDArray[np.float32]
    haze: npt.NDArray[np.float32]
    gain: npt.NDArray[np.float32]
    waves: npt.NDArray[np.float32]
    phases: npt.NDArray[np.float32]
    sun: npt.NDArray[np.float32]


# Public functions ----------------------------------------------------------------


def passes(
    orbits: tuple[int, ...], start: np.datetime64, end: np.datetime64
) -> npt.NDArray[np.datetime64]:
    """Returns the days on which Sentinel-2A or B flies one of the orbits.

    Args:
        orbits: Relative orbits, of 22, 36, 65, 79, 108 and 122.
        start: First day, inclusive.
        end: Last day, inclusive.
    """
    days = np.arange(start, end + 1, dtype="datetime64[D]")
    since = (days - _ORBIT_36).astype(int)
    flown = [(since - _DAYS_AFTER_36[orbit]) % _REVISIT_DAYS == 0 for orbit in orbits]
    return days[np.any(flown, axis=0)]


def draw_sky(
    rng: np.random.Generator,
    *,
    orbits: tuple[int, ...],
    season: int,
    steps: int,
    altitude: float,
) -> Sky:
    """Draws the acquisitions of a tile and their weather.

    Acquisitions are left out until ``steps`` remain, the cloudier the likelier.

    Args:
        rng: Source of chance.
        orbits: Relative orbits that see the tile.
        season: Year of harvest; the season starts in September of the year before.
        steps: Number of acquisitions to keep, at most the number of passes.
        altitude: From 0, lowland, to 1, Alps: more snow.
    """
    first = np.datetime64(f"{season - 1}-09-01")
    dates = passes(orbits, first, np.datetime64(f"{season}-08-31"))
    all_days = (dates - first).astype(np.float32)
    winter = np.exp(-(((all_days - 115) / 60) ** 2))
    odds = rng.normal(-0.4, 1.6, len(dates)) + 0.9 * winter
    cover = 1 / (1 + np.exp(-odds))
    order = np.argsort(cover + rng.uniform(0, 1, len(dates)))[:steps]
    kept = np.sort(order)
    days, cover = all_days[kept], np.clip(cover[kept], 0.002, 0.998)

    # Snow comes in spells of some three weeks, in and after the dark of the year.
    spells = np.interp(days, np.arange(0, 380, 20), rng.normal(0, 1, 19))
    season_of_snow = np.exp(-(((days - 155) / 42) ** 2))
    snow = season_of_snow * (0.5 + 0.7 * altitude) + 0.22 * spells - 0.3
    snow = np.clip(np.where(season_of_snow < 0.1, 0, snow), 0, 0.97)

    dry = np.interp(days, (0, 60, 90, 190, 225, 365), (0.6, 0.3, 0, 0, 0.7, 0.95))
    gain = np.exp(
        rng.normal(0, 0.03, (steps, 1))
        + rng.normal(0, 0.015, (steps, len(CLOUD_SHAPE)))
    )
    hazy = rng.random(steps) < 0.08
    reach = rng.lognormal(0, 0.5, (steps, _WAVES, 1))
    return Sky(
        dates=dates[kept],
        days=days,
        wetness=_single(np.clip(1 - dry + rng.normal(0, 0.18, steps), 0, 1)),
        cloud_level=_levels(cover),
        cloud_brightness=_single(rng.uniform(4500, 11500, steps)),
        snow_level=_levels(snow),
        haze=_single(hazy * rng.uniform(0.03, 0.14, steps)),
        gain=_single(gain),
        waves=_single(rng.normal(0, 9, (steps, _WAVES, 2)) * reach),
        phases=_single(rng.uniform(0, 2 * np.pi, (steps, _WAVES))),
        sun=_single(rng.uniform(0.01, 0.03, 2)),
    )


def observe(
    rng: np.random.Generator,
    sky: Sky,
    fields: npt.NDArray[np.float32],
    place: npt.NDArray[np.float32],
    parcel: npt.NDArray[np.intp],
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]:
    """Returns what the sensor records of pixels of parcels, and its flags.

    One flag in some hundred is wrong; thin cloud at the edge of clouds, thin snow and
    haze are seen but not flagged.

    Args:
        rng: Source of chance.
        sky: The acquisitions.
        fields: Reflectance x 10000 of each parcel on clear days, ``[parcels, T, 9]``.
        place: Where each parcel lies, in tile widths, ``[parcels, 2]``.
        parcel: Parcel of each pixel, ``[pixels]``.

    Returns:
        Reflectance x 10000, at least 1, ``[pixels, T, 9]``; flags, ``[pixels, T]``.
    """
    pixels, parcels, steps = len(parcel), len(place), len(sky.days)
    shape = (pixels, steps)

    def around(level: npt.NDArray[np.float32], spread: float) -> npt.NDArray:
        return level[parcel] + np.float32(spread) * rng.standard_normal(shape, "f4")

    cloud = _opacity(around(_cloud_field(sky, place) - sky.cloud_level, 0.12))
    shaded = _opacity(
        around(_cloud_field(sky, place - sky.sun) - sky.cloud_level, 0.12)
    )
    lie_of_land = rng.standard_normal((parcels, 1), np.float32)
    lie_of_land = lie_of_land + 0.4 * rng.standard_normal((parcels, steps), np.float32)
    snow = _opacity(around(lie_of_land / np.float32(1.08) - sky.snow_level, 0.1))

    condition = np.zeros(shape, np.uint8)
    condition[snow > _THIN] = SNOW
    condition[shaded > _THIN] = SHADOW
    condition[cloud > _THIN] = CLOUD
    shade = 1 - np.float32(0.6) * np.where(condition == SHADOW, shaded, 0)
    _spoil(rng, condition, parcel, parcels)

    tone = np.exp(rng.standard_normal((pixels, 1, 1), np.float32) * np.float32(0.035))
    mottle = rng.standard_normal((pixels, 1, fields.shape[-1]), np.float32)
    values = fields[parcel]
    values *= tone + np.float32(0.03) * mottle
    _cover(values, snow, np.broadcast_to(SNOW_REFLECTANCE, values.shape[1:]))
    values *= shade[..., None] * sky.gain
    if sky.haze.any():
        hazy = np.flatnonzero(sky.haze)
        values[:, hazy] *= 1 - sky.haze[hazy, None]
        values[:, hazy] += 5000 * sky.haze[hazy, None] * HAZE_SHAPE
    _cover(values, cloud, sky.cloud_brightness[:, None] * CLOUD_SHAPE)
    values *= 1 + np.float32(0.03) * rng.standard_normal(values.shape, np.float32)
    np.rint(values, out=values)
    np.clip(values, 1, 0xFFFF, out=values)
    return values.astype(np.uint16), condition


# Private -------------------------------------------------------------------------


def _single(values: npt.NDArray) -> npt.NDArray[np.float32]:
    return values.astype(np.float32)


def _levels(cover: npt.NDArray) -> npt.NDArray[np.float32]:
    """Returns the level that a standard normal field exceeds on a given share."""
    level = statistics.NormalDist().inv_cdf
    return np.array([level(1 - c) if c else np.inf for c in cover.tolist()], np.float32)


def _cloud_field(sky: Sky, place: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Returns a smooth field that is nearly standard normal, ``[parcels, T]``."""
    steps, waves, _ = sky.waves.shape
    turns = place @ sky.waves.reshape(-1, 2).T + sky.phases.reshape(-1)
    field = np.cos(turns).reshape(-1, steps, waves).sum(axis=-1)
    return field * np.float32(np.sqrt(2 / waves))


def _opacity(above: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Turns the height of a field above its level into opacity, 0 to 1, in place."""
    above *= np.float32(_CLOUD_EDGE)
    above += np.float32(_THIN)
    return np.clip(above, 0, 1, out=above)


def _cover(
    values: npt.NDArray[np.float32],
    opacity: npt.NDArray[np.float32],
    cover: npt.NDArray[np.float32],
) -> None:
    """Lays a cover of given spectra, ``[T, 9]``, over values, in place."""
    rows, steps = np.nonzero(opacity)
    share = opacity[rows, steps][:, None]
    values[rows, steps] += share * (cover[steps] - values[rows, steps])


def _spoil(
    rng: np.random.Generator,
    condition: npt.NDArray[np.uint8],
    parcel: npt.NDArray[np.intp],
    parcels: int,
) -> None:
    """Sets some flags wrong, in place, for whole parcels at once."""
    chance = rng.random((parcels, condition.shape[1]), np.float32)[parcel]
    flagged = condition != CLEAR
    condition[(chance < 0.012) & flagged] = CLEAR
    condition[(chance > 0.993) & ~flagged] = CLOUD
    condition[(chance > 0.997) & ~flagged] = SHADOW
