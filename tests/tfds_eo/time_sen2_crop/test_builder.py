"""The builder of `time_sen2_crop`, from archive to `tfds.load`."""

import collections
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow_datasets as tfds
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

import tfds_eo
from tests.tfds_eo.time_sen2_crop import archives
from tfds_eo import legends, simulate
from tfds_eo.time_sen2_crop import protocol
from tfds_eo.time_sen2_crop import time_sen2_crop_dataset_builder as module

CELLS = archives.every_folder(seed=1)

PROCESSES = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]


@pytest.fixture(scope="module")
def manual_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("manual")
    archives.write(
        folder / "TimeSen2Crop.zip",
        archives.members(CELLS),
        comment=simulate.SIMULATED_COMMENT,
    )
    return folder


def prepare(manual_dir, data_dir, config="official", **options):
    builder = tfds.builder(f"time_sen2_crop/{config}", data_dir=data_dir)
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=manual_dir, **options)
    )
    return builder


@pytest.fixture(scope="module")
def builder(manual_dir, tmp_path_factory):
    return prepare(manual_dir, tmp_path_factory.mktemp("data"), num_shards=3)


def shards_of(builder):
    return {
        path.name: path.read_bytes()
        for path in sorted(pathlib.Path(builder.data_dir).glob("*.tfrecord*"))
    }


def ids_of(builder, split):
    return {e["id"].decode() for e in tfds.as_numpy(builder.as_dataset(split=split))}


def ids_in(folders):
    return {f"{f}/{c}/{n}" for (f, c), ns in CELLS.items() if f in folders for n in ns}


def test_splits_follow_the_official_protocol(builder):
    held_out = {"33TWN", "33UVP", "2019_33UVP"}
    assert set(builder.info.splits) == {"train", "validation", "test", "test_2019"}
    assert ids_of(builder, "train") == ids_in(set(protocol.FOLDERS) - held_out)
    assert ids_of(builder, "validation") == ids_in({"33TWN"})
    assert ids_of(builder, "test") == ids_in({"33UVP"})
    assert ids_of(builder, "test_2019") == ids_in({"2019_33UVP"})


def test_by_tile_has_a_split_a_tile_folder(manual_dir, tmp_path):
    builder = prepare(manual_dir, tmp_path, "by_tile")
    assert set(builder.info.splits) == set(protocol.FOLDERS)
    for folder in protocol.FOLDERS:
        assert ids_of(builder, folder) == ids_in({folder})


def test_tfds_load_gives_back_the_values_of_the_archive(manual_dir, tmp_path):
    found, info = tfds.load(
        "time_sen2_crop",
        split="test_2019",
        data_dir=tmp_path,
        download_and_prepare_kwargs={
            "download_config": tfds.download.DownloadConfig(manual_dir=manual_dir)
        },
        with_info=True,
    )
    count = 0
    for example in tfds.as_numpy(found):
        folder, label, number = example["id"].decode().split("/")
        rows = archives.rows_of(folder, int(label), int(number))
        np.testing.assert_array_equal(example["reflectance"], rows[:, :9])
        np.testing.assert_array_equal(example["condition"], rows[:, 9])
        dates = archives.dates_of(folder).astype("datetime64[D]").astype(int)
        np.testing.assert_array_equal(example["date"], dates)
        assert example["label"] == int(label)
        assert info.features["season"].int2str(int(example["season"])) == "2019"
        assert info.features["tile"].int2str(int(example["tile"])) == "33UVP"
        count += 1
    assert count == info.splits["test_2019"].num_examples == len(ids_in({"2019_33UVP"}))


def test_supervised_pairs_are_a_series_and_its_label(builder):
    series, label = next(iter(builder.as_dataset(split="test", as_supervised=True)))
    assert set(series) == {"reflectance", "condition", "date"}
    assert label.shape == ()


def test_features_have_the_types_of_the_schema(builder):
    features = builder.info.features
    assert {
        name: np.dtype(f.np_dtype).name for name, f in features.items() if name != "id"
    } == {
        "reflectance": "uint16",
        "condition": "uint8",
        "date": "int32",
        "label": "int64",
        "tile": "int64",
        "season": "int64",
    }
    assert features["reflectance"].shape == (None, 9)
    assert features["label"].names == legends.TIME_SEN2_CROP.names
    assert features["season"].names == ["2018", "2019"]


