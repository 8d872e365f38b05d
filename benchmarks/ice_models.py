"""Training the small ice CNN: replicas and workers against one device, and `fit`.

All at the same global batch. Replicas and workers of one machine share its cores, so
what is told is what distribution costs, not what it gains. One device is measured again
beside each.
"""

from __future__ import annotations

import json
import pathlib
import sys
import time

import keras
import numpy as np

from benchmarks import ice_worker
from benchmarks.rows import Row
from models import launch, replicas


def main(folder: pathlib.Path) -> list[Row]:
    """Measures all.

    Args:
        folder: Where processes leave what they found.
    """
    alone = ice_worker.steps_a_second(replicas.strategy_of("default"))
    fitted, starved = _fit_steps_a_second(), _input_share(alone)
    one, two, workers = (
        _elsewhere(folder, name, count)
        for name, count in (("default", 1), ("mirrored", 1), ("multi_worker", 2))
    )
    unit = "steps/s of 128 patches"
    return [
        Row("our loop", alone, unit, "model.fit", fitted, ">= 0.95"),
        Row("2 replicas", two, unit, "one device", one),
        Row("2 workers", workers, unit, "one device", one),
        Row("input pipeline", starved, "share of the time of a step"),
    ]


def _elsewhere(folder: pathlib.Path, name: str, count: int) -> float:
    """Returns steps a second of new processes."""
    path = folder / f"{name}.json"
    launch.launch(
        [sys.executable, "-m", "benchmarks.ice_worker", name, str(path)], count
    )
    return float(json.loads(path.read_text()))


def _fit_steps_a_second(repeats: int = 3) -> float:
    """Returns the best of several epochs of Keras's own loop, on the same batches."""
    model = ice_worker.model()
    model.compile(
        keras.optimizers.AdamW(1e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    feed, seconds = ice_worker.feed(), []
    for epoch in range(repeats + 1):
        data = feed.training(epoch).map(lambda x, y, w: (x, y["label"], w))
        began = time.perf_counter()
        model.fit(data, verbose=0)
        seconds.append(time.perf_counter() - began)
    return feed.training_steps() / min(seconds[1:])


def _input_share(steps_a_second: float) -> float:
    """Returns the time of reading alone, as a share of a training step's."""
    feed, seconds = ice_worker.feed(), []
    for epoch in range(3):
        began = time.perf_counter()
        for _ in feed.training(epoch):
            pass
        seconds.append(time.perf_counter() - began)
    return float(np.min(seconds) / feed.training_steps() * steps_a_second)
