"""Made Sentinel-1 EW GRDM products, with expert polygons and an ice chart of each.

Names, folders and XML are those of true products. After calibration and noise removal
the pixels give the planted sigma-nought of their class and incidence angle, under
speckle. Manifest and TIFFs say that the product is simulated.
"""

from __future__ import annotations

import dataclasses
import datetime
import pathlib

from tfds_eo.simulate.ice_field import IceField
from tfds_eo.simulate.sentinel1_radar import Radar
from tfds_eo.simulate.sentinel1_safe import Layout, Product, write_product

FULL_SIZE = (10708, 10487)
"""Lines and samples of a true product of about a minute."""

_FIRST = datetime.datetime(2018, 1, 16, 7, 54, 30, tzinfo=datetime.UTC)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """What to make."""

    folder: pathlib.Path
    """Folder into which products, polygons and charts are written."""

    scenes: int = 1
    """How many scenes, 29 days and half a degree of latitude apart."""

    rows: int = 1200
    """Lines of a scene; a true one has about 10700."""

    cols: int = 1000
    """Samples of a line; a true one has about 10500."""

    layout: Layout = "safe"
    """Names and TIFFs: of the archive, of its COG edition, or of cloud mirrors."""

    zipped: bool = False
    """Packs each product into a zip."""

    version: str = "003.52"
    """Version of the processor; before 002.90 noise comes in the old format."""

    regions: int = 24
    """Regions of an ice field, each of one class."""

    seed: int = 0
    """Seed of ice fields and speckle."""

    def __post_init__(self) -> None:
        if self.scenes < 1 or self.rows < 64 or self.cols < 64:
            raise ValueError(
                "a simulation needs at least 1 scene of 64 x 64 pixels; got"
                f" {self.scenes} of {self.rows} x {self.cols}"
            )
        major, dot, minor = self.version.partition(".")
        if not (dot and major.isdigit() and minor.isdigit()):
            raise ValueError(
                f"version must be that of a processor, such as 003.52; got"
                f" {self.version!r}"
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class MadeScene:
    """One scene that was made.

    Attributes:
        product: The SAFE folder or zip.
        polygons: Expert polygons, a GeoPackage.
        chart: Ice chart, a shapefile.
        name: Name of the product.
        field: The ice field that was planted.
    """

    product: pathlib.Path
    polygons: pathlib.Path
    chart: pathlib.Path
    name: str
    field: IceField


def simulate(config: Config) -> list[MadeScene]:
    """Makes the products.

    Raises:
        FileExistsError: If a product is there already.
    """
    made = []
    config.folder.mkdir(parents=True, exist_ok=True)
    for number in range(config.scenes):
        product = Product(
            start=_FIRST + datetime.timedelta(days=29 * number),
            radar=Radar(
                rows=config.rows,
                cols=config.cols,
                longitude=-12.0 + number,
                latitude=77.0 + 0.5 * number,
                azimuth_noise=not _is_old(config.version),
            ),
            layout=config.layout,
            version=config.version,
            orbit=20177 + 423 * number,
        )
        field = IceField(
            radar=product.radar,
            regions=config.regions,
            seed=config.seed + 1000 * number,
        )
        path = write_product(
            config.folder,
            product,
            field.sigma_nought,
            seed=config.seed + 1000 * number,
            zipped=config.zipped,
        )
        made.append(
            MadeScene(
                product=path,
                polygons=field.write_polygons(
                    config.folder / f"{product.name}_polygons.gpkg", product.name
                ),
                chart=field.write_chart(
                    config.folder / f"seaice_s1_{product.start:%Y%m%dt%H%M%S}.shp"
                ),
                name=product.name,
                field=field,
            )
        )
    return made


def run(config: Config) -> list[str]:
    """Makes the products and returns what to say of them."""
    made = simulate(config)
    return [
        *(f"simulated {scene.product}" for scene in made),
        f"{len(made)} scenes with polygons (*_polygons.gpkg) and charts"
        f" (seaice_s1_*.shp) in {config.folder}",
    ]


def _is_old(version: str) -> bool:
    major, minor = version.split(".")
    return (int(major), int(minor)) < (2, 90)
