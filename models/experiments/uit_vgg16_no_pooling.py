"""VGG-16 without poolings on the UiT patches, split by region.

    tfds-eo train uit_vgg16_no_pooling --data_dir DATA --out RUN

No score yet: it was not trained on any data. After Khaleghian et al. 2021; layers and
settings are our own choice.
"""

from __future__ import annotations

import dataclasses

import keras
import tensorflow_datasets as tfds

from models import vgg16_no_pooling
from models.experiment import Experiment
from models.experiments import uit_ice_cnn


def experiment() -> Experiment:
    """Returns the experiment: the small CNN's, but for the model and its rate."""
    return dataclasses.replace(
        uit_ice_cnn.experiment(),
        name="uit_vgg16_no_pooling",
        model=_model,
        optimizer=_optimizer,
    )


def _model(info: tfds.core.DatasetInfo) -> keras.Model:
    return vgg16_no_pooling.vgg16_no_pooling(
        info.features["label"].num_classes, size=uit_ice_cnn.SIZE
    )


def _optimizer(steps: int) -> keras.optimizers.Optimizer:
    """Returns AdamW, its rate falling along half a cosine to a hundredth."""
    rate = keras.optimizers.schedules.CosineDecay(1e-3, steps, alpha=0.01)
    return keras.optimizers.AdamW(rate, weight_decay=1e-4)
