import itertools

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from models import augmentation, series_augmentation

ICE = [
    augmentation.TurnAndFlip,
    augmentation.Speckle,
    augmentation.ShiftAngle,
    augmentation.NoiseFloor,
]
SERIES = [
    series_augmentation.DropDates,
    series_augmentation.HideCloud,
    series_augmentation.JitterDates,
    series_augmentation.BandNoise,
]


def patches(count=6, size=8):
    rng = np.random.default_rng(1)
    image = rng.normal((-14, -27, 0), (5, 5, 0), (count, size, size, 3))
    image[..., 2] = np.linspace(20, 46, count)[:, None, None] + np.arange(size) / 100
    sod = np.arange(count * size * size) % 251
    return {
        "image": image.astype(np.float32),
        "sod": sod.reshape(count, size, size).astype(np.uint8),
    }


def varied(layer, features):
    return {
        name: v.numpy()
        for name, v in layer(as_tensors(features), training=True).items()
    }


def as_tensors(features):
    return {name: tf.constant(values) for name, values in features.items()}


def compile_with_xla(layer):
    return tf.function(lambda batch: layer(batch, training=True), jit_compile=True)


@pytest.mark.parametrize("build", ICE + SERIES)
def test_a_layer_is_idle_at_inference_and_the_same_everywhere(build, made_series):
    features = patches() if build in ICE else made_series(6)
    features = {k: v for k, v in features.items() if k != "id"}
    idle = build()(as_tensors(features), training=False)
    for name, values in features.items():
        np.testing.assert_array_equal(idle[name], values)
    layer = build(seed=5)
    again = build.from_config(layer.get_config())
    eager = [varied(layer, features) for _ in range(3)]
    dataset = tf.data.Dataset.from_tensors(features).repeat(3)
    piped = list(dataset.map(lambda batch: again(batch, training=True)))
    # XLA draws other random numbers, from the same seed the same.
    compiled, twin = (
        compile_with_xla(build(seed=5))(as_tensors(features)) for _ in range(2)
    )
    changed = 0
    for one, other in zip(eager, piped, strict=True):
        for name, values in one.items():
            assert values.dtype == features[name].dtype
            np.testing.assert_array_equal(values, other[name])
            changed += int((values != features[name]).sum())
    assert changed > 0
    for name, values in compiled.items():
        np.testing.assert_array_equal(values, twin[name])
    assert any((compiled[n].numpy() != v).any() for n, v in features.items())
    assert any((eager[0][name] != eager[1][name]).any() for name in eager[0])
    other_seed = varied(build(seed=6), features)
    assert any((eager[0][name] != other_seed[name]).any() for name in other_seed)


def test_a_patch_is_turned_into_one_of_eight_with_its_angle_and_its_rasters():
    features = patches(count=200)
    found = varied(augmentation.TurnAndFlip(rasters=["sod"]), features)
    counts = dict.fromkeys(itertools.product(range(4), range(2)), 0)
    for n, image in enumerate(found["image"]):
        for turn, flip in counts:
            expected = np.rot90(features["image"][n], turn)
            raster = np.rot90(features["sod"][n], turn)
            if flip:
                expected, raster = expected[:, ::-1], raster[:, ::-1]
            if np.array_equal(image, expected):
                counts[turn, flip] += 1
                np.testing.assert_array_equal(found["sod"][n], raster)
    assert sum(counts.values()) == 200
    assert min(counts.values()) > 10


@pytest.mark.parametrize("looks", [4, 30])
def test_speckle_is_a_gamma_variable_of_its_looks(looks):
    features = {"image": np.zeros((4, 64, 64, 3), np.float32)}
    image = varied(augmentation.Speckle(looks=looks), features)["image"]
    gamma = 10 ** (image[..., :2] / 10)
    assert gamma.mean() == pytest.approx(1, abs=0.01)
    assert gamma.var() == pytest.approx(1 / looks, rel=0.05)
    law = scipy.stats.gamma(looks, scale=1 / looks)
    for channel in range(2):
        distance = scipy.stats.kstest(gamma[..., channel].ravel(), law.cdf).statistic
        assert distance < 0.02
    assert abs(np.corrcoef(gamma[..., 0].ravel(), gamma[..., 1].ravel())[0, 1]) < 0.03
    assert not image[..., 2].any()


def test_brightness_moves_with_the_angle_and_no_angle_leaves_the_swath():
    features = patches(count=40)
    features["image"][0, 0, 0] = np.nan
    found = varied(augmentation.ShiftAngle(degrees=30.0), features)["image"]
    change = found - features["image"]
    shift = change[:, 4, 4, 2]
    for channel, slope in enumerate(augmentation.SLOPES):
        np.testing.assert_allclose(
            np.nanmin(change[..., channel], axis=(1, 2)), slope * shift, atol=1e-4
        )
    assert np.nanmin(found[..., 2]) > 17.999
    assert np.nanmax(found[..., 2]) < 47.001
    assert shift.min() < -5 < 5 < shift.max()


