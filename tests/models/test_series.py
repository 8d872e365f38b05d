import math

import numpy as np
import pytest
import tensorflow as tf

from models import series

# Two series of three and five dates; a value names its series, date and band.
REFLECTANCE = np.array(
    [
        [[111, 112], [121, 122], [131, 132], [0, 0], [0, 0]],
        [[211, 212], [221, 222], [231, 232], [241, 242], [251, 252]],
    ],
    np.uint16,
)
CONDITION = np.array([[0, 1, 0, 255, 255], [2, 3, 1, 0, 2]], np.uint8)
DATE = np.array([[10, 20, 40, 0, 0], [11, 21, 31, 41, 51]], np.int32)
INPUTS = {"reflectance": REFLECTANCE, "condition": CONDITION, "date": DATE}


def numbers(tensors):
    return [np.asarray(tensor).tolist() for tensor in tensors]


def test_clear_dates_move_left_in_their_order_and_zeros_follow():
    assert numbers(series.KeepClearDates()(INPUTS)) == [
        [[[111, 112], [131, 132]], [[241, 242], [0, 0]]],
        [[10, 40], [41, 0]],
        [[True, True], [True, False]],
    ]


def test_untrimmed_series_keep_their_number_of_dates():
    reflectance, date, mask = numbers(series.KeepClearDates(trim=False)(INPUTS))
    assert reflectance[1] == [[241, 242]] + [[0, 0]] * 4
    assert date == [[10, 40, 0, 0, 0], [41, 0, 0, 0, 0]]
    assert mask == [[True, True, False, False, False], [True] + [False] * 4]


def test_a_series_without_a_clear_date_keeps_one_date_of_zeros():
    cloudy = {**INPUTS, "condition": np.array([[1] * 5, [2] * 5], np.uint8)}
    expected = [[[[0, 0]]] * 2, [[0]] * 2, [[True]] * 2]
    assert numbers(series.KeepClearDates()(cloudy)) == expected
    _, _, mask = numbers(series.KeepClearDates(trim=False)(cloudy))
    assert mask == [[True, False, False, False, False]] * 2


@pytest.mark.parametrize("trim", [True, False])
def test_clear_dates_are_kept_inside_a_tf_data_map_as_outside(trim):
    layer = series.KeepClearDates(trim=trim)
    layer = series.KeepClearDates.from_config(layer.get_config())
    dataset = tf.data.Dataset.from_tensors(INPUTS).map(layer)
    assert numbers(next(iter(dataset))) == numbers(layer(INPUTS))
    assert numbers(layer(INPUTS))[1][1] == [41, 0, 0, 0, 0][: 2 if trim else 5]


def test_time_of_season_by_hand():
    start = 17_775  # 1 September 2018
    date = np.array([[start, start + 31, start + 31, 0]], np.float32)
    mask = np.array([[True, True, True, False]])
    found = series.TimeOfSeason()((date, mask)).numpy()[0]
    angle = 2 * math.pi * 31 / 365.2425
    expected = [
        [0, 1, 0],
        [math.sin(angle), math.cos(angle), 1],
        [math.sin(angle), math.cos(angle), 0],
        [0, 0, 0],
    ]
    # Leap days put 1 September up to a day off the mean year.
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_the_season_is_the_same_a_year_later():
    mask = np.ones((1, 3), bool)
    date = np.array([[17_800, 17_850, 17_999]], np.float32)
    layer = series.TimeOfSeason()
    np.testing.assert_allclose(
        layer((date, mask)), layer((date + 365, mask)), atol=0.005
    )


def test_the_start_of_the_season_is_in_the_config():
    date, mask = np.array([[100.0, 130.0]], np.float32), np.ones((1, 2), bool)
    layer = series.TimeOfSeason(start=100)
    again = series.TimeOfSeason.from_config(layer.get_config())
    np.testing.assert_array_equal(again((date, mask)), layer((date, mask)))
    assert layer((date, mask)).numpy()[0, 0, :2].tolist() == [0, 1]


def test_time_of_season_is_the_same_inside_a_tf_data_map():
    date, mask = np.array([[100.0, 130.0]], np.float32), np.array([[True, False]])
    layer = series.TimeOfSeason()
    dataset = tf.data.Dataset.from_tensors((date, mask)).map(lambda d, m: layer((d, m)))
    np.testing.assert_array_equal(next(iter(dataset)), layer((date, mask)))


def test_pooling_looks_at_the_dates_of_the_mask_alone():
    values = np.array([[[1, -5], [3, -7], [100, 100]], [[-2, 4]] * 3], np.float32)
    mask = np.array([[True, True, False], [True, False, False]])
    layer = series.PoolDates.from_config(series.PoolDates().get_config())
    expected = [[2, -6, 3, -5], [-2, 4, -2, 4]]
    assert layer((values, mask)).numpy().tolist() == expected
    dataset = tf.data.Dataset.from_tensors((values, mask))
    mapped = next(iter(dataset.map(lambda v, m: layer((v, m)))))
    assert mapped.numpy().tolist() == expected
