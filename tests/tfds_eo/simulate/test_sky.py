"""Acquisitions follow the orbits; clouds, shadows and snow look like themselves."""

import numpy as np
import pytest

from tfds_eo.simulate import sky

GREEN_FIELD = (400, 650, 500, 1100, 3000, 3600, 4000, 1900, 1100)


@pytest.fixture(scope="module")
def drawn():
    return sky.draw_sky(
        np.random.default_rng(3), orbits=(22, 122), season=2018, steps=61, altitude=0.5
    )


@pytest.fixture(scope="module")
def seen(drawn):
    """Pixels of evergreen fields, three a parcel."""
    rng = np.random.default_rng(4)
    fields = np.tile(np.array(GREEN_FIELD, np.float32), (200, 61, 1))
    place = rng.random((200, 2), np.float32)
    parcel = np.repeat(np.arange(200), 3)
    return (*sky.observe(rng, drawn, fields, place, parcel), place, parcel)


def test_orbit_122_sees_the_first_day_of_the_published_set_and_79_the_last():
    first, last = np.datetime64("2017-09-03"), np.datetime64("2018-08-31")
    found = sky.passes((122,), np.datetime64("2017-09-01"), np.datetime64("2017-09-15"))
    assert found.tolist() == (first + np.array([0, 5, 10])).tolist()
    found = sky.passes((79,), np.datetime64("2018-08-20"), last)
    assert found.tolist() == (last - np.array([10, 5, 0])).tolist()


def test_two_orbits_are_seen_on_the_days_of_either():
    span = (np.datetime64("2018-09-01"), np.datetime64("2019-08-31"))
    both = sky.passes((65, 22), *span)
    either = [*sky.passes((65,), *span), *sky.passes((22,), *span)]
    assert both.tolist() == sorted(day.item() for day in either)
    assert len(both) == 146


def test_dates_are_passes_of_the_season_in_order_with_some_missing(drawn):
    every = sky.passes(
        (22, 122), np.datetime64("2017-09-01"), np.datetime64("2018-08-31")
    )
    assert len(drawn.dates) == 61 < len(every)
    assert (np.diff(drawn.dates).astype(int) > 0).all()
    assert np.isin(drawn.dates, every).all()
    assert (drawn.days == (drawn.dates - np.datetime64("2017-09-01")).astype(int)).all()


def test_clouds_are_bright_shadows_dark_and_snow_dark_in_the_infrared(seen):
    values, condition, *_ = seen
    of = {flag: np.median(values[condition == flag], axis=0) for flag in range(4)}
    assert of[sky.CLEAR] == pytest.approx(GREEN_FIELD, rel=0.08)
    assert of[sky.CLOUD][0] > 5 * of[sky.CLEAR][0]
    assert of[sky.SHADOW][6] < 0.75 * of[sky.CLEAR][6]
    assert of[sky.SNOW][0] > 5 * of[sky.CLEAR][0]
    assert of[sky.SNOW][7] < 0.4 * of[sky.SNOW][2]
    assert of[sky.CLOUD][7] > 0.5 * of[sky.CLOUD][2]


def test_snow_lies_in_winter_only(drawn, seen):
    condition = seen[1]
    snowy = (condition == sky.SNOW).mean(axis=0)
    winter = (drawn.days > 75) & (drawn.days < 240)
    assert snowy[winter].max() > 0.2
    assert (snowy[~winter] == 0).all()


def test_some_cloud_is_not_flagged_and_some_flags_are_false(seen):
    values, condition, *_ = seen
    bright = values[..., 0] > 4000
    covered = (condition == sky.CLOUD) | (condition == sky.SNOW)
    missed = (bright & (condition == sky.CLEAR)).sum() / bright.sum()
    assert 0.001 < missed < 0.05
    false = (condition == sky.CLOUD) & (np.abs(values[..., 0] / 400.0 - 1) < 0.15)
    assert 0.001 < false.sum() / covered.sum() < 0.05
    hazy = (condition == sky.CLEAR) & (values[..., 0] > 700) & ~bright
    assert 0.01 < hazy.mean() < 0.2


def test_neighbours_share_their_clouds(seen):
    _, condition, place, parcel = seen
    cloudy = (condition[np.searchsorted(parcel, np.arange(200))] == sky.CLOUD).T
    mixed = cloudy[(cloudy.mean(axis=1) > 0.2) & (cloudy.mean(axis=1) < 0.8)]
    apart = np.linalg.norm(place[:, None] - place, axis=-1)
    alike = (mixed[:, :, None] == mixed[:, None, :]).mean(axis=0)
    near = alike[(apart > 0) & (apart < 0.03)].mean()
    far = alike[apart > 0.5].mean()
    assert near > 0.8 > far + 0.15


def test_whole_dates_are_more_cloudy_or_less(seen):
    cloudy = (seen[1] == sky.CLOUD).mean(axis=0)
    assert (cloudy < 0.05).sum() >= 5
    assert (cloudy > 0.6).sum() >= 5
    assert 0.1 < cloudy.mean() < 0.5
