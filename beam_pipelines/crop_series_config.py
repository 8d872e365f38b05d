"""What a build of crop series is told, and the rules that follow from it."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
from typing import Any, Literal

import fsspec

from tfds_eo import crosswalks, splits
from tfds_eo.geo import squares
from tfds_eo.geo.parcels import PRESETS, ParcelFields
from tfds_eo.geo.sampling import AllocationRule, Weighting
from tfds_eo.s2_crop_series import candidates
from tfds_eo.s2_crop_series.candidates import CropMap, Places, Unmapped
from tfds_eo.s2_crop_series.steps import SampleRule
from tfds_eo.sensors.sentinel2_catalogue import Catalogue

CROSSWALKS = {"invekos": crosswalks.INVEKOS_AT, "eurocrops": crosswalks.HCAT3}
"""The crosswalk of each preset."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """What the series are made of, how they are sampled, and where they go.

    Examples:
        tfds-eo build-crop-series made/s2/products --parcels made/s2/parcels.gpkg \
            --season 2018 --samples 4000 --data_dir data
        tfds-eo build-crop-series gs://gcp-public-data-sentinel-2/L2/tiles/33/U/VP \
            --parcels invekos.gpkg --season 2018 --data_dir gs://bucket/data -- \
            --runner=FlinkRunner --flink_master=host:8081
    """

    products: str = dataclasses.field(metadata={"positional": True})
    """Sentinel-2 Level-2A products: a folder, a pattern, a STAC item list (JSON), or an
    URL of one of these; several are separated by commas.
    """

    parcels: str
    """Parcel map: GeoPackage, Shapefile, GeoParquet, FlatGeobuf; in any CRS."""

    season: int
    """Year in which the agronomic year ends: from 1 September before to 31 August."""

    samples: int = 1_000_000
    """Number of samples in all."""

    data_dir: str | None = None
    """Folder of prepared data sets; by default the one of TFDS."""

    work_dir: str | None = None
    """Folder for what the steps leave to each other, reached by all workers; by default
    ``s2_crop_series_work`` in the folder of prepared data sets.
    """

    preset: Literal["invekos", "eurocrops"] = "invekos"
    """Whose columns the parcel map has, and whose codes."""

    code_field: str | None = None
    """Column of the crop's code, if it is not the preset's."""

    name_field: str | None = None
    """Column of the crop's name, if it is not the preset's."""

    parcel_field: str | None = None
    """Column of the parcel's identifier, if it is not the preset's."""

    crosswalk: str | None = None
    """CSV file with the columns code, name, class; by default the preset's."""

    unmapped: Unmapped = "other_crops"
    """Where parcels go whose code the crosswalk does not have."""

    erosion: float = 20.0
    """How far parcels are eroded inwards, in metres."""

    least_pixels: int = 1
    """Parcels with fewer pure pixels are dropped."""

    weighting: Weighting = "prior"
    """What the number of a class is proportional to: its candidate pixels, their square
    root, or nothing.
    """

    least: int = 0
    """Least number of samples of a class, as far as it has candidates."""

    most: int | None = None
    """Greatest number of samples of a class."""

    most_per_parcel: int | None = 20
    """Greatest number of samples of a parcel."""

    seed: int = 0
    """Seed of the draw and of the squares."""

    most_cloud: float = 80.0
    """Products with more cloudy pixels are left out, in percent."""

    most_broken: float = 0.1
    """The build stops if a greater share of the products is broken."""

    tiles: tuple[str, ...] = ()
    """Tiles that are used; by default all that have products."""

    validation_tiles: tuple[str, ...] = ()
    """Tiles of the split ``validation``."""

    test_tiles: tuple[str, ...] = ()
    """Tiles of the split ``test``."""

    holdout_tiles: tuple[str, ...] = ()
    """Tiles of the split ``holdout``: where no training data were available."""

    squares: float | None = None
    """Divides the tiles of ``train`` further, into squares of this width in metres."""

    square_shares: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """Share of the squares of ``train``, ``validation`` and ``test``."""

    buffer: float = 250.0
    """Least distance between samples of two squares, or of tiles of two splits, in
    metres.
    """

    first_day: str | None = None
    """First day, YYYY-MM-DD, if it is not 1 September."""

    last_day: str | None = None
    """Last day, if it is not 31 August."""

    num_shards: int | None = None
    """Number of shards of every split; by default each has 64 to 128 MiB."""

    overwrite: bool = False
    """Whether work and data set are made anew; otherwise what is there is kept."""

    def __post_init__(self) -> None:
        if not 2015 <= self.season <= 2100:
            raise ValueError(f"season must be a year from 2015; got {self.season}")
        if self.erosion < 0 or self.least_pixels < 1:
            raise ValueError(
                "erosion must be at least 0 and least_pixels at least 1; got"
                f" {self.erosion} and {self.least_pixels}"
            )
        if self.most_per_parcel is not None and self.most_per_parcel < 1:
            raise ValueError(
                f"most_per_parcel must be at least 1; got {self.most_per_parcel}"
            )
        if not 0 <= self.most_broken <= 1 or not 0 <= self.most_cloud <= 100:
            raise ValueError(
                "most_broken must be from 0 to 1 and most_cloud from 0 to 100; got"
                f" {self.most_broken} and {self.most_cloud}"
            )
        if self.buffer < 0:
            raise ValueError(f"buffer must be at least 0; got {self.buffer}")
        self.allocation_rule()
        self.days()

    def allocation_rule(self) -> AllocationRule:
        """Returns how many samples each class gets."""
        return AllocationRule(
            samples=self.samples,
            weighting=self.weighting,
            least=self.least,
            most=self.most,
        )

    def days(self) -> tuple[datetime.date, datetime.date]:
        """Returns the first and the last day of the season."""
        first = datetime.date(self.season - 1, 9, 1)
        last = datetime.date(self.season, 8, 31)
        if self.first_day is not None:
            first = datetime.date.fromisoformat(self.first_day)
        if self.last_day is not None:
            last = datetime.date.fromisoformat(self.last_day)
        if first > last:
            raise ValueError(
                f"the first day must not be after the last; {first}, {last}"
            )
        return first, last

    def fields(self) -> ParcelFields:
        """Returns the columns of the parcel map."""
        preset = PRESETS[self.preset]
        return ParcelFields(
            code=self.code_field or preset.code,
            # A map of one's own columns need not have those of the preset.
            name=self.name_field or (None if self.code_field else preset.name),
            parcel=self.parcel_field or (None if self.code_field else preset.parcel),
        )


