import dataclasses
import pkgutil

import pytest

from models import experiment, experiments


def test_an_unknown_name_lists_the_experiments():
    with pytest.raises(ValueError, match=r"'crops'; there are .*time_sen2_crop_lstm"):
        experiment.find("crops")


def test_every_module_of_experiments_is_listed_and_bears_its_name():
    modules = [module.name for module in pkgutil.iter_modules(experiments.__path__)]
    assert sorted(experiments.NAMES) == sorted(modules)
    assert [experiment.find(name).name for name in modules] == modules


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("epochs", 0, "epochs of experiment 'time_sen2_crop_lstm' must be at least 1"),
        ("batch_size", -2, "batch_size .* got -2"),
        ("seed", -1, "seed .* must not be negative; got -1"),
        ("inputs", (), "must have inputs; it has none"),
    ],
)
def test_numbers_that_make_no_experiment_are_refused(field, value, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(experiment.find("time_sen2_crop_lstm"), **{field: value})
