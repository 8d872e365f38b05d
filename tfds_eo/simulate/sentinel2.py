"""Makes Sentinel-2 Level-2A products of two tiles, and the parcels that they show.

Folder and file names, metadata and JPEG 2000 images are like those of real products;
two processing baselines take turns, one of which has an offset. Fields follow the
phenology of their crops; weather is drawn. The two tiles lie in different UTM zones and
overlap; in each product only the images that a crop series needs are present.
"""

from __future__ import annotations

import dataclasses
import datetime
import os
import pathlib

import numpy as np
import numpy.typing as npt
import rasterio
import tqdm

from tfds_eo.geo import pure_pixels
from tfds_eo.geo.parcels import Parcels
from tfds_eo.geo.tile_grid import TileGrid, transformer
from tfds_eo.geo.tile_parcels import prepare
from tfds_eo.schemas import CROP_BANDS
from tfds_eo.sensors.sentinel2 import BANDS_10M
from tfds_eo.simulate import parcels, phenology, sentinel2_metadata
from tfds_eo.simulate.sentinel2_metadata import Names
from tfds_eo.simulate.weather import Weather, draw_weather

TILES = {
    "32TQT": ("EPSG:32632", 699960, 5300040, (22, 65)),
    "33TUN": ("EPSG:32633", 300000, 5300040, (122, 22)),
}
"""CRS, left and top edge of each tile, and relative orbits that we let see it."""

MIDDLE = (12.75, 47.4)
"""Longitude and latitude of the middle of the made region: in both tiles."""

FULL = 10980
"""Rows and columns of a real tile at 10 m."""

BLOCKS = {10: 1024, 20: 640}
"""Rows and columns of the blocks in which images are stored, by pixel size."""

BASELINES = ("02.06", "05.00")
"""Processing baselines that take turns."""

OFFSET = -1000
"""BOA_ADD_OFFSET of the later baseline."""

_SOIL = np.ones(len(CROP_BANDS), np.float32)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """What is made, and where.

    Examples:
        tfds-eo simulate sentinel2 made/s2
        tfds-eo simulate sentinel2 made/s2 --size 600 --dates 24 --seed 7
    """

    folder: str
    """Folder for ``products/*.SAFE`` and ``parcels.gpkg``; made if it is not there."""

    size: int = 360
    """Rows and columns of each tile at 10 m; 10980 makes whole tiles."""

    dates: int = 12
    """Number of overpasses of each tile, spread over the season."""

    season: int = 2018
    """Year in which the season ends, on 31 August."""

    seed: int = 1
    """Seed of all that is drawn."""

    tiles: tuple[str, ...] = tuple(TILES)
    """Tiles that are made."""

    cloudiness: float = 0.35
    """Mean share of clouds, from 0 to 1."""

    def __post_init__(self) -> None:
        if not 60 <= self.size <= FULL or self.size % 6:
            raise ValueError(
                f"size must be a multiple of 6 from 60 to {FULL}; got {self.size}"
            )
        if not 1 <= self.dates <= 73:
            raise ValueError(f"dates must be from 1 to 73; got {self.dates}")
        if not 0 <= self.cloudiness <= 1:
            raise ValueError(f"cloudiness must be from 0 to 1; got {self.cloudiness}")
        unknown = sorted(set(self.tiles) - set(TILES))
        if unknown or not self.tiles:
            raise ValueError(
                f"tiles must be some of {', '.join(TILES)}; got {self.tiles}"
            )


def run(config: Config) -> list[str]:
    """Makes products and parcels; returns what was made."""
    folder = pathlib.Path(config.folder)
    grids = [grid_of(tile, config.size) for tile in config.tiles]
    fields = make_fields(config, grids)
    folder.mkdir(parents=True, exist_ok=True)
    parcels.write_parcels(folder / "parcels.gpkg", fields)
    made = 0
    for grid in grids:
        made += len(make_products(config, grid, fields, folder / "products"))
    return [
        f"{made} made Sentinel-2 products of {len(grids)} tiles in"
        f" {folder / 'products'}",
        f"{len(fields.label)} made parcels in {folder / 'parcels.gpkg'}",
    ]


