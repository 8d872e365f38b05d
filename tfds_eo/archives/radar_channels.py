"""Which channel of a patch is HH, HV and incidence angle, and in which unit it is.

The files do not say. Statistics decide where they are plain; where they are not, the
manifest has to, and the message shows the statistics.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

Units = Literal["db", "linear", "amplitude", "scaled"]
"""Units of backscatter: decibels, sigma-nought as a ratio, digital numbers that
calibrate by ``(DN / calibration)^2``, or numbers that give dB by scale and offset."""

CHANNELS = ("hh", "hv", "angle")
"""Channels of a patch, in the order of a record."""

ANGLES = (15.0, 50.0)
"""Degrees between which every incidence angle of the EW mode lies, with a margin."""

LEAST_CONTRAST = 1.0
"""Least difference of the means of HH and HV in dB that tells them apart."""

SMOOTH = 2.0
"""Greatest mean standard deviation of the angle within a patch, in degrees."""


@dataclasses.dataclass(frozen=True)
class Statistics:
    """What the values of a channel are like, nodata (0 and not finite) left out.

    Attributes:
        least: 0.1 % of the values lie below.
        median: The median.
        most: 0.1 % of the values lie above.
        mean: Their mean.
        spread: Mean standard deviation within a patch.
        integer: Whether the dtype is integer.
    """

    least: float
    median: float
    most: float
    mean: float
    spread: float
    integer: bool

    def __str__(self) -> str:
        return (
            f"{self.least:.4g} to {self.most:.4g}, mean {self.mean:.4g}, median"
            f" {self.median:.4g}, within a patch {self.spread:.2g}"
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Calibration:
    """How stored values become decibels.

    Attributes:
        units: Unit of the stored backscatter.
        calibration: Divisor of digital numbers, for ``amplitude``.
        scale: Factor to dB, for ``scaled``.
        offset: What is added after it, in dB, for ``scaled``.
        nodata: Values besides NaN and infinities that stand for no data.
    """

    units: Units
    calibration: float = 1.0
    scale: float = 1.0
    offset: float = 0.0
    nodata: tuple[float, ...] = ()

    def to_decibels(self, values: npt.NDArray) -> npt.NDArray[np.float32]:
        """Returns backscatter in dB; NaN for no data, and for power that is not > 0."""
        found = values.astype(np.float64)
        empty = ~np.isfinite(found)
        for value in self.nodata:
            empty |= found == value
        if self.units == "scaled":
            found = found * self.scale + self.offset
        elif self.units != "db":
            if self.units == "amplitude":
                found = np.square(found / self.calibration)
            empty |= found <= 0
            found = 10 * np.log10(np.where(empty, 1.0, found))
        found[empty] = np.nan
        return found.astype(np.float32)


def statistics(values: npt.NDArray) -> Statistics:
    """Returns what the values of a channel are like, ``[patches, size, size]``."""
    found = values.astype(np.float64).reshape(len(values), -1)
    found[~np.isfinite(found) | (found == 0)] = np.nan
    kept = found[~np.isnan(found).all(axis=1)]
    if not kept.size:
        nan = float("nan")
        return Statistics(nan, nan, nan, nan, nan, values.dtype.kind in "iub")
    least, median, most = np.nanquantile(kept, [0.001, 0.5, 0.999])
    return Statistics(
        least=float(least),
        median=float(median),
        most=float(most),
        mean=float(np.nanmean(kept)),
        spread=float(np.nanstd(kept, axis=1).mean()),
        integer=values.dtype.kind in "iub",
    )


def find_order(
    name: str,
    stated: Sequence[str],
    found: Sequence[Statistics],
    *,
    with_angle: bool,
) -> tuple[dict[str, int], str]:
    """Decides which channel is which.

    Args:
        name: Name of the array, for messages.
        stated: Names of the channels as the manifest gives them, or nothing.
        found: Statistics of the channels.
        with_angle: Whether the angle must be among them; else it lies elsewhere.

    Returns:
        Place of each channel by name, and why.

    Raises:
        ValueError: If the manifest's names do not fit, or the statistics are not plain.
    """
    wanted = CHANNELS if with_angle else CHANNELS[:2]
    if stated:
        known = [c for c in stated if c != "ignore"]
        if len(stated) != len(found) or not set(wanted) <= set(known):
            raise ValueError(
                f"channels of {name} must be stated as {len(found)} names with"
                f" {', '.join(wanted)} among them; got {list(stated)}"
            )
        return {c: stated.index(c) for c in wanted}, "the manifest says so"
    angles = [n for n, s in enumerate(found) if _is_angle(s)]
    rest = [n for n in range(len(found)) if n not in angles]
    listing = "; ".join(f"channel {n}: {s}" for n, s in enumerate(found))
    cure = f"state channels in the manifest, such as {list(wanted)}"
    if len(angles) != int(with_angle) or len(rest) != 2:
        raise ValueError(
            f"{name} must have HH, HV"
            + (
                " and one channel that is an incidence angle"
                if with_angle
                else " alone"
            )
            + f" (smooth, {ANGLES[0]:g} to {ANGLES[1]:g} degrees); got {listing}:"
            f" {cure}"
        )
    hh, hv = sorted(rest, key=lambda n: -found[n].mean)
    if _in_decibels(found[hh], found[hv]) < LEAST_CONTRAST:
        raise ValueError(
            f"HH and HV of {name} must differ by {LEAST_CONTRAST:g} dB to be told apart"
            f" by their means; got {listing}: {cure}"
        )
    order = {"hh": hh, "hv": hv} | ({"angle": angles[0]} if with_angle else {})
    return order, f"HV is the darker one, and the angle is smooth ({listing})"


def find_units(
    name: str, stated: Units | None, hh: Statistics, hv: Statistics
) -> tuple[Units, str]:
    """Decides in which unit backscatter is.

    Raises:
        ValueError: If neither the manifest nor the statistics say.
    """
    if stated:
        return stated, "the manifest says so"
    listing = f"HH {hh}; HV {hv}"
    if not (hh.integer or hv.integer):
        if hh.median < 0 and hv.median < 0 and hv.most < 20:
            return "db", f"mostly negative ({listing})"
        if hh.least >= 0 and hv.least >= 0 and max(hh.median, hv.median) < 2:
            return "linear", f"positive and below 2 ({listing})"
    raise ValueError(
        f"units of {name} must be plain: mostly negative for dB, or real numbers from 0"
        f" to 2 for linear; got {listing}: state units in the manifest, db, linear,"
        " amplitude (with calibration) or scaled (with scale and offset)"
    )


def _is_angle(found: Statistics) -> bool:
    return (
        found.least >= ANGLES[0] and found.most <= ANGLES[1] and found.spread <= SMOOTH
    )


def _in_decibels(hh: Statistics, hv: Statistics) -> float:
    if hh.mean > 0 and hv.mean > 0:
        return float(10 * np.log10(hh.mean / hv.mean))
    return hh.mean - hv.mean
