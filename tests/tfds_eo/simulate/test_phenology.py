"""Fields green up and fade as their class does, in spectra that have that NDVI."""

import numpy as np
import pytest
from scipy.interpolate import CubicHermiteSpline

from tfds_eo.legends import TIME_SEN2_CROP
from tfds_eo.simulate import phenology

MONTHS = [
    *("Sep", "Oct", "Nov", "Dec", "Jan", "Feb"),
    *("Mar", "Apr", "May", "Jun", "Jul", "Aug"),
]
DAYS = np.arange(2, 365, 5, dtype=np.float32)


def ndvi(values):
    return (values[..., 6] - values[..., 2]) / (values[..., 6] + values[..., 2])


def drawn(name, *, parcels=400, days=DAYS, **place):
    usual = {"delay": 0.0, "vigour": 1.0, "soil": np.ones(9, np.float32)}
    return phenology.draw_parcels(
        np.random.default_rng(7),
        TIME_SEN2_CROP.id_of(name),
        parcels,
        days,
        wetness=np.full(len(days), 0.4, np.float32),
        **(usual | place),
    )


def month_of_peak(curve):
    return MONTHS[min(int(DAYS[curve.argmax()] // 30.4), 11)]


@pytest.mark.parametrize(
    ("name", "months"),
    [
        ("winter_wheat", {"May"}),
        ("winter_barley", {"Apr", "May"}),
        ("rapeseed", {"May", "Oct", "Nov"}),
        ("spring_cereals", {"Jun"}),
        ("maize", {"Jul", "Aug"}),
        ("soy", {"Jul"}),
        ("beet", {"Jul", "Aug"}),
    ],
)
def test_a_class_is_greenest_in_the_month_that_farmers_know(name, months):
    assert month_of_peak(ndvi(drawn(name)).mean(axis=0)) in months


def test_the_mean_curve_meets_the_published_month_in_its_middle():
    middles = np.array([14, 45, 75, 106, 137, 166, 196, 226, 257, 287, 318, 349])
    for label, monthly in enumerate(phenology.MONTHLY_NDVI):
        assert phenology.greenness(label, middles) == pytest.approx(monthly, abs=1e-6)


def test_between_the_middles_the_curve_is_a_cubic_hermite_spline():
    middles = np.array([14, 45, 75, 106, 137, 166, 196, 226, 257, 287, 318, 349])
    monthly = np.array(phenology.MONTHLY_NDVI[6])
    slopes = np.gradient(monthly, middles)
    slopes[[0, -1]] = 0
    days = np.arange(14, 350)
    wanted = CubicHermiteSpline(middles, monthly, slopes)(days)
    assert phenology.greenness(6, days) == pytest.approx(wanted, abs=1e-6)


def test_a_day_beyond_the_season_has_the_value_of_its_end():
    found = phenology.greenness(2, np.array([-40.0, 0.0, 364.0, 500.0], np.float32))
    assert found == pytest.approx([0.63, 0.63, 0.73, 0.73])


def test_a_mixture_has_the_ndvi_that_was_asked_for():
    rng = np.random.default_rng(1)
    wanted = rng.uniform(0.25, 0.78, (5, 7)).astype(np.float32)
    ground = np.broadcast_to(phenology.MOIST_SOIL, (5, 7, 9))
    found = phenology.spectra(wanted, phenology.GREEN[[2, 5, 6, 9, 12]], ground)
    assert ndvi(found) == pytest.approx(wanted, abs=1e-5)


def test_a_mixture_is_a_point_on_the_line_from_ground_to_green():
    green, ground = phenology.GREEN[9], phenology.DRY_GROUND
    halves = ((green + ground) / 2)[None, None]
    wanted = ndvi(halves)
    found = phenology.spectra(wanted, green[None], ground[None, None])
    assert found == pytest.approx(halves, rel=1e-4)


def test_growth_that_lags_is_seen_later():
    curves = [ndvi(drawn("winter_wheat", delay=delay)).mean(0) for delay in (-10, 10)]
    rise = [np.interp(0.55, curve[38:51], DAYS[38:51]) for curve in curves]
    assert rise[1] - rise[0] == pytest.approx(20, abs=4)


def test_vigour_makes_fields_greener_and_soil_colours_bare_ones():
    weak, strong = (ndvi(drawn("maize", vigour=v)) for v in (0.85, 1.1))
    july = (DAYS > 310) & (DAYS < 330)
    assert strong[:, july].mean() > weak[:, july].mean() + 0.05
    soil = np.ones(9, np.float32)
    soil[1] = 1.5
    april = (DAYS > 215) & (DAYS < 240)
    plain, coloured = (drawn("maize", soil=s)[:, april].mean((0, 1)) for s in (1, soil))
    assert coloured[1] / plain[1] > 1.3
    assert coloured[7] / plain[7] == pytest.approx(1, abs=0.05)


def test_reflectance_is_that_of_land():
    for name in TIME_SEN2_CROP.names:
        values = drawn(name)
        assert 1 < values.min() < values.max() < 10_000


def test_parcels_of_a_class_differ():
    curves = ndvi(drawn("potato"))
    july = (DAYS > 310) & (DAYS < 330)
    assert 0.02 < curves[:, july].std(axis=0).mean() < 0.15


def test_every_class_may_lean_to_others_but_not_to_itself():
    assert len(phenology.HABITS) == len(TIME_SEN2_CROP) == len(phenology.GREEN)
    for label, habit in enumerate(phenology.HABITS):
        assert label not in habit.kin
        assert set(habit.kin) <= set(range(16))
