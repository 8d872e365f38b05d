"""Builder of `s1_ice_patches`: ice patches that a pipeline cut from scenes."""

from __future__ import annotations

import dataclasses

import tensorflow_datasets as tfds

from tfds_eo import schemas
from tfds_eo.builder import Prepared, ShardsBuilder
from tfds_eo.legends import Legend
from tfds_eo.s1_ice_patches import blocks
from tfds_eo.shards import ReadBlock

PIPELINE = "tfds-eo build-ice-patches"
"""The command that makes this data set."""


@dataclasses.dataclass(eq=False, kw_only=True)
class PatchConfig(tfds.core.BuilderConfig):  # type: ignore[misc] # A class of TFDS.
    """A data set of patches of one size, and where they come from.

    Attributes:
        size: Width and height of a patch.
        legend: Classes of the labels; none for rasters of a chart.
        prepared: Blocks of each split; what the pipeline has planned.
    """

    size: int
    legend: Legend | None
    prepared: Prepared = dataclasses.field(repr=False)


class Builder(ShardsBuilder):  # type: ignore[misc] # A class of TFDS.
    """Builder of patches cut from Sentinel-1 scenes.

    It has no configs of its own: `tfds-eo build-ice-patches` gives it one a size. What
    it has prepared is loaded by `tfds.load("s1_ice_patches/32x32", data_dir=...)`.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}

    def __init__(self, **kwargs: object) -> None:
        """Takes the arguments of `tfds.core.DatasetBuilder`.

        Raises:
            ValueError: If ``config`` is not a `PatchConfig`: nothing is prepared.
        """
        if not isinstance(kwargs.get("config"), PatchConfig):
            raise ValueError(
                "s1_ice_patches must be built before it is loaded; found no"
                f" s1_ice_patches/{kwargs.get('config') or 'CONFIG'} in"
                f" {kwargs.get('data_dir') or 'the default data_dir'}; run"
                f" `{PIPELINE}`, then give its data_dir and the config's name, such as"
                " s1_ice_patches/32x32"
            )
        super().__init__(**kwargs)

    def _info(self) -> tfds.core.DatasetInfo:
        config = self.builder_config
        supervised = None if config.legend is None else ("image", "label")
        return self.dataset_info_from_configs(
            features=schemas.ice_patch(size=config.size, legend=config.legend),
            supervised_keys=supervised,
            homepage="https://sentinels.copernicus.eu",
            license="Contains modified Copernicus Sentinel data",
            metadata=tfds.core.MetadataDict(),
        )

    def _blocks(self, dl_manager: tfds.download.DownloadManager) -> Prepared:
        return self.builder_config.prepared

    @property
    def _read_block(self) -> ReadBlock:
        return blocks.read_patches
