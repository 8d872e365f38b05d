"""Makes an archive in the format of TimeSen2Crop, of any size.

Tiles, classes, counts, dates and mean curves follow the published set; parcels, weather
and spectra are drawn. The comment of the archive says so: `SIMULATED_COMMENT`.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import tqdm

from tfds_eo.simulate import SIMULATED_COMMENT, phenology, sky
from tfds_eo.simulate.crop_archive import (
    TOP_FOLDER,
    CropSeries,
    dates_text,
    samples_text,
)
from tfds_eo.simulate.zip_writer import ZipWriter
from tfds_eo.time_sen2_crop import protocol

LEAST_SAMPLES = 1_000
"""Fewest samples that an archive is made of; below, most classes would vanish."""

CLASS_SAMPLES = (
    (7_951, 2_031),
    (283_263, 15_080),
    (164_316, 15_001),
    (30_678, 4_015),
    (22_787, 240),
    (70_884, 10_712),
    (94_061, 15_001),
    (1_472, 577),
    (53_694, 9_701),
    (41_901, 5_086),
    (34_064, 4_212),
    (85_353, 11_987),
    (132_327, 15_001),
    (66_448, 14_363),
    (46_312, 411),
    (76_713, 10_001),
)
"""Samples of each class in the published set: in all folders, and in tile 33UVP.

