import keras
import numpy as np
import pytest
import tensorflow as tf

from models import crop_lstm, inputs, metrics, training
from models.sources import InMemory
from models.steps import Steps

DEFAULT = tf.distribute.get_strategy()
WEIGHTS = np.array([0.5, 1, 2, 1.5, 3], np.float32)


def steps_of(strategy, *, optimizer=None, dropout=0.0, batch_size=24, **more):
    keras.utils.set_random_seed(7)
    return Steps(
        lambda: crop_lstm.crop_lstm(5, units=8, dropout=dropout),
        optimizer or (lambda: keras.optimizers.AdamW(1e-2)),
        strategy=strategy,
        batch_size=batch_size,
        class_weights=WEIGHTS,
        **more,
    )


def feed_of(columns, batch_size=24):
    return inputs.Feed(
        source=InMemory(columns),
        inputs=crop_lstm.INPUTS,
        batch_size=batch_size,
        seed=4,
    )


def learn(steps, feed, epochs=2):
    losses = []
    for epoch in range(epochs):
        iterator = iter(
            steps.strategy.distribute_datasets_from_function(
                lambda context, epoch=epoch: feed.training(epoch, context)
            )
        )
        losses.append(steps.train(iterator, feed.training_steps()))
    return np.concatenate(losses)


def evaluate(steps, feed):
    iterator = iter(steps.strategy.distribute_datasets_from_function(feed.evaluation))
    steps.evaluate(iterator, feed.evaluation_steps())
    return steps.take_loss(), steps.take_confusion()


def test_two_replicas_learn_what_one_learns(made_series, two_cpus):
    feed = feed_of(made_series(150))
    one, two = steps_of(DEFAULT), steps_of(two_cpus)
    np.testing.assert_allclose(learn(one, feed), learn(two, feed), atol=1e-5)
    for a, b in zip(one.model.weights, two.model.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-5)
    assert one.take_confusion().tolist() == two.take_confusion().tolist()
    (loss, confusion), (other_loss, other) = evaluate(one, feed), evaluate(two, feed)
    assert loss == pytest.approx(other_loss, abs=1e-5)
    assert confusion.tolist() == other.tolist()
    assert confusion.sum() == 150


def test_many_steps_in_one_call_are_the_same_as_one_by_one(made_series):
    feed = feed_of(made_series(150))
    many, single = steps_of(DEFAULT, dropout=0.3), steps_of(DEFAULT, dropout=0.3)
    losses = learn(many, feed, epochs=1)
    iterator = iter(feed.training(0))
    singly = [single.train(iterator, 1) for _ in range(feed.training_steps())]
    np.testing.assert_array_equal(losses, np.ravel(singly))


def test_the_loss_is_that_of_the_class_weights_by_hand(made_series):
    columns = made_series(24)
    steps, feed = steps_of(DEFAULT), feed_of(columns)
    logits = steps.model({name: columns[name] for name in crop_lstm.INPUTS}).numpy()
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    right = shares[np.arange(24), columns["label"]]
    expected = (-np.log(right) * WEIGHTS[columns["label"]]).sum() / 24
    assert evaluate(steps, feed)[0] == pytest.approx(expected, rel=1e-5)
    assert learn(steps, feed, epochs=1)[0] == pytest.approx(expected, rel=1e-5)


def test_what_fills_a_batch_up_counts_nowhere(made_series):
    columns = made_series(31)
    steps = steps_of(DEFAULT)
    loss, confusion = evaluate(steps, feed_of(columns))  # 31 of 48 are filled.
    whole, _ = evaluate(steps, feed_of(columns, batch_size=31))
    assert loss == pytest.approx(whole, rel=1e-5)
    predicted = steps.model({name: columns[name] for name in crop_lstm.INPUTS})
    expected = metrics.confusion_matrix(
        columns["label"], np.argmax(predicted, axis=1), 5
    )
    assert confusion.tolist() == expected.tolist()


