"""The made archive has the form, the proportions and the honesty that it should."""

import io
import re
import zipfile

import numpy as np
import pytest

from tfds_eo.legends import TIME_SEN2_CROP
from tfds_eo.simulate import time_sen2_crop
from tfds_eo.simulate.time_sen2_crop import Config, sample_counts, write_archive

SAMPLES = 3_000

FOLDERS = [
    *("32TNT", "32TPT", "32TQT", "33TUM", "33TUN", "33TVM", "33TVN", "33TWM"),
    *("33TWN", "33TXN", "33UUP", "33UVP", "33UWP", "33UWQ", "33UXP", "2019_33UVP"),
]

CLASSES = [
    *(7_951, 283_263, 164_316, 30_678, 22_787, 70_884, 94_061, 1_472),
    *(53_694, 41_901, 34_064, 85_353, 132_327, 66_448, 46_312, 76_713),
]

IN_33UVP = [
    *(2_031, 15_080, 15_001, 4_015, 240, 10_712, 15_001, 577),
    *(9_701, 5_086, 4_212, 11_987, 15_001, 14_363, 411, 10_001),
]


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("made") / "TimeSen2Crop.zip"
    write_archive(path, samples=SAMPLES, seed=5)
    with zipfile.ZipFile(path) as opened:
        yield opened


def samples_of(archive):
    """Number of samples of each folder and class, by name."""
    names = [n.split("/")[1:] for n in archive.namelist() if n.count("/") == 3]
    cells = [(n[0], n[1]) for n in names if n[2].endswith(".csv")]
    return {cell: cells.count(cell) for cell in set(cells)}


def dates_of(archive, folder):
    lines = archive.read(f"TimeSen2Crop/{folder}/dates.csv").decode().splitlines()
    assert lines[0] == "acquisition_date"
    return [f"{day[:4]}-{day[4:6]}-{day[6:]}" for day in lines[1:]]


def table(archive, name):
    return np.loadtxt(io.BytesIO(archive.read(name)), int, delimiter=",", skiprows=1)


def test_the_archive_says_that_it_is_made(archive):
    assert archive.comment == b"simulated by tfds-eo: not observed data"
    assert archive.comment == time_sen2_crop.SIMULATED_COMMENT


def test_the_archive_is_whole_and_has_exactly_the_samples_asked_for(archive):
    assert archive.testzip() is None
    assert sum(samples_of(archive).values()) == SAMPLES


def test_every_name_follows_the_published_layout(archive):
    form = re.compile(
        r"TimeSen2Crop/((2019_)?3[23][TU][A-Z]{2}/(dates\.csv|\d+/((0|[1-9]\d*)\.csv)?)?)?"
    )
    assert [n for n in archive.namelist() if not form.fullmatch(n)] == []
    tiles = [n.split("/")[1] for n in archive.namelist() if n.endswith("dates.csv")]
    assert tiles == FOLDERS


def test_samples_are_numbered_from_0_in_each_class_folder(archive):
    names = set(archive.namelist())
    for (folder, label), count in samples_of(archive).items():
        assert 0 <= int(label) < 16
        for number in range(count):
            assert f"TimeSen2Crop/{folder}/{label}/{number}.csv" in names


def test_one_class_folder_is_missing_and_one_is_empty(archive):
    names, counts = archive.namelist(), samples_of(archive)
    assert not any(name.startswith("TimeSen2Crop/32TNT/7/") for name in names)
    assert "TimeSen2Crop/32TPT/7/" in names
    assert ("32TPT", "7") not in counts


def test_dates_lie_in_the_season_in_order_and_their_number_differs_by_tile(archive):
    lengths = {}
    for folder in FOLDERS:
        days = np.array(dates_of(archive, folder), "datetime64[D]")
        year = 2019 if folder == "2019_33UVP" else 2018
        assert np.datetime64(f"{year - 1}-09-01") <= days[0] < days[-1]
        assert days[-1] <= np.datetime64(f"{year}-08-31")
        assert (np.diff(days).astype(int) > 0).all()
        lengths[folder] = len(days)
    assert len(set(lengths.values())) == 16
    assert 30 <= min(lengths.values()) < max(lengths.values()) <= 70


def test_every_sample_has_the_header_a_row_for_each_date_and_sound_values(archive):
    lengths = {folder: len(dates_of(archive, folder)) for folder in FOLDERS}
    most = 0
    for name in archive.namelist():
        if not re.search(r"/\d+\.csv$", name):
            continue
        lines = archive.read(name).decode("ascii").split("\n")
        assert lines[0] == "B1,B2,B3,B4,B5,B6,B7,B8,B9,Flag"
        assert lines[-1] == ""
        values = np.array([line.split(",") for line in lines[1:-1]], int)
        assert values.shape == (lengths[name.split("/")[1]], 10)
        assert values[:, :9].min() >= 1
        assert set(values[:, 9]) <= {0, 1, 2, 3}
        most = max(most, values[:, :9].max())
    assert 10_000 < most < 20_000