def test_info_says_what_the_set_is_and_where_it_comes_from(builder, manual_dir):
    info = builder.info
    archive = (manual_dir / "TimeSen2Crop.zip").read_bytes()
    assert "Sentinel-2" in info.description
    assert "10.1109/JSTARS.2021.3073965" in info.citation
    assert info.homepage.startswith("https://doi.org/10.5281/zenodo")
    assert "CC-BY-4.0" in str(info.redistribution_info)
    assert info.metadata["archive_bytes"] == len(archive)
    assert info.metadata["simulated"] is True
    assert info.metadata["published"] is False
    expected = collections.Counter()
    for (folder, label), numbers in CELLS.items():
        if folder == "33UVP":
            expected[label] = len(numbers)
    counts = info.metadata["label_counts"]["test"]
    assert counts == [expected[label] for label in range(len(counts))]


def test_slices_of_tfds_work(builder):
    total = builder.info.splits["train"].num_examples
    parts = [
        {e["id"] for e in tfds.as_numpy(builder.as_dataset(split=part))}
        for part in tfds.even_splits("train", 3)
    ]
    assert len(set.union(*parts)) == sum(map(len, parts)) == total
    one = builder.as_dataset(split="train[1shard]")
    assert len(one) == builder.info.splits["train"].shard_lengths[1]
    assert len(builder.as_dataset(split="train[10%:20%]")) == pytest.approx(
        total / 10, abs=1
    )


def test_a_prepared_folder_loads_without_our_code(builder):
    code = (
        "import sys, tensorflow_datasets as tfds;"
        f"b = tfds.builder_from_directory({os.fspath(builder.data_dir)!r});"
        "n = sum(1 for _ in b.as_dataset(split='test'));"
        "assert 'tfds_eo' not in sys.modules;"
        "print(n, b.info.features['label'].names[10])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(len(ids_in({"33UVP"}))), "beet"]


@pytest.mark.slow
def test_one_process_and_two_write_the_same_bytes(builder, manual_dir, tmp_path):
    parallel = prepare(
        manual_dir,
        tmp_path,
        num_shards=3,
        beam_runner=FnApiRunner(),
        beam_options=PipelineOptions(PROCESSES),
    )
    assert shards_of(parallel) == shards_of(builder)
    assert parallel.info.metadata == builder.info.metadata


def test_the_order_of_the_members_does_not_change_the_shards(
    builder, manual_dir, tmp_path
):
    contents = dict(reversed(archives.members(CELLS).items()))
    archives.write(tmp_path / "TimeSen2Crop.zip", contents)
    again = prepare(tmp_path, tmp_path / "data", num_shards=3)
    assert shards_of(again) == shards_of(builder)


def bad_archive(folder):
    contents = archives.members(CELLS)
    name = next(n for n in contents if n.startswith("TimeSen2Crop/33UUP/9/"))
    contents[name] = contents[name].replace(b"\n", b"\nx", 2)
    archives.write(folder / "TimeSen2Crop.zip", contents)
    return name


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [None, PROCESSES])
def test_a_bad_sample_is_named_and_nothing_is_left(tmp_path, arguments):
    name = bad_archive(tmp_path)
    options = {}
    if arguments:
        options["beam_options"] = PipelineOptions(arguments)
    with pytest.raises(ValueError, match=f"B1 in line .* of {name} in .*'x") as caught:
        prepare(tmp_path, tmp_path / "data", **options)
    assert "while running" not in str(caught.value)
    left = [p for p in (tmp_path / "data").rglob("*") if p.is_file()]
    assert [p.name for p in left] in (
        [],
        [".config", "metadata.json"],
        ["metadata.json"],
    )


def test_a_split_without_samples_is_refused(tmp_path):
    contents = archives.members({("33UUP", 1): range(3)})
    archives.write(tmp_path / "TimeSen2Crop.zip", contents)
    with pytest.raises(ValueError, match="split 'validation' must have examples"):
        prepare(tmp_path, tmp_path / "data")