def sample_rule(config: Config, catalogue: Catalogue) -> SampleRule:
    """Returns how samples are drawn from the tiles of a catalogue."""
    grids = tuple(series.grid for series in catalogue.tiles)
    held_out = {
        "validation": config.validation_tiles,
        "test": config.test_tiles,
        "holdout": config.holdout_tiles,
    }
    names = splits.split_by_place([grid.tile for grid in grids], held_out)
    division = None
    if config.squares is not None:
        longitude, latitude = squares.middle_of(grids)
        division = squares.Squares(
            longitude=longitude,
            latitude=latitude,
            size=config.squares,
            buffer=config.buffer,
            shares=config.square_shares,
            seed=config.seed,
        )
    return SampleRule(
        crop_map=CropMap(
            path=config.parcels,
            fields=config.fields(),
            crosswalk=config.crosswalk or CROSSWALKS[config.preset],
            unmapped=config.unmapped,
            erosion=config.erosion,
            least_pixels=config.least_pixels,
        ),
        places=Places(
            grids=grids,
            split_of_tile={
                tile: candidates.SPLITS.index(split) for tile, split in names.items()
            },
            buffer=config.buffer,
            squares=division,
        ),
        most_per_parcel=config.most_per_parcel,
        seed=config.seed,
    )


def rules_of(config: Config, rule: SampleRule) -> dict[str, Any]:
    """Returns the rules of a build as JSON: what the data set says of itself."""
    with fsspec.open(rule.crop_map.crosswalk, "rb") as file:
        crosswalk = hashlib.sha256(file.read()).hexdigest()
    return {
        "parcels": config.parcels.rpartition("/")[2],
        "fields": dataclasses.asdict(rule.crop_map.fields),
        "crosswalk": rule.crop_map.crosswalk.rpartition("/")[2],
        "crosswalk_sha256": crosswalk,
        "unmapped": config.unmapped,
        "erosion": config.erosion,
        "least_pixels": config.least_pixels,
        "allocation": dataclasses.asdict(config.allocation_rule()),
        "most_per_parcel": config.most_per_parcel,
        "seed": config.seed,
        "most_cloud": config.most_cloud,
        "days": [str(day) for day in config.days()],
        "splits": {
            tile: candidates.SPLITS[split]
            for tile, split in rule.places.split_of_tile.items()
        },
        "squares": dataclasses.asdict(rule.places.squares)
        if rule.places.squares
        else None,
        "buffer": config.buffer,
    }
