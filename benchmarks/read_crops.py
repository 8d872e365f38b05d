"""Reading and learning from crop series: our reader and loop beside the plain ways.

On simulated series, each way in a process of its own; imports are not counted.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

import tfds_eo  # noqa: F401 - registers the builders.
from benchmarks.measuring import Found, Timer, fastest, measure
from benchmarks.rows import Row
from models import experiment, inputs, replicas, sources, steps
from tfds_eo import reading
from tfds_eo.simulate import time_sen2_crop as simulate

SAMPLES = 400_000
"""Samples of the archive."""

BATCH = 1024
"""Records of a batch when reading is compared."""

TRAINING_STEPS = 48
"""Steps of a round in which training is timed; a round before it warms up."""

ROUNDS = 6
"""Rounds in which the loop and the bare model take turns; the fastest count."""


def main(folder: pathlib.Path) -> list[Row]:
    """Measures everything in a folder that has a few gigabytes to spare."""
    simulate.run(simulate.Config(out=folder, samples=SAMPLES))
    builder = tfds.builder("time_sen2_crop", data_dir=folder)
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=folder)
    )
    read, shuffled, loaded = (
        fastest([measure(f"{__name__}:{way}", folder=str(folder)) for _ in range(3)])
        for way in ("read", "read_shuffled", "load")
    )
    trained = measure(f"{__name__}:train", folder=str(folder))
    unit = "series/s"
    return [
        Row("read", read.rate, unit, "tfds.load", loaded.rate, ">= 12"),
        Row("read, shuffled", shuffled.rate, unit, "tfds.load", loaded.rate),
        Row(
            "train the LSTM",
            trained.result["loop"],
            unit,
            "model on a constant batch",
            trained.result["constant"],
            ">= 0.9",
        ),
    ]


def read(folder: str) -> Found:
    """Our reader, shard after shard."""
    builder = tfds.builder("time_sen2_crop", data_dir=folder)
    return _drained(reading.read_batches(builder, "train", BATCH))


def read_shuffled(folder: str) -> Found:
    """Our reader as training uses it."""
    builder = tfds.builder("time_sen2_crop", data_dir=folder)
    return _drained(reading.read_batches(builder, "train", BATCH, shuffle_seed=1))


def load(folder: str) -> Found:
    """`tfds.load` with its defaults, padded to the same batches."""
    found = tfds.load("time_sen2_crop", split="train", data_dir=folder)
    padded = found.padded_batch(BATCH).prefetch(tf.data.AUTOTUNE)
    return _drained(padded)


def _drained(batches: tf.data.Dataset) -> Found:
    count = 0
    with Timer() as timer:
        for batch in batches:
            count += int(batch["label"].shape[0])
    return {"seconds": timer.seconds, "samples": count}


def train(folder: str) -> Found:
    """Our loop on batches from disk, and the bare model on one batch in memory.

    The two take turns; the batch in memory has as many dates as the median batch.
    """
    builder = tfds.builder("time_sen2_crop", data_dir=folder)
    chosen = experiment.find("time_sen2_crop_lstm")
    feed = inputs.Feed(
        source=sources.Split(builder, chosen.train),
        inputs=chosen.inputs,
        batch_size=chosen.batch_size,
        seed=0,
    )
    loop = steps.Steps(
        lambda: chosen.model(builder.info),
        lambda: chosen.optimizer(1000),
        strategy=replicas.strategy_of("default"),
        batch_size=chosen.batch_size,
        class_weights=np.ones(len(chosen.legend), np.float32),
    )
    iterator = iter(feed.training(0))
    batches = list(feed.training(0).take(TRAINING_STEPS))
    dates = [int((b[0]["condition"].numpy() == 0).sum(1).max()) for b in batches]
    constant = batches[int(np.argsort(dates)[len(dates) // 2])]
    bare = _bare(chosen.model(builder.info), chosen.optimizer(1000), constant)
    loop.train(iterator, TRAINING_STEPS)
    bare(tf.constant(TRAINING_STEPS))
    seconds: dict[str, list[float]] = {"loop": [], "constant": []}
    for _ in range(ROUNDS):
        with Timer() as timer:
            loop.train(iterator, TRAINING_STEPS)
        seconds["loop"].append(timer.seconds)
        with Timer() as timer:
            bare(tf.constant(TRAINING_STEPS)).numpy()
        seconds["constant"].append(timer.seconds)
    examples = TRAINING_STEPS * chosen.batch_size
    rates = {name: examples / min(spent) for name, spent in seconds.items()}
    return {"seconds": min(seconds["loop"]), "samples": examples, **rates}


def _bare(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    batch: tuple[Any, Any, Any],
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns what a training step cannot do without, some steps in one call."""
    optimizer.build(model.trainable_variables)
    series, labels, _ = batch

    @tf.function
    def several(count: tf.Tensor) -> tf.Tensor:
        loss = tf.constant(0.0)
        for _ in tf.range(count):
            with tf.GradientTape() as tape:
                logits = model(series, training=True)
                loss = tf.reduce_mean(
                    tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
                )
            values = [variable.value for variable in model.trainable_variables]
            optimizer.apply(tape.gradient(loss, values), model.trainable_variables)
        return loss

    return several