def test_a_truncated_archive_is_refused(manual_dir, tmp_path):
    whole = (manual_dir / "TimeSen2Crop.zip").read_bytes()
    (tmp_path / "TimeSen2Crop.zip").write_bytes(whole[:-1000])
    with pytest.raises(ValueError, match=r"TimeSen2Crop\.zip .*truncated"):
        prepare(tmp_path, tmp_path / "data")


class Downloads:
    """Stands in for the manager that downloads: it returns a file that is there."""

    def __init__(self, path):
        self.path = path
        self.urls = []

    @property
    def manual_dir(self):
        raise AssertionError("no manual_dir")

    def download(self, url):
        self.urls.append(url)
        return self.path


def test_a_failed_download_says_where_the_archive_may_be_put(tmp_path, monkeypatch):
    def fail(self, url):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(Downloads, "download", fail)
    with pytest.raises(OSError, match=r"no TimeSen2Crop\.zip in manual_dir.*no route"):
        module.Builder(data_dir=tmp_path)._blocks(Downloads(None))


def test_a_download_that_is_not_the_published_archive_is_refused(
    builder, manual_dir, tmp_path
):
    downloads = Downloads(manual_dir / "TimeSen2Crop.zip")
    with pytest.raises(ValueError, match=r"1079952573 bytes with MD5 b5b7aad3"):
        module.Builder(data_dir=tmp_path)._blocks(downloads)
    assert downloads.urls == [protocol.ARCHIVE_URL]


def test_a_download_of_the_published_size_and_md5_is_taken(
    manual_dir, tmp_path, monkeypatch
):
    path = manual_dir / "TimeSen2Crop.zip"
    md5 = hashlib.md5(path.read_bytes()).hexdigest()
    monkeypatch.setattr(protocol, "ARCHIVE_BYTES", path.stat().st_size)
    monkeypatch.setattr(protocol, "ARCHIVE_MD5", md5)
    prepared = module.Builder(data_dir=tmp_path)._blocks(Downloads(path))
    assert prepared.metadata["published"] is True


@pytest.mark.slow
def test_a_killed_run_can_be_started_again_and_ends_with_the_same_bytes(
    builder, manual_dir, tmp_path
):
    code = (
        "import time, tensorflow_datasets as tfds, tfds_eo, tfds_eo.shards as s\n"
        "write = s._write_whole\n"
        "def slowly(path, *rest):\n"
        "    write(path, *rest); print(path, flush=True); time.sleep(60)\n"
        "s._write_whole = slowly\n"
        f"b = tfds.builder('time_sen2_crop', data_dir={os.fspath(tmp_path)!r})\n"
        "b.download_and_prepare(download_config=tfds.download.DownloadConfig("
        f"manual_dir={os.fspath(manual_dir)!r}, num_shards=3))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as run:
        while "tfrecord" not in run.stdout.readline():
            time.sleep(0.01)
        run.send_signal(signal.SIGKILL)
    unfinished = tfds.builder("time_sen2_crop", data_dir=tmp_path)
    assert not unfinished.is_prepared()
    assert shards_of(prepare(manual_dir, tmp_path, num_shards=3)) == shards_of(builder)


@pytest.mark.slow
def test_tfds_build_prepares_the_set_from_its_folder(builder, manual_dir, tmp_path):
    folder = pathlib.Path(tfds_eo.__file__).parent / "time_sen2_crop"
    subprocess.run(
        [
            *(os.path.join(os.path.dirname(sys.executable), "tfds"), "build"),
            *(f"--data_dir={tmp_path}", f"--manual_dir={manual_dir}"),
            *("--config=official", "--num_shards=3"),
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    built = tfds.builder("time_sen2_crop", data_dir=tmp_path)
    assert shards_of(built) == shards_of(builder)


def test_the_manifest_lists_every_shard(builder):
    folder = pathlib.Path(builder.data_dir)
    rows = json.loads((folder / "shards.json").read_text())["shards"]
    sizes = {(row["split"], row["shard"]): row["bytes"] for row in rows}
    assert len(sizes) == len(shards_of(builder)) == 12
    assert sorted(sizes.values()) == sorted(map(len, shards_of(builder).values()))
