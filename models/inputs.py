"""A split to the batches that a training loop takes, for each worker and replica."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from models.sources import Source


@dataclasses.dataclass(frozen=True, kw_only=True)
class Feed:
    """Batches of one source as ``(inputs, labels, weights)``, for every replica.

    Workers read different files; the replicas of a worker share its batches, first
    come first served, so that the batches do not depend on the number of replicas.

    Attributes:
        source: Where the records come from.
        inputs: Features that the model reads.
        target: Feature that it learns, integer classes; or several, which may be
            rasters with `models.steps.UNKNOWN` where there is none.
        batch_size: Examples of a batch over all replicas of all workers.
        seed: Decides the order of each epoch, with the epoch's number.

    Raises:
        ValueError: If the batch size is below 1.
    """

    source: Source
    inputs: Sequence[str]
    batch_size: int
    seed: int
    target: str | tuple[str, ...] = "label"

    @property
    def targets(self) -> tuple[str, ...]:
        """Features that are learnt."""
        return (self.target,) if isinstance(self.target, str) else self.target

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"batch_size must be at least 1; got {self.batch_size}")

    def training_steps(self, workers: int = 1) -> int:
        """Returns how many full batches every worker has in an epoch.

        Raises:
            ValueError: If a worker has not one full batch.
        """
        size = self._share(workers)
        least = min(self.source.examples(k, workers) for k in range(workers))
        if least < size:
            raise ValueError(
                f"a training epoch needs at least {size} examples on each of"
                f" {workers} worker(s), to fill a batch of {self.batch_size}; got"
                f" {least}; lower batch_size or the number of workers"
            )
        return least // size

    def evaluation_steps(self, workers: int = 1) -> int:
        """Returns how many batches the worker with the most examples needs."""
        size = self._share(workers)
        most = max(self.source.examples(k, workers) for k in range(workers))
        return -(-most // size)

    def records(self, epoch: int, worker: int = 0, workers: int = 1) -> tf.data.Dataset:
        """Returns the whole records of a training epoch, batch by batch."""
        return self.source.batches(
            self._share(workers),
            shuffle_seed=seed_of(self.seed, epoch),
            drop_remainder=True,
            worker=worker,
            workers=workers,
        ).take(self.training_steps(workers))

    def training(
        self, epoch: int, context: tf.distribute.InputContext | None = None
    ) -> tf.data.Dataset:
        """Returns a training epoch of a worker, one batch a replica.

        Full batches only; what is left over differs from epoch to epoch.

        Args:
            epoch: Number of the epoch, from 0; with the seed it decides the order.
            context: Which worker asks, and how many replicas it has; None for one.
        """
        worker, workers, replicas = _place(context)
        dataset = self.records(epoch, worker, workers).map(
            self._example, num_parallel_calls=tf.data.AUTOTUNE
        )
        return _deal(dataset, self._share(workers), replicas)

    def evaluation(
        self, context: tf.distribute.InputContext | None = None
    ) -> tf.data.Dataset:
        """Returns all examples of a worker once, one batch a replica, in fixed order.

        The last batch is filled up, and a worker with fewer examples than another gets
        batches of nothing, by examples of zeros that have weight 0.
        """
        worker, workers, replicas = _place(context)
        size = self._share(workers)
        dataset = self.source.batches(size, worker=worker, workers=workers)
        dataset = dataset.map(self._example).map(
            lambda *batch: tf.nest.map_structure(
                lambda values: _fill(values, size), batch
            ),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        steps = self.evaluation_steps(workers)
        if workers > 1:
            dataset = dataset.concatenate(_nothing(dataset, size)).take(steps)
        return _deal(dataset, size, replicas)

    def _share(self, workers: int) -> int:
        """Returns the examples of a batch that one worker reads."""
        if self.batch_size % workers:
            raise ValueError(
                f"batch_size must be a multiple of the {workers} workers; got"
                f" {self.batch_size}"
            )
        return self.batch_size // workers

    def _example(
        self, record: dict[str, tf.Tensor]
    ) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor], tf.Tensor]:
        """Returns what a step needs of a batch of records."""
        labels = {name: tf.cast(record[name], tf.int32) for name in self.targets}
        inputs = {name: record[name] for name in self.inputs}
        first = labels[self.targets[0]]
        return inputs, labels, tf.ones(tf.shape(first)[:1], tf.float32)


def seed_of(seed: int, epoch: int) -> int:
    """Returns a seed for the order of an epoch; epochs and seeds do not overlap."""
    state = np.random.SeedSequence((seed, epoch)).generate_state(1, np.uint32)
    return int(state[0] >> 1)


def _place(context: tf.distribute.InputContext | None) -> tuple[int, int, int]:
    """Returns number of the worker, count of workers, replicas on this worker."""
    if context is None:
        return 0, 1, 1
    workers = context.num_input_pipelines
    return (
        context.input_pipeline_id,
        workers,
        context.num_replicas_in_sync // workers,
    )


def _deal(dataset: tf.data.Dataset, size: int, replicas: int) -> tf.data.Dataset:
    """Cuts each batch of ``size`` into one batch a replica, in order."""
    if size % replicas:
        raise ValueError(
            f"the {size} examples of a worker's batch must be a multiple of its"
            f" {replicas} replicas"
        )
    each = size // replicas

    def with_size(*batch: tf.Tensor) -> tf.Tensor:
        return tf.nest.map_structure(
            lambda values: tf.ensure_shape(values, (size, *values.shape[1:])), batch
        )

    def cut(*batch: tf.Tensor) -> tf.Tensor:
        return tf.nest.map_structure(
            lambda values: tf.reshape(
                values, tf.concat([[replicas, each], tf.shape(values)[1:]], 0)
            ),
            batch,
        )

    dataset = dataset.map(with_size, num_parallel_calls=tf.data.AUTOTUNE)
    if replicas > 1:
        dataset = dataset.map(cut, num_parallel_calls=tf.data.AUTOTUNE).unbatch()
    return dataset.prefetch(tf.data.AUTOTUNE)


def _fill(values: tf.Tensor, size: int) -> tf.Tensor:
    """Appends zeros to the first dimension until it is ``size``."""
    missing = size - tf.shape(values)[0]
    paddings = [[0, missing], *[[0, 0]] * (values.shape.rank - 1)]
    return tf.pad(values, paddings)


def _nothing(dataset: tf.data.Dataset, size: int) -> tf.data.Dataset:
    """Returns endless batches of zeros, as ``dataset`` would give them."""

    def zeros(spec: tf.TensorSpec) -> tf.Tensor:
        return tf.zeros([size, *(n or 1 for n in spec.shape[1:])], spec.dtype)

    batch = tf.nest.map_structure(zeros, dataset.element_spec)
    return tf.data.Dataset.from_tensors(batch).repeat()
