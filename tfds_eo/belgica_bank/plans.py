"""Plans the records of both sets: which patches, which classes, which split."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from tfds_eo import legends
from tfds_eo.archives.codes import plain_name
from tfds_eo.archives.inventory import Inventory
from tfds_eo.belgica_bank import annotations as labelled
from tfds_eo.belgica_bank import label_rasters
from tfds_eo.belgica_bank.annotations import Annotation
from tfds_eo.belgica_bank.label_rasters import UNKNOWN, LabelRaster
from tfds_eo.belgica_bank.legend_files import find_legend
from tfds_eo.belgica_bank.scenes import Scene, find_scenes, split_of_scenes
from tfds_eo.belgica_bank.stated import TILE, WORDS, Stated
from tfds_eo.belgica_bank.tiles import TileRow
from tfds_eo.shards import Block

SPLITS = ("train", "validation", "test")
"""The splits, in this order."""

MOST_TOPICS = len(legends.DLR_TOPICS)
"""Topics that are numbered without a legend: 0 to 11, as in the authors' script."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What becomes of the files.

    Attributes:
        blocks: Blocks of each split.
        names: Names of the classes, or of the topics by number.
        dtype: Dtype of the images; ``''`` without imagery.
        scenes: Split of each scene.
        counts: Number of patches of each class; nothing for topics.
        left_out: Number of patches without a class.
        decisions: What was decided and why, for people.
    """

    blocks: dict[str, list[Block]]
    names: list[str]
    dtype: str
    scenes: dict[str, str]
    counts: dict[str, int]
    left_out: int
    decisions: tuple[str, ...]


def plan_semantic(inventory: Inventory, stated: Stated, section: str) -> Plan:
    """Finds patches with a class each, in rasters, a table, or folders of classes.

    Raises:
        ValueError: If there is no such thing, more than one, or an unknown class.
    """
    scenes, notes = find_scenes(inventory, stated, section)
    legend, where = find_legend(inventory)
    known = legend | _colours(stated.classes)
    if where:
        notes.append(f"classes: legend {where}")
    folders = labelled.find_class_folders(inventory)
    table = labelled.find_table(inventory, stated, where)
    with_raster = [scene for scene in scenes if scene.labels]
    kinds = {"folders": folders, "table": table, "rasters": with_raster}
    there = [kind for kind, one in kinds.items() if one]
    if len(there) != 1:
        raise ValueError(
            f"{section} needs labels in a table, in label rasters or in folders of"
            f" classes, and one of these alone; found {there or 'none'};"
            f" {inventory.text()}\nstate images and labels in [{section}] of the"
            " manifest"
        )
    if table:
        found, why = labelled.read_table(
            inventory.files[table], table, stated, scenes, section
        )
        notes.append(f"labels: table {table}, {why}")
    elif folders:
        found = folders
        notes.append(f"labels: {len(found)} patches in folders of classes")
    else:
        found = _from_rasters(with_raster, known, stated, section, notes)
    names = _ordered(known, {one.label for one in found if one.label})
    return _planned(found, scenes, names, known, stated, section, notes)


def _from_rasters(
    scenes: Sequence[Scene],
    known: Mapping[str, str],
    stated: Stated,
    section: str,
    notes: list[str],
) -> list[Annotation]:
    counts = {s.labels: _values(s.labels) for s in scenes if s.labels}
    titles = label_rasters.class_names(counts, known, section)
    order = _ordered(known, set())
    found = []
    for scene in scenes:
        if scene.labels is None:
            continue
        table = {v: order.index(t) for v, t in titles.get(scene.labels, {}).items()}
        raster, why = _raster(scene, table, stated, section)
        notes.append(f"labels {scene.labels.file}: {why}")
        classes = raster.read(0, raster.grid[0], TILE)
        for row, col in np.ndindex(classes.shape):
            label = "" if classes[row, col] == UNKNOWN else order[classes[row, col]]
            found.append(Annotation(scene.name, row, col, label))
    return found


def _raster(
    scene: Scene, table: Mapping[int, int], stated: Stated, section: str
) -> tuple[LabelRaster, str]:
    labels = scene.labels
    if labels is None:
        raise ValueError(f"scene {scene.name} must have a label raster")
    cell, why = label_rasters.cell_of(labels, scene.size, stated, section)
    whole = dict(table)
    if labels.nodata is not None:
        whole[int(labels.nodata)] = UNKNOWN
    ordered = tuple(sorted(whole.items()))
    return LabelRaster(labels, cell, ordered), f"a pixel for each {cell}: {why}"


def _values(ref: label_rasters.RasterRef) -> dict[int, int]:
    found = label_rasters.values_of(ref)
    if ref.nodata is not None:
        found.pop(int(ref.nodata), None)
    return found


def _planned(
    found: Sequence[Annotation],
    scenes: Sequence[Scene],
    names: list[str],
    known: Mapping[str, str],
    stated: Stated,
    section: str,
    notes: list[str],
) -> Plan:
    images = {scene.name: scene.images for scene in scenes}
    rows: dict[tuple[str, int], list[Annotation]] = {}
    for one in found:
        if one.label:
            rows.setdefault((one.scene, one.row), []).append(one)
    split_of = split_of_scenes(sorted({scene for scene, _ in rows}), stated.splits)
    ids = {plain_name(name): number for number, name in enumerate(names)}
    blocks: dict[str, list[Block]] = {}
    counts = dict.fromkeys(names, 0)
    dtypes = set()
    for (scene, row), beside in sorted(rows.items()):
        ordered = sorted(beside, key=lambda one: (one.col, str(one.file)))
        titles = [known.get(one.label, one.label) for one in ordered]
        files = tuple(one.file for one in ordered if one.file is not None)
        if not files and not images.get(scene):
            raise ValueError(
                f"scene {scene} of {section} must have its image beside the labels;"
                " there is none: put it into manual_dir"
            )
        source = TileRow(
            scene=scene,
            row=row,
            cols=tuple(one.col for one in ordered),
            images=() if files else images[scene],
            labels=tuple(ids[plain_name(title)] for title in titles),
            files=files,
        )
        for title in titles:
            counts[names[ids[plain_name(title)]]] += 1
        dtype = (files or images[scene])[0].dtype
        dtypes.add(dtype)
        size = len(ordered) * (TILE * TILE * 2 * np.dtype(dtype).itemsize + 100)
        blocks.setdefault(split_of[scene], []).append(Block(source, len(ordered), size))
    if len(dtypes) != 1:
        raise ValueError(
            f"images of {section} must have one dtype; got {sorted(dtypes)}"
        )
    return Plan(
        blocks={split: blocks[split] for split in SPLITS if split in blocks},
        names=names,
        dtype=dtypes.pop(),
        scenes=split_of,
        counts=counts,
        left_out=sum(not one.label for one in found),
        decisions=(*notes, f"splits by scene: {split_of}"),
    )


def plan_topics(
    inventory: Inventory, stated: Stated, section: str, *, with_imagery: bool
) -> Plan:
    """Finds maps of topics, and the images of the same scenes if they are wanted.

    Raises:
        ValueError: If there are no maps, a code or colour is unknown, or an image is
            wanted and missing.
    """
    scenes, notes = find_scenes(inventory, stated, section)
    legend, where = find_legend(inventory)
    known = legend | _colours(stated.classes)
    if stated.colours == "published":
        known |= {c.colour: c.title for c in legends.DLR_TOPICS.classes}
    mapped = [scene for scene in scenes if scene.labels]
    if not mapped:
        raise ValueError(
            f"{section} needs maps of topics; {inventory.text()}\nstate labels in"
            f" [{section}] of the manifest"
        )
    names, tables = _topics(mapped, known, section)
    notes.append(f"topics: {'legend ' + where if known else 'numbers as they are'}")
    split_of = split_of_scenes([scene.name for scene in mapped], stated.splits)
    blocks: dict[str, list[Block]] = {}
    dtypes = set()
    for scene in mapped:
        if with_imagery and not scene.images:
            raise ValueError(
                f"scene {scene.name} of {section} must have its image; there is none:"
                " put it into manual_dir, or take the config without imagery"
            )
        table = tables[scene.labels] if scene.labels else {}
        raster, why = _raster(scene, table, stated, section)
        notes.append(f"topics {raster.ref.file}: {why}")
        down, across = raster.grid
        size = across * (WORDS * WORDS + 100)
        if with_imagery:
            dtypes.add(scene.images[0].dtype)
            item = np.dtype(scene.images[0].dtype).itemsize
            size += across * TILE * TILE * 2 * item
        for row in range(down):
            source = TileRow(
                scene=scene.name,
                row=row,
                cols=tuple(range(across)),
                images=scene.images if with_imagery else (),
                topics=raster,
            )
            blocks.setdefault(split_of[scene.name], []).append(
                Block(source, across, size)
            )
    if len(dtypes) > 1:
        raise ValueError(
            f"images of {section} must have one dtype; got {sorted(dtypes)}"
        )
    return Plan(
        blocks={split: blocks[split] for split in SPLITS if split in blocks},
        names=names,
        dtype=dtypes.pop() if dtypes else "",
        scenes=split_of,
        counts={},
        left_out=0,
        decisions=(*notes, f"splits by scene: {split_of}"),
    )


def _topics(
    scenes: Sequence[Scene], known: Mapping[str, str], section: str
) -> tuple[list[str], dict[label_rasters.RasterRef, dict[int, int]]]:
    """Names by number, and the number of each value of each map."""
    counts = {s.labels: _values(s.labels) for s in scenes if s.labels}
    plain = all(
        ref.bands == 1 and max(values, default=0) < MOST_TOPICS and min(values) >= 0
        for ref, values in counts.items()
    )
    if not known and plain:
        most = max(max(values) for values in counts.values())
        names = [c.title for c in legends.DLR_TOPICS.classes[: most + 1]]
        return names, {ref: {v: v for v in values} for ref, values in counts.items()}
    titles = label_rasters.class_names(counts, known, section)
    order = _ordered(known, set())
    return order, {
        ref: {value: order.index(title) for value, title in found.items()}
        for ref, found in titles.items()
    }


def _ordered(known: Mapping[str, str], read: set[str]) -> list[str]:
    """Names of classes: by code where codes are numbers, then as they are listed."""
    numbers = sorted((int(c), t) for c, t in known.items() if c.lstrip("-").isdigit())
    names = [title for _, title in numbers] + list(known.values())
    names += sorted(known.get(label, label) for label in read)
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(plain_name(name), name)
    return list(first.values())


def _colours(stated: Mapping[str, str]) -> dict[str, str]:
    return {c.lower() if c.startswith("#") else c: t for c, t in stated.items()}
