"""Plans the records of UiT patches, and reads them block by block."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tfds_eo import legends, splits
from tfds_eo.archives import arrays, codes, radar_channels
from tfds_eo.archives.array_refs import ArrayRef
from tfds_eo.archives.inventory import Inventory
from tfds_eo.archives.radar_channels import ANGLES, Calibration, Statistics
from tfds_eo.records import Columns
from tfds_eo.shards import Block
from tfds_eo.uit_sea_ice import regions
from tfds_eo.uit_sea_ice.layout import SECTION, Part, Stated, find_layout
from tfds_eo.uit_sea_ice.patch_files import Patches

SHARES = {"train": 0.7, "test": 0.15, "validation": 0.15}
"""Share of the patches of each class in each split; the publication has none: ours."""

LEAKY = "random_leaky_"
"""What the names of splits begin with that are not by place."""

SAMPLE = 1000
"""Number of patches of a part whose values decide on channels and units."""


@dataclasses.dataclass(frozen=True, eq=False)
class Reading:
    """How the patches of a part are read.

    Attributes:
        images: The patches.
        order: Place of HH, HV and, if it is there, the angle among their channels.
        angles: Incidence angles that lie apart.
        calibration: How stored values become decibels.
    """

    images: Patches
    order: tuple[int, ...]
    angles: ArrayRef | None
    calibration: Calibration

    def backscatter(self, rows: npt.NDArray[np.int64]) -> npt.NDArray:
        """Returns HH and HV as they are stored, ``[patches, size, size, 2]``."""
        return self.images.take(rows)[..., list(self.order[:2])]

    def image(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Returns HH dB, HV dB, angle in degrees, ``[patches, size, size, 3]``.

        Raises:
            ValueError: If an angle is impossible where there is backscatter.
        """
        stored = self.images.take(rows)
        image = np.empty((*stored.shape[:3], 3), np.float32)
        image[..., :2] = self.calibration.to_decibels(stored[..., list(self.order[:2])])
        if self.angles is None:
            image[..., 2] = stored[..., self.order[2]]
        else:
            found = np.asarray(arrays.read_array(self.angles))
            found = found.reshape(-1) if 1 in found.shape else found
            found = found[rows]
            image[..., 2] = found if found.ndim == 3 else found.reshape(-1, 1, 1)
        angle, known = image[..., 2], ~np.isnan(image[..., :2]).any(axis=-1)
        wrong = known & ~((angle >= ANGLES[0]) & (angle <= ANGLES[1]))
        if wrong.any():
            raise ValueError(
                f"incidence angles of {self.images.name} must be {ANGLES[0]:g} to"
                f" {ANGLES[1]:g} degrees; got {angle[wrong][0]:g} in patch"
                f" {rows[wrong.any(axis=(1, 2)).argmax()]}: state nodata or the order"
                " of channels in the manifest"
            )
        return image


@dataclasses.dataclass(frozen=True, eq=False)
class PatchSource:
    """Patches of a block: where they lie and what is recorded of them.

    Attributes:
        reading: How they are read.
        rows: Their places in the part.
        first: Index of the part's first patch.
        label: Class of each.
        region: Region of each.
        scene: Scene of each; ``''`` where it is not known.
    """

    reading: Reading
    rows: npt.NDArray[np.int64]
    first: int
    label: npt.NDArray[np.int64]
    region: npt.NDArray[np.int64]
    scene: npt.NDArray[np.str_]

    def part(self, start: int, stop: int) -> PatchSource:
        """Returns the source of the patches from ``start`` to before ``stop``."""
        cut = slice(start, stop)
        return dataclasses.replace(
            self,
            rows=self.rows[cut],
            label=self.label[cut],
            region=self.region[cut],
            scene=self.scene[cut],
        )


def read_patches(source: PatchSource) -> Columns:
    """Reads the patches of a block: the features of `schemas.labelled_ice_patch`."""
    return {
        "image": source.reading.image(source.rows),
        "label": source.label,
        "region": source.region,
        "scene": np.strings.encode(source.scene, "utf-8"),
        "index": source.first + source.rows,
    }


