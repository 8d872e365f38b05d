"""The crop LSTM on 3,126 real Canadian series, laid out as TimeSen2Crop.

    python -m benchmarks real_crops

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