@pytest.mark.parametrize("samples", [1_000, 1_001, 20_000, 399_999])
def test_classes_keep_their_published_shares_to_the_sample(samples):
    counts = sample_counts(samples)
    assert counts.sum() == samples
    shares = np.array(CLASSES) / 1_212_224
    assert np.abs(counts.sum(axis=0) - shares * samples).max() < 1


def test_at_the_true_size_the_published_counts_come_out():
    counts = sample_counts(1_212_224)
    assert counts.sum(axis=0).tolist() == CLASSES
    assert counts[FOLDERS.index("33UVP")].tolist() == IN_33UVP
    assert counts[FOLDERS.index("33UVP")].sum() == 133_419
    assert counts[FOLDERS.index("2019_33UVP")].sum() == 139_593


def test_tiles_are_unequal_and_the_alps_grow_grass():
    counts = sample_counts(100_000)
    tiles = counts.sum(axis=1)
    assert tiles.min() > 0
    assert tiles.max() > 5 * tiles.min()
    grass = counts[:, TIME_SEN2_CROP.id_of("grassland")] / tiles
    assert grass[FOLDERS.index("32TPT")] > 3 * grass[FOLDERS.index("33UXP")]


def test_the_archive_holds_the_counts_that_are_announced(archive):
    counts = sample_counts(SAMPLES)
    wanted = {
        (folder, str(label)): counts[row, label]
        for row, folder in enumerate(FOLDERS)
        for label in range(16)
        if counts[row, label]
    }
    assert samples_of(archive) == wanted


def test_equal_arguments_give_equal_bytes_and_another_seed_does_not(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_archive(tmp_path / name, samples=1_000, seed=seed)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b != c


def test_flags_agree_with_values(archive):
    names = [n for n in archive.namelist() if re.search(r"/33U\w+/12/\d+\.csv$", n)]
    rows = np.concatenate([table(archive, name) for name in names])
    blue, swir, flag = rows[:, 0], rows[:, 7], rows[:, 9]
    median = {code: np.median(blue[flag == code]) for code in range(4)}
    assert median[1] > 4 * median[0]
    assert median[3] > 4 * median[0]
    assert np.median(swir[flag == 3]) < 1_800 < np.median(swir[flag == 1])
    assert 0.4 < (flag == 0).mean() < 0.85


def clear_ndvi(archive, folder, label, months):
    """Median NDVI of clear dates of a class in some months."""
    inside = np.isin([int(day[5:7]) for day in dates_of(archive, folder)], months)
    prefix = f"TimeSen2Crop/{folder}/{label}/"
    names = [n for n in archive.namelist() if n.startswith(prefix) and n != prefix]
    rows = np.concatenate([table(archive, name)[inside] for name in names])
    red, nir = rows[rows[:, 9] == 0][:, [2, 6]].T
    return np.median((nir - red) / (nir + red))


@pytest.mark.parametrize("folder", ["33UWP", "33UVP", "2019_33UVP"])
def test_wheat_is_green_in_may_and_maize_in_summer_on_every_tile(archive, folder):
    wheat, maize = (TIME_SEN2_CROP.id_of(name) for name in ("winter_wheat", "maize"))
    assert clear_ndvi(archive, folder, wheat, [5]) > 0.65
    assert clear_ndvi(archive, folder, wheat, [8]) < 0.45
    assert clear_ndvi(archive, folder, maize, [5]) < 0.55
    assert clear_ndvi(archive, folder, maize, [7, 8]) > 0.6


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"samples": 999}, "samples must be at least 1000; got 999"),
        ({"samples": 2_000, "seed": -1}, "seed must be at least 0; got -1"),
    ],
)
def test_sizes_and_seeds_that_make_no_archive_are_refused(tmp_path, wrong, message):
    with pytest.raises(ValueError, match=message):
        write_archive(tmp_path / "x.zip", **wrong)
    with pytest.raises(ValueError, match=message):
        Config(**wrong)


def test_the_command_writes_into_a_folder_or_to_a_path_and_says_so(tmp_path):
    folder = Config(out=tmp_path / "new", samples=1_000)
    assert time_sen2_crop.run(folder) == [
        f"{tmp_path}/new/TimeSen2Crop.zip: 1,000 simulated samples"
    ]
    file = Config(out=tmp_path / "other.zip", samples=1_000)
    time_sen2_crop.run(file)
    made = [tmp_path / "new" / "TimeSen2Crop.zip", tmp_path / "other.zip"]
    assert made[0].read_bytes() == made[1].read_bytes()
    with pytest.raises(FileExistsError, match="must not exist yet"):
        time_sen2_crop.run(folder)
    time_sen2_crop.run(Config(out=tmp_path / "new", samples=1_000, overwrite=True))
