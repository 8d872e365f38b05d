"""A source with as many examples of every class, by drawing rare ones more often."""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from models.sources import Source

_SHUFFLED = 4096
_READ = 1024


@dataclasses.dataclass(frozen=True)
class Balanced:
    """Records of which every class that occurs has, on average, the same share.

    An epoch has as many records as the source's. The source is gone through in a new
    order as often as that takes; each time a record is taken ``mean / count of its
    class`` times, a broken number up or down by chance. The seed decides all of it. A
    source that is read without a seed, as in counting, is as it is.

    Attributes:
        source: Records with a class each.
        counts: How many of each class the source has.
        target: Feature that holds the class.
    """

    source: Source
    counts: tuple[int, ...]
    target: str = "label"

    def examples(self, worker: int = 0, workers: int = 1) -> int:
        """Returns how many examples a worker has in an epoch, as the source says."""
        return self.source.examples(worker, workers)

    def batches(
        self,
        size: int,
        *,
        shuffle_seed: int | None = None,
        drop_remainder: bool = False,
        worker: int = 0,
        workers: int = 1,
    ) -> tf.data.Dataset:
        """Returns one epoch of a worker."""
        if shuffle_seed is None:
            return self.source.batches(
                size, drop_remainder=drop_remainder, worker=worker, workers=workers
            )
        counts = np.array(self.counts, np.float64)
        mean = counts.sum() / np.count_nonzero(counts)
        times = tf.constant(mean / np.maximum(counts, 1), tf.float32)
        records = self.source.batches(
            _READ, shuffle_seed=shuffle_seed, worker=worker, workers=workers
        )

        def repeat(number: tf.Tensor, batch: dict[str, tf.Tensor]) -> tf.data.Dataset:
            wanted = tf.gather(times, tf.cast(batch[self.target], tf.int32))
            seed = tf.stack([tf.constant(shuffle_seed, tf.int64), number])
            chance = tf.random.stateless_uniform(tf.shape(wanted), seed)
            copies = tf.cast(tf.floor(wanted + chance), tf.int32)
            return tf.data.Dataset.from_tensor_slices(
                {
                    name: tf.repeat(values, copies, axis=0)
                    for name, values in batch.items()
                }
            )

        # The number goes on over repetitions, so that each draws anew.
        drawn = records.repeat().enumerate().flat_map(repeat)
        drawn = drawn.shuffle(_SHUFFLED, shuffle_seed, reshuffle_each_iteration=False)
        drawn = drawn.take(self.examples(worker, workers))
        return drawn.batch(size, drop_remainder=drop_remainder)
