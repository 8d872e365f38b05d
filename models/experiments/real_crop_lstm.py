"""The crop LSTM on 3,214 real Canadian series, laid out as TimeSen2Crop.

    python -m benchmarks real_crops

It reaches macro-F1 0.49 on held-out cells of one degree after about a minute on 2
cores; a random forest tuned on the same validation split reaches 0.38, the majority
0.04.

A small set of monthly composites: more regularisation and more epochs than for a
million series. The sizes are our own choice.
"""

from __future__ import annotations

import dataclasses

import keras
import tensorflow_datasets as tfds

from models import crop_lstm
from models.experiment import Experiment
from models.experiments import time_sen2_crop_lstm


def experiment() -> Experiment:
    """Returns the experiment."""
    return dataclasses.replace(
        time_sen2_crop_lstm.experiment(),
        name="real_crop_lstm",
        model=_model,
        optimizer=_optimizer,
        batch_size=64,
        epochs=60,
        patience=20,
        seed=1,
    )


def _model(info: tfds.core.DatasetInfo) -> keras.Model:
    return crop_lstm.crop_lstm(info.features["label"].num_classes, dropout=0.4)


def _optimizer(steps: int) -> keras.optimizers.Optimizer:
    """Returns AdamW, its rate falling along half a cosine to a hundredth."""
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps, alpha=0.01)
    return keras.optimizers.AdamW(rate, weight_decay=1e-2)