@dataclasses.dataclass(frozen=True)
class Plan:
    """What becomes of the patches of a size.

    Attributes:
        blocks: Blocks of each split.
        decisions: What was decided and why, for people.
        leaky: Whether the splits are random because places are not known.
        left_out: Number of patches whose place is not known while that of most is.
        labels: Number of patches of each label code.
        statistics: What HH, HV and angle are like, as they are stored.
        region_count: Number of regions.
    """

    blocks: dict[str, list[Block]]
    decisions: tuple[str, ...]
    leaky: bool
    left_out: int
    labels: dict[str, int]
    statistics: dict[str, str]
    region_count: int


@dataclasses.dataclass(frozen=True, eq=False)
class _Opened:
    readings: list[Reading]
    parts: tuple[Part, ...]
    classes: dict[str, str]
    decisions: list[str]
    statistics: dict[str, str]


def decide(
    inventory: Inventory, stated: Stated, size: int, cache: pathlib.Path
) -> tuple[list[str], dict[str, int]]:
    """Decides on files, channels and units of a size, without needing classes.

    Returns:
        What was decided and why, and the number of patches of each label code.

    Raises:
        ValueError: If something is ambiguous or does not fit together.
    """
    opened = _open_parts(inventory, stated, size, cache)
    every = [code for part in opened.parts for code in part.codes]
    return opened.decisions, codes.counts_of(every)


def plan_patches(
    inventory: Inventory, stated: Stated, size: int, cache: pathlib.Path
) -> Plan:
    """Finds the patches of a size, their classes and places, and splits them.

    Args:
        inventory: What manual_dir holds.
        stated: What its manifest states.
        size: Width and height of the patches.
        cache: Folder for arrays that cannot be read in parts where they are.

    Raises:
        ValueError: If something is ambiguous, unknown or does not fit together.
    """
    opened = _open_parts(inventory, stated, size, cache)
    every = [code for part in opened.parts for code in part.codes]
    label, why = codes.class_ids(
        f"{SECTION}/{size}x{size}",
        every,
        legends.UIT_SEA_ICE,
        opened.classes | stated.classes,
        section=SECTION,
    )
    notes = [*opened.decisions, f"classes: {why}"]
    place, leaky, reason = _places(inventory, stated, size, cache, opened)
    notes.append(f"regions: {reason}")
    split = _split(place, label, leaky)
    scene = np.array(
        [s for p in opened.parts for s in p.scenes or [""] * len(p.images)]
    )
    blocks: dict[str, list[Block]] = {}
    record = size * size * 12 + 150
    first = 0
    for part, reading in zip(opened.parts, opened.readings, strict=True):
        here = np.arange(first, first + len(part.images))
        for name in dict.fromkeys(split.tolist()):
            for class_id in range(len(legends.UIT_SEA_ICE)):
                chosen = here[(split[here] == name) & (label[here] == class_id)]
                if not name or not len(chosen):
                    continue
                chosen = chosen[np.argsort(place[chosen], kind="stable")]
                source = PatchSource(
                    reading=reading,
                    rows=chosen - first,
                    first=first,
                    label=label[chosen],
                    region=place[chosen],
                    scene=scene[chosen],
                )
                blocks.setdefault(name, []).append(
                    Block(source, len(chosen), len(chosen) * record)
                )
        first += len(part.images)
    return Plan(
        blocks={name: blocks[name] for name in sorted(blocks, key=_rank)},
        decisions=tuple(notes),
        leaky=leaky,
        left_out=int((split == "").sum()),
        labels=codes.counts_of(every),
        statistics=opened.statistics,
        region_count=0 if leaky else len(set(place[place >= 0].tolist())),
    )


def _rank(split: str) -> int:
    return ["train", "validation", "test"].index(split.removeprefix(LEAKY))


