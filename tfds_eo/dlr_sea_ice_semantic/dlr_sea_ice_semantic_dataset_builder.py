"""Builder of `dlr_sea_ice_semantic`: patches of Belgica Bank with a class each."""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow_datasets as tfds

from tfds_eo import schemas, sources
from tfds_eo.belgica_bank import plans, tiles
from tfds_eo.belgica_bank.stated import TILE, Stated
from tfds_eo.builder import Prepared, ShardsBuilder
from tfds_eo.shards import ReadBlock

SECTION = "dlr_sea_ice_semantic"
"""Section of the manifest."""


@dataclasses.dataclass(kw_only=True)
class ImageConfig(tfds.core.BuilderConfig):
    """Images of one dtype, which is kept."""

    dtype: str = ""
    """Dtype as NumPy names it."""


class Builder(ShardsBuilder):  # type: ignore[misc] # A class of TFDS.
    """Builder of DLR's semantic labels of Belgica Bank."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    BUILDER_CONFIGS = [
        ImageConfig(
            name=dtype, description=f"Images whose files hold {dtype}.", dtype=dtype
        )
        for dtype in ("uint16", "uint8", "float32")
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "Put images and labels of the record into manual_dir, or into a folder"
        " dlr_sea_ice_semantic in it; a manifest.toml beside them settles what cannot"
        " be found out."
    )

    def _info(self) -> tfds.core.DatasetInfo:
        dtype = np.dtype(self.builder_config.dtype).type
        return self.dataset_info_from_configs(
            features=schemas.label_grid(
                feature="label",
                image=((TILE, TILE, 2), dtype, "HH and HV as the files hold them."),
            ),
            supervised_keys=("image", "label"),
            homepage="https://doi.org/10.1109/JSTARS.2020.3039012",
            license="Read it from the record; it is not known to us.",
            metadata=tfds.core.MetadataDict(),
        )

    def _blocks(self, dl_manager: tfds.download.DownloadManager) -> Prepared:
        opened = sources.open_folder(
            sources.needed_folder(dl_manager, self.name, "images and labels"),
            sources.cache_folder(dl_manager, self.name),
            SECTION,
            Stated,
            list_containers=False,
        )
        plan = plans.plan_semantic(opened.inventory, opened.stated, SECTION)
        if plan.dtype != self.builder_config.dtype:
            raise ValueError(
                f"config {self.builder_config.name!r} of {self.name} must be that of"
                f" the images; they hold {plan.dtype}: prepare {self.name}/{plan.dtype}"
            )
        # Nobody here knows the classes before the files are seen.
        self.info.features["label"].names = plan.names
        return Prepared(
            splits=plan.blocks,
            metadata={
                "classes": plan.names,
                "counts": plan.counts,
                "left_out": plan.left_out,
                "scenes": plan.scenes,
                "units": opened.stated.units or "not stated by the files",
                "simulated": opened.simulated,
                "decisions": list(plan.decisions),
            },
        )

    @property
    def _read_block(self) -> ReadBlock:
        return tiles.read_tiles
