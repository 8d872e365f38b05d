"""Labels of patches from a table, and from folders called after classes."""

from __future__ import annotations

import csv
import dataclasses
import pathlib
import re
from collections.abc import Mapping, Sequence

from tfds_eo.archives import rasters
from tfds_eo.archives.inventory import Inventory
from tfds_eo.archives.rasters import RasterRef
from tfds_eo.belgica_bank.scenes import Scene, date_of
from tfds_eo.belgica_bank.stated import TILE, Stated

MOST_BYTES = 256 << 20
"""Size above which a table is none of patches; 156,000 rows take some 10 MB."""

_KNOWN = {
    "scene": ("scene", "image", "date", "file", "filename", "product", "name"),
    "row": ("row", "patch_row", "line", "y", "i"),
    "col": ("col", "column", "patch_col", "sample", "x", "j"),
    "label": ("label", "class", "annotation", "category", "semantic_label"),
}
"""Names of columns, in lower case; the first that is there is taken."""

_PLACE = re.compile(r"r(?:ow)?[_-]?(\d+)[_-]?c(?:ol)?[_-]?(\d+)", re.I)


@dataclasses.dataclass(frozen=True)
class Annotation:
    """The class of a patch.

    Attributes:
        scene: Date of the scene.
        row: Row in patches; -1 if it is not known.
        col: Column in patches; -1 if it is not known.
        label: Class as the data call it.
        file: File of the patch, if it lies in one of its own.
    """

    scene: str
    row: int
    col: int
    label: str
    file: RasterRef | None = None


def find_table(inventory: Inventory, stated: Stated, legends: str) -> str | None:
    """Returns the name of the table of annotations, or None.

    Raises:
        ValueError: If there are several.
    """
    if stated.labels.lower().endswith(".csv"):
        if stated.labels not in inventory.files:
            raise ValueError(f"no table {stated.labels!r}; {inventory.text()}")
        return stated.labels
    tables = [
        name
        for name in inventory.files
        if name.lower().endswith(".csv") and name not in legends.split(", ")
    ]
    if len(tables) > 1:
        raise ValueError(
            f"labels must lie in one table; got {tables}: state labels in the manifest"
        )
    return tables[0] if tables else None


def read_table(
    path: str, name: str, stated: Stated, scenes: Sequence[Scene], section: str
) -> tuple[list[Annotation], str]:
    """Reads a table of annotations, comma separated, with a header.

    Returns:
        The annotations, and how columns and positions were understood.

    Raises:
        ValueError: If columns are missing, a scene or place is not known, or a patch
            has two labels.
    """
    if pathlib.Path(path).stat().st_size > MOST_BYTES:
        raise ValueError(f"table {name} must have at most {MOST_BYTES:,} bytes")
    with open(path, newline="", encoding="utf-8-sig") as source:
        rows = list(csv.DictReader(source))
    if not rows:
        raise ValueError(f"table {name} must have a header and a row for each patch")
    columns = _columns(list(rows[0]), name, stated, section)
    numbers = {}
    for place in ("row", "col"):
        try:
            numbers[place] = [int(float(row[columns[place]])) for row in rows]
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"column {columns[place]!r} of {name} must hold numbers; {error}"
            ) from error
    step = _step(numbers, name, stated, scenes)
    known = {scene.name: scene for scene in scenes}
    found: dict[tuple[str, int, int], Annotation] = {}
    for number, row in enumerate(rows):
        date = date_of(row[columns["scene"]] or "")
        if date not in known:
            raise ValueError(
                f"line {number + 2} of {name} must name a scene that is there, by its"
                f" date; got {row[columns['scene']]!r}, there are {sorted(known)}"
            )
        at = (date, numbers["row"][number] // step, numbers["col"][number] // step)
        size = known[date].size
        if size and not (0 <= at[1] < size[0] // TILE and 0 <= at[2] < size[1] // TILE):
            raise ValueError(
                f"line {number + 2} of {name} must lie in scene {date} of"
                f" {size[0] // TILE} x {size[1] // TILE} patches; got {at[1:]}"
            )
        label = (row[columns["label"]] or "").strip()
        if found.setdefault(at, Annotation(*at, label)).label != label:
            raise ValueError(
                f"each patch of {name} must have one label; {at} has"
                f" {found[at].label!r} and {label!r}"
            )
    kind = "patches" if step == 1 else "pixels"
    return list(found.values()), f"columns {columns}, positions in {kind}"


def _columns(
    header: Sequence[str], name: str, stated: Stated, section: str
) -> dict[str, str]:
    lower = {key.strip().lower(): key for key in header if key}
    found = {}
    for role, names in _KNOWN.items():
        wanted = getattr(stated.columns, role)
        choices = [wanted.lower()] if wanted else names
        chosen = next((lower[n] for n in choices if n in lower), None)
        if chosen is None:
            raise ValueError(
                f"table {name} must have a column of each patch's {role}; it has"
                f" {list(header)}: state {role} in [{section}.columns] of the manifest"
            )
        found[role] = chosen
    return found


def _step(
    numbers: Mapping[str, Sequence[int]],
    name: str,
    stated: Stated,
    scenes: Sequence[Scene],
) -> int:
    """1 where positions count patches, 256 where they count pixels."""
    if stated.positions:
        return 1 if stated.positions == "index" else TILE
    whole = all(n % TILE == 0 for values in numbers.values() for n in values)
    most = max(max(values) for values in numbers.values())
    if whole and most >= TILE:
        return TILE
    if not whole and all(
        max(numbers[place]) < scene.size[axis] // TILE
        for scene in scenes
        if scene.size
        for axis, place in enumerate(("row", "col"))
    ):
        return 1
    raise ValueError(
        f"rows and columns of {name} must plainly count patches or pixels; got rows to"
        f" {max(numbers['row'])} and columns to {max(numbers['col'])}: state positions"
        " in the manifest, index or pixel"
    )


def find_class_folders(inventory: Inventory) -> list[Annotation]:
    """Finds patches of 256 x 256 pixels and 2 bands in folders called after classes.

    Raises:
        ValueError: If the name of a patch has no date: patches are split by scene.
    """
    found = []
    for name, path in inventory.files.items():
        pure = pathlib.PurePosixPath(name)
        if pure.suffix.lower() not in rasters.DRIVERS or len(pure.parts) < 2:
            continue
        ref = rasters.list_raster(path, name)
        if (ref.rows, ref.cols, ref.bands) != (TILE, TILE, 2):
            continue
        date = date_of(pure.name)
        if date is None:
            raise ValueError(
                f"patches must bear the date of their scene, as 20180116, for they are"
                f" split by scene; {name} does not: rename it"
            )
        place = _PLACE.search(pure.stem)
        row, col = (int(place[1]), int(place[2])) if place else (-1, -1)
        found.append(Annotation(date, row, col, pure.parts[-2], ref))
    return found