def grid_of(tile: str, size: int) -> TileGrid:
    """Returns the part of a tile that is made: about `MIDDLE`, on its own pixels.

    The parts of the two tiles are set apart so that they overlap by about two thirds;
    of size `FULL` they are the whole tiles.
    """
    crs, left, top, _ = TILES[tile]
    x, y = transformer("EPSG:4326", crs).transform(*MIDDLE)
    aside = -1 if crs.endswith("32") else 1
    spare = FULL - size
    col = (x + aside * size * 10 / 6 - left) / 10 - size / 2
    row = (top - y) / 10 - size / 2
    # In steps of 60 m, so that the pixels of all resolutions nest.
    return TileGrid(
        tile=tile,
        crs=crs,
        left=left + 10 * 6 * int(np.clip(col, 0, spare) // 6),
        top=top - 10 * 6 * int(np.clip(row, 0, spare) // 6),
        rows=size,
        cols=size,
    )


def make_fields(config: Config, grids: list[TileGrid]) -> parcels.Fields:
    """Makes the fields that tiles show, and a rim of fields that they cut."""
    boxes = np.array(
        [
            transformer(grid.crs, parcels.CRS).transform_bounds(
                *grid.bounds, densify_pts=21
            )
            for grid in grids
        ]
    )
    rim = 150.0
    lower, upper = boxes[:, :2].min(axis=0) - rim, boxes[:, 2:].max(axis=0) + rim
    return parcels.make_fields(
        (lower[0], lower[1], upper[0], upper[1]), parcels.CRS, seed=config.seed
    )


def make_products(
    config: Config, grid: TileGrid, fields: parcels.Fields, folder: pathlib.Path
) -> list[pathlib.Path]:
    """Makes the products of a tile.

    Returns:
        Their folders, by date.
    """
    rng = np.random.default_rng([config.seed, *grid.tile.encode()])
    days = _overpasses(rng, config.dates)
    field_of = _field_of_pixels(grid, fields)
    series = _series(rng, fields, days)
    first = datetime.datetime(config.season - 1, 9, 1, 10, 0, 31, tzinfo=datetime.UTC)
    orbits = TILES[grid.tile][3]
    made = []
    for number, day in enumerate(
        tqdm.tqdm(days.tolist(), desc=f"Making {grid.tile}", delay=2, leave=False)
    ):
        names = Names(
            grid=grid,
            satellite=("S2A", "S2B")[number % 2],
            sensed=first + datetime.timedelta(days=int(day)),
            baseline=BASELINES[number % len(BASELINES)],
            orbit=orbits[number % 2],
            absolute_orbit=11_000 + 72 * number,
        )
        weather = draw_weather(
            rng, config.cloudiness, series[:, number][:, [2, 6]], field_of, int(day)
        )
        if number % 5 == 3:
            weather.behind_the_swath()
        made.append(_write_product(folder, names, series[:, number], field_of, weather))
    return made


# Private: what is seen -----------------------------------------------------------


def _overpasses(rng: np.random.Generator, dates: int) -> npt.NDArray[np.int64]:
    """Draws days since 1 September on a cycle of five days."""
    cycle = int(rng.integers(5))
    every = np.arange(cycle, 364, 5)
    return every[np.linspace(0, len(every) - 1, dates).round().astype(np.int64)]


def _field_of_pixels(grid: TileGrid, fields: parcels.Fields) -> npt.NDArray[np.int64]:
    """Returns one more than the number of the field of each pixel; 0 between fields."""
    nameless = np.full(len(fields.label), "", object)
    ready = prepare(
        Parcels(
            crs=parcels.CRS,
            parcel=nameless,
            code=nameless,
            name=nameless,
            outline=fields.outline,
        ),
        grid,
        erosion=0.0,
    )
    edges = pure_pixels.edges_of(ready.whole, grid)
    numbers = 1 + np.arange(len(fields.label), dtype=np.int64)
    found = np.zeros((grid.rows, grid.cols), np.int64)
    for first in range(0, grid.rows, 512):
        rows = min(512, grid.rows - first)
        strip = edges.within(first, rows)
        cover = pure_pixels.winding(strip, rows, grid.cols)
        number = pure_pixels.winding(strip, rows, grid.cols, numbers)
        found[first : first + rows] = np.where(cover == 1, number, 0)
    return found


def _series(
    rng: np.random.Generator, fields: parcels.Fields, days: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Draws the reflectance of each field, behind that of the ground between them."""
    times = days.astype(np.float32)
    wetness = (0.5 + 0.5 * np.cos((times - 130) / 365 * 2 * np.pi)).astype(np.float32)
    series = np.empty((1 + len(fields.label), len(days), len(CROP_BANDS)), np.float32)
    # Fields of unknown code look like those of other crops; lanes like meadows.
    labels = np.r_[1, np.where(fields.label < 0, 15, fields.label)]
    for label in np.unique(labels).tolist():
        rows = np.flatnonzero(labels == label)
        series[rows] = phenology.draw_parcels(
            rng,
            label,
            len(rows),
            times,
            delay=0.0,
            vigour=1.0,
            wetness=wetness,
            soil=_SOIL,
        )
    return series


# Private: what is written --------------------------------------------------------


def _write_product(
    folder: pathlib.Path,
    names: Names,
    ground: npt.NDArray[np.float32],
    field_of: npt.NDArray[np.int64],
    weather: Weather,
) -> pathlib.Path:
    """Writes a product band by band, so that no more than one is held."""
    offset = OFFSET if names.baseline >= "04.00" else 0
    scene = weather.scene[::2, ::2].copy()
    scene[_halved(weather.scene.astype(np.float32)) == 0] = 0
    path = folder / names.product
    images = []
    for layer, band in enumerate(CROP_BANDS):
        pixel = 10 if band in BANDS_10M else 20
        values = weather.seen(layer, ground[:, layer][field_of])
        if pixel == 20:
            values = _halved(values)
        numbers = np.where(values > 0, np.rint(values) - offset, 0).astype(np.uint16)
        name = f"B{band[1:].zfill(2)}"
        images.append(names.image(name, pixel))
        _write_image(path, images[-1], numbers, names.grid, pixel)
    images.append(names.image("SCL", 20))
    _write_image(path, images[-1], scene, names.grid, 20)
    seen = scene[scene > 0]
    cloud = 100.0 * float(np.isin(seen, (8, 9, 10)).mean()) if len(seen) else 0.0
    empty = 100.0 * float((scene == 0).mean())
    texts = {
        "MTD_MSIL2A.xml": sentinel2_metadata.product_xml(
            names, images, cloud=cloud, offset=offset
        ),
        f"GRANULE/{names.granule}/MTD_TL.xml": sentinel2_metadata.tile_xml(
            names, empty=empty, cloud=cloud
        ),
        "manifest.safe": sentinel2_metadata.manifest_xml(names, images),
    }
    for place, text in texts.items():
        (path / place).write_text(text, "utf-8")
    return path


def _halved(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Returns means of 2 x 2 pixels; 0 where one of them is 0."""
    blocks = values.reshape(values.shape[0] // 2, 2, values.shape[1] // 2, 2)
    return np.where((blocks == 0).any(axis=(1, 3)), 0, blocks.mean(axis=(1, 3)))


def _write_image(
    product: pathlib.Path,
    name: str,
    values: npt.NDArray,
    grid: TileGrid,
    pixel: int,
) -> None:
    path = product / f"{name}.jp2"
    os.makedirs(path.parent, exist_ok=True)
    with rasterio.open(
        path,
        "w",
        driver="JP2OpenJPEG",
        height=values.shape[0],
        width=values.shape[1],
        count=1,
        dtype=values.dtype,
        crs=grid.crs,
        transform=rasterio.Affine(*grid.transform(pixel)),
        QUALITY="100",
        REVERSIBLE="YES",
        BLOCKXSIZE=BLOCKS[pixel],
        BLOCKYSIZE=BLOCKS[pixel],
    ) as file:
        file.write(values, 1)
