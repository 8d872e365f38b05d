import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn import metrics as sklearn

from models import (
    augmentation,
    autoice_metrics,
    ice_cnn,
    inputs,
    metrics,
    training,
    unet,
    vgg16,
    vgg16_no_pooling,
)
from models.sources import InMemory
from models.steps import UNKNOWN, Steps

DEFAULT = tf.distribute.get_strategy()
TARGETS = autoice_metrics.TARGETS


def made_charts(count, size=16, seed=0):
    """Patches whose left part is water and whose right part is brighter, old ice."""
    rng = np.random.default_rng(seed)
    edge = rng.integers(3, size - 3, count)
    ice = np.arange(size)[None, None] >= edge[:, None, None]
    ice = np.broadcast_to(ice, (count, size, size))
    image = rng.normal((-20, -30, 35), 1, (count, size, size, 3))
    image[..., :2] += 8 * ice[..., None]
    columns = {"image": image.astype(np.float32)}
    for target, number in {"sic": 9, "sod": 5, "floe": 3}.items():
        columns[target] = (ice * number).astype(np.uint8)
        columns[target][:, :2] = UNKNOWN  # The two upper rows.
    columns["id"] = np.array([f"patch {n}" for n in range(count)], object)
    return columns


def feed_of(columns, targets=tuple(TARGETS), batch_size=8):
    return inputs.Feed(
        source=InMemory(columns),
        inputs=("image",),
        batch_size=batch_size,
        seed=3,
        target=targets,
    )


def weights(scale=1.0):
    rng = np.random.default_rng(2)
    return {
        target: (scale * rng.uniform(0.5, 2, count)).astype(np.float32)
        for target, count in TARGETS.items()
    }


def evaluate(steps, feed):
    steps.evaluate(
        iter(steps.strategy.distribute_datasets_from_function(feed.evaluation)),
        feed.evaluation_steps(),
    )
    return steps.take_loss(), steps.take_confusions()


def test_loss_and_confusion_of_rasters_leave_out_what_is_unknown():
    columns = made_charts(5)
    keras.utils.set_random_seed(1)
    steps = Steps(
        lambda: unet.unet(width=2, depth=2),
        keras.optimizers.SGD,
        strategy=DEFAULT,
        batch_size=8,
        class_weights=weights(),
        targets=tuple(TARGETS),
    )
    loss, confusions = evaluate(steps, feed_of(columns))  # 3 of 8 are filled up.
    logits = steps.model({"image": columns["image"]})
    expected = 0.0
    for target, classes in TARGETS.items():
        truth, scores = columns[target], logits[target].numpy()
        shares = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
        for place in np.argwhere(truth != UNKNOWN):
            right = truth[tuple(place)]
            expected -= weights()[target][right] * np.log(shares[(*place, right)])
        known = truth != UNKNOWN
        counted = metrics.confusion_matrix(
            truth[known], scores.argmax(-1)[known], classes
        )
        assert confusions[target].tolist() == counted.tolist()
    assert loss == pytest.approx(expected / 5 / 16**2, rel=1e-4)


@pytest.mark.slow
def test_a_unet_learns_charts_and_the_combined_score_says_which_epoch_is_best(
    tmp_path, two_cpus
):
    trained = [
        training.train(
            lambda: unet.unet(width=4, depth=2),
            lambda steps: keras.optimizers.Adam(1e-2),
            training=feed_of(made_charts(64)),
            validation=feed_of(made_charts(13, seed=1)),
            plan=training.Plan(
                epochs=5,
                patience=9,
                class_weights=weights(),
                scores=autoice_metrics.autoice_scores,
                decisive="combined",
                augmentations=[
                    lambda: augmentation.TurnAndFlip(rasters=tuple(TARGETS))
                ],
            ),
            folder=tmp_path / str(number),
            settings={},
            strategy=strategy,
        )
        for number, strategy in enumerate([DEFAULT, two_cpus])
    ]
    for one in trained:
        scores = [epoch["val_combined"] for epoch in one.history]
        assert one.best_epoch == int(np.argmax(scores)) + 1
        assert autoice_metrics.autoice_scores(one.confusions)["combined"] == max(scores)
        assert one.confusions["floe"].sum() == 13 * 14 * 16
        assert max(scores) > 0.5


