"""Makes the MET Norway charts, both versions, with scenes under them.

Shapefiles carry the true names and field names, some of them in lower case, numbers or
text, stray concentration codes in the stage field, and the stereographic .prj.
"""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyogrio
import pyproj
import rasterio
import rasterio.features
import shapely
from rasterio.transform import Affine, from_origin

from tfds_eo.archives.notes import write_simulated_note
from tfds_eo.metno_sea_ice import protocol
from tfds_eo.simulate.ice_texture import UIT_CLASSES, Backscatter, render

PRJ = (
    'PROJCS["Stereographic",GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",'
    'SPHEROID["WGS_1984",6378137.0,298.257223563]],PRIMEM["Greenwich",0.0],'
    'UNIT["Degree",0.0174532925199433]],PROJECTION["Stereographic"],'
    'PARAMETER["False_Easting",0.0],PARAMETER["False_Northing",0.0],'
    'PARAMETER["Central_Meridian",0.0],PARAMETER["Scale_Factor",1.0],'
    'PARAMETER["Latitude_Of_Origin",90.0],UNIT["Meter",1.0]]'
)
"""What the .prj of the charts says: true to scale at the pole, no authority code."""

CRS = "+proj=stere +lat_0=90 +lon_0=0 +k=1 +datum=WGS84 +units=m"
"""The same CRS."""

DANMARKSHAVN = (-18.67, 76.77)
"""Longitude and latitude in degrees around which the made charts lie."""

PIXEL = 40.0
"""Pixel size of the made scenes in metres."""

ICE = (
    ("W", "00", "99", "99", "open_water"),
    ("I", "92", "81", "01", "newly_formed_ice"),
    ("I", "70", "82", "00", "brash_pancake_ice"),
    ("I", "91", "83", "04", "young_ice"),
    ("I", "46", "86", "05", "thin_to_medium_first_year_ice"),
    ("I", "81", "95", "06", "thick_or_deformed_ice"),
    ("I", "92", "86", "08", "thick_or_deformed_ice"),
)
"""POLY_TYPE, CT, SA, FA of each kind of polygon, and what it looks like to radar."""

STRAY = ("13", "45", "78")
"""Concentration codes that stand in the stage field of some polygons."""

LAND = Backscatter((-6.0, -0.10), (-13.0, -0.05))
"""Backscatter of land, bright in both channels: our choice."""

