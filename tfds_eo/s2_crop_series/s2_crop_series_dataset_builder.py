"""Builder of `s2_crop_series`: from the work folder of a build to records.

`tfds-eo build-crop-series` fills the work folder and runs this builder on it.
"""

from __future__ import annotations

import os

import tensorflow_datasets as tfds

from tfds_eo import legends, schemas
from tfds_eo.builder import Prepared, ShardsBuilder
from tfds_eo.s2_crop_series import candidates, series_cells, steps, work
from tfds_eo.shards import Block, ReadBlock


class Builder(ShardsBuilder):  # type: ignore[misc] # A class of TFDS.
    """Builder of labelled crop series from Sentinel-2 products and a parcel map."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "manual_dir is the work folder of `tfds-eo build-crop-series`, which prepares"
        " the set by itself."
    )

    def _info(self) -> tfds.core.DatasetInfo:
        series = ("reflectance", "condition", "date")
        return self.dataset_info_from_configs(
            features=schemas.placed_crop_series(legends.TIME_SEN2_CROP),
            supervised_keys=({name: name for name in series}, "label"),
            metadata=tfds.core.MetadataDict(),
        )

    def _blocks(self, dl_manager: tfds.download.DownloadManager) -> Prepared:
        plan_file = self._manual_file(dl_manager, "plan.json")
        if plan_file is None:
            raise ValueError(
                "manual_dir must be the work folder of a build, with a plan.json; run"
                " `tfds-eo build-crop-series` first"
            )
        folder = os.fspath(plan_file.parent)
        plan = work.read_json(os.fspath(plan_file))
        tiles, season = plan["tiles"], plan["season"]
        names = work.WorkFolder(folder)
        self.info.features["tile"].names = tiles
        self.info.features["season"].names = [season]
        extracted = work.read_json(names.file("extraction.json"))
        steps.check_parcels([work.read_arrays(names.samples(t)) for t in tiles])
        blocks: dict[str, list[Block]] = {}
        dates = {}
        for number, tile in enumerate(tiles):
            broken = {
                int(day): text
                for day, text in extracted["broken"].get(tile, {}).items()
            }
            series = work.read_series(names.series(tile))
            dates[tile] = [day for day in series.dates if day not in broken]
            found = series_cells.blocks_of_tile(
                folder, tile, number, series.dates, broken
            )
            for split, more in found.items():
                blocks.setdefault(split, []).extend(more)
        return Prepared(
            splits={name: blocks[name] for name in candidates.SPLITS if name in blocks},
            metadata={
                "legend": legends.TIME_SEN2_CROP.name,
                "simulated": plan["simulated"],
                "dates": dates,
                "rules": plan["rules"],
                "products": {
                    tile: {
                        str(observation.date): [p.id for p in observation.products]
                        for observation in work.read_series(
                            names.series(tile)
                        ).observations
                    }
                    for tile in tiles
                },
            },
        )

    @property
    def _read_block(self) -> ReadBlock:
        return series_cells.read_cell
