import keras
import numpy as np
import pytest
import tensorflow as tf

from models import crop_lstm, training


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    return crop_lstm.crop_lstm(5, units=12, layers=2)


def inputs_of(columns):
    return {name: columns[name] for name in crop_lstm.INPUTS}


def padded(columns, more):
    """The same series with more padding behind."""
    fill = {"reflectance": 0, "condition": 255, "date": 0}
    return {
        name: np.pad(
            values,
            [(0, 0), (0, more)] + [(0, 0)] * (values.ndim - 2),
            constant_values=fill[name],
        )
        for name, values in columns.items()
    }


@pytest.mark.parametrize("more", [1, 6, 40])
def test_padding_does_not_change_the_logits(model, made_series, more):
    columns = inputs_of(made_series(33))
    np.testing.assert_allclose(
        model(padded(columns, more)), model(columns), rtol=1e-5, atol=1e-6
    )


def test_what_lies_under_clouds_does_not_change_the_logits(model, made_series):
    columns = inputs_of(made_series(33))
    cloudy = columns["condition"] != 0
    rng = np.random.default_rng(5)
    other = {name: values.copy() for name, values in columns.items()}
    other["reflectance"][cloudy] = rng.integers(0, 65536, (cloudy.sum(), 9))
    other["date"][cloudy] = rng.integers(-(10**6), 10**6, cloudy.sum())
    np.testing.assert_array_equal(model(other), model(columns))


def test_where_the_clouds_are_does_not_change_the_logits(model, made_series):
    columns = inputs_of(made_series(8, cloudy=0.0))
    doubled = {name: np.repeat(values, 2, axis=1) for name, values in columns.items()}
    doubled["condition"][:, ::2] = 2  # A shadow before each date of the series.
    np.testing.assert_allclose(model(doubled), model(columns), rtol=1e-5, atol=1e-6)


def test_a_clear_date_changes_the_logits(model, made_series):
    columns = inputs_of(made_series(9, cloudy=0.0))
    for name, change in (("reflectance", 500), ("date", -9)):
        other = {**columns, name: columns[name].copy()}
        other[name][:, 4] += np.array(change, columns[name].dtype)
        assert (np.abs(model(other) - model(columns)).max(axis=1) > 1e-5).all()


@pytest.mark.parametrize("steps", [None, 7])
def test_series_without_a_clear_date_have_finite_logits_and_gradients(steps):
    small = crop_lstm.crop_lstm(3, units=4, steps=steps)
    inputs = {
        "reflectance": np.full((2, 7, 9), 20_000, np.uint16),
        "condition": np.array([[1] * 7, [255] * 7], np.uint8),
        "date": np.full((2, 7), 17_000, np.int32),
    }
    with tf.GradientTape() as tape:
        logits = small(inputs, training=True)
        loss = tf.reduce_mean(logits**2)
    gradients = tape.gradient(loss, [v.value for v in small.trainable_variables])
    assert np.isfinite(logits).all()
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    np.testing.assert_array_equal(*small(inputs))


def test_a_batch_of_series_without_dates_has_finite_logits(model):
    nothing = {
        "reflectance": np.zeros((2, 0, 9), np.uint16),
        "condition": np.zeros((2, 0), np.uint8),
        "date": np.zeros((2, 0), np.int32),
    }
    assert np.isfinite(model(nothing)).all()


def test_a_fixed_number_of_dates_gives_the_logits_of_a_free_one(model, made_series):
    columns = inputs_of(made_series(9))
    fixed = crop_lstm.crop_lstm(5, units=12, layers=2, steps=23)
    fixed.set_weights(model.get_weights())
    compiled = tf.function(fixed, jit_compile=True)
    np.testing.assert_allclose(fixed(columns), model(columns), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(compiled(columns), model(columns), rtol=1e-4, atol=1e-5)


def test_the_layers_meet_the_conditions_of_cudnn(model):
    wrappers = [layer for layer in model.layers if layer.name.startswith("lstm_")]
    layers = [w for one in wrappers for w in (one.forward_layer, one.backward_layer)]
    assert len(layers) == 4
    for layer in layers:
        config = layer.get_config()
        found = [config[name] for name in ("activation", "recurrent_activation")]
        assert found == ["tanh", "sigmoid"]
        assert not config["unroll"]
        assert not config["recurrent_dropout"]
        assert config["use_bias"]


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_logits_are_float32_and_close_in_mixed_precision(model, made_series, policy):
    with training.precision(policy):
        mixed = crop_lstm.crop_lstm(5, units=12, layers=2)
    mixed.set_weights(model.get_weights())
    columns = inputs_of(made_series(9))
    logits = mixed(columns)
    assert logits.dtype == tf.float32
    assert mixed.get_layer("embed").compute_dtype == policy.removeprefix("mixed_")
    np.testing.assert_allclose(logits, model(columns), atol=0.03)


def test_a_saved_model_gives_the_same_logits(model, made_series, tmp_path):
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    columns = inputs_of(made_series(9))
    np.testing.assert_array_equal(again(columns), model(columns))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classes": 0}, "classes must be at least 1; got 0"),
        ({"classes": 2, "units": -1}, "units must be at least 1; got -1"),
        ({"classes": 2, "layers": 0}, "layers must be at least 1; got 0"),
        ({"classes": 2, "dropout": 1.0}, r"dropout must lie in \[0, 1\); got 1.0"),
    ],
)
def test_sizes_that_make_no_model_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        crop_lstm.crop_lstm(**arguments)
