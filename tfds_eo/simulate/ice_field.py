"""A made ice field: regions of a scene, each of one class, with polygons and a chart.

Regions are the Voronoi cells of random points. Expert polygons lie well inside them;
the chart's polygons fill them. One region is land.
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib

import numpy as np
import numpy.typing as npt
import pyogrio.raw
import pyproj
import shapely

from tfds_eo.geo.grid import PixelWindow
from tfds_eo.geo.scene_polygons import burn
from tfds_eo.legends import UIT_SEA_ICE
from tfds_eo.simulate.sentinel1_radar import Radar

Floats = npt.NDArray[np.float64]

BACKSCATTER: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "open_water": ((-1.0, -0.45), (-24.0, -0.10)),
    "newly_formed_ice": ((-16.1, -0.289), (-28.9, -0.133)),
    "brash_pancake_ice": ((-4.0, -0.25), (-21.0, -0.09)),
    "young_ice": ((-7.9, -0.133), (-25.7, -0.044)),
    "thin_to_medium_first_year_ice": ((-5.6, -0.333), (-22.5, -0.275)),
    "thick_or_deformed_ice": ((-5.1, -0.167), (-18.6, -0.060)),
}
"""Sigma-nought in dB, a + b x angle in degrees, as (a, b) of HH and of HV.

