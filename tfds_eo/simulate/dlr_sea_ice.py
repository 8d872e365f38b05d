"""Makes Belgica Bank images with classes and topics, in every layout they may have."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import pathlib
import warnings
from collections.abc import Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.errors
from rasterio.enums import ColorInterp
from scipy.ndimage import gaussian_filter

from tfds_eo import legends
from tfds_eo.archives.manifest import to_toml
from tfds_eo.archives.notes import write_simulated_note
from tfds_eo.simulate.ice_texture import UIT_CLASSES, render

TILE = 256
"""Width and height of a patch in pixels."""

WORD = 4
"""Width and height of a word in pixels."""

CLASSES = (
    "Water group",
    "Young ice",
    "First-year ice",
    "Old ice",
    "Mountains",
    "Icebergs",
    "Glaciers",
    "Floating ice",
    "Black border",
    "Other",
)
"""Names of the made classes. The ten true names are not known: these are our choice."""

COLOURS = ("#0000ff", "#aa28f0", "#ffff00", "#b46432", "#7f7f7f",
           "#00ffff", "#ffffff", "#ff7f0e", "#000000", "#ff00ff")  # fmt: skip
"""Colours of the made classes."""

Labels = Literal["raster", "palette", "rgb", "pixels", "table", "folders"]
"""Where classes are: a GeoTIFF of one pixel a patch with a legend in .csv, a PNG with a
palette and a .qml, a PNG in colours with a .json, a GeoTIFF of all pixels, a table
annotation.csv, or folders of patches called after classes."""

Topics = Literal["none", "words", "palette", "rgb"]
"""Maps of topics: numbers in a GeoTIFF, a PNG with a palette, a PNG in colours."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """What to make, and where."""

    folder: pathlib.Path
    """Folder for the files; it is to be given as manual_dir."""
    labels: Labels | None = "raster"
    """Layout of the classes; none for topics alone."""
    topics: Topics = "none"
    """Layout of the topics."""
    images: Literal["bands", "channels", "none"] = "bands"
    """One image of two bands a scene, one for each channel, or none."""
    dtype: Literal["uint16", "uint8", "float32"] = "uint16"
    """Dtype of the images."""
    scenes: int = 6
    """Number of scenes, one a month from January 2018 on."""
    rows: int = 700
    """Height of an image in pixels; 16641 in the true set."""
    cols: int = 1100
    """Width of an image in pixels; 25673 in the true set."""
    seed: int = 0
    """Seed of everything that is drawn."""

    def __post_init__(self) -> None:
        if min(self.rows, self.cols) < TILE or not 1 <= self.scenes <= 24:
            raise ValueError(
                f"images must be at least {TILE} pixels wide and high and scenes 1 to"
                f" 24; got {self.rows} x {self.cols} and {self.scenes}"
            )


@dataclasses.dataclass(frozen=True, eq=False)
class MadeScene:
    """A made scene.

    Attributes:
        name: Name of its files, with the date.
        image: HH and HV, ``[rows, cols, 2]``.
        label: Class of each patch, ``[patch rows, patch columns]``.
        topic: Topic of each word, ``[word rows, word columns]``.
    """

    name: str
    image: npt.NDArray
    label: npt.NDArray[np.uint8]
    topic: npt.NDArray[np.uint8]


def make_scene(config: Config, number: int) -> MadeScene:
    """Makes a scene; the number of months since January 2018 gives its date."""
    random = np.random.default_rng([config.seed, number])
    down, across = config.rows // TILE, config.cols // TILE
    label = random.integers(0, len(CLASSES), (down, across)).astype(np.uint8)
    words = (down * TILE // WORD, across * TILE // WORD)
    smooth = gaussian_filter(random.normal(size=words), 4.0)
    ranks = smooth.ravel().argsort().argsort().reshape(words)
    topic = (ranks * 11 // ranks.size).astype(np.uint8)
    angle = np.full((config.rows, config.cols), 35.0, np.float32)
    which = np.zeros(angle.shape, np.int64)
    which[: down * TILE, : across * TILE] = np.kron(
        label % len(UIT_CLASSES), np.ones((TILE, TILE), np.int64)
    )
    decibels = render(list(UIT_CLASSES.values()), which, angle, random)
    if config.dtype == "float32":
        image = decibels
    else:
        # Amplitudes: 400 stands for 0 dB in 16 bits, 100 in 8.
        one = 400 if config.dtype == "uint16" else 100
        image = (one * 10 ** (decibels / 20)).clip(1, 255 if one == 100 else 65535)
    year, month = divmod(number, 12)
    name = f"S1_IW_GRDH_BelgicaBank_{2018 + year}{month + 1:02d}16"
    return MadeScene(name, image.astype(config.dtype), label, topic)


def run(config: Config) -> list[str]:
    """Writes the files; returns lines on what was made."""
    folder = config.folder
    folder.mkdir(parents=True, exist_ok=True)
    write_simulated_note(folder)
    table = []
    for number in range(config.scenes):
        scene = make_scene(config, number)
        if config.labels != "folders":
            _write_image(folder, scene, config.images)
        if config.labels == "table":
            table += _rows_of_table(scene)
        elif config.labels is not None:
            _write_labels(folder, scene, config.labels)
        if config.topics != "none":
            _write_topics(folder, scene, config.topics)
    if table:
        with open(folder / "annotation.csv", "w", newline="") as target:
            writer = csv.writer(target, quoting=csv.QUOTE_ALL)
            writer.writerows([["image", "row", "col", "annotation"], *table])
    _write_legend(folder, config)
    return [f"{folder}: {config.scenes} made scenes of {config.rows} x {config.cols}"]


def _write_raster(
    path: pathlib.Path, array: npt.NDArray, *, nodata: int | None = None
) -> None:
    """Writes ``[rows, cols]`` or ``[rows, cols, bands]``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bands = np.moveaxis(array if array.ndim == 3 else array[..., None], 2, 0)
    options = {"driver": "PNG"}
    if path.suffix == ".tif":
        options = {"driver": "GTiff", "compress": "deflate"}
    with (
        _plain(),
        rasterio.open(
            path,
            "w",
            height=bands.shape[1],
            width=bands.shape[2],
            count=bands.shape[0],
            dtype=bands.dtype,
            nodata=nodata,
            **options,
        ) as target,
    ):
        target.write(bands)