Source: Weikmann, Paris, Bruzzone 2021, doi 10.1109/JSTARS.2021.3073965.
"""

SAMPLES_2019 = 139_593
"""Samples of folder 2019_33UVP in the published set; its classes are not published."""


_WARMTH = (0, -1.2, 0.6, 0.4, 1.6, 1.2, 0.3, 0, 0, 0.7, 1.4, 0, 1.0, 0, 0.3, 0)
"""How much each class prefers the lowland (above 0) to the Alps: our choice."""

_NO_FOLDER = {("32TNT", 7), ("32TNT", 4)}
"""Folder and class of the cells that have not even a class folder: our choice."""

_EMPTY_FOLDER = {("32TPT", 7), ("32TPT", 4), ("32TQT", 10)}
"""Folder and class of the cells whose class folder is always empty: our choice."""

_FEWEST_DATES, _MOST_DATES = 30, 70
_BLOCK = 512
_PARCEL_PIXELS = 4.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Place:
    """Where a tile lies; the numbers are our choice.

    Attributes:
        orbits: Relative orbits that see most of it.
        altitude: From 0, Pannonian lowland, to 1, high Alps.
        weight: Relative number of samples, where the true one is not published.
    """

    orbits: tuple[int, int]
    altitude: float
    weight: float = 0.0


PLACES = {
    "32TNT": Place(orbits=(65, 108), altitude=0.9, weight=0.2),
    "32TPT": Place(orbits=(22, 65), altitude=1.0, weight=0.25),
    "32TQT": Place(orbits=(22, 65), altitude=0.95, weight=0.35),
    "33TUM": Place(orbits=(22, 122), altitude=0.85, weight=0.3),
    "33TUN": Place(orbits=(22, 122), altitude=0.8, weight=0.4),
    "33TVM": Place(orbits=(22, 122), altitude=0.6, weight=0.9),
    "33TVN": Place(orbits=(22, 122), altitude=0.7, weight=0.7),
    "33TWM": Place(orbits=(122, 79), altitude=0.3, weight=1.3),
    "33TWN": Place(orbits=(122, 79), altitude=0.4, weight=1.4),
    "33TXN": Place(orbits=(79, 36), altitude=0.05, weight=1.1),
    "33UUP": Place(orbits=(22, 122), altitude=0.4, weight=1.1),
    "33UVP": Place(orbits=(22, 122), altitude=0.3),
    "33UWP": Place(orbits=(122, 79), altitude=0.2, weight=1.7),
    "33UWQ": Place(orbits=(122, 79), altitude=0.35, weight=1.2),
    "33UXP": Place(orbits=(79, 36), altitude=0.0, weight=1.5),
}
"""Where each tile of `protocol.TILES` lies."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """What to make, and where to put it."""

    out: pathlib.Path = pathlib.Path(".")
    """Folder for TimeSen2Crop.zip, or path of the archive if it ends in .zip."""
    samples: int = 20_000
    """Number of samples in the whole archive; the true one has 1,212,224."""
    seed: int = 0
    """Seed of all that is drawn."""
    overwrite: bool = False
    """Whether to replace an archive that is there already."""

    def __post_init__(self) -> None:
        _check(self.samples, self.seed)

    @property
    def path(self) -> pathlib.Path:
        """Path of the archive."""
        out = pathlib.Path(self.out)
        return out if out.suffix == ".zip" else out / protocol.ARCHIVE_NAME


# Public functions ----------------------------------------------------------------


def run(config: Config) -> list[str]:
    """Makes the archive and shows how far it is.

    Returns:
        What was made, in one line.
    """
    write_archive(
        config.path,
        samples=config.samples,
        seed=config.seed,
        overwrite=config.overwrite,
        progress=True,
    )
    return [f"{config.path}: {config.samples:,} simulated samples"]


def write_archive(
    path: str | os.PathLike[str],
    *,
    samples: int,
    seed: int = 0,
    overwrite: bool = False,
    progress: bool = False,
) -> None:
    """Makes an archive of simulated samples.

    Equal arguments give equal bytes on one machine with one set of libraries. The
    archive is written under a temporary name, then renamed.

    Args:
        path: Path of the archive.
        samples: Number of samples in all folders together, at least `LEAST_SAMPLES`.
        seed: Seed of all that is drawn, at least 0.
        overwrite: Whether to replace an archive that is there already.
        progress: Whether to show a progress bar.

    Raises:
        ValueError: If ``samples`` or ``seed`` is too small.
        FileExistsError: If there is an archive and ``overwrite`` is false.
    """
    _check(samples, seed)
    counts = sample_counts(samples)
    with (
        ZipWriter(path, comment=SIMULATED_COMMENT, overwrite=overwrite) as archive,
        tqdm.tqdm(
            total=samples, unit=" samples", desc="simulate", disable=not progress
        ) as bar,
    ):
        archive.add_folder(TOP_FOLDER)
        for number, folder in enumerate(protocol.FOLDERS):
            scene = _draw_scene(seed, folder)
            top = f"{TOP_FOLDER}/{folder}"
            archive.add_folder(top)
            archive.add(f"{top}/{protocol.DATES_NAME}", dates_text(scene.sky.dates))
            for label, count in enumerate(counts[number].tolist()):
                if (folder, label) in _NO_FOLDER:
                    continue
                archive.add_folder(f"{top}/{label}")
                name = 0
                for series in _draw_blocks(seed, folder, scene, label, count):
                    for text in samples_text(series):
                        archive.add(f"{top}/{label}/{name}.csv", text)
                        name += 1
                    bar.update(len(series.condition))


def sample_counts(samples: int) -> npt.NDArray[np.int64]:
    """Returns how many samples each tile folder has of each class.

    Classes keep their published shares, as does tile 33UVP in each class; 2019_33UVP
    has its published share with the classes of 33UVP; the rest is spread by `PLACES`.

    Args:
        samples: Number of samples in all folders together.

    Returns:
        Numbers of samples, ``[folders, classes]``, in the order of `protocol.FOLDERS`.
    """
    published = np.array(CLASS_SAMPLES, float)
    of_classes = _apportion(samples, published[:, 0])
    in_2019 = _apportion(SAMPLES_2019, published[:, 1])
    columns = []
    for label, total in enumerate(of_classes.tolist()):
        weights = np.array(
            [
                0.0
                if (folder, label) in _NO_FOLDER | _EMPTY_FOLDER
                else PLACES[tile].weight
                * np.exp(_WARMTH[label] * (0.5 - PLACES[tile].altitude) * 2)
                for folder, (tile, _) in protocol.FOLDERS.items()
            ]
        )
        everywhere, in_2018 = published[label]
        weights *= (everywhere - in_2018 - in_2019[label]) / weights.sum()
        weights[_place("33UVP")] = in_2018
        weights[_place("2019_33UVP")] = in_2019[label]
        columns.append(_apportion(total, weights))
    return np.stack(columns, axis=1)


# Private -------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Scene:
    """What the samples of a tile folder share.

    Attributes:
        sky: Acquisitions and weather.
        delay: Days that growth lags behind the mean of Austria.
        vigour: How green the place gets, relative to the mean.
        soil: Factor on bare ground in each band, ``[9]``.
    """

    sky: sky.Sky
    delay: float
    vigour: float
    soil: npt.NDArray[np.float32]


def _check(samples: int, seed: int) -> None:
    if samples < LEAST_SAMPLES:
        raise ValueError(f"samples must be at least {LEAST_SAMPLES}; got {samples}")
    if seed < 0:
        raise ValueError(f"seed must be at least 0; got {seed}")


def _place(folder: str) -> int:
    return list(protocol.FOLDERS).index(folder)


def _chance(seed: int, *purpose: int) -> np.random.Generator:
    """Returns a source of chance of its own for each purpose."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=purpose))


