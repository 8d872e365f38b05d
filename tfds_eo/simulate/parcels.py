"""Makes a parcel map like Austria's INVEKOS: fields, codes, and faults in some.

Fields are blocks of a turned grid, cut into strips of unequal width. Their crops are
drawn; a few outlines cross themselves, overlap a neighbour or are slivers, and a few
codes are in no crosswalk, as in real maps.
"""

from __future__ import annotations

import csv
import dataclasses
import os

import numpy as np
import numpy.typing as npt
import pyogrio.raw
import shapely

from tfds_eo import crosswalks, legends
from tfds_eo.geo.tile_grid import transformer

CRS = "EPSG:31287"
"""CRS of INVEKOS parcels: MGI / Austria Lambert, in metres."""

CLASS_WEIGHTS = (2, 20, 14, 4, 3, 7, 8, 2, 6, 5, 5, 7, 11, 6, 4, 7)
"""Relative number of fields of each class of TimeSen2Crop: our choice."""

UNKNOWN_CODE = ("9999", "VERSUCHSFLÄCHE")
"""A code that the crosswalk does not have, and its name."""

_BLOCK = 600.0
_FAULTS = 0.02


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fields:
    """Made fields.

    Attributes:
        outline: Their polygons in `CRS`, as the map has them: not all are valid.
        label: Class id of each; -1 where the code is unknown.
        code: INVEKOS code.
        name: INVEKOS name.
        number: Identifier (GEO_ID).
    """

    outline: npt.NDArray[np.object_]
    label: npt.NDArray[np.int64]
    code: list[str]
    name: list[str]
    number: npt.NDArray[np.int64]


def make_fields(
    bounds: tuple[float, float, float, float],
    bounds_crs: str,
    *,
    seed: int,
    width: float = 180.0,
) -> Fields:
    """Makes the fields of a region.

    Args:
        bounds: Left, bottom, right and top edge of the region.
        bounds_crs: Their CRS.
        seed: Seed of all that is drawn.
        width: Mean width of a field in metres.
    """
    rng = np.random.default_rng([seed, 1])
    left, bottom, right, top = transformer(bounds_crs, CRS).transform_bounds(
        *bounds, densify_pts=21
    )
    outlines = _layout(rng, left, bottom, right, top, width)
    count = len(outlines)
    weights = np.array(CLASS_WEIGHTS, float)
    label = rng.choice(len(weights), count, p=weights / weights.sum())
    codes = _codes_of_classes()
    chosen = [codes[c][int(rng.integers(len(codes[c])))] for c in label.tolist()]
    for at in np.flatnonzero(rng.random(count) < _FAULTS / 2):
        chosen[at] = UNKNOWN_CODE
        label[at] = -1
    return Fields(
        outline=_with_faults(rng, outlines),
        label=label,
        code=[code for code, _ in chosen],
        name=[name for _, name in chosen],
        number=np.arange(count) + 106_000_000,
    )


def write_parcels(path: str | os.PathLike[str], fields: Fields) -> None:
    """Writes fields as a GeoPackage with the columns of INVEKOS parcels."""
    area = np.round(shapely.area(fields.outline) / 1e4, 8)
    columns = {
        "FS_KENNUNG": fields.number.astype(np.float64) + 9_000_000,
        "SNAR_BEZEICHNUNG": np.array(fields.name, object),
        "SL_FLAECHE_BRUTTO_HA": area,
        "GEO_ID": fields.number.astype(np.float64),
        "SNAR_CODE": np.array(fields.code, object),
        "GEO_TYPE": np.full(len(area), "POLYGON", object),
    }
    pyogrio.raw.write(
        os.fspath(path),
        shapely.to_wkb(fields.outline),
        list(columns.values()),
        list(columns),
        layer="INSPIRE_SCHLAEGE_SIMULATED_POLYGON",
        driver="GPKG",
        geometry_type="Polygon",
        crs=CRS,
        layer_metadata={"DESCRIPTION": "simulated by tfds-eo: not observed data"},
    )


# Private -------------------------------------------------------------------------


def _layout(
    rng: np.random.Generator,
    left: float,
    bottom: float,
    right: float,
    top: float,
    width: float,
) -> npt.NDArray[np.object_]:
    """Cuts blocks between roads into strips."""
    boxes = []
    for x in np.arange(left, right, _BLOCK):
        for y in np.arange(bottom, top, _BLOCK):
            across = bool(rng.random() < 0.5)
            start = 0.0
            while start < _BLOCK - 12:
                stop = min(start + width * rng.uniform(0.4, 1.8), _BLOCK - 12)
                if _BLOCK - 12 - stop < 0.3 * width:
                    stop = _BLOCK - 12
                side = (start, 0.0, stop, _BLOCK - 12)
                if across:
                    side = (side[1], side[0], side[3], side[2])
                boxes.append((x + side[0], y + side[1], x + side[2], y + side[3]))
                start = stop + rng.uniform(0, 4)
    corners = np.array(boxes)
    shapes = shapely.box(corners[:, 0], corners[:, 1], corners[:, 2], corners[:, 3])
    # Turned, so that no edge runs along a grid of pixels.
    middle = np.array([(left + right) / 2, (bottom + top) / 2])
    angle = 0.19
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return shapely.transform(shapes, lambda points: (points - middle) @ turn + middle)


def _with_faults(
    rng: np.random.Generator, shapes: npt.NDArray[np.object_]
) -> npt.NDArray[np.object_]:
    """Makes some outlines cross themselves, some overlap, and some slivers."""
    shapes = shapes.copy()
    kinds = rng.random(len(shapes))
    for at in np.flatnonzero(kinds < _FAULTS):
        ring = shapely.get_coordinates(shapes[at])
        if kinds[at] < _FAULTS / 3:
            shapes[at] = shapely.Polygon(ring[[0, 2, 1, 3, 0]])
        elif kinds[at] < 2 * _FAULTS / 3:
            shapes[at] = shapely.buffer(shapes[at], 45.0, join_style="mitre")
        else:
            middle = ring[:-1].mean(axis=0)
            shapes[at] = shapely.Polygon(middle + (ring - middle) * [0.02, 0.3])
    return shapes


def _codes_of_classes() -> list[list[tuple[str, str]]]:
    """Returns codes and names of each class from the shipped crosswalk."""
    found: list[list[tuple[str, str]]] = [
        [] for _ in range(len(legends.TIME_SEN2_CROP))
    ]
    with open(crosswalks.INVEKOS_AT, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["class"] != crosswalks.OUT and "/" not in row["name"]:
                label = legends.TIME_SEN2_CROP.id_of(row["class"])
                found[label].append((row["code"], row["name"]))
    return found
