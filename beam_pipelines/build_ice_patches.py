"""Cuts labelled patches from Sentinel-1 scenes, under polygons or ice charts.

First the patches of every scene are found (`PlanScenes`), for all sizes at once; then
polygons or scenes are dealt out to splits; then one data set for each size is written,
block by block, by the writer that all data sets share. `tfds.load` finds them as
``s1_ice_patches/32x32`` and so on in ``data_dir``.
"""

from __future__ import annotations

import collections
import dataclasses
import uuid
from collections.abc import Sequence
from typing import Literal

import apache_beam as beam
import fsspec
import rich.table
import tensorflow_datasets as tfds
from apache_beam.options.pipeline_options import PipelineOptions
from rich.console import RenderableType

from beam_pipelines.transforms.plan_ice_patches import PlanScenes, read_plans
from tfds_eo import legends, writing
from tfds_eo.builder import Prepared
from tfds_eo.geo.grid import check_metric
from tfds_eo.legends import Legend, LegendClass
from tfds_eo.s1_ice_patches.blocks import make_blocks
from tfds_eo.s1_ice_patches.inputs import find_polygons, find_scenes
from tfds_eo.s1_ice_patches.labelling import Kind, Labelling, read_crosswalk
from tfds_eo.s1_ice_patches.pairing import Pairing, pair_up
from tfds_eo.s1_ice_patches.planning import Cutting, Request, ScenePlan
from tfds_eo.s1_ice_patches.s1_ice_patches_dataset_builder import Builder, PatchConfig
from tfds_eo.s1_ice_patches.splitting import By, split_patches
from tfds_eo.s1_ice_patches.views import View
from tfds_eo.sensors.sentinel1_channel import NoisePolicy
from tfds_eo.sensors.sentinel1_files import product_name
from tfds_eo.sensors.speckle import check_boxcar

SPLITS = ("train", "validation", "test")
"""Names of the splits, in the order of ``shares``."""

_LEGENDS = {
    legend.name: legend for legend in (legends.UIT_SEA_ICE, legends.AI4ARCTIC_STAGES)
}
_OWN_COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Which scenes, which polygons, which patches."""

    scenes: tuple[str, ...] = dataclasses.field(metadata={"positional": True})
    """Products: SAFE folders, zips, or folders and patterns of them; gs:// too."""

    polygons: tuple[str, ...]
    """Polygon files or charts, or patterns of them."""

    data_dir: str
    """Where the data sets are written."""

    labels: Kind = "class"
    """From a class field, the dominant stage of a chart, or the chart's rasters."""

    legend: Literal["uit_sea_ice", "ai4arctic_stages", "crosswalk"] = "uit_sea_ice"
    """Classes of a class field: a legend, or those of the crosswalk in its order."""

    class_field: str = "class"
    """Field of the class."""

    crosswalk: str | None = None
    """CSV with the columns value and class; an empty class leaves polygons out."""

    forms: Literal["dmi", "s411"] = "dmi"
    """Numbering of the forms of ice in charts."""

    sizes: tuple[int, ...] = (32,)
    """Sizes of patches in pixels; each becomes a data set."""

    strides: tuple[int, ...] = (10,)
    """Step from patch to patch in pixels: one for all sizes, or one for each."""

    margin: float = 0.0
    """How far patches stay inside the edges of their polygon, in metres."""

    coast: float = 0.0
    """How far patches stay away from land, in metres."""

    land: str | None = None
    """Polygons of land, beside those of a chart."""

    known: float = 0.5
    """Least share of a patch that a chart must decide, for rasters."""

    boxcar: int = 1
    """Width of a mean filter against speckle in pixels, odd; 1 for none."""

    crs: str | None = None
    """Map to put scenes on, such as EPSG:3413; none keeps the radar's own pixels."""

    resolution: float = 40.0
    """Pixel size on the map in metres."""

    noise: NoisePolicy = "required"
    """Whether scenes without noise tables are refused or read with their noise."""

    split: By = "polygon"
    """What stays whole: polygons or scenes."""

    shares: tuple[float, float, float] = (0.7, 0.15, 0.15)
    """Shares of train, validation and test; 0 leaves a split out."""

    max_gap: float = 60.0
    """Most minutes between a scene and polygons that do not bear its name."""

    overwrite: bool = False
    """Replaces data sets that are there already."""

    def __post_init__(self) -> None:
        if not self.scenes or not self.polygons:
            raise ValueError("scenes and polygons must be given; got none of one")
        self.cutting()
        check_boxcar(self.boxcar)
        if self.crs is not None:
            check_metric(self.crs)
        if self.resolution <= 0:
            raise ValueError(f"resolution must be positive; got {self.resolution}")
        if min(self.shares) < 0 or abs(sum(self.shares) - 1) > 1e-9:
            raise ValueError(f"shares must add up to 1; got {self.shares}")
        if self.legend == "crosswalk" and self.crosswalk is None:
            raise ValueError("a legend of the crosswalk needs --crosswalk; got none")
        if self.labels == "chart_rasters" and self.split != "scene":
            raise ValueError(
                "patches with rasters of a chart hold several polygons; give"
                " --split scene"
            )

    def cutting(self) -> Cutting:
        """Returns which patches are wanted."""
        strides = self.strides
        if len(strides) == 1:
            strides *= len(self.sizes)
        return Cutting(
            sizes=self.sizes,
            strides=strides,
            margin=self.margin,
            coast=self.coast,
            known=self.known,
        )


