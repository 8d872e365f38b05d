import keras
import numpy as np
import pytest
import tensorflow as tf

from models import scaling


def layer():
    return scaling.Standardise([100.0, 200.0, 300.0], [10.0, 20.0, 50.0])


VALUES = np.array([[[110, 200, 300], [100, 160, 65535]]], np.uint16)
EXPECTED = [[[1, 0, 0], [0, -2, 1304.7]]]


def test_a_band_is_its_distance_from_the_mean_in_standard_deviations():
    np.testing.assert_allclose(layer()(VALUES), EXPECTED, rtol=1e-6)


def test_a_batch_is_scaled_inside_a_tf_data_map_as_outside():
    dataset = tf.data.Dataset.from_tensors(VALUES).map(layer())
    np.testing.assert_allclose(next(iter(dataset)), EXPECTED, rtol=1e-6)


def test_the_config_holds_the_numbers():
    again = scaling.Standardise.from_config(layer().get_config())
    np.testing.assert_allclose(again(VALUES), EXPECTED, rtol=1e-6)


def test_half_precision_comes_after_the_scaling():
    half = scaling.Standardise([60000.0], [1.0], dtype="mixed_float16")
    scaled = half(np.array([[65535], [59999]], np.uint16))
    assert scaled.dtype == tf.float16
    # 65535 in float16 would be infinite, 60000 and 59999 the same.
    np.testing.assert_array_equal(scaled, np.array([[5535], [-1]], np.float16))


@pytest.mark.parametrize(
    ("mean", "deviation", "message"),
    [
        ([1.0, 2.0], [1.0], "one number a band each; got 2 and 1"),
        ([1.0], [0.0], "standard_deviation must be above 0"),
        ([1.0], [float("nan")], "standard_deviation must be above 0"),
        ([float("inf")], [1.0], "mean must be finite"),
    ],
)
def test_numbers_that_cannot_scale_are_refused(mean, deviation, message):
    with pytest.raises(ValueError, match=message):
        scaling.Standardise(mean, deviation)


def test_an_input_of_another_number_of_bands_is_refused():
    with pytest.raises(ValueError, match="knows 3 bands; its input has 4"):
        layer()(keras.Input((None, 4)))


def test_the_crop_numbers_have_one_entry_a_band():
    assert len(scaling.CROP_MEAN) == len(scaling.CROP_DEVIATION) == 9
