"""Says what a folder holds for a data set of unknown layout, before it is built."""

from __future__ import annotations

import collections
import dataclasses
import pathlib
import re
from collections.abc import Callable

import numpy as np
import shapely

from tfds_eo import sigrid3, sources
from tfds_eo.archives import arrays, codes, rasters
from tfds_eo.archives.array_refs import ArrayRef
from tfds_eo.archives.inventory import Inventory
from tfds_eo.belgica_bank import label_rasters, plans
from tfds_eo.belgica_bank.legend_files import find_legend
from tfds_eo.belgica_bank.scenes import find_scenes
from tfds_eo.belgica_bank.stated import Stated as BelgicaStated
from tfds_eo.metno_sea_ice import charts, protocol, scenes
from tfds_eo.uit_sea_ice import layout, patches
from tfds_eo.uit_sea_ice.patch_files import axes_of

SIZES = (10, 20, 32)
"""Widths of UiT patches in pixels."""

MOST_READ = 256 << 20
"""Size of an array above which its values are sampled, in bytes."""

TO_FILL_IN = ""
"""What stands in a draft where somebody has to decide; no class has this name."""


@dataclasses.dataclass(frozen=True)
class Findings:
    """What was found.

    Attributes:
        lines: Lines for people.
        draft: A manifest to be completed, by section.
    """

    lines: list[str]
    draft: dict[str, object]


def inspect_folder(name: str, folder: pathlib.Path, cache: pathlib.Path) -> Findings:
    """Looks through a folder as the builder of a data set would.

    Args:
        name: Name of the data set, one of `INSPECTORS`.
        folder: The folder.
        cache: Folder for what has to be unpacked.

    Raises:
        ValueError: If nothing is known of the data set.
    """
    if name not in INSPECTORS:
        raise ValueError(
            f"set must be one of {', '.join(INSPECTORS)}; got {name!r}: only sets of"
            " unknown layout are inspected"
        )
    return INSPECTORS[name](folder, cache)


def _attempt(lines: list[str], what: str, plan: Callable[[], list[str]]) -> None:
    """Adds what would be decided, or why nothing can be."""
    lines.append(f"{what}:")
    try:
        lines += [f"  {line}" for line in plan()]
    except (ValueError, OSError) as error:
        # The inventory is printed already.
        text = re.sub(r"; \S+ holds:\n(  .*\n?)*", ";\n", str(error))
        lines += [f"  cannot be built yet: {text}"]


# UiT -----------------------------------------------------------------------------


def _inspect_uit(folder: pathlib.Path, cache: pathlib.Path) -> Findings:
    opened = sources.open_folder(folder, cache, layout.SECTION, layout.Stated)
    inventory = opened.inventory
    lines = [inventory.text(), "values:"]
    found: dict[str, int] = {}
    for ref in inventory.arrays:
        lines.append(f"  {ref.name}: {_values_of(ref)}")
    for size in SIZES:

        def decide(size: int = size) -> list[str]:
            decisions, labels = patches.decide(inventory, opened.stated, size, cache)
            for code, count in labels.items():
                found.setdefault(code, count)
            return [*decisions, f"label codes and their counts: {labels}"]

        def plan(size: int = size) -> list[str]:
            made = patches.plan_patches(inventory, opened.stated, size, cache)
            splits = {s: sum(b.examples for b in v) for s, v in made.blocks.items()}
            return [made.decisions[-1], f"splits: {splits}, left out: {made.left_out}"]

        _attempt(lines, f"uit_sea_ice/{size}x{size}, files", decide)
        _attempt(lines, f"uit_sea_ice/{size}x{size}, records", plan)
    draft: dict[str, object] = {
        "classes": {c: opened.stated.classes.get(c, TO_FILL_IN) for c in sorted(found)},
        "patches": {
            f"{size}x{size}": [_draft_part(inventory, ref)]
            for size in SIZES
            for ref in inventory.arrays
            if axes_of(ref.shape, size, "NHWC")
        },
    }
    return Findings(lines, {layout.SECTION: draft})


def _draft_part(inventory: Inventory, images: ArrayRef) -> dict[str, object]:
    part: dict[str, object] = {"images": [images.name]}
    long = [r for r in inventory.arrays if r.shape[:1] and r is not images]
    roles = {
        role: [r.name for r in long if layout.role_of_name(r) == role]
        for role in ("labels", "angles", "regions", "scenes")
    }
    near = images.name.rpartition("/")[0] + "/" if "/" in images.name else images.file
    for role, names in roles.items():
        beside = [n for n in names if n.startswith(near)] or names
        if role == "labels" or beside:
            part[role] = beside[0] if len(beside) == 1 else TO_FILL_IN
    size = next(s for s in SIZES if axes_of(images.shape, s, "NHWC"))
    orders = axes_of(images.shape, size, "NHWC")
    return part | {"axes": orders[0] if len(orders) == 1 else TO_FILL_IN}


