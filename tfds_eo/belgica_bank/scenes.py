"""Finds the images and label rasters of each scene, by the date in their names."""

from __future__ import annotations

import dataclasses
import fnmatch
import pathlib
import re
from collections.abc import Mapping, Sequence

from tfds_eo import splits
from tfds_eo.archives import rasters
from tfds_eo.archives.inventory import Inventory
from tfds_eo.archives.rasters import RasterRef
from tfds_eo.belgica_bank.stated import TILE, Stated

_DATE = re.compile(
    r"(?<!\d)(20\d{2})[-_]?(0[1-9]|1[0-2])[-_]?(0[1-9]|[12]\d|3[01])(?!\d{3})"
)
_LABELS = re.compile(r"label|class|topic|semantic|annot|lda|legend|map|truth", re.I)
_CHANNEL = {"hh": re.compile(r"(?<![a-z])hh(?![a-z])", re.I)}
_CHANNEL["hv"] = re.compile(r"(?<![a-z])hv(?![a-z])", re.I)


@dataclasses.dataclass(frozen=True)
class Scene:
    """The rasters of a date.

    Attributes:
        name: Date as ``20180116``, which names the scene in records.
        images: One raster of two bands, or one each for HH and HV; nothing without
            imagery.
        labels: The label raster; None without one.
    """

    name: str
    images: tuple[RasterRef, ...]
    labels: RasterRef | None

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width of the image in pixels."""
        return (self.images[0].rows, self.images[0].cols) if self.images else None


def date_of(name: str) -> str | None:
    """Returns the first date in a name as ``20180116``."""
    found = _DATE.search(name)
    return "".join(found.groups()) if found else None


def find_scenes(
    inventory: Inventory, stated: Stated, section: str
) -> tuple[list[Scene], list[str]]:
    """Finds the scenes of a folder.

    Rasters smaller than a patch in the units of the manifest's ``cell`` are label
    rasters; so are those whose path speaks of labels, classes, topics or maps.

    Returns:
        The scenes by date, and what was decided.

    Raises:
        ValueError: If two rasters claim the same part of a scene, or one is damaged.
    """
    images: dict[str, list[RasterRef]] = {}
    labels: dict[str, list[RasterRef]] = {}
    for name, path in inventory.files.items():
        if pathlib.PurePosixPath(name).suffix.lower() not in rasters.DRIVERS:
            continue
        if stated.images and fnmatch.fnmatch(name, stated.images):
            target = images
        elif stated.labels:
            if not fnmatch.fnmatch(name, stated.labels):
                continue
            target = labels
        else:
            target = labels if _LABELS.search(name) else images
        ref = rasters.list_raster(path, name)
        if target is images and (ref.rows <= TILE or ref.cols <= TILE):
            continue  # A patch by itself, or a thumbnail.
        date = date_of(pathlib.PurePosixPath(name).name)
        if date is None:
            raise ValueError(
                f"rasters of {section} must bear their date, as 20180116; {name} does"
                " not: rename it, or state images and labels in the manifest"
            )
        target.setdefault(date, []).append(ref)
    scenes = [
        Scene(
            name=date,
            images=_images(date, images.get(date, [])),
            labels=_labels(date, labels.get(date, [])),
        )
        for date in sorted(images.keys() | labels.keys())
    ]
    notes = [
        f"scene {s.name}: images {[str(r) for r in s.images]}, labels {s.labels}"
        for s in scenes
    ]
    return scenes, notes


def _images(date: str, found: Sequence[RasterRef]) -> tuple[RasterRef, ...]:
    if not found or (len(found) == 1 and found[0].bands == 2):
        return tuple(found)
    chosen = [
        [ref for ref in found if pattern.search(ref.file.rpartition("/")[2])]
        for pattern in _CHANNEL.values()
    ]
    fits = all(len(one) == 1 and one[0].bands == 1 for one in chosen)
    if not fits or len({(r.rows, r.cols, r.dtype) for (r,) in chosen if r}) != 1:
        raise ValueError(
            f"scene {date} must have an image of two bands, HH and HV, or one image for"
            f" each of one size, called hh and hv; got {[str(r) for r in found]}: state"
            " images in the manifest"
        )
    return tuple(one[0] for one in chosen)


def _labels(date: str, found: Sequence[RasterRef]) -> RasterRef | None:
    if len(found) > 1:
        raise ValueError(
            f"scene {date} must have one label raster; got {[str(r) for r in found]}:"
            " state labels in the manifest"
        )
    return found[0] if found else None


def split_of_scenes(
    names: Sequence[str], stated: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """Returns the split of each scene: as stated, or dealt out by date.

    Of every six scenes in order of date the third is for validation and the sixth for
    testing: with one a month these are March, September and June, December. Of three
    to five scenes the last is for testing and the one before for validation, of two
    the last for testing. All scenes show one place, so that a split by date measures
    how well other days are told, not other places.
    """
    ordered = sorted(names)
    if stated:
        return splits.split_by_place(ordered, stated)
    if len(ordered) >= 6:
        held_out = {"validation": ordered[2::6], "test": ordered[5::6]}
    elif len(ordered) >= 3:
        held_out = {"validation": ordered[-2:-1], "test": ordered[-1:]}
    else:
        held_out = {"test": ordered[1:]}
    return splits.split_by_place(ordered, held_out)
