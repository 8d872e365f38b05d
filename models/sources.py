"""Where records come from: a split on disk, or arrays in memory."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_datasets as tfds

from tfds_eo import reading


class Source(Protocol):
    """Batches of records: dicts whose arrays have the examples first."""

    def examples(self, worker: int = 0, workers: int = 1) -> int:
        """Returns how many examples a worker reads in an epoch."""
        ...

    def batches(
        self,
        size: int,
        *,
        shuffle_seed: int | None = None,
        drop_remainder: bool = False,
        worker: int = 0,
        workers: int = 1,
    ) -> tf.data.Dataset:
        """Returns one epoch of a worker; its order depends on the seed alone."""
        ...


@dataclasses.dataclass(frozen=True)
class Split:
    """A split of a prepared data set.

    Attributes:
        builder: Builder of the data set, prepared.
        name: Name of the split, or a slice of one.
        steps: Length that every series is padded to; None for the longest of a batch.
    """

    builder: tfds.core.DatasetBuilder
    name: str
    steps: int | None = None

    def examples(self, worker: int = 0, workers: int = 1) -> int:
        """Returns how many examples lie in the files of a worker."""
        return _count(self.builder, self.name, worker, workers)

    def batches(
        self,
        size: int,
        *,
        shuffle_seed: int | None = None,
        drop_remainder: bool = False,
        worker: int = 0,
        workers: int = 1,
    ) -> tf.data.Dataset:
        """Returns the batches that lie in the files of a worker."""
        return reading.read_batches(
            self.builder,
            self.name,
            size,
            shuffle_seed=shuffle_seed,
            drop_remainder=drop_remainder,
            worker=worker,
            workers=workers,
            steps=self.steps,
        )


@dataclasses.dataclass(frozen=True)
class InMemory:
    """Records that are arrays already, for what is small.

    Attributes:
        columns: Arrays of the same first dimension, by feature.
    """

    columns: Mapping[str, npt.NDArray]

    def examples(self, worker: int = 0, workers: int = 1) -> int:
        """Returns how many examples a worker has: every ``workers``-th."""
        return len(range(worker, len(next(iter(self.columns.values()))), workers))

    def batches(
        self,
        size: int,
        *,
        shuffle_seed: int | None = None,
        drop_remainder: bool = False,
        worker: int = 0,
        workers: int = 1,
    ) -> tf.data.Dataset:
        """Returns the batches of every ``workers``-th example."""
        order = np.arange(worker, self.examples(), workers)
        if shuffle_seed is not None:
            np.random.default_rng(shuffle_seed).shuffle(order)
        columns = {name: values[order] for name, values in self.columns.items()}
        dataset = tf.data.Dataset.from_tensor_slices(columns)
        return dataset.batch(size, drop_remainder=drop_remainder)


@functools.lru_cache
def _count(
    builder: tfds.core.DatasetBuilder, split: str, worker: int, workers: int
) -> int:
    """Returns the examples of a worker, by the reader's own rule of sharing files."""
    single = reading.read_batches(builder, split, 1, worker=worker, workers=workers)
    return int(single.cardinality())