def _apportion(total: int, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Splits a number by weights into whole numbers; largest remainders round up."""
    quotas = total * weights / weights.sum()
    parts = np.floor(quotas).astype(np.int64)
    order = np.argsort(parts - quotas, kind="stable")
    parts[order[: total - parts.sum()]] += 1
    return parts


def _draw_scene(seed: int, folder: str) -> _Scene:
    """Draws what a tile folder's samples share; soil and terrain are the tile's own."""
    tile, season = protocol.FOLDERS[folder]
    place = PLACES[tile]
    of_tile = _chance(seed, 0, protocol.TILES.index(tile))
    of_year = _chance(seed, 1, _place(folder))
    lengths = np.arange(_FEWEST_DATES, _MOST_DATES + 1)
    lengths = _chance(seed, 2).permutation(lengths)
    soil = 0.1 * of_tile.standard_normal() + 0.05 * of_tile.standard_normal(9)
    delay = 18 * place.altitude - 6 + of_tile.normal(0, 3)
    return _Scene(
        sky=sky.draw_sky(
            of_year,
            orbits=place.orbits,
            season=int(season),
            steps=int(lengths[_place(folder)]),
            altitude=place.altitude,
        ),
        delay=delay + of_year.normal(0, 4),
        vigour=float(np.exp(of_year.normal(0, 0.04))),
        soil=np.exp(soil).astype(np.float32),
    )


def _draw_blocks(
    seed: int, folder: str, scene: _Scene, label: int, count: int
) -> Iterator[CropSeries]:
    """Draws the samples of a class in a tile folder, a block of parcels at a time."""
    for number, start in enumerate(range(0, count, _BLOCK)):
        rng = _chance(seed, 3, _place(folder), label, number)
        pixels = min(_BLOCK, count - start)
        sizes = rng.geometric(1 / _PARCEL_PIXELS, pixels)
        parcel = np.repeat(np.arange(pixels), sizes)[:pixels]
        parcels = int(parcel[-1]) + 1
        fields = phenology.draw_parcels(
            rng,
            label,
            parcels,
            scene.sky.days,
            delay=scene.delay,
            vigour=scene.vigour,
            wetness=scene.sky.wetness,
            soil=scene.soil,
        )
        corners = rng.random((parcels, 2), np.float32)
        reflectance, condition = sky.observe(rng, scene.sky, fields, corners, parcel)
        yield CropSeries(reflectance=reflectance, condition=condition)