def run(config: Config, beam_args: Sequence[str] = ()) -> list[RenderableType]:
    """Builds the data sets; returns what was made, dropped and left over.

    Raises:
        ValueError: If nothing goes together, or no patch is found.
        FileNotFoundError: If no scene or polygon file is found.
    """
    options = PipelineOptions(list(beam_args)) if beam_args else None
    labelling = _labelling(config)
    pairing = _pair(config)
    requests = [
        Request(
            view=View(
                path=pair.scene,
                noise=config.noise,
                boxcar=config.boxcar,
                crs=config.crs,
                resolution=config.resolution,
            ),
            polygons=pair.polygons,
            labelling=labelling,
            cutting=config.cutting(),
            land=config.land,
        )
        for pair in pairing.pairs
    ]
    plans = _plan(requests, config.data_dir, options)
    _check_found(plans, config.sizes)
    shares = {s: q for s, q in zip(SPLITS, config.shares, strict=True) if q > 0}
    splits = split_patches(plans, config.split, shares)
    lines: list[RenderableType] = [_table(plans, pairing), _dropped(plans)]
    for size, stride in zip(config.sizes, config.cutting().strides, strict=True):
        blocks = make_blocks(plans, size, stride, splits[size])
        builder = Builder(
            config=PatchConfig(
                name=config_name(size, config.labels),
                description=_description(config, size),
                size=size,
                legend=labelling.legend,
                prepared=Prepared(
                    splits={split: blocks[split] for split in shares},
                    metadata=_metadata(config, plans, pairing),
                ),
            ),
            data_dir=config.data_dir,
        )
        _make_room(builder, overwrite=config.overwrite)
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(beam_options=options)
        )
        found = ", ".join(
            f"{split} {info.num_examples:,}"
            for split, info in builder.info.splits.items()
        )
        lines.append(
            f'tfds.load("s1_ice_patches/{builder.builder_config.name}",'
            f' data_dir="{config.data_dir}"): {found}'
        )
    lines += [f"no polygons for scene {path}" for path in pairing.scenes]
    lines += [f"no scene for polygons {path}" for path in pairing.polygons]
    return lines


def _make_room(builder: Builder, *, overwrite: bool) -> None:
    """Removes a finished data set if that is wanted.

    Raises:
        FileExistsError: If there is one and it is not.
    """
    if not builder.data_path.exists():
        return
    if not overwrite:
        raise FileExistsError(
            f"a data set must be new; {builder.data_path} is there: give another"
            " data_dir, or --overwrite"
        )
    builder.data_path.rmtree()


def config_name(size: int, labels: Kind) -> str:
    """Returns the name of a data set's config, such as ``32x32``."""
    ending = {"class": "", "chart_class": "_stages", "chart_rasters": "_chart"}[labels]
    return f"{size}x{size}{ending}"


def _plan(
    requests: list[Request], data_dir: str, options: PipelineOptions | None
) -> list[ScenePlan]:
    folder = (
        f"{data_dir.rstrip('/')}/s1_ice_patches/incomplete.plans.{uuid.uuid4().hex}"
    )
    filesystem, name = fsspec.core.url_to_fs(folder)
    try:
        with writing.open_pipeline(None, options) as pipeline:
            _ = (
                pipeline
                | "Requests" >> beam.Create(requests, reshuffle=False)
                | "PlanScenes" >> PlanScenes(folder)
            )
        return read_plans(folder, requests)
    finally:
        if filesystem.exists(name):
            filesystem.rm(name, recursive=True)