Scenes = Literal["none", "geotiff", "rgb", "safe"]
"""What is written beside the charts: sigma-nought dB and angle, 8-bit channels, or SAFE
products."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """What to make, and where."""

    folder: pathlib.Path
    """Folder for the files; it is to be given as manual_dir."""
    version: Literal["v1", "v2"] = "v2"
    """Version of the charts: v1 tells ice from water alone."""
    scenes: Scenes = "none"
    """Scenes beside the charts."""
    charts: int = 12
    """Number of charts, from January on."""
    polygons: int = 24
    """Number of polygons of a chart."""
    rows: int = 1100
    """Height of a scene in pixels of 40 m."""
    cols: int = 1600
    """Width of a scene in pixels of 40 m."""
    seed: int = 0
    """Seed of everything that is drawn."""

    def __post_init__(self) -> None:
        if not 1 <= self.charts <= len(protocol.SCENES) or self.polygons < 8:
            raise ValueError(
                f"charts must be 1 to {len(protocol.SCENES)} and polygons at least 8;"
                f" got {self.charts} and {self.polygons}"
            )


def run(config: Config) -> list[str]:
    """Writes charts and scenes; returns lines on what was made."""
    folder = config.folder / (
        "ExtremeEarth_v1/sea_ice"
        if config.version == "v1"
        else "EE_Polar_Training_Dataset_v-2-0-0/EE/Sea_Ice"
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_simulated_note(config.folder)
    if config.scenes == "safe":
        return _run_safe(config, folder)
    for number, scene in enumerate(protocol.SCENES[: config.charts]):
        time = str(protocol.time_of(scene)).lower()
        random = np.random.default_rng([config.seed, number])
        transform = _transform(config)
        cells = _cells(config, random, transform)
        kinds = _kinds(config, random)
        path = folder / f"seaice_s1_{time}.shp"
        _write_chart(path, cells, kinds, config.version, number)
        if config.scenes != "none":
            _write_scene(config, scene, cells, kinds, transform, random)
    if config.version == "v1":
        _write_icebergs(config)
    return [f"{folder}: {config.charts} made charts of {config.polygons} polygons"]


def _transform(config: Config) -> Affine:
    to_map = pyproj.Transformer.from_crs("EPSG:4326", CRS, always_xy=True)
    x, y = to_map.transform(*DANMARKSHAVN)
    return from_origin(
        round(x) - config.cols * PIXEL / 2,
        round(y) + config.rows * PIXEL / 2,
        PIXEL,
        PIXEL,
    )


def _cells(
    config: Config, random: np.random.Generator, transform: Affine
) -> npt.NDArray[np.object_]:
    """Polygons that share their edges and fill the scene but for a margin."""
    left, top = transform @ (0, 0)
    right, low = transform @ (config.cols, config.rows)
    margin = 20 * PIXEL
    frame = shapely.box(left + margin, low + margin, right - margin, top - margin)
    points = random.random((config.polygons, 2)) * (right - left, top - low)
    cells = shapely.voronoi_polygons(
        shapely.MultiPoint(np.add(points, (left, low))), extend_to=frame, ordered=True
    )
    return np.array([shapely.intersection(cell, frame) for cell in cells.geoms])


def _kinds(config: Config, random: np.random.Generator) -> list[int]:
    """Kind of each polygon: -1 is land, else a place in `ICE`; each occurs."""
    every = random.permutation(len(ICE)).tolist()
    more = random.integers(0, len(ICE), config.polygons - 1 - len(ICE)).tolist()
    return [-1, *every, *more]


def _write_chart(
    path: pathlib.Path,
    cells: npt.NDArray[np.object_],
    kinds: list[int],
    version: str,
    number: int,
) -> None:
    rows = []
    for cell, kind in enumerate(kinds):
        letter, total, stage, form, _ = ICE[kind] if kind >= 0 else ("L", *["99"] * 4)
        if version == "v1":
            total = stage = form = "99"
        elif kind >= 0 and cell in (9, 10, 11):
            letter, stage = "I", STRAY[cell - 9]
        unset = "99" if version == "v1" else "-9"
        rows.append(
            {
                "id": cell,
                "poly_type": letter,
                "CT": total,
                "CA": unset,
                "SA": stage,
                "FA": form,
                "CB": unset,
                "SB": "99",
                "FB": "99",
                "area": cells[cell].area,
                "perimeter": cells[cell].length,
            }
        )
    fields = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    codes = ("CT", "CA", "SA", "FA", "CB", "SB", "FB")
    if number % 3 == 1:  # Some files hold numbers where others hold text.
        fields |= {name: fields[name].astype(np.int32) for name in codes}
    names = [n.lower() if number % 4 == 2 else n for n in fields]
    _write_shapefile(path, cells, names, list(fields.values()), "Polygon")


def _write_shapefile(
    path: pathlib.Path,
    shapes: npt.NDArray[np.object_],
    names: list[str],
    values: list[npt.NDArray],
    kind: str,
) -> None:
    pyogrio.raw.write(
        path,
        geometry=shapely.to_wkb(shapes),
        field_data=values,
        fields=names,
        driver="ESRI Shapefile",
        geometry_type=kind,
        crs=CRS,
    )
    path.with_suffix(".prj").write_text(PRJ, "ascii")


def _write_icebergs(config: Config) -> None:
    """Icebergs as points; the fields of the true ones are not known."""
    folder = config.folder / "ExtremeEarth_v1/icebergs"
    folder.mkdir(parents=True)
    transform = _transform(config)
    for number, scene in enumerate(protocol.SCENES[: config.charts]):
        random = np.random.default_rng([config.seed, number, 1])
        at = random.random((5 + number, 2)) * (config.cols, config.rows)
        points = shapely.points([transform @ tuple(place) for place in at.tolist()])
        time = str(protocol.time_of(scene)).lower()
        length = random.integers(50, 900, len(at)).astype(np.float64)
        _write_shapefile(
            folder / f"icebergs_s1_{time}.shp",
            points,
            ["id", "length_m"],
            [np.arange(len(at), dtype=np.int32), length],
            "Point",
        )


def _write_scene(
    config: Config,
    scene: str,
    cells: npt.NDArray[np.object_],
    kinds: list[int],
    transform: Affine,
    random: np.random.Generator,
) -> None:
    shape = (config.rows, config.cols)
    region = rasterio.features.rasterize(
        [(cell, number) for number, cell in enumerate(cells)],
        out_shape=shape,
        transform=transform,
        fill=-1,
        dtype="int32",
    )
    angle = np.tile(np.linspace(20, 45, shape[1], dtype=np.float32), (shape[0], 1))
    image = np.zeros((3, *shape), np.float32)
    image[2] = angle
    looks = [*(UIT_CLASSES[one[4]] for one in ICE), LAND]
    which = np.append(kinds, 0)[region]  # Land is -1, the last of the looks.
    known = region >= 0
    image[:2, known] = render(looks, which, angle, random)[known].T
    profile = {
        "driver": "GTiff",
        "height": shape[0],
        "width": shape[1],
        "count": 3,
        "crs": CRS,
        "transform": transform,
        "nodata": 0,
        "compress": "deflate",
        "tiled": True,
    }
    stored: npt.NDArray = image
    suffix = "Orb_Cal_TC"
    if config.scenes == "rgb":
        stored = _eight_bit(image, known)
        suffix = "Orb_Cal_Spk_TC_rgb_8bit"
    path = config.folder / "scenes" / f"{scene}_{suffix}.tif"
    path.parent.mkdir(exist_ok=True)
    with rasterio.open(path, "w", dtype=stored.dtype, **profile) as target:
        target.write(stored)
        target.update_tags(TIFFTAG_SOFTWARE="simulated by tfds-eo")


def _eight_bit(
    image: npt.NDArray[np.float32], known: npt.NDArray[np.bool_]
) -> npt.NDArray[np.uint8]:
    """HV, HH and their difference in dB, stretched to 1 to 255; 0 for no data."""
    hh, hv = image[0], image[1]
    found = []
    for band, low, high in ((hv, -40, -10), (hh, -35, 0), (hh - hv, 0, 25)):
        scaled = 1 + 254 * np.clip((band - low) / (high - low), 0, 1)
        found.append(np.where(known, scaled, 0).astype(np.uint8))
    return np.array(found)


def _run_safe(config: Config, folder: pathlib.Path) -> list[str]:
    """SAFE products with charts of their own, named as the set names them."""
    from tfds_eo.simulate import sentinel1

    scenes = config.folder / "scenes"
    made = sentinel1.simulate(
        sentinel1.Config(
            folder=scenes,
            scenes=config.charts,
            rows=config.rows,
            cols=config.cols,
            regions=config.polygons,
            seed=config.seed,
        )
    )
    for one in made:
        time = str(protocol.time_of(one.name)).lower()
        for part in one.chart.parent.glob(f"{one.chart.stem}.*"):
            part.rename(folder / f"seaice_s1_{time}{part.suffix}")
    return [f"{folder}: {len(made)} made charts of {config.polygons} polygons"]
