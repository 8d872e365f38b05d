"""Base class of our TFDS builders: blocks in, shards and metadata out."""

from __future__ import annotations

import abc
import dataclasses
import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow_datasets as tfds
from etils import epath
from tensorflow_datasets.core.dataset_builder import FileReaderBuilder

from tfds_eo import records, schemas, shards, writing
from tfds_eo.shards import Block, ReadBlock, ShardReceipt


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prepared:
    """What a builder has found in its input.

    Attributes:
        splits: Blocks of each split, in the order of place and class.
        metadata: What the data set's metadata shall say of the input; JSON.
    """

    splits: Mapping[str, Sequence[Block]]
    metadata: Mapping[str, Any]


class ShardsBuilder(  # type: ignore[call-arg] # TFDS gives its classes the keyword.
    FileReaderBuilder, skip_registration=True
):
    """A builder whose shards are written by `shards.WriteShards`.

    A subclass gives `_info`, `_blocks` and `_read_block`. Without a runner or options
    in the `DownloadConfig` the pipeline runs on this machine, on all its cores.
    """

    @abc.abstractmethod
    def _blocks(self, dl_manager: tfds.download.DownloadManager) -> Prepared:
        """Finds the input and lists its blocks, without reading them."""

    def _manual_file(
        self, dl_manager: tfds.download.DownloadManager, name: str
    ) -> epath.Path | None:
        """Returns a file of the user's `manual_dir`, or None if it is not there."""
        try:
            path = dl_manager.manual_dir / name
        except AssertionError:  # No such folder, or nothing in it.
            return None
        return path if path.exists() else None

    @property
    @abc.abstractmethod
    def _read_block(self) -> ReadBlock:
        """Function of a module that reads the source of a block."""

    def download_and_prepare(
        self,
        *,
        download_config: tfds.download.DownloadConfig | None = None,
        **kwargs: Any,  # noqa: ANN401 - whatever else TFDS takes.
    ) -> None:
        """Prepares the data set, as `tfds.core.DatasetBuilder` does.

        Our sets do not lie in the bucket of TFDS, so it is not asked for them.
        """
        config = download_config or tfds.download.DownloadConfig()
        config = dataclasses.replace(config, try_download_gcs=False)
        super().download_and_prepare(download_config=config, **kwargs)

    def _download_and_prepare(
        self,
        dl_manager: tfds.download.DownloadManager,
        download_config: tfds.download.DownloadConfig | None = None,
    ) -> None:
        config = download_config or tfds.download.DownloadConfig()
        prepared = self._blocks(dl_manager)
        templates = {
            split: self._get_filename_template(split_name=split)
            for split in prepared.splits
        }

        def path_of(split: str, shard: int, count: int) -> str:
            return os.fspath(
                templates[split].sharded_filepath(shard_index=shard, num_shards=count)
            )

        plans = [
            plan
            for split, blocks in prepared.splits.items()
            for plan in shards.plan_shards(
                split,
                blocks,
                functools.partial(path_of, split),
                shards=config.num_shards,
            )
        ]
        size = sum(b.bytes for blocks in prepared.splits.values() for b in blocks)
        receipts = writing.write_all(
            plans,
            self._read_block,
            records.fields_of(self.info.features),
            folder=os.fspath(self.data_path),
            runner=config.beam_runner,
            options=config.beam_options,
            size=size,
        )
        self.info.set_splits(
            tfds.core.SplitDict(
                [
                    tfds.core.SplitInfo(
                        name=split,
                        shard_lengths=[r.examples for r in found],
                        num_bytes=sum(r.bytes for r in found),
                        filename_template=templates[split],
                    )
                    for split, found in receipts.items()
                ]
            )
        )
        every = [receipt for found in receipts.values() for receipt in found]
        self.info.metadata.update(
            prepared.metadata,
            schema_version=schemas.SCHEMA_VERSION,
            fingerprint=shards.fingerprint(every),
            label_counts={
                split: _label_counts(found) for split, found in receipts.items()
            },
        )


def _label_counts(receipts: Sequence[ShardReceipt]) -> list[int]:
    counts = [0] * max((len(r.labels) for r in receipts), default=0)
    for receipt in receipts:
        for label, count in enumerate(receipt.labels):
            counts[label] += count
    return counts
