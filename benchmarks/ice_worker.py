"""One worker of the benchmark of training on ice; see `benchmarks.ice_models`."""

from __future__ import annotations

import json
import pathlib
import sys
import time

import keras
import numpy as np
import tensorflow as tf

from models import ice_cnn, ice_inputs, inputs, replicas
from models.sources import InMemory
from models.steps import Steps

BATCH, CLASSES, SIZE, EXAMPLES = 128, 6, 32, 128 * 20


def feed() -> inputs.Feed:
    rng = np.random.default_rng(0)
    image = rng.normal(ice_inputs.ICE_MEAN, 5, (EXAMPLES, SIZE, SIZE, 3))
    columns = {
        "image": image.astype(np.float32),
        "label": rng.integers(0, CLASSES, EXAMPLES),
    }
    return inputs.Feed(
        source=InMemory(columns), inputs=("image",), batch_size=BATCH, seed=0
    )


def model() -> keras.Model:
    return ice_cnn.ice_cnn(CLASSES, size=SIZE)


def steps_a_second(strategy: tf.distribute.Strategy, repeats: int = 3) -> float:
    """Returns the best of several epochs of our loop, after a first one."""
    _, workers = replicas.workers_of(strategy)
    steps = Steps(
        model,
        lambda: keras.optimizers.AdamW(1e-3),
        strategy=strategy,
        batch_size=BATCH,
        class_weights=np.ones(CLASSES, np.float32),
    )
    data, seconds = feed(), []
    count = data.training_steps(workers)
    for epoch in range(repeats + 1):
        iterator = iter(
            strategy.distribute_datasets_from_function(
                lambda context, epoch=epoch: data.training(epoch, context)
            )
        )
        began = time.perf_counter()
        steps.train(iterator, count)
        seconds.append(time.perf_counter() - began)
    return count / min(seconds[1:])


if __name__ == "__main__":
    if sys.argv[1] == "mirrored":
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * 2
        )
    chosen = replicas.strategy_of(sys.argv[1])
    found = steps_a_second(chosen)
    if replicas.is_chief(chosen):
        pathlib.Path(sys.argv[2]).write_text(json.dumps(found))
