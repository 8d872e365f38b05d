"""What an archive holds, in every layout that is legitimate."""

import itertools
import random

import numpy as np
import pytest

from tests.tfds_eo.time_sen2_crop import archives
from tfds_eo.time_sen2_crop import archive, protocol

CELLS = archives.every_folder()


def read_everything(path):
    archive.opened.cache_clear()
    opened = archive.open_archive(path)
    found = {}
    for run in opened.runs():
        columns = archive.read_run(run)
        for row, name in enumerate(columns["id"]):
            found[name.decode()] = {key: column[row] for key, column in columns.items()}
    return found


def check_everything(found):
    expected = {f"{f}/{c}/{n}" for (f, c), numbers in CELLS.items() for n in numbers}
    assert found.keys() == expected
    for name, example in found.items():
        folder, label, number = name.split("/")
        rows = archives.rows_of(folder, int(label), int(number))
        np.testing.assert_array_equal(example["reflectance"], rows[:, :9])
        np.testing.assert_array_equal(example["condition"], rows[:, 9])
        np.testing.assert_array_equal(
            example["date"],
            archives.dates_of(folder).astype("datetime64[D]").astype(int),
        )
        assert example["label"] == int(label)
        assert protocol.TILES[example["tile"]] == folder.removeprefix("2019_")
        assert protocol.SEASONS[example["season"]] == (
            "2019" if folder == "2019_33UVP" else "2018"
        )


def shuffled(contents):
    order = list(contents.items())
    random.Random(1).shuffle(order)
    return dict(order)