def test_noise_is_an_offset_in_intensity_and_shows_in_dark_hv_alone():
    image = np.zeros((50, 2, 2, 3), np.float32)
    image[:, 0, :, 1], image[:, 1, :, 1] = -32.0, -12.0
    found = varied(augmentation.NoiseFloor(share=0.3), {"image": image})["image"]
    offset = 10 ** (found[..., 1] / 10) - 10 ** (image[..., 1] / 10)
    np.testing.assert_allclose(offset[:, 0], offset[:, 1], rtol=0.1, atol=1e-6)
    share = offset[:, 0, 0] / 10**-3.2
    assert np.abs(share).max() <= 0.301
    assert share.min() < -0.2 < 0.2 < share.max()
    assert np.abs(found[:, 1, :, 1] + 12).max() < 0.02
    np.testing.assert_array_equal(found[..., [0, 2]], image[..., [0, 2]])


def test_dates_that_are_dropped_were_clear_and_some_are_left(made_series):
    columns = made_series(300)
    del columns["id"]
    found = varied(series_augmentation.DropDates(share=0.3), columns)["condition"]
    changed = found != columns["condition"]
    clear = columns["condition"] == 0
    assert (columns["condition"][changed] == 0).all()
    assert (found[changed] == 1).all()
    assert changed.sum() / clear.sum() == pytest.approx(0.3, abs=0.03)
    every = varied(series_augmentation.DropDates(share=1.0), columns)["condition"]
    np.testing.assert_array_equal(every, columns["condition"])


def test_dates_move_by_few_days_and_keep_their_order(made_series):
    columns = made_series(300)
    del columns["id"]
    found = varied(series_augmentation.JitterDates(days=3), columns)["date"]
    inside = columns["condition"] != 255
    moved = found - columns["date"]
    assert set(moved[inside].tolist()) == set(range(-3, 4))
    assert not moved[~inside].any()
    before, after = (
        np.diff(date, axis=1)[inside[:, 1:]]
        for date in (
            columns["date"],
            found,
        )
    )
    assert (after >= 0).all()
    assert (after[before > 0] > 0).all()


def test_hidden_cloud_brightens_few_dates_and_leaves_their_condition(made_series):
    columns = made_series(300)
    del columns["id"]
    layer = series_augmentation.HideCloud(share=0.1, thickest=0.5)
    found = varied(layer, columns)
    np.testing.assert_array_equal(found["condition"], columns["condition"])
    old = columns["reflectance"].astype(float)
    share = (found["reflectance"] - old) / (6000 - old)
    veiled = np.abs(share).max(axis=2) > 0.01
    clear = columns["condition"] == 0
    assert not veiled[~clear].any()
    assert veiled.sum() / clear.sum() == pytest.approx(0.1, abs=0.02)
    assert np.ptp(share[veiled], axis=1).max() < 0.01  # All bands by the same share.
    assert 0.45 < share.max() <= 0.501


def test_band_noise_has_the_stated_spread(made_series):
    columns = made_series(400)
    del columns["id"]
    columns["reflectance"] = (
        np.where(columns["condition"][..., None] == 255, 0, 2000)
        .repeat(9, axis=2)
        .astype(np.uint16)
    )
    layer = series_augmentation.BandNoise(gain=0.05, noise=40.0)
    found = varied(layer, columns)["reflectance"].astype(float)
    inside = columns["condition"] != 255
    assert not found[~inside].any()
    found[~inside] = np.nan
    gain = np.nanmean(found, axis=1) / 2000
    assert gain.std() == pytest.approx(0.05, rel=0.06)
    rest = found - np.nanmean(found, axis=1, keepdims=True)
    assert np.nanstd(rest) == pytest.approx(40, rel=0.05)


def test_replicas_vary_their_patches_in_different_ways(two_cpus):
    with two_cpus.scope():
        layer = augmentation.Speckle(seed=3)
    image = tf.zeros([2, 4, 4, 3])
    step = tf.function(lambda: layer({"image": image}, training=True)["image"])
    one, two = two_cpus.experimental_local_results(two_cpus.run(step))
    assert not np.array_equal(one, two)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: augmentation.Speckle(looks=2), "looks must be at least 4; got 2"),
        (
            lambda: series_augmentation.DropDates(share=1.5),
            r"share must lie in \[0, 1\]; got 1.5",
        ),
    ],
)
def test_settings_out_of_range_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_layers_are_saved_with_a_model(tmp_path):
    image = keras.Input((8, 8, 3), name="image")
    layer = augmentation.Speckle(looks=9, seed=2)
    model = keras.Model({"image": image}, layer({"image": image}))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.layers[-1].get_config()["looks"] == 9