def _values_of(ref: ArrayRef) -> str:
    if ref.bytes > MOST_READ and ref.container != "npy":
        return f"{ref.dtype} {ref.shape}, too large to be read here"
    values = arrays.read_array(ref)
    if ref.bytes > MOST_READ:
        values = values[:: max(1, ref.bytes // MOST_READ)]
    values = np.asarray(values)
    few = values.ndim <= 1 or (values.ndim == 2 and 1 in values.shape)
    if values.dtype.kind in "US" or (few and values.dtype.kind in "iub"):
        counts = codes.counts_of(codes.label_codes(ref.name, values))
        if len(counts) <= codes.MOST_CODES:
            return f"codes and counts {counts}"
        return f"{len(counts)} different values such as {next(iter(counts))!r}"
    numbers = values.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    if not finite.size:
        return "no finite value"
    return (
        f"{finite.min():.6g} to {finite.max():.6g}, mean {finite.mean():.6g},"
        f" {(numbers == 0).mean():.2%} zero, {1 - finite.size / numbers.size:.2%} not"
        " finite"
    )


# Belgica Bank --------------------------------------------------------------------


def _inspect_belgica(name: str) -> Callable[[pathlib.Path, pathlib.Path], Findings]:
    def inspect(folder: pathlib.Path, cache: pathlib.Path) -> Findings:
        opened = sources.open_folder(
            folder, cache, name, BelgicaStated, list_containers=False
        )
        inventory, stated = opened.inventory, opened.stated
        lines = [inventory.text(), "rasters:"]
        for file, path in inventory.files.items():
            if pathlib.PurePosixPath(file).suffix.lower() in rasters.DRIVERS:
                lines.append(f"  {_raster_line(path, file)}")
        found: dict[str, str] = {}

        def look() -> list[str]:
            legend, where = find_legend(inventory)
            known = legend | stated.classes
            here, notes = find_scenes(inventory, stated, name)
            for scene in here:
                if scene.labels is None:
                    continue
                counts = label_rasters.values_of(scene.labels)
                keys = [label_rasters.names_of(scene.labels, v) for v in counts]
                for names in keys:
                    title = next((known[n] for n in names if n in known), TO_FILL_IN)
                    found.setdefault(names[-1], title)
                notes.append(f"{scene.labels.file}: codes and counts {counts}")
            return [*notes, f"legend {where or 'none'}: {legend}"]

        def plan() -> list[str]:
            if name == "dlr_sea_ice_semantic":
                made = plans.plan_semantic(inventory, stated, name)
            else:
                made = plans.plan_topics(inventory, stated, name, with_imagery=False)
            splits = {s: sum(b.examples for b in v) for s, v in made.blocks.items()}
            return [
                *made.decisions,
                f"classes: {made.names}",
                f"counts: {made.counts}",
                f"splits: {splits}",
                f"dtype of the images: {made.dtype or 'no imagery'}",
            ]

        _attempt(lines, "scenes", look)
        _attempt(lines, name, plan)
        draft = {"classes": dict(sorted(found.items()))}
        return Findings(lines, {name: draft})

    return inspect


def _raster_line(path: str, file: str) -> str:
    try:
        ref = rasters.list_raster(path, file)
        sample = rasters.read_window(ref, 0, 0, min(ref.rows, 512), min(ref.cols, 512))
    except ValueError as error:
        return str(error)
    return f"{ref}, upper left {sample.min():.6g} to {sample.max():.6g}"


# MET Norway ----------------------------------------------------------------------


def _inspect_metno(folder: pathlib.Path, cache: pathlib.Path) -> Findings:
    opened = sources.open_folder(
        folder, cache, charts.SECTION, charts.Stated, list_containers=False
    )
    lines = [opened.inventory.text()]
    for version in ("v1", "v2"):

        def plan(version: str = version) -> list[str]:
            files = charts.find_charts(opened.inventory, version, opened.stated)
            here = scenes.find_scenes(opened.inventory, [f.time for f in files])
            found = []
            for file in files:
                found.append(_chart_line(file))
                scene = here.get(file.time)
                found.append(f"  scene: {scene or 'none'}")
                if scene is None:
                    found.append(f"  it needs {protocol.product_at(file.time)}")
            return found

        _attempt(lines, f"metno_sea_ice/{version}", plan)
    stated = opened.stated
    draft: dict[str, object] = {
        "forms": stated.forms,
        "repair": stated.repair,
        "without_scenes": stated.without_scenes,
    }
    return Findings(lines, {charts.SECTION: draft})


def _chart_line(file: charts.ChartFile) -> str:
    try:
        chart = charts.read_chart(file)
        decoded = chart.decoded
    except ValueError as error:
        return str(error)
    kinds = collections.Counter(
        str(value) for key, values in chart.fields.items()
        if key.upper() == "POLY_TYPE" for value in values
    )  # fmt: skip
    stray = {
        field: sorted(set(np.array(decoded.raw[field])[~flags].tolist()))
        for field, flags in zip(sigrid3.FIELDS, decoded.valid.T, strict=True)
        if not flags.all()
    }
    counts = {f: codes.counts_of(decoded.raw[f]) for f in ("CT", "SA", "FA")}
    bounds = [round(float(b)) for b in shapely.total_bounds(chart.shapes)]
    splits = collections.Counter(chart.splits().tolist())
    return (
        f"{file.file}: {len(decoded)} polygons {dict(kinds)}, fields"
        f" {list(chart.fields)}, bounds {bounds}, {counts}, outside the tables"
        f" {stray or 'none'}, splits {dict(splits)}"
    )


INSPECTORS: dict[str, Callable[[pathlib.Path, pathlib.Path], Findings]] = {
    "uit_sea_ice": _inspect_uit,
    "dlr_sea_ice_semantic": _inspect_belgica("dlr_sea_ice_semantic"),
    "dlr_sea_ice_topics": _inspect_belgica("dlr_sea_ice_topics"),
    "metno_sea_ice": _inspect_metno,
}
"""How each data set of unknown layout is looked through."""
