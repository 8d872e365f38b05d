"""Stratified random sampling of pixels: how many of each stratum, and which ones.

Strata are class x tile. A parcel gives at most k pixels: first k of its pixels are
drawn, then as many of the stratum's remaining pixels as it is allotted. So in a stratum
a pixel of a parcel of n pixels is drawn with probability ``min(1, k / n) x allotted /
available``. Which pixels these are depends on the seed and the pixels' places alone.
"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Literal

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]

Weighting = Literal["prior", "square_root", "equal"]
"""How the sizes of classes follow their priors: as they are, damped, or not at all."""


# Types ---------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, kw_only=True)
class AllocationRule:
    """How many samples each class gets.

    Attributes:
        samples: Number of samples in all.
        weighting: What a class's share is proportional to: its candidate pixels
            (``prior``), their square root, or nothing (``equal``).
        least: Floor: least number of a class, as far as it has candidates.
        most: Cap: greatest number of a class; None for no cap.

    Raises:
        ValueError: If a number is negative, or the floor is above the cap.
    """

    samples: int
    weighting: Weighting = "prior"
    least: int = 0
    most: int | None = None

    def __post_init__(self) -> None:
        if self.samples < 1 or self.least < 0:
            raise ValueError(
                "an allocation needs at least one sample and a floor of at least 0; got"
                f" {self.samples} and {self.least}"
            )
        if self.most is not None and self.most < max(self.least, 1):
            raise ValueError(
                f"the cap of a class must be at least its floor and 1; got {self.most}"
                f" and {self.least}"
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pixels:
    """Candidate or drawn pixels of a tile.

    Attributes:
        parcel: Number of the parcel of each.
        row: Row in the tile.
        col: Column.
        priority: Random number of its place; low ones are drawn first.
    """

    parcel: Counts
    row: Counts
    col: Counts
    priority: npt.NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.row)

    def take(self, which: npt.NDArray) -> Pixels:
        """Returns the pixels at positions, or where a mask holds."""
        return Pixels(
            parcel=self.parcel[which],
            row=self.row[which],
            col=self.col[which],
            priority=self.priority[which],
        )

    def joined(self, other: Pixels) -> Pixels:
        """Returns these pixels and others behind them."""
        return Pixels(
            parcel=np.concatenate([self.parcel, other.parcel]),
            row=np.concatenate([self.row, other.row]),
            col=np.concatenate([self.col, other.col]),
            priority=np.concatenate([self.priority, other.priority]),
        )


# Allocation ----------------------------------------------------------------------


def allocate(pixels: Counts, available: Counts, rule: AllocationRule) -> Counts:
    """Decides how many samples each class has in each tile.

    First the classes get their numbers, then each class's number is shared by its
    tiles in proportion to their candidate pixels. No stratum gets more than it has;
    what one cannot take goes to the others in proportion. Fractions are rounded by
    largest remainder, so that the sum is exact.

    Args:
        pixels: Candidate pixels, ``[classes, tiles]``.
        available: Candidates left when no parcel gives more than its share, likewise.
        rule: What is wanted.

    Returns:
        Numbers, ``[classes, tiles]``; their sum is ``rule.samples``, or all that is
        available under the cap if that is less.

    Raises:
        ValueError: If the floors alone exceed the number of samples.
    """
    prior = pixels.sum(axis=1).astype(np.float64)
    weights = {
        "prior": prior,
        "square_root": np.sqrt(prior),
        "equal": (prior > 0).astype(np.float64),
    }[rule.weighting]
    most = available.sum(axis=1)
    if rule.most is not None:
        most = np.minimum(most, rule.most)
    least = np.minimum(most, rule.least)
    if least.sum() > rule.samples:
        raise ValueError(
            f"the floors of the classes must not exceed the {rule.samples} samples"
            f" wanted; {rule.least} each makes {least.sum()}"
        )
    of_class = share(rule.samples, weights, least, most)
    return np.stack(
        [
            share(int(n), pixels[c].astype(np.float64), 0 * available[c], available[c])
            for c, n in enumerate(of_class)
        ]
    ).reshape(pixels.shape)


def share(
    total: int, weights: npt.NDArray[np.float64], least: Counts, most: Counts
) -> Counts:
    """Shares a number by weights, within bounds, in whole numbers.

    Args:
        total: Number to be shared.
        weights: Weights, at least 0.
        least: Least share of each; their sum must not exceed ``total``.
        most: Greatest share of each.

    Returns:
        Shares ``clip(t x weight, least, most)`` for the t that makes them sum to
        ``total``, rounded by largest remainder; ``most`` if that sums to less.
    """
    if total >= most.sum():
        return most.astype(np.int64)
    low, high = 0.0, 1.0
    positive = weights > 0

    def shares(t: float) -> npt.NDArray[np.float64]:
        return np.clip(t * weights, least, most)

    reachable = np.where(positive, most, least)
    if total > reachable.sum():
        # Who has no weight but room takes what remains, evenly.
        weights = np.where(positive, 0.0, 1.0)
        least = np.where(positive, most, least)
        positive = weights > 0
    while shares(high).sum() < total and high < 1e300:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if shares(middle).sum() < total else (low, middle)
    exact = shares(high)
    whole = np.clip(np.floor(exact + 1e-9), least, most).astype(np.int64)
    rest = total - int(whole.sum())
    order = np.lexsort((np.arange(len(whole)), -(exact - whole)))
    for at in order:
        if rest <= 0:
            break
        if whole[at] < most[at]:
            whole[at] += 1
            rest -= 1
    return whole


# Drawing -------------------------------------------------------------------------


def priorities(
    seed: int, tile: str, row: npt.NDArray[np.integer], col: npt.NDArray[np.integer]
) -> npt.NDArray[np.uint64]:
    """Returns a random number for each place, the same wherever it is asked for.

    The finaliser of SplitMix64 on row and column, keyed by seed and tile: a bijection,
    so that no two pixels of a tile have the same number.
    """
    key = hashlib.sha256(f"{seed}/{tile}".encode()).digest()
    mixed = (row.astype(np.uint64) << np.uint64(32)) | col.astype(np.uint64)
    mixed ^= np.uint64(int.from_bytes(key[:8], "little"))
    mixed += np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def pixels_of(
    found: npt.NDArray[np.int64], first_row: int, seed: int, tile: str
) -> Pixels:
    """Returns the candidates of a strip.

    Args:
        found: Number of the parcel of each pixel, below 0 for none, ``[rows, cols]``.
        first_row: Row of the tile in which the strip begins.
        seed: Seed of the draw.
        tile: Name of the tile.
    """
    row, col = np.nonzero(found >= 0)
    return Pixels(
        parcel=found[row, col],
        row=row + first_row,
        col=col,
        priority=priorities(seed, tile, row + first_row, col),
    )


def thin(pixels: Pixels, most_per_parcel: int | None) -> Pixels:
    """Keeps at most so many pixels of each parcel, those of the lowest priority.

    Thinning parts, joining and thinning again is the same as thinning the whole.
    """
    if most_per_parcel is None:
        return pixels
    order = np.lexsort((pixels.priority, pixels.parcel))
    parcel = pixels.parcel[order]
    starts = np.flatnonzero(np.r_[True, parcel[1:] != parcel[:-1]][: len(parcel)])
    sizes = np.diff(np.r_[starts, len(parcel)])
    rank = np.arange(len(parcel)) - np.repeat(starts, sizes)
    return pixels.take(np.sort(order[rank < most_per_parcel]))


def draw(
    pixels: Pixels, class_of_parcel: npt.NDArray[np.integer], allotted: Counts
) -> Pixels:
    """Draws the samples of a tile from its thinned candidates.

    Args:
        pixels: Candidates.
        class_of_parcel: Class id of each parcel.
        allotted: Number of samples of each class.

    Returns:
        The samples, by row and column.

    Raises:
        ValueError: If a class has fewer candidates than are to be drawn.
    """
    labels = class_of_parcel[pixels.parcel]
    chosen = []
    for label, wanted in enumerate(allotted.tolist()):
        mine = np.flatnonzero(labels == label)
        if len(mine) < wanted:
            raise ValueError(
                f"class {label} must have {wanted} candidate pixels, as counted; there"
                f" are {len(mine)}: the parcels have changed since"
            )
        order = np.argsort(pixels.priority[mine], kind="stable")
        chosen.append(mine[order[:wanted]])
    which = np.concatenate([np.zeros(0, np.int64), *chosen]).astype(np.int64)
    return pixels.take(which[np.lexsort((pixels.col[which], pixels.row[which]))])
