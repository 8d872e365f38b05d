"""Legends: ids, names and colours belong together."""

import itertools

import pytest

from tfds_eo import legends


def test_the_classes_of_timesen2crop_have_the_order_of_its_folders():
    names = legends.TIME_SEN2_CROP.names
    assert len(names) == 16
    assert [names.index(n) for n in ("legumes", "beet", "winter_caraway")] == [0, 10, 7]
    assert names[-3:] == ["winter_triticale", "permanent_plantation", "other_crops"]


def test_colours_of_a_legend_can_be_told_apart():
    def rgb(colour):
        return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]

    for one, two in itertools.combinations(legends.TIME_SEN2_CROP.colours, 2):
        distance = sum((a - b) ** 2 for a, b in zip(rgb(one), rgb(two), strict=True))
        assert distance**0.5 > 24, (one, two)


def test_an_unknown_class_is_answered_with_the_known_ones():
    legend = legends.legend_of("ice", [("Open water", "#000000"), ("Ice", "#ffffff")])
    assert legend.id_of("ice") == 1
    with pytest.raises(ValueError, match="its classes are open_water, ice"):
        legend.id_of("old_ice")


def test_a_name_stands_for_one_class():
    with pytest.raises(ValueError, match="must differ"):
        legends.legend_of("ice", [("Ice", "#000000"), ("Ice", "#ffffff")])


def test_ids_count_from_zero():
    made = legends.LegendClass(id=2, name="ice", title="Ice", colour="#ffffff")
    with pytest.raises(ValueError, match=r"must be 0, 1, 2, ...; got \[2\]"):
        legends.Legend(name="ice", classes=(made,))
