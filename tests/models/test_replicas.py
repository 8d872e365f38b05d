import json
import os
import subprocess
import sys

import pytest
import tensorflow as tf

from models import replicas


def test_the_default_is_one_replica():
    assert replicas.strategy_of("default").num_replicas_in_sync == 1


def test_mirrored_takes_every_logical_cpu_where_there_is_no_gpu():
    strategy = replicas.strategy_of("mirrored")
    assert strategy.num_replicas_in_sync == len(tf.config.list_logical_devices("CPU"))
    assert replicas.workers_of(strategy) == (0, 1)


def test_an_unknown_name_lists_those_that_there_are():
    with pytest.raises(
        ValueError, match="'ring'; there are default, mirrored, multi_worker, tpu"
    ):
        replicas.strategy_of("ring")


def test_multi_worker_without_tf_config_says_what_to_set(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ValueError, match=r"TF_CONFIG, which is not set; .*\"cluster\""):
        replicas.strategy_of("multi_worker")


@pytest.mark.parametrize(
    "config",
    [
        "{",
        "[]",
        '{"cluster": {}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "ps", "index": 0}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
    ],
)
def test_a_broken_tf_config_is_shown(monkeypatch, config):
    monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(ValueError, match="TF_CONFIG") as caught:
        replicas.strategy_of("multi_worker")
    assert repr(config) in str(caught.value)


def test_tpu_without_a_tpu_says_so_at_once(monkeypatch):
    monkeypatch.delenv("TPU_NAME", raising=False)
    with pytest.raises(RuntimeError, match=r"found no TPU: .* set TPU_NAME"):
        replicas.strategy_of("tpu")


PROGRAM = """
from models import replicas
strategy = replicas.strategy_of("multi_worker")
print(type(strategy).__name__, strategy.num_replicas_in_sync)
print(replicas.workers_of(strategy), replicas.is_chief(strategy))
"""


@pytest.mark.slow
def test_multi_worker_joins_the_cluster_of_tf_config(free_port):
    cluster = {"worker": [f"localhost:{free_port}"]}
    config = {"cluster": cluster, "task": {"type": "worker", "index": 0}}
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "TF_CONFIG": json.dumps(config)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert found.stdout.splitlines() == [
        "CollectiveAllReduceStrategy 1",
        "(0, 1) True",
    ], found.stderr
