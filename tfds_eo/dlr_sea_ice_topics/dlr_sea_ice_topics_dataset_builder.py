"""Builder of `dlr_sea_ice_topics`: patches of Belgica Bank with a grid of topics."""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow_datasets as tfds

from tfds_eo import schemas, sources
from tfds_eo.belgica_bank import plans, tiles
from tfds_eo.belgica_bank.stated import TILE, WORDS, Stated
from tfds_eo.builder import Prepared, ShardsBuilder
from tfds_eo.shards import ReadBlock

SECTION = "dlr_sea_ice_topics"
"""Section of the manifest."""


@dataclasses.dataclass(kw_only=True)
class TopicConfig(tfds.core.BuilderConfig):
    """Topics alone, or with the images."""

    dtype: str = ""
    """Dtype of the images as NumPy names it; empty without imagery."""


class Builder(ShardsBuilder):  # type: ignore[misc] # A class of TFDS.
    """Builder of DLR's topics of Belgica Bank."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    BUILDER_CONFIGS = [
        TopicConfig(name="topics", description="Topics without images."),
        *(
            TopicConfig(
                name="with_imagery" + ("" if dtype == "uint16" else f"_{dtype}"),
                description=f"Topics with images whose files hold {dtype}.",
                dtype=dtype,
            )
            for dtype in ("uint16", "uint8", "float32")
        ),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "Put the maps of topics of the record (and the images) into manual_dir, or into"
        " a folder dlr_sea_ice_topics in it; a manifest.toml beside them settles what"
        " cannot be found out."
    )

    def _info(self) -> tfds.core.DatasetInfo:
        dtype, image = self.builder_config.dtype, None
        if dtype:
            kept = np.dtype(dtype).type
            image = ((TILE, TILE, 2), kept, "HH and HV as the files hold them.")
        return self.dataset_info_from_configs(
            features=schemas.label_grid(feature="topics", size=WORDS, image=image),
            homepage="https://doi.org/10.1109/JSTARS.2020.3039012",
            license="Read it from the record; it is not known to us.",
            metadata=tfds.core.MetadataDict(),
        )

    def _blocks(self, dl_manager: tfds.download.DownloadManager) -> Prepared:
        opened = sources.open_folder(
            sources.needed_folder(dl_manager, self.name, "maps of topics"),
            sources.cache_folder(dl_manager, self.name),
            SECTION,
            Stated,
            list_containers=False,
        )
        dtype = self.builder_config.dtype
        plan = plans.plan_topics(
            opened.inventory, opened.stated, SECTION, with_imagery=bool(dtype)
        )
        if plan.dtype != dtype:
            raise ValueError(
                f"config {self.builder_config.name!r} of {self.name} must be that of"
                f" the images, {dtype}; they hold {plan.dtype}"
            )
        return Prepared(
            splits=plan.blocks,
            metadata={
                "topics": plan.names,
                "scenes": plan.scenes,
                "units": opened.stated.units or "not stated by the files",
                "simulated": opened.simulated,
                "decisions": list(plan.decisions),
            },
        )

    @property
    def _read_block(self) -> ReadBlock:
        return tiles.read_tiles