New, young, level and deformed ice follow published means over leads and ice; water
roughened by wind and brash ice are our choice.
"""

LAND_BACKSCATTER = ((-6.0, -0.05), (-14.0, -0.05))
"""The same of land; our choice."""

CHART_CODES: dict[str, dict[str, str]] = {
    "open_water": {"POLY_TYPE": "W", "CT": "01"},
    "newly_formed_ice": {"CT": "92", "CA": "-9", "SA": "81", "FA": "22"},
    "brash_pancake_ice": {"CT": "80", "CA": "-9", "SA": "82", "FA": "02"},
    "young_ice": {"CT": "90", "CA": "-9", "SA": "84", "FA": "03"},
    "thin_to_medium_first_year_ice": {
        **{"CT": "92", "CA": "70", "SA": "87", "FA": "05"},
        **{"CB": "30", "SB": "84", "FB": "04"},
    },
    "thick_or_deformed_ice": {"CT": "91", "CA": "-9", "SA": "93", "FA": "06"},
}
"""What the chart says of a region of each class; the rest of the fields is not set."""

MIXED_CODES = {
    **{"CT": "90", "CA": "50", "SA": "87", "FA": "05"},
    **{"CB": "40", "SB": "95", "FB": "06"},
}
"""What it says of one region that no stage dominates."""

_FIELDS = ("CT", "CA", "SA", "FA", "CB", "SB", "FB", "CC", "SC", "FC", "POLY_TYPE")
_STEREOGRAPHIC = "+proj=stere +lat_0=90 +lon_0=0 +k=1 +ellps=WGS84 +units=m"
_LAND = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class IceField:
    """Regions of an image.

    Attributes:
        radar: The image.
        regions: How many regions; the first is land, the second no stage dominates.
        seed: Seed of their places and classes.
        margin: How far expert polygons stay inside their regions, in pixels.
        nodata: Columns without data at each side of the image.
    """

    radar: Radar
    regions: int = 24
    seed: int = 0
    margin: float = 12.0
    nodata: int = 8

    def __post_init__(self) -> None:
        if self.regions < 8:
            raise ValueError(
                "an ice field needs at least 8 regions: six classes, land and a mixed"
                f" one; got {self.regions}"
            )

    @functools.cached_property
    def cells(self) -> list[shapely.Polygon]:
        """The regions, in pixels; (0, 0) is the corner of the first pixel."""
        radar = self.radar
        random = np.random.default_rng([self.seed, 1])
        points = random.random((self.regions, 2)) * (radar.cols, radar.rows)
        image = shapely.box(0, 0, radar.cols, radar.rows)
        found = shapely.voronoi_polygons(
            shapely.MultiPoint(points), extend_to=image, ordered=True
        )
        return [shapely.intersection(cell, image) for cell in found.geoms]

    @functools.cached_property
    def classes(self) -> list[int]:
        """Class of `legends.UIT_SEA_ICE` of each region; that of land says nothing.

        Each class occurs in at least one region that is neither land nor mixed.
        """
        random = np.random.default_rng([self.seed, 2])
        mixed = UIT_SEA_ICE.id_of("thin_to_medium_first_year_ice")
        every = random.permutation(len(UIT_SEA_ICE)).tolist()
        more = random.integers(0, len(UIT_SEA_ICE), self.regions - 8).tolist()
        return [0, mixed, *every, *more]

    def region_at(self, first_row: int, rows: int) -> npt.NDArray[np.int32]:
        """Returns the number of the region of each pixel of whole rows."""
        shapes = [(cell, number) for number, cell in enumerate(self.cells)]
        window = PixelWindow(row=first_row, col=0, rows=rows, cols=self.radar.cols)
        return burn(shapes, window, fill=-1, dtype="int32")

    def sigma_nought(self, polarisation: str, first_row: int, rows: int) -> Floats:
        """Returns planted sigma-nought of whole rows, linear; 0 without data."""
        band = ("HH", "HV").index(polarisation)
        angle = self.radar.angle(np.arange(self.radar.cols))
        levels = np.array(
            [
                LAND_BACKSCATTER[band]
                if number == _LAND
                else BACKSCATTER[UIT_SEA_ICE.names[class_id]][band]
                for number, class_id in enumerate(self.classes)
            ]
        )
        region = self.region_at(first_row, rows)
        power = 10 ** ((levels[:, :1] + levels[:, 1:] * angle) / 10)
        sigma = power[np.maximum(region, 0), np.arange(self.radar.cols)]
        sigma[region < 0] = 0
        if self.nodata:
            sigma[:, : self.nodata] = 0
            sigma[:, -self.nodata :] = 0
        return sigma

    def polygons(self) -> tuple[list[shapely.Polygon], list[int]]:
        """Returns expert polygons in pixels, and their classes; none on land."""
        shapes, classes = [], []
        for number, (cell, class_id) in enumerate(
            zip(self.cells, self.classes, strict=True)
        ):
            inner = cell.buffer(-self.margin, join_style="mitre")
            if number != _LAND and not inner.is_empty:
                shapes.append(inner)
                classes.append(class_id)
        return shapes, classes

    def write_polygons(self, path: pathlib.Path, scene: str) -> pathlib.Path:
        """Writes the expert polygons as a GeoPackage in longitude and latitude.

        Fields: ``class`` (name of the class) and ``scene`` (name of the product).
        """
        shapes, classes = self.polygons()
        names = [UIT_SEA_ICE.names[class_id] for class_id in classes]
        fields = {"class": names, "scene": [scene] * len(names)}
        _write(path, [self._on_earth(s) for s in shapes], fields, "EPSG:4326")
        return path

    def write_chart(self, path: pathlib.Path) -> pathlib.Path:
        """Writes the regions as a SIGRID-3 shapefile, as charts of MET Norway come.

        The map is polar stereographic, true to scale at the pole.
        """
        rows = []
        for number, class_id in enumerate(self.classes):
            codes = CHART_CODES[UIT_SEA_ICE.names[class_id]]
            if number == _LAND:
                codes = {"POLY_TYPE": "L"}
            elif number == 1:
                codes = MIXED_CODES
            rows.append({"POLY_TYPE": "I"} | codes)
        fields = {name: [row.get(name, "-9") for row in rows] for name in _FIELDS}
        to_map = pyproj.Transformer.from_crs(
            "EPSG:4326", _STEREOGRAPHIC, always_xy=True
        )
        shapes = [
            shapely.transform(
                self._on_earth(cell), lambda xy: np.c_[to_map.transform(*xy.T)]
            )
            for cell in self.cells
        ]
        _write(path, shapes, fields, pyproj.CRS(_STEREOGRAPHIC).to_wkt())
        return path

    def _on_earth(self, shape: shapely.Polygon) -> shapely.Polygon:
        """Puts a shape in pixels on the Earth; corners of pixels lie half outside."""
        dense = shapely.segmentize(shape, 25.0)
        return shapely.transform(
            dense,
            lambda xy: np.c_[self.radar.locate(xy[:, 1] - 0.5, xy[:, 0] - 0.5)],
        )


def _write(
    path: pathlib.Path,
    shapes: list[shapely.Polygon],
    fields: dict[str, list[str]],
    crs: str,
) -> None:
    pyogrio.raw.write(
        path,
        geometry=shapely.to_wkb(np.array(shapes, object)),
        field_data=[np.array(values, object) for values in fields.values()],
        fields=list(fields),
        geometry_type="Polygon",
        crs=crs,
        encoding="UTF-8",
    )
