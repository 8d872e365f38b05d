"""Prepares a published data set: its archive becomes TFRecord shards.

The result is what `tfds.load` reads, with or without this package. Options behind
``--`` go to Apache Beam; without any the work is done on this machine, on all cores.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence

import rich.table
import tensorflow_datasets as tfds
from apache_beam.options.pipeline_options import PipelineOptions

import tfds_eo


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """What is prepared, from where, to where.

    Examples:
        tfds-eo prepare time_sen2_crop --manual_dir downloads --data_dir data
        tfds-eo prepare time_sen2_crop/by_tile --data_dir gs://bucket/data -- \
            --runner=DataflowRunner --project=mine --region=europe-west1
    """

    dataset: str
    """Name of the data set, with ``/config`` if it is not the default one."""

    data_dir: str | None = None
    """Folder of prepared data sets; by default the one of TFDS,
    ``~/tensorflow_datasets``.
    """

    manual_dir: str | None = None
    """Folder that holds the archive already; otherwise it is downloaded."""

    num_shards: int | None = None
    """Number of shards of every split; by default each has 64 to 128 MiB."""

    overwrite: bool = False
    """Whether a prepared set is prepared again; otherwise it is left as it is."""

    def __post_init__(self) -> None:
        name = self.dataset.partition("/")[0].partition(":")[0]
        names = sorted(builder.name for builder in tfds_eo.BUILDERS)
        if name not in names:
            raise ValueError(
                f"dataset must be one of {', '.join(names)}; got {self.dataset!r}"
            )
        if self.num_shards is not None and self.num_shards < 1:
            raise ValueError(f"num_shards must be at least 1; got {self.num_shards}")
        local = self.manual_dir is not None and "://" not in self.manual_dir
        if local and not os.path.isdir(self.manual_dir or ""):
            raise ValueError(
                f"manual_dir must be a folder; {self.manual_dir!r} is none"
            )


def run(config: Config, beam_args: Sequence[str] = ()) -> list[str | rich.table.Table]:
    """Prepares the data set; returns where it lies and what it holds."""
    builder = tfds.builder(config.dataset, data_dir=config.data_dir)
    there = builder.is_prepared() and not config.overwrite
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(
            manual_dir=config.manual_dir,
            beam_options=PipelineOptions(list(beam_args)) if beam_args else None,
            num_shards=config.num_shards,
            download_mode=(
                tfds.GenerateMode.REUSE_CACHE_IF_EXISTS
                if config.overwrite
                else tfds.GenerateMode.REUSE_DATASET_IF_EXISTS
            ),
        )
    )
    done = "was there already; --overwrite prepares it again" if there else "is ready"
    return [_table(builder), f"{builder.info.full_name} {done}: {builder.data_dir}"]


def _table(builder: tfds.core.DatasetBuilder) -> rich.table.Table:
    simulated = " (simulated)" if builder.info.metadata.get("simulated") else ""
    table = rich.table.Table(title=builder.info.full_name + simulated)
    table.add_column("split")
    for heading in ("examples", "shards", "MB"):
        table.add_column(heading, justify="right")
    for name, split in builder.info.splits.items():
        table.add_row(
            name,
            f"{split.num_examples:,}",
            f"{split.num_shards}",
            f"{split.num_bytes / 1e6:,.1f}",
        )
    return table