def _open_parts(
    inventory: Inventory, stated: Stated, size: int, cache: pathlib.Path
) -> _Opened:
    layout = find_layout(inventory, stated, size)
    parts, readings = [], []
    decisions = list(layout.decisions)
    statistics: dict[str, str] = {}
    samples = []
    for part in layout.parts:
        images = part.images.as_npy(cache)
        angles = arrays.as_npy(part.angles, cache) if part.angles else None
        parts.append(dataclasses.replace(part, images=images, angles=angles))
        count = len(images)
        rows = np.unique(np.linspace(0, count - 1, min(count, SAMPLE)).astype(np.int64))
        samples.append(images.take(rows))
    # One file a patch: folders of classes share their order of channels and units.
    together = np.concatenate(samples)
    found = [
        radar_channels.statistics(together[..., c]) for c in range(together.shape[3])
    ]
    name = " + ".join(dict.fromkeys(part.images.name for part in parts))
    apart = all(part.angles is not None for part in parts)
    order, why = radar_channels.find_order(
        name, stated.channels, found, with_angle=not apart
    )
    calibration, why_units = _calibration(name, stated, found, order)
    decisions += [f"channels {order}: {why}", f"units {calibration.units}: {why_units}"]
    statistics = {channel: str(found[at]) for channel, at in order.items()}
    readings = [
        Reading(part.images, tuple(order.values()), part.angles, calibration)
        for part in parts
    ]
    return _Opened(readings, tuple(parts), layout.classes, decisions, statistics)


def _calibration(
    name: str, stated: Stated, found: Sequence[Statistics], order: dict[str, int]
) -> tuple[Calibration, str]:
    units, why = radar_channels.find_units(
        name, stated.units, found[order["hh"]], found[order["hv"]]
    )
    nodata = stated.nodata
    if not nodata:
        # Exactly 0 is no measurement in any of these units, as sensors fill with it.
        nodata, why = (0.0,), f"{why}; 0 is taken for no data"
    return (
        Calibration(
            units=units,
            calibration=stated.calibration,
            scale=stated.scale,
            offset=stated.offset,
            nodata=nodata,
        ),
        why,
    )


def _places(
    inventory: Inventory,
    stated: Stated,
    size: int,
    cache: pathlib.Path,
    opened: _Opened,
) -> tuple[npt.NDArray[np.int64], bool, str]:
    """Returns the region of each patch, whether there is none, and why."""
    parts = opened.parts
    if all(part.regions for part in parts):
        keys = [
            f"{scene}/{region}"
            for part in parts
            for scene, region in zip(
                part.scenes or [""] * len(part.images), part.regions, strict=True
            )
        ]
        return _numbered(keys), False, "the files name them"
    if all(part.scenes for part in parts):
        keys = [scene for part in parts for scene in part.scenes]
        return _numbered(keys), False, "one for each scene that the files name"
    stored = _backscatter(opened)
    if size > regions.STRIDE:
        found = regions.recover(stored)
        reason = f"recovered from shared pixels, {found.joined:.1%} of patches joined"
        if found.believed:
            return found.ids, False, reason
    else:
        reason = "patches of this size share no pixels"
        for larger in (32, 20):
            try:
                other = _open_parts(inventory, stated, larger, cache)
            except ValueError:
                continue
            whole = _backscatter(other)
            known = regions.recover(whole)
            if not known.believed or whole.dtype != stored.dtype:
                continue
            found = regions.find_inside(stored, whole, known.ids)
            reason = f"{found.joined:.1%} of patches found in patches of {larger}"
            if found.believed:
                return found.ids, False, reason
    ids = np.full(len(stored), regions.NONE, np.int64)
    return (
        ids,
        True,
        f"neither read nor recovered ({reason}): splits are random and leak",
    )


def _backscatter(opened: _Opened) -> npt.NDArray:
    return np.concatenate(
        [r.backscatter(np.arange(len(r.images))) for r in opened.readings]
    )


def _numbered(keys: Sequence[str]) -> npt.NDArray[np.int64]:
    number = {key: n for n, key in enumerate(dict.fromkeys(keys))}
    return np.array([number[key] for key in keys], np.int64)


def _split(
    place: npt.NDArray[np.int64], label: npt.NDArray[np.int64], leaky: bool
) -> npt.NDArray[np.str_]:
    """Returns the split of each patch; ``''`` where its place is not known."""
    if leaky:
        order = np.random.default_rng(0).permutation(len(label))
        alone = np.empty(len(label), np.int64)
        alone[order] = np.arange(len(label))
        return np.char.add(LEAKY, splits.stratified_split(alone, label, SHARES))
    found = np.full(len(label), "", "U16")
    known = place != regions.NONE
    found[known] = splits.stratified_split(place[known], label[known], SHARES)
    return found
