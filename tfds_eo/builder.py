"""Base class of our TFDS builders: blocks in, shards and metadata out, through Beam."""

from __future__ import annotations

import abc
import contextlib
import dataclasses
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import fsspec
import tensorflow_datasets as tfds
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from tensorflow_datasets.core.dataset_builder import FileReaderBuilder
from tqdm import tqdm

from tfds_eo import records, schemas, shards
from tfds_eo.shards import Block, ReadBlock, ShardPlan, ShardReceipt

SMALL_BYTES = 24 << 20
"""Below this size of the output one process is done before others have started."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prepared:
    """What a builder has found in its input.

    Attributes:
        splits: Blocks of each split, in the order of place and class.
        metadata: What the data set's metadata shall say of the input; JSON.
    """

    splits: Mapping[str, Sequence[Block]]
    metadata: Mapping[str, Any]


class ShardsBuilder(FileReaderBuilder, skip_registration=True):
    """A builder whose shards are written by `shards.WriteShards`.

    A subclass gives `_info`, `_blocks` and `_read_block`. Without a runner or options
    in the `DownloadConfig` the pipeline runs on this machine, on all its cores.
    """

    @abc.abstractmethod
    def _blocks(self, dl_manager: tfds.download.DownloadManager) -> Prepared:
        """Finds the input and lists its blocks, without reading them."""

    @property
    @abc.abstractmethod
    def _read_block(self) -> ReadBlock:
        """Function of a module that reads the source of a block."""

    def _split_generators(self, dl_manager, pipeline):  # noqa: ANN001, ANN202
        raise NotImplementedError("our builders list blocks instead: see _blocks")

    def _generate_examples(self, *args, **kwargs):  # noqa: ANN002, ANN003, ANN202
        raise NotImplementedError("our builders read blocks instead: see _read_block")

    def _download_and_prepare(
        self,
        dl_manager: tfds.download.DownloadManager,
        download_config: tfds.download.DownloadConfig | None = None,
    ) -> None:
        config = download_config or tfds.download.DownloadConfig()
        prepared = self._blocks(dl_manager)
        stated = config.num_shards
        templates = {
            split: self._get_filename_template(split_name=split)
            for split in prepared.splits
        }
        plans = [
            plan
            for split, blocks in prepared.splits.items()
            for plan in shards.plan_shards(
                split,
                blocks,
                lambda shard, count, split=split: os.fspath(
                    templates[split].sharded_filepath(
                        shard_index=shard, num_shards=count
                    )
                ),
                shards=stated,
            )
        ]
        size = sum(b.bytes for blocks in prepared.splits.values() for b in blocks)
        receipts = write_all(
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


def write_all(
    plans: Sequence[ShardPlan],
    read_block: ReadBlock,
    fields: Mapping[str, records.Field],
    *,
    folder: str,
    runner: str | beam.runners.PipelineRunner | None = None,
    options: PipelineOptions | None = None,
    size: int = 0,
) -> dict[str, list[ShardReceipt]]:
    """Runs the pipeline that writes all shards, and checks what it wrote.

    Args:
        plans: What each shard consists of.
        read_block: Reads the source of a block.
        fields: How each feature is stored.
        folder: Folder of the shards, which this machine and all workers can reach.
        runner: Beam runner; None takes the one of the options, else this machine.
        options: Beam options.
        size: Estimated size of all shards, which decides whether several local
            processes are worth starting.

    Returns:
        The receipts of each split, by shard.

    Raises:
        ValueError: If a shard is missing or differs from what was planned.
    """
    if runner is None and (options is None or not _names_runner(options)):
        runner = FnApiRunner()
        options = options or local_options(size)
    with (
        _progress(plans),
        beam.Pipeline(runner=runner, options=options) as pipeline,
    ):
        _ = (
            pipeline
            | "Plans" >> beam.Create(list(plans), reshuffle=False)
            | "WriteShards" >> shards.WriteShards(read_block, fields)
            | "WriteManifest" >> shards.WriteManifest(folder)
        )
    return shards.check_manifest(plans, shards.read_manifest(folder))


def local_options(size: int) -> PipelineOptions:
    """Returns options to run on this machine.

    Args:
        size: Estimated size of the output in bytes; a small one is written by this
            process alone, a large one by a process for each core.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    if size < SMALL_BYTES or cores == 1:
        return PipelineOptions(direct_running_mode="in_memory", direct_num_workers=1)
    return PipelineOptions(
        direct_running_mode="multi_processing", direct_num_workers=cores
    )


def _names_runner(options: PipelineOptions) -> bool:
    return options.view_as(StandardOptions).runner is not None


def _label_counts(receipts: Sequence[ShardReceipt]) -> list[int]:
    counts = [0] * max((len(r.labels) for r in receipts), default=0)
    for receipt in receipts:
        for label, count in enumerate(receipt.labels):
            counts[label] += count
    return counts


@contextlib.contextmanager
def _progress(plans: Sequence[ShardPlan], seconds: float = 0.5) -> Iterator[None]:
    """Shows a bar that grows as shards appear, whichever runner writes them."""
    waiting = {plan.path: plan.examples for plan in plans}
    done = threading.Event()
    with tqdm(
        total=sum(waiting.values()),
        desc="Writing shards",
        unit=" examples",
        unit_scale=True,
        delay=2 * seconds,
        leave=False,
    ) as bar:

        def look() -> None:
            for path in list(waiting):
                filesystem, name = fsspec.core.url_to_fs(path)
                if filesystem.exists(name):
                    bar.update(waiting.pop(path))

        def watch() -> None:
            while not done.wait(seconds):
                look()

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()
            look()