LAYOUTS = {
    "as published": lambda contents: contents,
    "any order": shuffled,
    "dates at the end": lambda contents: dict(reversed(contents.items())),
    "no folder around": lambda contents: {
        name.removeprefix("TimeSen2Crop/"): text for name, text in contents.items()
    },
    "two folders around": lambda contents: {
        f"data/{name}": text for name, text in contents.items()
    },
    "windows line ends": lambda contents: {
        name: text.replace(b"\n", b"\r\n") for name, text in contents.items()
    },
    "no last line end": lambda contents: {
        name: text.rstrip(b"\n") for name, text in contents.items()
    },
    "folders and other files": lambda contents: {
        "TimeSen2Crop/": b"",
        "TimeSen2Crop/readme.txt": b"about",
        "TimeSen2Crop/33UVP/": b"",
        "TimeSen2Crop/33UVP/3/": b"",
        "TimeSen2Crop/33UVP/3/notes.csv": b"not a number",
        "TimeSen2Crop/33UVP/notes/3.csv": b"not a class",
        "__MACOSX/TimeSen2Crop/33UVP/3/._0.csv": b"resource fork",
        "TimeSen2Crop/33UXP/15/.csv": b"no number",
        **contents,
    },
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_sample_is_read_whatever_the_layout(layout, tmp_path):
    contents = LAYOUTS[layout](archives.members(CELLS))
    check_everything(read_everything(archives.write(tmp_path / "a.zip", contents)))


def test_samples_follow_one_another_by_number_not_by_letter(tmp_path):
    cells = {("33TWN", 4): [0, 1, 2, 10, 9, 100]}
    path = archives.write(tmp_path / "a.zip", archives.members(cells))
    (run,) = archive.open_archive(path).runs()
    ids = archive.read_run(run)["id"].tolist()
    assert ids == [b"33TWN/4/%d" % n for n in (0, 1, 2, 9, 10, 100)]
    part = archive.read_run(run.part(2, 5))["id"].tolist()
    assert part == ids[2:5]


@pytest.mark.parametrize("parts", [2, 3, 7])
def test_any_part_of_a_folder_is_a_fair_sample_of_its_classes(parts, tmp_path):
    cells = {("33TWN", 0): range(29), ("33TWN", 5): range(7), ("33TWN", 9): range(61)}
    path = archives.write(tmp_path / "a.zip", archives.members(cells))
    (run,) = archive.open_archive(path).runs()
    ends = [97 * part // parts for part in range(parts + 1)]
    for start, stop in itertools.pairwise(ends):
        labels = archive.read_run(run.part(start, stop))["label"]
        for (_, label), numbers in cells.items():
            expected = len(numbers) * (stop - start) / 97
            assert abs((labels == label).sum() - expected) < 2


def test_an_archive_that_changes_while_it_is_read_is_refused(tmp_path):
    path = archives.write(tmp_path / "a.zip", archives.members(CELLS))
    run = archive.open_archive(path).runs()[0]
    archives.write(tmp_path / "a.zip", archives.members({("33UVP", 3): range(4)}))
    with pytest.raises(ValueError, match="must not change while it is read"):
        archive.read_run(run)


def changed(**changes):
    contents = archives.members({("33UVP", 3): range(4), ("32TNT", 12): range(3)})
    for name, text in changes.items():
        contents[name] = text
    return contents


def without(name):
    contents = changed()
    del contents[name]
    return contents


GOOD = changed()["TimeSen2Crop/33UVP/3/2.csv"]


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (
            without("TimeSen2Crop/33UVP/dates.csv"),
            "must be TimeSen2Crop/33UVP/dates.csv",
        ),
        (
            changed(**{"TimeSen2Crop/33XYZ/3/0.csv": GOOD}),
            "got '33XYZ'; known are",
        ),
        (changed(**{"3/0.csv": GOOD}), "must lie in a known tile folder; got ''"),
        (changed(**{"TimeSen2Crop/33UVP/16/0.csv": GOOD}), "folder 0 to 15; got '16'"),
        (changed(**{"TimeSen2Crop/33UVP/03/0.csv": GOOD}), "got '03'"),
        (changed(**{"TimeSen2Crop/33UVP/3/007.csv": GOOD}), "leading zeros.*007.csv"),
        (changed(**{"TimeSen2Crop/33UVP/3/1234567890.csv": GOOD}), "at most 9 digits"),
        (
            changed(**{"other/32TNT/12/9.csv": GOOD}),
            r"in \['TimeSen2Crop/', 'other/'\]",
        ),
        (
            changed(**{"TimeSen2Crop/33UVP/3/2.csv": b" " * 2_000_000}),
            "33UVP/3/2.csv of .* must inflate to at most 1048576 bytes",
        ),
        (
            changed(**{"TimeSen2Crop/33UVP/dates.csv": b" " * 2_000_000}),
            "dates.csv .*at most 1048576 bytes; got 2000000",
        ),
        ({"TimeSen2Crop/33UVP/dates.csv": b"acquisition_date\n"}, "must hold samples"),
        (
            changed(**{"TimeSen2Crop/33UVP/dates.csv": b"acquisition_date\n2018\n"}),
            "line 2 of TimeSen2Crop/33UVP/dates.csv in .*a.zip must be a date",
        ),
    ],
)
def test_an_archive_with_something_wrong_is_refused(contents, message, tmp_path):
    path = archives.write(tmp_path / "a.zip", contents)
    with pytest.raises(ValueError, match=message):
        archive.open_archive(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_sample_that_is_there_twice_is_refused(tmp_path):
    import zipfile

    path = archives.write(tmp_path / "a.zip", changed())
    with zipfile.ZipFile(path, "a") as opened:
        opened.writestr("TimeSen2Crop/33UVP/3/2.csv", GOOD)
    with pytest.raises(ValueError, match=r"33UVP/3/2\.csv of .* it is there twice"):
        archive.open_archive(path)


def test_a_sample_with_something_wrong_is_named_with_its_archive(tmp_path):
    name = "TimeSen2Crop/33UVP/3/2.csv"
    bad = changed(**{name: GOOD.replace(b",1\n", b",9\n")})
    path = archives.write(tmp_path / "a.zip", bad)
    (run,) = [r for r in archive.open_archive(path).runs() if r.folder == "33UVP"]
    with pytest.raises(
        ValueError, match=r"Flag in line .* of TimeSen2Crop/33UVP/3/2\.csv"
    ):
        archive.read_run(run)
