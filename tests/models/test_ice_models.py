import keras
import numpy as np
import pytest
import tensorflow as tf

from models import ice_cnn, ice_inputs, vgg16, vgg16_no_pooling

CNN, NO_POOLING = ice_cnn.ice_cnn, vgg16_no_pooling.vgg16_no_pooling


def made_image(rows, cols, *, count=1, channels=3, seed=0):
    """Noise around the published means."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 5, (count, rows, cols, channels))
    means = np.resize(ice_inputs.ICE_MEAN, channels)
    return (means + noise).astype(np.float32)


def settle(model, seed=1):
    """Gives every weight, also the moving statistics, a value of its own."""
    rng = np.random.default_rng(seed)
    model.set_weights([w + rng.uniform(0, 0.02, w.shape) for w in model.get_weights()])


@pytest.mark.parametrize(
    ("build", "size", "step"),
    [
        (CNN, 10, 1),
        (CNN, 20, 4),
        (CNN, 32, 4),
        (CNN, 64, 8),
        (NO_POOLING, 10, 1),
        (NO_POOLING, 20, 1),
        (NO_POOLING, 32, 1),
    ],
)
def test_a_tile_gets_the_logits_of_each_of_its_patches(build, size, step):
    width = 0.1 if build is NO_POOLING else 6
    patch, tile = (build(4, size=size, width=width, tile=t) for t in (False, True))
    settle(patch)
    tile.set_weights(patch.get_weights())
    rows, cols = 2 * step + size + (step > 1), 3 * step + size
    image = made_image(rows, cols)
    image[0, size // 2, size // 2, 1] = np.nan
    found = tile({"image": image}).numpy()[0]
    assert found.shape == (3, 4, 4)
    if build is CNN:
        assert step == ice_cnn.stride(size)
    cut = np.stack(
        [
            image[0, row * step :, col * step :][:size, :size]
            for row in range(3)
            for col in range(4)
        ]
    )
    expected = patch({"image": cut}).numpy().reshape(3, 4, 4)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.ptp(found, axis=(0, 1)).min() > 1e-3


@pytest.mark.parametrize("size", [10, 20, 32, 64, 256])
def test_the_receptive_field_is_what_the_gradient_reaches(size):
    model = NO_POOLING(2, size=size, width=1 / 16, tile=True, dropout=0)
    settle(model)
    last = model.get_layer("block5_conv3").output
    features = keras.Model(model.input, last)
    side = size + 4
    image = tf.constant(made_image(side, side))
    with tf.GradientTape() as tape:
        tape.watch(image)
        corner = tf.reduce_sum(features({"image": image})[:, 0, 0])
    reached = np.abs(tape.gradient(corner, image).numpy()).sum(axis=(0, 3)) > 0
    stated = vgg16_no_pooling.receptive_field(size)
    assert np.argwhere(reached).max(axis=0).tolist() == [stated - 1] * 2
    assert stated == {10: 9, 20: 19, 32: 27, 64: 49, 256: 181}[size]
    assert len(vgg16_no_pooling.dilations(size)) == 13


@pytest.mark.parametrize(("size", "poolings"), [(10, 3), (20, 4), (32, 5), (64, 5)])
def test_small_patches_are_pooled_as_often_as_pixels_are_left(size, poolings):
    model = vgg16.vgg16(3, size=size, width=1 / 16)
    pools = [one for one in model.layers if one.name.endswith("_pool")]
    assert len(pools) == poolings
    assert min(pools[-1].output.shape[1:3]) == max(1, size // 32)
    convolutions = [o for o in model.layers if isinstance(o, keras.layers.Conv2D)]
    assert len(convolutions) == 13
    assert [c.filters for c in convolutions[::4]] == [4, 16, 32, 32]
    assert np.isfinite(model({"image": made_image(size, size)})).all()


def every_model(**more):
    return [
        CNN(3, size=10, width=4, **more),
        vgg16.vgg16(3, size=10, width=1 / 8, **more),
        NO_POOLING(3, size=10, width=1 / 8, **more),
    ]


def test_pixels_without_data_count_as_the_mean():
    image = made_image(10, 10)
    image[0, 2, 3] = ice_inputs.ICE_MEAN
    holes = image.copy()
    holes[0, 2, 3] = (np.nan, -np.inf, np.inf)
    for model in every_model():
        settle(model)
        np.testing.assert_allclose(
            model({"image": holes}), model({"image": image}), atol=1e-5
        )


def test_a_channel_that_is_not_used_has_no_influence():
    image = made_image(10, 10)
    other = image.copy()
    other[..., 2] += 7
    for model in every_model(use=(0, 1)):
        np.testing.assert_array_equal(model({"image": image}), model({"image": other}))
    for model in every_model():
        settle(model)
        gap = np.abs(model({"image": image}) - model({"image": other}))
        assert gap.max() > 1e-6


def test_any_number_of_channels_goes_in():
    for model in every_model(mean=(-15.0,) * 5, standard_deviation=(2.0,) * 5):
        logits = model({"image": made_image(10, 10, channels=5)})
        assert logits.shape == (1, 3)
        assert np.isfinite(logits).all()


def test_a_saved_model_predicts_the_same_and_so_does_a_compiled_one(tmp_path):
    image = {"image": made_image(10, 10, count=3)}
    for number, model in enumerate(every_model(use=(2, 0))):
        settle(model)
        path = tmp_path / f"{number}.keras"
        model.save(path)
        again = keras.models.load_model(path)
        np.testing.assert_array_equal(again(image), model(image))
        compiled = tf.function(model, jit_compile=True)
        np.testing.assert_allclose(compiled(image), model(image), rtol=1e-5, atol=1e-5)


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory):
    """Weights of the original, random, in Keras's own format."""
    keras.utils.set_random_seed(2)
    original = keras.applications.VGG16(include_top=False, weights=None)
    path = tmp_path_factory.mktemp("vgg") / "vgg16.weights.h5"
    original.save_weights(path)
    return original, path


