"""Records of the polygons of charts, and of icebergs."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import shapely

from tfds_eo import sigrid3
from tfds_eo.metno_sea_ice.charts import Chart, ChartFile, read_chart
from tfds_eo.records import Columns
from tfds_eo.shards import Block

RECORD_BYTES = 1200
"""Size of a record without its geometry, most of it the CRS."""


@dataclasses.dataclass(frozen=True)
class PolygonSource:
    """Polygons of a chart.

    Attributes:
        chart: Where the chart lies.
        numbers: Numbers of the polygons.
        icebergs: Whether they are icebergs, without codes.
    """

    chart: ChartFile
    numbers: tuple[int, ...]
    icebergs: bool = False

    def part(self, start: int, stop: int) -> PolygonSource:
        """Returns the source of the polygons from ``start`` to before ``stop``."""
        return dataclasses.replace(self, numbers=self.numbers[start:stop])


def blocks_of(chart: Chart, *, icebergs: bool = False) -> dict[str, Block]:
    """Returns the polygons of a chart as a block for each split."""
    split = chart.splits()
    sizes = np.array([len(wkb) for wkb in shapely.to_wkb(chart.shapes)])
    found = {}
    for name in dict.fromkeys(split.tolist()):
        numbers = np.flatnonzero(split == name)
        source = PolygonSource(chart.file, tuple(numbers.tolist()), icebergs)
        size = int(sizes[numbers].sum()) + RECORD_BYTES * len(numbers)
        found[name] = Block(source, len(numbers), size)
    return found


def read_polygons(source: PolygonSource) -> Columns:
    """Reads the polygons of a block: `schemas.ice_polygon`, or `schemas.iceberg`."""
    chart = read_chart(source.chart)
    numbers = np.array(source.numbers, np.int64)
    count = len(numbers)
    shapes = chart.shapes[numbers]
    columns = {
        "geometry": _texts(shapely.to_wkb(shapes).tolist()),
        "crs": np.full(count, chart.crs.encode()),
        "chart": np.full(count, chart.file.name.encode()),
        "polygon": numbers.astype(np.int32),
        "area_m2": shapely.area(shapes).astype(np.float32),
    }
    if source.icebergs:
        rows = [
            json.dumps({k: v[number] for k, v in chart.fields.items()}, default=str)
            for number in source.numbers
        ]
        return columns | {"attributes": _texts([row.encode() for row in rows])}
    decoded = chart.decoded
    columns |= {
        "polygon_type": decoded.polygon_type[numbers],
        "concentration": decoded.concentration[numbers],
        "valid": decoded.valid[numbers].astype(np.uint8),
    }
    for place, letter in enumerate("abc"):
        columns[f"stage_{letter}"] = decoded.stage[numbers, place]
        columns[f"form_{letter}"] = decoded.form[numbers, place]
    for field in sigrid3.FIELDS:
        codes = [decoded.raw[field][number].encode() for number in source.numbers]
        columns[field.lower()] = _texts(codes)
    return columns


def _texts(values: list[bytes]) -> np.ndarray:
    found = np.empty(len(values), object)
    found[:] = values
    return found
