"""Strategies of `tf.distribute` by name."""

from __future__ import annotations

import functools
import json
import os
import pathlib
from typing import Literal, get_args

import tensorflow as tf

StrategyName = Literal["default", "mirrored", "multi_worker", "tpu"]
"""One device; all devices of this machine; several machines; a TPU."""


@functools.cache
def strategy_of(name: StrategyName) -> tf.distribute.Strategy:
    """Returns the strategy called ``name``; call it before any other TensorFlow code.

    A process has one strategy of a name: the replicas of a second one would take the
    messages of the first for their own.

    ``mirrored`` takes every GPU, or every logical CPU where there is no GPU.
    ``multi_worker`` reads the environment variable ``TF_CONFIG``; ``tpu`` takes the
    TPUs of this machine, else the one that ``TPU_NAME`` names.

    Raises:
        ValueError: If there is no strategy of this name, or ``TF_CONFIG`` is not what
            ``multi_worker`` needs.
        RuntimeError: If ``tpu`` finds no TPU.
    """
    if name == "default":
        return tf.distribute.get_strategy()
    if name == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or (
            tf.config.list_logical_devices("CPU")
        )
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    if name == "multi_worker":
        _check_tf_config()
        return tf.distribute.MultiWorkerMirroredStrategy(
            cluster_resolver=tf.distribute.cluster_resolver.TFConfigClusterResolver()
        )
    if name == "tpu":
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=_tpu_address())
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    raise ValueError(
        f"no strategy is called {name!r}; there are {', '.join(get_args(StrategyName))}"
    )


def workers_of(strategy: tf.distribute.Strategy) -> tuple[int, int]:
    """Returns the number of this worker, from 0, and how many workers there are."""
    resolver = strategy.cluster_resolver
    if resolver is None or not isinstance(
        strategy, tf.distribute.MultiWorkerMirroredStrategy
    ):
        return 0, 1
    cluster = resolver.cluster_spec().as_dict()
    chiefs = len(cluster.get("chief", ()))
    count = chiefs + len(cluster.get("worker", ()))
    number = int(resolver.task_id or 0)
    return number + (chiefs if resolver.task_type == "worker" else 0), max(count, 1)


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one that writes what all have learnt."""
    return workers_of(strategy)[0] == 0


def _check_tf_config() -> None:
    """Checks that ``TF_CONFIG`` names the workers and this one's place among them."""
    example = (
        '{"cluster": {"worker": ["host0:2222", "host1:2222"]},'
        ' "task": {"type": "worker", "index": 0}}'
    )
    text = os.environ.get("TF_CONFIG", "")
    if not text:
        raise ValueError(
            "strategy 'multi_worker' needs the environment variable TF_CONFIG, which"
            f" is not set; on each worker set it as in {example}"
        )
    try:
        found = json.loads(text)
        kind, index = found["task"]["type"], int(found["task"]["index"])
        addresses = found["cluster"][kind]
        known = kind in ("chief", "worker") and 0 <= index < len(addresses)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"TF_CONFIG must be JSON as in {example}; got {text!r}"
        ) from error
    if not known:
        raise ValueError(
            "the task of TF_CONFIG must be one of its chiefs or workers, counted from"
            f" 0; got {text!r}"
        )


def _tpu_address() -> str:
    """Returns where the TPU is, without asking the network."""
    if name := os.environ.get("TPU_NAME"):
        return name
    devices = [
        *pathlib.Path("/dev").glob("accel*"),
        *pathlib.Path("/dev/vfio").glob("[0-9]*"),
    ]
    if devices and pathlib.Path("/lib/libtpu.so").exists():
        return "local"
    raise RuntimeError(
        "strategy 'tpu' found no TPU: no TPU device with /lib/libtpu.so on this machine"
        " and no environment variable TPU_NAME; run on a TPU VM, or set TPU_NAME to the"
        " name or grpc:// address of a TPU"
    )