def test_transfer_gives_a_grey_image_the_features_of_the_original(weights_file):
    original, path = weights_file
    model = vgg16.vgg16_transfer(4, size=32, weights=path)
    standard = np.random.default_rng(3).normal(0, 1, (2, 32, 32, 1))
    image = standard * ice_inputs.ICE_DEVIATION + np.array(ice_inputs.ICE_MEAN)
    features = keras.Model(model.input, model.get_layer("block5_pool").output)
    found = features({"image": image.astype(np.float32)}).numpy()
    grey = np.repeat(standard * vgg16.IMAGENET_DEVIATION, 3, axis=3)
    expected = original(grey.astype(np.float32)).numpy()
    assert expected.max() > 0.01
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_transfer_freezes_the_blocks_that_it_is_told_to(weights_file):
    _, path = weights_file
    model = vgg16.vgg16_transfer(4, size=20, weights=path, frozen_blocks=5)
    assert [w.path for w in model.trainable_weights] == [
        f"{layer}/{part}"
        for layer in ("dense", "logits")
        for part in ("kernel", "bias")
    ]
    vgg16.freeze_blocks(model, 4)
    first = model.trainable_weights[0].path
    assert first == "block5_conv1/kernel"
    assert len(model.trainable_weights) == 6 + 4
    with pytest.raises(ValueError, match="frozen_blocks must lie in 0 to 5; got 6"):
        vgg16.freeze_blocks(model, 6)


def test_a_weights_file_that_is_none_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file 'nowhere\.h5'"):
        vgg16.vgg16_transfer(4, size=32, weights="nowhere.h5")
    wrong = tmp_path / "wrong.weights.h5"
    CNN(3, size=10, width=4).save_weights(wrong)
    with pytest.raises(ValueError, match=r"wrong\.weights\.h5 must be one of Keras's"):
        vgg16.vgg16_transfer(4, size=32, weights=wrong)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: CNN(3, size=11), "size must be one of 10, 20, 32, 64; got 11"),
        (lambda: CNN(0, size=10), "classes must be at least 1; got 0"),
        (lambda: CNN(3, size=10, dropout=1), r"dropout must lie in \[0, 1\); got 1"),
        (lambda: CNN(3, size=10, use=(3,)), r"channels of \[0, 3\); got \(3,\)"),
        (lambda: vgg16.vgg16(3, size=32, width=0), "at least 1 of 64 channels; got 0"),
        (lambda: NO_POOLING(3, size=2), "size must be at least 3; got 2"),
    ],
)
def test_what_cannot_be_built_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