def test_what_was_taken_is_not_taken_again(made_series):
    steps, feed = steps_of(DEFAULT), feed_of(made_series(31))
    first = evaluate(steps, feed)
    assert evaluate(steps, feed)[0] == pytest.approx(first[0])
    assert steps.take_confusion().sum() == 0
    assert np.isnan(steps.take_loss())


class Darken(keras.layers.Layer):
    """Sets the reflectance of everything to zero while training."""

    def call(self, inputs, training=False):
        if not training:
            return inputs
        return {**inputs, "reflectance": tf.zeros_like(inputs["reflectance"])}


def test_augmentations_act_in_training_alone(made_series):
    columns = made_series(24)
    dark = {**columns, "reflectance": np.zeros_like(columns["reflectance"])}
    augmented = steps_of(DEFAULT, augmentations=[Darken])
    plain = steps_of(DEFAULT)
    in_the_light = evaluate(plain, feed_of(columns))[0]
    assert evaluate(augmented, feed_of(columns))[0] == pytest.approx(in_the_light)
    np.testing.assert_allclose(
        learn(augmented, feed_of(columns)), learn(plain, feed_of(dark)), rtol=1e-5
    )


def test_a_penalty_of_the_model_is_counted_once_over_all_replicas(
    made_series, two_cpus
):
    def build():
        model = crop_lstm.crop_lstm(5, units=4, dropout=0)
        model.get_layer("embed").kernel.regularizer = keras.regularizers.L2(0.1)
        return model

    losses = []
    for strategy in (DEFAULT, two_cpus):
        keras.utils.set_random_seed(7)
        steps = Steps(
            build,
            lambda: keras.optimizers.SGD(0.1),
            strategy=strategy,
            batch_size=24,
            class_weights=WEIGHTS,
        )
        assert len(steps.model.losses) == 1
        losses.append(learn(steps, feed_of(made_series(72)), epochs=1))
    np.testing.assert_allclose(losses[0], losses[1], atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_learns_under_two_replicas(made_series, two_cpus, policy):
    with training.precision(policy):
        steps = steps_of(two_cpus)
    losses = learn(steps, feed_of(made_series(150)), epochs=6)
    assert losses[-3:].mean() < 0.7 * losses[:3].mean()
    scaled = isinstance(steps.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")


def test_an_overflow_in_one_replica_stops_the_step_of_all(made_series, two_cpus):
    with training.precision("mixed_float16"):
        steps = steps_of(two_cpus)
    before = [w.numpy() for w in steps.model.weights]
    columns = made_series(24)
    feed = feed_of(columns)
    inputs_, labels, weights = next(iter(feed.training(0)))
    loud = np.ones(24, np.float32)
    loud[12:] = 1e36  # In the second replica's half: infinite once the loss is scaled.
    batch = (inputs_, labels, weights * loud)

    def halves(context):
        del context
        return tf.data.Dataset.from_tensors(
            tf.nest.map_structure(lambda v: tf.reshape(v, [2, 12, *v.shape[1:]]), batch)
        ).unbatch()

    iterator = iter(two_cpus.distribute_datasets_from_function(halves))
    scale = float(steps.optimizer.dynamic_scale.numpy())
    steps.train(iterator, 1)
    for weight, old in zip(steps.model.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), old)
    assert float(steps.optimizer.dynamic_scale.numpy()) == scale / 2


def test_clipping_is_refused_under_several_replicas(two_cpus):
    def optimizer():
        return keras.optimizers.Adam(global_clipnorm=1.0)

    with pytest.raises(ValueError, match=r"under 2 replicas.*global_clipnorm=1\.0"):
        steps_of(two_cpus, optimizer=optimizer)
    steps_of(DEFAULT, optimizer=optimizer)


def test_class_weights_must_fit_the_classes_of_the_model():
    with pytest.raises(ValueError, match="'crop_lstm' has 3 classes; got 5 class"):
        Steps(
            lambda: crop_lstm.crop_lstm(3, units=2),
            keras.optimizers.SGD,
            strategy=DEFAULT,
            batch_size=2,
            class_weights=WEIGHTS,
        )
