"""Given series are laid out as the format of TimeSen2Crop says."""

import itertools
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tfds_eo.simulate.crop_archive import (
    CropSeries,
    Layout,
    Tile,
    samples_text,
    write_archive_of,
)

DATES = np.array(["2017-09-03", "2018-01-31", "2018-08-31"], "datetime64[D]")


def series(samples, *, steps=3, first=1):
    """Series in which every number occurs once."""
    count = samples * steps * 9
    return CropSeries(
        reflectance=np.arange(first, first + count).reshape(samples, steps, 9),
        condition=np.arange(samples * steps).reshape(samples, steps) % 4,
    )


TILES = {
    "33UVP": Tile(dates=DATES, series={10: series(12), 2: series(1, first=60_000)}),
    "32TNT": Tile(dates=DATES[:2], series={0: series(0, steps=2)}),
}


def read(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def slow_text(reflectance, condition):
    lines = ["B1,B2,B3,B4,B5,B6,B7,B8,B9,Flag"]
    for bands, flag in zip(reflectance.tolist(), condition.tolist(), strict=True):
        lines.append(",".join(str(value) for value in [*bands, flag]))
    return ("\n".join(lines) + "\n").encode()


def test_an_archive_holds_top_folder_tiles_dates_classes_and_numbered_samples(tmp_path):
    write_archive_of(tmp_path / "x.zip", TILES)
    found = read(tmp_path / "x.zip")
    assert list(found) == [
        "TimeSen2Crop/",
        "TimeSen2Crop/33UVP/",
        "TimeSen2Crop/33UVP/dates.csv",
        "TimeSen2Crop/33UVP/2/",
        "TimeSen2Crop/33UVP/2/0.csv",
        "TimeSen2Crop/33UVP/10/",
        *[f"TimeSen2Crop/33UVP/10/{number}.csv" for number in range(12)],
        "TimeSen2Crop/32TNT/",
        "TimeSen2Crop/32TNT/dates.csv",
        "TimeSen2Crop/32TNT/0/",
    ]
    assert found["TimeSen2Crop/33UVP/dates.csv"] == (
        b"acquisition_date\n20170903\n20180131\n20180831\n"
    )
    assert found["TimeSen2Crop/33UVP/2/0.csv"] == (
        b"B1,B2,B3,B4,B5,B6,B7,B8,B9,Flag\n"
        b"60000,60001,60002,60003,60004,60005,60006,60007,60008,0\n"
        b"60009,60010,60011,60012,60013,60014,60015,60016,60017,1\n"
        b"60018,60019,60020,60021,60022,60023,60024,60025,60026,2\n"
    )


@given(
    shape=st.tuples(st.integers(0, 4), st.integers(0, 5)),
    data=st.data(),
)
def test_the_text_of_samples_is_what_joining_each_number_gives(shape, data):
    reflectance = data.draw(arrays.arrays(np.uint16, (*shape, 9)))
    condition = data.draw(arrays.arrays(np.uint8, shape, elements=st.integers(0, 3)))
    found = samples_text(CropSeries(reflectance=reflectance, condition=condition))
    pairs = zip(reflectance, condition, strict=True)
    assert found == [slow_text(*pair) for pair in pairs]


def test_every_oddity_keeps_the_files_and_changes_what_it_says(tmp_path):
    write_archive_of(tmp_path / "usual.zip", TILES)
    usual = read(tmp_path / "usual.zip")
    options = itertools.product(
        ["TimeSen2Crop", ""],
        ["\n", "\r\n"],
        [True, False],
        ["sorted", "reversed", "shuffled"],
        [True, False],
    )
    for number, (top, line_end, last, order, folders) in enumerate(options):
        path = tmp_path / f"{number}.zip"
        layout = Layout(
            top_folder=top,
            line_end=line_end,
            last_line_end=last,
            order=order,
            folder_entries=folders,
        )
        write_archive_of(path, TILES, layout=layout)
        expected = {
            name if top else name.removeprefix("TimeSen2Crop/"): (
                content if last else content.removesuffix(b"\n")
            ).replace(b"\n", line_end.encode())
            for name, content in usual.items()
            if folders or not name.endswith("/")
        }
        expected.pop("", None)
        found = read(path)
        assert found == expected
        names = {
            "sorted": list(expected),
            "reversed": list(expected)[::-1],
            "shuffled": list(found),
        }
        assert list(found) == names[order]
        assert (list(found) == list(expected)) is (order == "sorted")


def test_the_comment_is_the_one_given_and_none_otherwise(tmp_path):
    write_archive_of(tmp_path / "a.zip", TILES, layout=Layout(comment=b"made"))
    write_archive_of(tmp_path / "b.zip", TILES)
    assert zipfile.ZipFile(tmp_path / "a.zip").comment == b"made"
    assert zipfile.ZipFile(tmp_path / "b.zip").comment == b""


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (
            series(2, steps=4),
            r"of shape \(2, 3, 9\) for its 3 dates; got .*\(2, 4, 9\)",
        ),
        (series(1, first=65_530), r"must lie in \[0, 65535\]; got 65530 to 65556"),
        (
            CropSeries(reflectance=np.ones((1, 3, 9)), condition=np.ones((1, 3), int)),
            "must be integers .* got float64",
        ),
        (
            CropSeries(
                reflectance=np.ones((1, 3, 9), int), condition=np.full((1, 3), 4)
            ),
            r"condition of class 5 of tile 'T' must lie in \[0, 3\]; got 4 to 4",
        ),
    ],
)
def test_series_that_the_format_cannot_hold_are_refused_by_name(tmp_path, bad, message):
    with pytest.raises(ValueError, match=message):
        write_archive_of(tmp_path / "x.zip", {"T": Tile(dates=DATES, series={5: bad})})
    assert list(tmp_path.iterdir()) == []
