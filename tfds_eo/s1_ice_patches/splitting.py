"""Splits of patches by scene or by polygon; patches that share a pixel never part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from tfds_eo.geo.patches import groups_that_share_pixels
from tfds_eo.s1_ice_patches.planning import ScenePlan
from tfds_eo.splits import stratified_split

By = Literal["polygon", "scene"]
"""What stays whole: the patches of a polygon, or all patches of a scene."""

Splits = dict[int, dict[str, npt.NDArray[np.str_]]]
"""The split of each patch, by size and path of the scene."""


def split_patches(
    plans: Sequence[ScenePlan], by: By, shares: Mapping[str, float]
) -> Splits:
    """Deals polygons or scenes out to splits, alike for all sizes.

    Args:
        plans: The scenes and their patches.
        by: What stays whole.
        shares: Share of each split; they add up to 1.

    Raises:
        ValueError: If a split gets no patch of a size, rasters shall be split by
            polygon, or patches that share a pixel would part.
    """
    rasters = {p.request.labelling.kind == "chart_rasters" for p in plans}
    if by == "polygon" and True in rasters:
        raise ValueError(
            "patches with rasters of a chart hold several polygons: split them by scene"
        )
    group: list[npt.NDArray[np.int64]] = []
    labels: list[npt.NDArray[np.int64]] = []
    first = 0
    for plan in plans:
        most = 0
        for placed in plan.patches.values():
            of_scene = placed.polygon if by == "polygon" else 0 * placed.polygon
            group.append(of_scene + first)
            labels.append(placed.label)
            most = max(most, int(of_scene.max(initial=0)) + 1)
        first += most
    names = stratified_split(np.concatenate(group), np.concatenate(labels), shares)
    splits: Splits = {}
    start = 0
    for plan in plans:
        for size, placed in plan.patches.items():
            chosen = names[start : start + len(placed)]
            start += len(placed)
            splits.setdefault(size, {})[plan.request.view.path] = chosen
    _check_filled(splits, shares, by)
    check_splits(plans, splits)
    return splits


def check_splits(plans: Sequence[ScenePlan], splits: Splits) -> None:
    """Makes sure that patches that share a pixel are in one split.

    Raises:
        ValueError: If two are not.
    """
    for plan in plans:
        for size, placed in plan.patches.items():
            names = splits[size][plan.request.view.path]
            group = groups_that_share_pixels(placed.row, placed.col, size=size)
            pairs = np.unique(np.stack([group.astype(str), names], axis=1), axis=0)
            if len(pairs) != len(np.unique(group)):
                raise ValueError(
                    f"patches of scene {plan.scene!r} that share a pixel must be in one"
                    f" split; {len(pairs) - len(np.unique(group))} groups of size"
                    f" {size} part"
                )


def _check_filled(splits: Splits, shares: Mapping[str, float], by: By) -> None:
    for size, of_scene in splits.items():
        names = np.concatenate(list(of_scene.values()))
        empty = [split for split in shares if not (names == split).any()]
        if empty:
            raise ValueError(
                f"each split must have patches of {size} x {size}; of {len(names)}"
                f" patches none fell to {', '.join(empty)}: there are too few {by}s;"
                " give more, split by polygon, or set the share to 0"
            )
