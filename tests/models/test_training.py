import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator

from models import crop_lstm, inputs, metrics, replicas, run_folder, training
from models.sources import InMemory

pytestmark = pytest.mark.slow

HERE = pathlib.Path(__file__).parent
SETTINGS = {"seed": 5}


def feed_of(columns, batch_size=32):
    return inputs.Feed(
        source=InMemory(columns),
        inputs=crop_lstm.INPUTS,
        batch_size=batch_size,
        seed=5,
    )


def small():
    return crop_lstm.crop_lstm(5, units=6, dropout=0.2)


def train(
    made_series,
    folder,
    *,
    epochs=3,
    patience=9,
    rate=0.01,
    columns=None,
    build=small,
    **more,
):
    """Trains a small LSTM on 160 series, with 50 to validate."""
    feed = feed_of(made_series(160) if columns is None else columns)
    arguments = {
        "strategy": replicas.strategy_of("default"),
        "settings": SETTINGS,
        **more,
    }
    return training.train(
        build,
        lambda steps: keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(rate, steps)
            if isinstance(rate, float)
            else rate
        ),
        training=feed,
        validation=feed_of(made_series(50, seed=1)),
        plan=training.Plan(
            epochs=epochs, patience=patience, class_weights=np.ones(5), seed=5
        ),
        folder=folder,
        **arguments,
    )


def test_the_best_epoch_is_restored_and_told_of(made_series, tmp_path):
    trained = train(made_series, tmp_path)
    scores = [one["val_macro_f1"] for one in trained.history]
    assert trained.best_epoch == int(np.argmax(scores)) + 1
    columns = made_series(50, seed=1)
    logits = trained.model({name: columns[name] for name in crop_lstm.INPUTS})
    confusion = metrics.confusion_matrix(columns["label"], np.argmax(logits, 1), 5)
    assert trained.confusion.tolist() == confusion.tolist()
    assert metrics.macro_f1(confusion) == max(scores)
    assert json.loads((tmp_path / "history.json").read_text()) == trained.history
    assert [one["epoch"] for one in trained.history] == [1, 2, 3]


def test_tensorboard_shows_the_numbers_of_the_history(made_series, tmp_path):
    trained = train(made_series, tmp_path)
    for part, prefix in (("train", ""), ("validation", "val_")):
        events = event_accumulator.EventAccumulator(str(tmp_path / "logs" / part))
        events.Reload()
        for name in ("loss", "accuracy", "macro_f1"):
            shown = [
                float(tf.make_ndarray(event.tensor_proto))
                for event in events.Tensors(f"epoch_{name}")
            ]
            expected = [one[prefix + name] for one in trained.history]
            assert shown == pytest.approx(expected, rel=1e-6)
        if not prefix:
            rates = [
                float(tf.make_ndarray(event.tensor_proto))
                for event in events.Tensors("epoch_learning_rate")
            ]
            assert rates[0] > rates[-1] >= 0


def test_training_stops_when_validation_gets_no_better(made_series, tmp_path):
    still = train(made_series, tmp_path, epochs=9, patience=2, rate=0.0)
    assert [still.best_epoch, len(still.history)] == [1, 3]


def test_a_callback_may_stop_training(made_series, tmp_path):
    class Enough(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = logs["val_loss"] > 0

    trained = train(made_series, tmp_path, callbacks=[Enough()])
    assert len(trained.history) == 1
    again = train(made_series, tmp_path)
    assert again.history == trained.history
    for a, b in zip(again.model.weights, trained.model.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_two_replicas_train_and_leave_a_model_without_a_strategy(
    made_series, tmp_path, two_cpus
):
    trained = train(made_series, tmp_path, strategy=two_cpus)
    assert trained.history[-1]["loss"] < trained.history[0]["loss"]
    assert all(
        type(w.value).__name__ == "ResourceVariable" for w in trained.model.weights
    )
    trained.model.save(tmp_path / "model.keras")


def test_a_loss_that_is_not_finite_stops_with_the_ids_of_the_batch(
    made_series, tmp_path
):
    class Poison(keras.optimizers.schedules.LearningRateSchedule):
        """Breaks the weights at the end of the 19th step."""

        def __call__(self, step):
            return tf.where(step == 18, float("nan"), 0.01)

    broken = training.STEPS_AT_ONCE + 3  # The 20th step, inside the second call.
    columns = made_series(32 * 20)
    with pytest.raises(FloatingPointError) as caught:
        train(made_series, tmp_path, columns=columns, rate=Poison())
    records = list(feed_of(columns).records(0))
    expected = [i.decode() for i in records[broken]["id"].numpy()]
    assert f"it was nan in step {broken + 1} of epoch 1" in str(caught.value)
    assert f"with the 32 examples {expected[0]}, {expected[1]}, " in str(caught.value)
    found = json.loads((tmp_path / "not_finite_worker_0.json").read_text())
    assert found["ids"] == expected


def test_a_folder_in_the_way_fails_before_a_model_is_built(made_series, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="cannot write to the run folder"):
        train(made_series, tmp_path / "file" / "run", build=None)


def test_a_full_disk_fails_before_the_first_epoch(made_series, tmp_path, monkeypatch):
    def full(folder, needed):
        if needed:
            raise OSError(f"needs {needed}")

    monkeypatch.setattr(run_folder, "check_space", full)
    with pytest.raises(OSError, match=r"needs [0-9]{5}"):
        train(made_series, tmp_path)
    assert not (tmp_path / "history.json").exists()


def test_another_run_in_the_folder_is_refused(made_series, tmp_path):
    train(made_series, tmp_path, epochs=1)
    with pytest.raises(ValueError, match="another run, with seed 5, now 6"):
        train(made_series, tmp_path, epochs=1, settings={"seed": 6})


PROGRAM = """
import os, pathlib, sys
sys.path.insert(0, sys.argv[1])
import conftest, keras, numpy as np, test_training, tensorflow as tf

tf.config.experimental.enable_op_determinism()

class Kill(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if self.epochs == 2:
            os._exit(9)

    epochs = -1

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs = epoch

kill = [Kill()] if sys.argv[2] == "kill" else []
for folder in map(pathlib.Path, sys.argv[3:]):
    trained = test_training.train(
        conftest._made_series, folder, epochs=4, callbacks=kill
    )
    np.savez(folder / "weights.npz", *[w.numpy() for w in trained.model.weights])
"""


def test_a_killed_run_goes_on_and_ends_with_the_same_weights(tmp_path):
    def call(how, *folders):
        return subprocess.run(
            [sys.executable, "-c", PROGRAM, str(HERE), how, *folders],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            check=False,
        )

    assert call("kill", "broken").returncode == 9
    history = json.loads((tmp_path / "broken" / "history.json").read_text())
    assert len(history) == 2  # Killed in the third epoch.
    ended = call("go on", "broken", "straight")
    assert ended.returncode == 0, ended.stderr
    with (
        np.load(tmp_path / "broken" / "weights.npz") as broken,
        np.load(tmp_path / "straight" / "weights.npz") as straight,
    ):
        assert len(broken.files) == len(straight.files) > 5
        for name in straight.files:
            np.testing.assert_array_equal(broken[name], straight[name])
    told = [
        json.loads((tmp_path / folder / "history.json").read_text())
        for folder in ("broken", "straight")
    ]
    for one in (epoch for history in told for epoch in history):
        del one["seconds"], one["examples_per_second"]
    assert told[0] == told[1]
    assert len(told[0]) == 4
