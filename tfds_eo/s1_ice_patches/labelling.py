"""What polygons say: one class each, or the rasters of an ice chart."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Mapping
from typing import Literal

import fsspec
import numpy as np
import numpy.typing as npt

from tfds_eo import sigrid3
from tfds_eo.geo.scene_polygons import PolygonFile
from tfds_eo.legends import SIGRID3_POLYGONS, Legend

Kind = Literal["class", "chart_class", "chart_rasters"]
"""How patches are labelled.

``class``: the class in a field of the polygon. ``chart_class``: the stage that
dominates a polygon of a SIGRID-3 chart. ``chart_rasters``: the chart itself under the
patch.
"""

UNLABELLED = -1
"""Label of a polygon whose class is not wanted or not decided."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Labelling:
    """How polygons become labels.

    Attributes:
        kind: Where labels come from.
        legend: Classes of the labels; none for rasters.
        field: Field of the class, for ``class``.
        crosswalk: Class of each value of that field; empty where values are the names
            of classes. A value whose class is empty is left out.
        forms: Numbering of the forms of ice, for charts.
    """

    kind: Kind
    legend: Legend | None
    field: str = "class"
    crosswalk: Mapping[str, str] = dataclasses.field(default_factory=dict)
    forms: sigrid3.Numbering = "dmi"

    def __post_init__(self) -> None:
        if (self.legend is None) != (self.kind == "chart_rasters"):
            raise ValueError(
                "labels must have a legend unless they are rasters; got kind"
                f" {self.kind!r} and legend {self.legend and self.legend.name!r}"
            )


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class PolygonLabels:
    """What each polygon of a file says.

    Attributes:
        label: Class, or `UNLABELLED`, ``[polygons]``.
        land: Whether the polygon is land or ice shelf, ``[polygons]``.
        rasters: Value of each raster in each polygon, ``[polygons]`` uint8.
    """

    label: npt.NDArray[np.int64]
    land: npt.NDArray[np.bool_]
    rasters: dict[str, npt.NDArray[np.uint8]]


def read_labels(polygons: PolygonFile, labelling: Labelling) -> PolygonLabels:
    """Returns what the polygons of a file say.

    Raises:
        ValueError: If the field is missing, or holds values that are no class.
    """
    if labelling.kind == "class":
        return _from_field(polygons, labelling)
    decoded = sigrid3.decode(
        polygons.fields, forms=labelling.forms, chart=polygons.path
    )
    targets = sigrid3.ai4arctic(decoded)
    land = np.isin(
        decoded.polygon_type,
        [SIGRID3_POLYGONS.id_of(name) for name in ("land", "ice_shelf")],
    )
    label = targets.sod.astype(np.int64)
    label[targets.sod == sigrid3.UNKNOWN] = UNLABELLED
    return PolygonLabels(
        label=label,
        land=land,
        rasters={
            "polygon_type": decoded.polygon_type,
            "sic": targets.sic,
            "sod": targets.sod,
            "floe": targets.floe,
        },
    )


def read_crosswalk(path: str) -> dict[str, str]:
    """Reads a CSV with the columns ``value`` and ``class``.

    Raises:
        ValueError: If a column is missing or a value stands twice.
    """
    with fsspec.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if not {"value", "class"} <= set(rows.fieldnames or ()):
            raise ValueError(
                f"crosswalk {path!r} must have the columns value and class; it has"
                f" {', '.join(rows.fieldnames or ()) or 'none'}"
            )
        crosswalk: dict[str, str] = {}
        for row in rows:
            value = (row["value"] or "").strip()
            if value in crosswalk:
                raise ValueError(
                    f"crosswalk {path!r} must give each value once; {value!r} is there"
                    " twice"
                )
            crosswalk[value] = (row["class"] or "").strip()
    return crosswalk


def _from_field(polygons: PolygonFile, labelling: Labelling) -> PolygonLabels:
    assert labelling.legend is not None
    by_name = {name.lower(): name for name in polygons.fields}
    if labelling.field.lower() not in by_name:
        raise ValueError(
            f"polygon file {polygons.path!r} must have the field {labelling.field!r};"
            f" its fields are {', '.join(polygons.fields) or 'none'}"
        )
    values = [_text(v) for v in polygons.fields[by_name[labelling.field.lower()]]]
    ids = {name: number for number, name in enumerate(labelling.legend.names)}
    crosswalk = labelling.crosswalk or {name: name for name in ids}
    unknown = sorted({v for v in values if v and v not in crosswalk})
    wrong = sorted({c for c in crosswalk.values() if c and c not in ids})
    if unknown or wrong:
        raise ValueError(
            f"values of {labelling.field!r} in {polygons.path!r} must be classes of"
            f" legend {labelling.legend.name!r} ({', '.join(ids)}) or stand in the"
            f" crosswalk; {unknown or wrong} "
            + ("are neither" if unknown else "in the crosswalk are no classes")
        )
    return PolygonLabels(
        label=np.array([ids.get(crosswalk.get(v, ""), UNLABELLED) for v in values]),
        land=np.zeros(len(values), np.bool_),
        rasters={},
    )


def _text(value: object) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
