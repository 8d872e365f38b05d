"""Builder of `metno_sea_ice`: polygons of ice charts, and patches of their scenes."""

from __future__ import annotations

import dataclasses
from typing import Any

import tensorflow_datasets as tfds

from tfds_eo import legends, schemas, sigrid3, sources
from tfds_eo.archives.inventory import Inventory
from tfds_eo.builder import Prepared, ShardsBuilder
from tfds_eo.metno_sea_ice import charts, patches, polygons, protocol, scenes
from tfds_eo.metno_sea_ice.charts import ChartFile, Stated, read_chart
from tfds_eo.shards import Block, ReadBlock

RECORDS = {"v1": "10.5281/zenodo.3695276", "v2": "10.5281/zenodo.4683174"}
"""DOI of each version."""


@dataclasses.dataclass(kw_only=True)
class ChartConfig(tfds.core.BuilderConfig):
    """A version of the charts, and what is a record."""

    charts: str = ""
    """Version: v1 or v2."""
    record: str = "polygons"
    """What a record is: polygons, patches or icebergs."""


def _configs() -> list[ChartConfig]:
    found = []
    for version in ("v2", "v1"):
        found.append(
            ChartConfig(
                name=version,
                description=f"Polygons of the charts, version {version[1]}.",
                charts=version,
            )
        )
        found.append(
            ChartConfig(
                name=f"{version}_patches",
                description=f"Patches of the scenes with charts, version {version[1]}.",
                charts=version,
                record="patches",
            )
        )
    found.append(
        ChartConfig(
            name="v1_icebergs",
            description="Icebergs of version 1.",
            charts="v1",
            record="icebergs",
        )
    )
    return found


class Builder(ShardsBuilder):  # type: ignore[misc] # A class of TFDS.
    """Builder of MET Norway's training data of sea ice."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    BUILDER_CONFIGS = _configs()
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "Download version 1 (https://doi.org/10.5281/zenodo.3695276) or 2"
        " (https://doi.org/10.5281/zenodo.4683174) into manual_dir, as it is or"
        " unpacked, each version in a folder v1 or v2. Patches need the scenes as well:"
        " SAFE products, or GeoTIFFs of sigma-nought in dB and incidence angle, or of"
        " 8-bit channels, called after the products."
    )

    def _info(self) -> tfds.core.DatasetInfo:
        version = self.builder_config.charts
        return self.dataset_info_from_configs(
            features=self._features(),
            homepage=f"https://doi.org/{RECORDS[version]}",
            license="Read it from the record; it is not known to us.",
            metadata=tfds.core.MetadataDict(),
        )

    def _features(self) -> tfds.features.FeaturesDict:
        if self.builder_config.record == "polygons":
            return schemas.ice_polygon(
                legends.SIGRID3_POLYGONS,
                legends.SIGRID3_STAGES,
                legends.SIGRID3_FORMS,
                codes=sigrid3.FIELDS,
            )
        if self.builder_config.record == "icebergs":
            return schemas.iceberg()
        return tfds.features.FeaturesDict(
            {
                **dict(schemas.ice_patch(size=patches.SIZE).items()),
                "chart": tfds.features.Text(doc="Name of the chart, with its time."),
                "content": tfds.features.ClassLabel(names=list(schemas.CHART_IMAGES)),
            }
        )

    def _blocks(self, dl_manager: tfds.download.DownloadManager) -> Prepared:
        folder = sources.needed_folder(dl_manager, self.name, "the charts")
        opened = sources.open_folder(
            folder,
            sources.cache_folder(dl_manager, self.name),
            charts.SECTION,
            Stated,
            list_containers=False,
        )
        config = self.builder_config
        files = charts.find_charts(
            opened.inventory,
            config.charts,
            opened.stated,
            icebergs=config.record == "icebergs",
        )
        splits: dict[str, list[Block]] = {}
        metadata: dict[str, Any] = {
            "doi": RECORDS[config.charts],
            "simulated": opened.simulated,
            "charts": [file.file for file in files],
        }
        if config.record == "patches":
            metadata |= _plan_patches(files, opened.inventory, opened.stated, splits)
        else:
            icebergs = config.record == "icebergs"
            for file in files:
                chart = read_chart(file)
                for split, block in polygons.blocks_of(
                    chart, icebergs=icebergs
                ).items():
                    splits.setdefault(split, []).append(block)
                if not icebergs:
                    stray = int((~chart.decoded.valid).sum())
                    metadata.setdefault("codes_outside_tables", {})[file.name] = stray
        order = [*protocol.SPLITS, protocol.ALL]
        return Prepared(
            splits={name: splits[name] for name in order if name in splits},
            metadata=metadata,
        )

    @property
    def _read_block(self) -> ReadBlock:
        if self.builder_config.record == "patches":
            return patches.read_patches
        return polygons.read_polygons


def _plan_patches(
    files: list[ChartFile],
    inventory: Inventory,
    stated: Stated,
    splits: dict[str, list[Block]],
) -> dict[str, Any]:
    """Adds the patches of all scenes to ``splits``; returns what metadata say of it."""
    places = scenes.find_scenes(inventory, [file.time for file in files])
    missing = [file for file in files if file.time not in places]
    if not places or (missing and not stated.without_scenes):
        needed = "\n".join(
            f"  {file.file}: {protocol.product_at(file.time)}" for file in missing
        )
        raise FileNotFoundError(
            f"every chart must have its scene in manual_dir, as SAFE or GeoTIFF; these"
            f" have none:\n{needed}\nput them there, or state without_scenes = true in"
            f" [{charts.SECTION}] of the manifest to leave these charts out"
        )
    left_out, contents, simulated = 0, set(), False
    for file in files:
        if file.time not in places:
            continue
        planned = patches.plan_scene(file, places[file.time])
        left_out += planned.left_out
        contents.add(planned.content)
        simulated |= planned.simulated
        for split, block in planned.blocks.items():
            splits.setdefault(split, []).append(block)
    found: dict[str, Any] = {
        "content": sorted(contents),
        "patches_without_ice_or_water": left_out,
        "charts_without_scene": [file.file for file in missing],
    }
    return found | ({"simulated": True} if simulated else {})
