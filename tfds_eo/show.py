"""Draws examples of a prepared data set in the colours of its legend.

    tfds-eo show time_sen2_crop --data_dir data --split train --out examples.png

The kind of figure follows from the features: crop series are drawn as NDVI over the
year, or as bands, with clouds, shadows and snow marked; ice as patches framed in the
colour of their class, as grids of topics, as charts, or as scenes beside charts.
"""

from __future__ import annotations

import dataclasses
import itertools
import pathlib
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow_datasets as tfds
from matplotlib.figure import Figure

from tfds_eo import figures, ice_figures, legends, reading
from tfds_eo.legends import Legend, LegendClass
from tfds_eo.prepared import check_split, is_simulated, open_prepared

RECORDS_READ = 200_000
"""Most records that are searched for examples of rare classes."""

_BATCH = 1024


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """What to draw."""

    set: str
    """Name of the data set, with a config after a slash if need be; or its folder."""

    data_dir: str | None = None
    """Folder of prepared data sets; by default that of TFDS, ~/tensorflow_datasets."""

    split: str = "train"
    """Split to take examples from."""

    out: pathlib.Path | None = None
    """Picture to write, .png or .svg; by default named after data set and split."""

    count: int = 3
    """Examples of each class."""

    bands: tuple[str, ...] = ()
    """Bands to draw the reflectance of, such as B4 B8A B11; the NDVI if left out."""

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"count must be at least 1; got {self.count}")

    def path(self, builder: tfds.core.DatasetBuilder) -> pathlib.Path:
        """Returns where the picture goes."""
        split = "".join(c if c.isalnum() else "_" for c in self.split).strip("_")
        return self.out or pathlib.Path(f"{builder.name}_{split}.png")


def run(config: Config) -> list[str]:
    """Draws the figure; returns lines that say what the set holds, and its path."""
    builder = open_prepared(config.set, config.data_dir)
    check_split(builder, config.split)
    draw = _drawer_of(builder)
    path = config.path(builder)
    path.parent.mkdir(parents=True, exist_ok=True)
    draw(builder, config).savefig(path)
    made = " (simulated)" if is_simulated(builder) else ""
    held = ", ".join(
        f"{name} {split.num_examples:,}" for name, split in builder.info.splits.items()
    )
    return [f"{builder.info.full_name}{made}: {held}", f"figure: {path}"]


def legend_of_features(features: tfds.features.FeaturesDict) -> Legend:
    """Returns the legend of the feature ``label``, by the names of its classes.

    Classes that are of no legend of ours get titles from their names, and greys.
    """
    names = features["label"].names
    known = [one for one in vars(legends).values() if isinstance(one, Legend)]
    for legend in known:
        if legend.names == names:
            return legend
    return Legend(
        name="unknown",
        classes=tuple(
            LegendClass(
                id=number,
                name=name,
                title=name.replace("_", " ").capitalize(),
                colour="#9a9a9a",
            )
            for number, name in enumerate(names)
        ),
    )


def examples_of_each_class(
    builder: tfds.core.DatasetBuilder, split: str, count: int
) -> list[figures.Record]:
    """Returns the first examples of each class, by class.

    Args:
        builder: Builder of a prepared data set with the feature ``label``.
        split: Name of a split, or a slice of one.
        count: Number of examples of a class; a class that is rarer gives fewer.
    """
    classes = builder.info.features["label"].num_classes
    found: list[list[figures.Record]] = [[] for _ in range(classes)]
    for record in _records(builder, split):
        examples = found[int(record["label"])]
        if len(examples) < count:
            examples.append(record)
            if all(len(one) == count for one in found):
                break
    return [record for examples in found for record in examples]


def _records(
    builder: tfds.core.DatasetBuilder, split: str
) -> Iterator[dict[str, np.ndarray]]:
    # Patches of images are large: a batch of them holds fewer.
    at_once = 32 if "image" in builder.info.features else _BATCH
    batches = reading.read_batches(builder, split, at_once).take(
        RECORDS_READ // at_once
    )
    for batch in batches.as_numpy_iterator():
        for row in range(len(next(iter(batch.values())))):
            yield {name: values[row] for name, values in batch.items()}


Drawer = Callable[[tfds.core.DatasetBuilder, Config], Figure]


def _draw_crop_series(builder: tfds.core.DatasetBuilder, config: Config) -> Figure:
    return figures.crop_series_figure(
        examples_of_each_class(builder, config.split, config.count),
        legend_of_features(builder.info.features),
        bands=config.bands,
        simulated=is_simulated(builder),
        title=f"{builder.name}, split {config.split}",
    )


def _draw_ice_patches(builder: tfds.core.DatasetBuilder, config: Config) -> Figure:
    legend = legend_of_features(builder.info.features)
    if legend.name == "unknown":
        legend = ice_figures.named_legend(builder.info.features["label"].names)
    return ice_figures.patches_figure(
        examples_of_each_class(builder, config.split, config.count),
        legend,
        simulated=is_simulated(builder),
        title=f"{builder.name}, split {config.split}",
    )


def _draw_topics(builder: tfds.core.DatasetBuilder, config: Config) -> Figure:
    return ice_figures.topics_figure(
        _first(builder, config),
        builder.info.metadata["topics"],
        simulated=is_simulated(builder),
        title=f"{builder.name}, split {config.split}",
    )


def _draw_chart_patches(builder: tfds.core.DatasetBuilder, config: Config) -> Figure:
    return ice_figures.chart_patches_figure(
        _first(builder, config),
        simulated=is_simulated(builder),
        title=f"{builder.name}, split {config.split}",
    )


def _draw_polygons(builder: tfds.core.DatasetBuilder, config: Config) -> Figure:
    """Draws whole charts, as many as ``count``."""
    charts: dict[bytes, list[figures.Record]] = {}
    for record in _records(builder, config.split):
        charts.setdefault(bytes(record["chart"]), []).append(record)
    chosen = sorted(charts)[: config.count]
    return ice_figures.polygons_figure(
        [record for chart in chosen for record in charts[chart]],
        simulated=is_simulated(builder),
        title=f"{builder.name}, split {config.split}",
    )


def _first(builder: tfds.core.DatasetBuilder, config: Config) -> list[figures.Record]:
    return list(itertools.islice(_records(builder, config.split), config.count))


_DRAWERS: tuple[tuple[frozenset[str], Drawer], ...] = (
    (frozenset({"reflectance", "condition", "date", "label"}), _draw_crop_series),
    (
        frozenset({"image", "chart", "content", "sic", "sod", "floe"}),
        _draw_chart_patches,
    ),
    (frozenset({"topics", "scene", "row", "col"}), _draw_topics),
    (frozenset({"geometry", "crs", "chart"}), _draw_polygons),
    (frozenset({"image", "label", "scene"}), _draw_ice_patches),
)
"""Which figure shows a record: the first whose features the record all has."""


def _drawer_of(builder: tfds.core.DatasetBuilder) -> Drawer:
    features = set(builder.info.features)
    for needed, draw in _DRAWERS:
        if needed <= features:
            return draw
    raise ValueError(
        f"no figure is known for records of {builder.info.full_name} with the features"
        f" {', '.join(sorted(features))}"
    )