def _write_palette(
    path: pathlib.Path, array: npt.NDArray[np.uint8], colours: list[str]
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        _plain(),
        rasterio.open(
            path,
            "w",
            driver="PNG",
            height=array.shape[0],
            width=array.shape[1],
            count=1,
            dtype="uint8",
        ) as target,
    ):
        target.write_colormap(1, {n: (*_rgb(c), 255) for n, c in enumerate(colours)})
        target.colorinterp = [ColorInterp.palette]
        target.write(array, 1)


@contextlib.contextmanager
def _plain() -> Iterator[None]:
    """The images are in the geometry of the sensor: nothing is missing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        yield


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _write_image(folder: pathlib.Path, scene: MadeScene, images: str) -> None:
    if images == "bands":
        _write_raster(folder / "images" / f"{scene.name}.tif", scene.image)
    elif images == "channels":
        for channel, name in enumerate(("HH", "HV")):
            path = folder / "images" / f"{scene.name}_{name}.tif"
            _write_raster(path, scene.image[..., channel])


def _write_labels(folder: pathlib.Path, scene: MadeScene, layout: Labels) -> None:
    path = folder / "labels" / scene.name
    if layout == "folders":
        for row, col in np.ndindex(scene.label.shape):
            name = CLASSES[scene.label[row, col]].replace(" ", "_")
            patch = scene.image[row * TILE : (row + 1) * TILE, col * TILE :][:, :TILE]
            _write_raster(folder / name / f"{scene.name}_r{row}_c{col}.tif", patch)
    elif layout == "raster":
        _write_raster(path.with_suffix(".tif"), scene.label + np.uint8(1))
    elif layout == "palette":
        _write_palette(path.with_suffix(".png"), scene.label, list(COLOURS))
    elif layout == "rgb":
        colours = np.array([_rgb(c) for c in COLOURS], np.uint8)
        _write_raster(path.with_suffix(".png"), colours[scene.label])
    else:
        pixels = np.kron(scene.label, np.ones((TILE, TILE), np.uint8)) + np.uint8(1)
        _write_raster(path.with_suffix(".tif"), pixels)


def _rows_of_table(scene: MadeScene) -> list[list[object]]:
    return [
        [f"{scene.name}.tif", row * TILE, col * TILE, CLASSES[scene.label[row, col]]]
        for row, col in np.ndindex(scene.label.shape)
    ]


def _write_topics(folder: pathlib.Path, scene: MadeScene, layout: Topics) -> None:
    path = folder / "topics" / scene.name
    colours = legends.DLR_TOPICS.colours
    if layout == "words":
        _write_raster(path.with_suffix(".tif"), scene.topic)
    elif layout == "palette":
        _write_palette(path.with_suffix(".png"), scene.topic, colours)
    else:
        table = np.array([_rgb(c) for c in colours], np.uint8)
        _write_raster(path.with_suffix(".png"), table[scene.topic])


def _write_legend(folder: pathlib.Path, config: Config) -> None:
    if config.labels in ("raster", "pixels"):
        lines = ["code,name", *(f"{n + 1},{name}" for n, name in enumerate(CLASSES))]
        (folder / "legend.csv").write_text("\n".join(lines) + "\n", "utf-8")
    elif config.labels == "palette":
        entries = [
            f'<paletteEntry value="{n}" color="{COLOURS[n]}" label="{name}"/>'
            for n, name in enumerate(CLASSES)
        ]
        text = "<qgis><colorPalette>" + "".join(entries) + "</colorPalette></qgis>"
        (folder / "style.qml").write_text(text, "utf-8")
    elif config.labels == "rgb":
        pairs = [f'"{COLOURS[n]}": "{name}"' for n, name in enumerate(CLASSES)]
        (folder / "legend.json").write_text("{" + ", ".join(pairs) + "}", "utf-8")
    if config.topics == "rgb":
        text = to_toml({"dlr_sea_ice_topics": {"colours": "published"}})
        (folder / "manifest.toml").write_text(text, "utf-8")