def test_autoice_scores_are_those_of_scikit_learn_with_weights_2_2_1():
    rng = np.random.default_rng(4)
    truth = {t: rng.integers(0, n - 1, 300) for t, n in TARGETS.items()}
    found = {
        t: np.where(rng.random(300) < 0.7, truth[t], rng.integers(0, n, 300))
        for t, n in TARGETS.items()
    }
    scores = autoice_metrics.autoice_scores(
        {t: metrics.confusion_matrix(truth[t], found[t], n) for t, n in TARGETS.items()}
    )
    sic = sklearn.r2_score(truth["sic"], found["sic"])
    sod, floe = (
        sklearn.f1_score(truth[t], found[t], average="weighted")
        for t in ("sod", "floe")
    )
    expected = {"sic_r2": sic, "sod_f1": sod, "floe_f1": floe}
    expected["combined"] = (2 * sic + 2 * sod + floe) / 5
    assert scores == pytest.approx(expected)


def test_r2_worked_by_hand():
    # Truth 0 0 2 2, prediction 0 1 2 2: errors 1, deviations 4 x 1.
    assert autoice_metrics.r2([[1, 1, 0], [0, 0, 0], [0, 0, 2]]) == 0.75
    assert np.isnan(autoice_metrics.r2([[3, 1], [0, 0]]))


def test_a_model_without_an_output_for_each_target_is_refused():
    with pytest.raises(
        ValueError, match="must be the targets sic, sod; got sic, sod, f"
    ):
        Steps(
            lambda: unet.unet(width=2, depth=1),
            keras.optimizers.SGD,
            strategy=DEFAULT,
            batch_size=8,
            class_weights=weights(),
            targets=("sic", "sod"),
        )
    with pytest.raises(ValueError, match="multiple of 8, for 3 poolings; got 12"):
        unet.unet(size=12)


@pytest.mark.slow
@pytest.mark.parametrize(
    "build",
    [
        lambda: ice_cnn.ice_cnn(4, size=20, width=4, dropout=0),
        lambda: vgg16.vgg16(4, size=20, width=1 / 16, dropout=0),
        lambda: vgg16.vgg16_transfer(
            4, size=20, weights=None, frozen_blocks=3, head=8, dropout=0
        ),
        lambda: vgg16_no_pooling.vgg16_no_pooling(4, size=20, width=1 / 16, dropout=0),
        lambda: unet.unet({"label": 4}, size=20, width=4, depth=2),
    ],
    ids=["ice_cnn", "vgg16", "transfer", "no_pooling", "unet"],
)
def test_two_replicas_train_every_ice_model_as_one_device(build, two_cpus):
    columns = made_charts(29, size=20)
    label = np.arange(29) ** 2 % 5 % 4
    columns["label"] = label.astype(np.uint8)
    if "unet" in build().name:
        columns["label"] = np.where(columns["sod"] == 5, label[:, None, None], 255)
    feed = feed_of(columns, targets=("label",))
    found = []
    for strategy in (DEFAULT, two_cpus):
        keras.utils.set_random_seed(5)
        steps = Steps(
            build,
            lambda: keras.optimizers.SGD(1e-2, momentum=0.9),
            strategy=strategy,
            batch_size=8,
            class_weights=np.array([0.5, 1, 2, 1.5], np.float32),
        )
        iterator = iter(
            strategy.distribute_datasets_from_function(lambda c: feed.training(0, c))
        )
        losses = steps.train(iterator, feed.training_steps())
        values = [w.numpy() for w in steps.model.weights]
        found.append((losses, evaluate(steps, feed)[0], values))
    (losses, judged, one), (others, other, two) = found
    np.testing.assert_allclose(losses, others, atol=1e-5)
    assert judged == pytest.approx(other, abs=1e-5)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
