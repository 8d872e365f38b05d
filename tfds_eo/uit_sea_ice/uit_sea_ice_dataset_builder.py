"""Builder of `uit_sea_ice`: from files of unknown layout to records."""

from __future__ import annotations

import dataclasses

import tensorflow_datasets as tfds

from tfds_eo import dataverse, legends, schemas, sources
from tfds_eo.builder import Prepared, ShardsBuilder
from tfds_eo.shards import ReadBlock
from tfds_eo.uit_sea_ice import layout, patches

PERSISTENT_ID = "doi:10.18710/QAYI4O"
"""Record of the data set at DataverseNO."""

SERVER = "https://dataverse.no"
"""Where the record lies."""


@dataclasses.dataclass(kw_only=True)
class PatchConfig(tfds.core.BuilderConfig):
    """Patches of one size."""

    size: int = 0
    """Width and height in pixels."""


class Builder(ShardsBuilder):  # type: ignore[misc] # A class of TFDS.
    """Builder of the UiT patches of sea ice."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    BUILDER_CONFIGS = [
        PatchConfig(
            name=f"{size}x{size}",
            description=f"Patches of {size} x {size} pixels of 40 m.",
            size=size,
        )
        for size in (32, 20, 10)
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        f"Not needed: the files of {PERSISTENT_ID} are downloaded from {SERVER} unless"
        " they lie in manual_dir, or in a folder uit_sea_ice in it. A manifest.toml"
        " beside them settles what cannot be found out."
    )

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=schemas.labelled_ice_patch(
                legends.UIT_SEA_ICE, size=self.builder_config.size
            ),
            supervised_keys=("image", "label"),
            homepage="https://doi.org/10.18710/QAYI4O",
            license="Read it from the record: info.metadata['licence'].",
            metadata=tfds.core.MetadataDict(),
        )

    def _blocks(self, dl_manager: tfds.download.DownloadManager) -> Prepared:
        folder, licence = sources.manual_folder(dl_manager, self.name), ""
        if folder is None:
            folder = sources.download_folder(dl_manager, self.name)
            licence = dataverse.download(PERSISTENT_ID, SERVER, folder).licence
        cache = sources.cache_folder(dl_manager, self.name)
        opened = sources.open_folder(folder, cache, layout.SECTION, layout.Stated)
        plan = patches.plan_patches(
            opened.inventory, opened.stated, self.builder_config.size, cache
        )
        return Prepared(
            splits=plan.blocks,
            metadata={
                "legend": legends.UIT_SEA_ICE.name,
                "licence": licence or "not stated: see the record",
                "simulated": opened.simulated,
                "leaky": plan.leaky,
                "regions": plan.region_count,
                "left_out": plan.left_out,
                "decisions": list(plan.decisions),
            },
        )

    @property
    def _read_block(self) -> ReadBlock:
        return patches.read_patches
