"""Two and four true processes on loopback, each set started once for several tests."""

import importlib.util
import itertools
import json
import os
import pathlib
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from models import launch
from models.sources import Split

pytestmark = pytest.mark.slow

PROGRAM = pathlib.Path(__file__).with_name("ice_worker.py")
EXAMPLES = {"train": 211, "validation": 61}
SHARDS = 5
DEFAULT = tf.distribute.get_strategy()

spec = importlib.util.spec_from_file_location("ice_worker", PROGRAM)
ice_worker = importlib.util.module_from_spec(spec)
sys.modules["ice_worker"] = ice_worker
spec.loader.exec_module(ice_worker)


class MadeIce(tfds.core.GeneratorBasedBuilder):
    """Patches of three classes that differ in brightness, in five files a split."""

    VERSION = tfds.core.Version("1.0.0")
    pkg_dir_path = PROGRAM.parent

    def _info(self):
        image = tfds.features.Tensor(
            shape=(10, 10, 3), dtype=np.float32, encoding="bytes"
        )
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(
                {
                    "image": image,
                    "label": tfds.features.ClassLabel(num_classes=3),
                    "id": tfds.features.Text(),
                }
            ),
        )

    def _split_generators(self, dl_manager):
        return {name: self._generate_examples(name) for name in EXAMPLES}

    def _generate_examples(self, split):
        rng = np.random.default_rng(EXAMPLES[split])
        for n in range(EXAMPLES[split]):
            label = n**2 % 7 % 3
            image = rng.normal((-20 + 4 * label, -30 + label, 30), 3, (10, 10, 3))
            yield (
                n,
                {
                    "image": image.astype(np.float32),
                    "label": label,
                    "id": f"{split} {n}",
                },
            )


@pytest.fixture(scope="module")
def ice(tmp_path_factory):
    """The data set, prepared; `Split` of it has five files."""
    builder = MadeIce(data_dir=str(tmp_path_factory.mktemp("ice")))
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(num_shards=SHARDS)
    )
    return builder


class Run:
    """What the workers of a run have told."""

    def __init__(self, ice, out, workers, *how, restarts=0):
        command = [sys.executable, str(PROGRAM), str(ice.data_dir), str(out), *how]
        self.out, self.workers, self.ice = out, workers, ice
        self.restarts = launch.launch(command, workers, restarts=restarts)
        self.told = [
            json.loads((out / f"told_{k}.json").read_text()) for k in range(workers)
        ]

    def weights(self, worker=0):
        with np.load(self.out / f"weights_{worker}.npz") as found:
            return [found[name] for name in found.files]

    def ids(self, what, epoch):
        """Returns the ids that all workers together have read, and how many each."""
        lists = [
            list(itertools.chain.from_iterable(told[what][epoch])) for told in self.told
        ]
        together = list(itertools.chain.from_iterable(lists))
        return together, [len(one) for one in lists]


@pytest.fixture(scope="module", autouse=True)
def path_of_the_project():
    """The workers import what this process imports."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(PROGRAM.parents[2])
    yield
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


@pytest.fixture(scope="module", params=[2, 4])
def run(request, ice, tmp_path_factory):
    """A run of two workers, and one of four."""
    return Run(ice, tmp_path_factory.mktemp(f"run_{request.param}"), request.param)


def test_workers_learn_what_one_device_learns_of_the_same_batches(run, tmp_path):
    alone = ice_worker.learn(
        ice_worker.Joined(Split(run.ice, "train"), run.workers),
        Split(run.ice, "validation"),
        tmp_path,
        DEFAULT,
    )
    for worker, told in enumerate(run.told):
        for found, expected in zip(told["history"], alone.history, strict=True):
            for name in ("loss", "val_loss", "macro_f1", "val_macro_f1"):
                assert found[name] == pytest.approx(expected[name], abs=1e-5)
        assert told["confusion"] == alone.confusion.tolist()
        for found, expected in zip(
            run.weights(worker), alone.model.get_weights(), strict=True
        ):
            np.testing.assert_allclose(found, expected, atol=1e-5)
    assert alone.history[-1]["loss"] < alone.history[0]["loss"] - 0.05
    assert alone.confusion.sum() == EXAMPLES["validation"]


def test_workers_read_no_example_twice_and_drop_what_is_stated(run):
    split = Split(run.ice, "train")
    files = [split.examples(k, run.workers) for k in range(run.workers)]
    assert sum(files) == EXAMPLES["train"]
    assert len(set(files)) > 1  # Five files: some have one more than others.
    share = ice_worker.BATCH // run.workers
    for epoch in range(2):
        ids, counts = run.ids("trained", epoch)
        assert len(set(ids)) == len(ids)
        assert counts == [min(files) // share * share] * run.workers
    first, second = (run.ids("trained", epoch)[0] for epoch in range(2))
    assert first != second


def test_workers_judge_every_example_once_in_every_epoch(run):
    for epoch in range(2):
        ids, counts = run.ids("judged", epoch)
        assert sorted(ids) == sorted(
            f"validation {n}" for n in range(EXAMPLES["validation"])
        )
        assert len(set(counts)) > 1


def test_a_worker_killed_in_mid_epoch_resumes_to_the_same_weights(ice, run, tmp_path):
    if run.workers != 2:
        pytest.skip("killed once, among two")
    broken = Run(ice, tmp_path, 2, "kill", restarts=1)
    assert broken.restarts == 1
    assert (tmp_path / "killed").exists()
    # After the restart only the second epoch was learnt: the first was restored.
    assert [len(told["trained"]) for told in broken.told] == [1, 1]
    for worker in range(2):
        for found, expected in zip(
            broken.weights(worker), run.weights(worker), strict=True
        ):
            np.testing.assert_allclose(found, expected, atol=1e-6)
    losses = [
        [one["loss"] for one in told["history"]]
        for told in (broken.told[0], run.told[0])
    ]
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)


def test_a_worker_that_fails_too_often_is_told_of_with_the_end_of_its_output():
    program = (
        "import json, os, sys; place = json.loads(os.environ['TF_CONFIG'])['task'];"
        "print('so it ends'); sys.exit(3 * place['index'])"
    )
    with pytest.raises(ChildProcessError, match=r"(?s)1 of 2 ended with 3.*so it ends"):
        launch.launch([sys.executable, "-c", program], 2, restarts=1)


def test_what_is_no_training_command_is_refused():
    with pytest.raises(ValueError, match="needs a training command behind --"):
        launch.run(launch.Config(workers=2), ["evaluate", "bundle"])
    with pytest.raises(ValueError, match="workers must be at least 1; got 0"):
        launch.Config(workers=0)