def _pair(config: Config) -> Pairing:
    return pair_up(
        find_scenes(config.scenes),
        find_polygons(config.polygons),
        max_gap_minutes=config.max_gap,
    )


def _labelling(config: Config) -> Labelling:
    if config.labels == "chart_rasters":
        return Labelling(kind=config.labels, legend=None, forms=config.forms)
    if config.labels == "chart_class":
        return Labelling(
            kind=config.labels, legend=legends.AI4ARCTIC_STAGES, forms=config.forms
        )
    crosswalk = read_crosswalk(config.crosswalk) if config.crosswalk else {}
    legend = _LEGENDS.get(config.legend) or _legend_of(crosswalk)
    return Labelling(
        kind=config.labels,
        legend=legend,
        field=config.class_field,
        crosswalk=crosswalk,
        forms=config.forms,
    )


def _legend_of(crosswalk: dict[str, str]) -> Legend:
    names = list(dict.fromkeys(name for name in crosswalk.values() if name))
    return Legend(
        name="crosswalk",
        classes=tuple(
            LegendClass(
                id=number,
                name=name,
                title=name.replace("_", " ").capitalize(),
                colour=_OWN_COLOURS[number % len(_OWN_COLOURS)],
            )
            for number, name in enumerate(names)
        ),
    )


def _check_found(plans: Sequence[ScenePlan], sizes: Sequence[int]) -> None:
    for size in sizes:
        if not any(len(plan.patches[size]) for plan in plans):
            counts = ", ".join(
                f"{count} {reason.replace('_', ' ')}"
                for reason, count in _totals(plans).items()
                if count
            )
            raise ValueError(
                f"some patch of {size} x {size} pixels must fit; none does in"
                f" {len(plans)} scenes ({counts}): take smaller patches, a smaller"
                " margin or distance from the coast, or larger polygons"
            )


def _totals(plans: Sequence[ScenePlan]) -> dict[str, int]:
    totals: collections.Counter[str] = collections.Counter()
    for plan in plans:
        totals.update(plan.counts)
    return dict(totals)


def _table(plans: Sequence[ScenePlan], pairing: Pairing) -> rich.table.Table:
    table = rich.table.Table(title="Patches of each scene")
    sizes = list(plans[0].patches)
    table.add_column("scene", overflow="fold")
    for heading in ("gap, min", *(f"{size} x {size}" for size in sizes)):
        table.add_column(heading, justify="right")
    for plan, pair in zip(plans, pairing.pairs, strict=True):
        counts = [f"{len(plan.patches[size]):,}" for size in sizes]
        table.add_row(plan.scene, f"{pair.gap_minutes:.1f}", *counts)
    return table


def _dropped(plans: Sequence[ScenePlan]) -> str:
    """Says what was dropped and why, in a line."""
    reasons = [
        f"{count:,} {reason.replace('_', ' ')}"
        for reason, count in _totals(plans).items()
        if count and reason != "polygons" and "x" not in reason
    ]
    return "dropped or changed: " + (", ".join(reasons) or "nothing")


def _description(config: Config, size: int) -> str:
    where = (
        f"on {config.crs} at {config.resolution:g} m" if config.crs else "unresampled"
    )
    return f"Patches of {size} x {size} pixels, {where}, labels by {config.labels}."


def _metadata(
    config: Config, plans: Sequence[ScenePlan], pairing: Pairing
) -> dict[str, object]:
    settings = dataclasses.asdict(config)
    for place in ("scenes", "polygons", "data_dir", "overwrite"):
        del settings[place]
    return {
        "simulated": any(plan.simulated for plan in plans),
        "denoised": all(plan.denoised for plan in plans),
        "scenes": [plan.scene for plan in plans],
        "polygon_files": [pair.polygons.rsplit("/", 1)[-1] for pair in pairing.pairs],
        "gap_minutes": [round(pair.gap_minutes, 3) for pair in pairing.pairs],
        "unmatched_scenes": [product_name(path) for path in pairing.scenes],
        "unmatched_polygons": [p.rsplit("/", 1)[-1] for p in pairing.polygons],
        "settings": {name: _plain(value) for name, value in settings.items()},
        "counts": _totals(plans),
    }


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
