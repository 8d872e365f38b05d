"""From made products and parcels to a data set, value by value."""

import csv
import json
import pathlib
import re
import shutil

import pytest
import rasterio
import shapely
import tensorflow_datasets as tfds

from beam_pipelines import build_crop_series, cli
from beam_pipelines.build_crop_series import Config
from tfds_eo import legends, schemas
from tfds_eo.geo import parcels
from tfds_eo.geo.tile_grid import TileGrid, transformer
from tfds_eo.sensors import sentinel2, sentinel2_safe
from tfds_eo.simulate import sentinel2 as simulate

DATES = 7


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    simulate.run(
        simulate.Config(
            folder=str(folder), size=300, dates=DATES, seed=3, cloudiness=0.2
        )
    )
    return folder


def config(made, out, **fields):
    return Config(
        **{
            "products": str(made / "products"),
            "parcels": str(made / "parcels.gpkg"),
            "season": 2018,
            "samples": 600,
            "data_dir": str(out),
            "seed": 5,
            "test_tiles": ("32TQT",),
        }
        | fields
    )


def records(out, split=None):
    loaded = tfds.load("s2_crop_series", data_dir=str(out))
    splits = [split] if split else sorted(loaded)
    return [dict(record) for name in splits for record in tfds.as_numpy(loaded[name])]


@pytest.fixture(scope="module")
def built(made, tmp_path_factory):
    out = tmp_path_factory.mktemp("built")
    lines = build_crop_series.run(config(made, out))
    return out, lines


@pytest.fixture(scope="module")
def products(made):
    found = [
        sentinel2_safe.read_product(str(path))
        for path in sorted((made / "products").glob("*.SAFE"))
    ]
    return {(p.grid.tile, p.date): p for p in found if p.cloud <= 80}


def test_every_value_is_that_of_its_pixel_at_its_date(built, products):
    tiles = ["32TQT", "33TUN"]
    images, checked = {}, 0
    for record in records(built[0]):
        tile = tiles[record["tile"]]
        dates = sorted(date for name, date in products if name == tile)
        assert record["date"].tolist() == dates
        row, col = int(record["row"]), int(record["col"])
        assert record["id"].decode() == f"{tile}/{row}/{col}"
        for step, date in enumerate(dates):
            product = products[tile, date]
            for band, (name, image) in enumerate(
                zip(schemas.CROP_BANDS, product.bands, strict=True)
            ):
                if image.path not in images:
                    with rasterio.open(image.path) as file:
                        images[image.path] = file.read(1)
                scale = 1 if name in sentinel2.BANDS_10M else 2
                number = int(images[image.path][row // scale, col // scale])
                offset = -1000 if product.baseline >= "04.00" else 0
                expected = max(1, number + offset) if number else 0
                assert record["reflectance"][step, band] == expected
                checked += 1
    assert checked > 600 * 4 * 9


def test_the_condition_is_that_of_the_scene_classification(built, products):
    tiles = ["32TQT", "33TUN"]
    table = [1, 1, 2, 2, 0, 0, 0, 0, 1, 1, 1, 3]
    seen = set()
    for record in records(built[0]):
        for step, date in enumerate(record["date"].tolist()):
            path = products[tiles[record["tile"]], date].scene_classification
            with rasterio.open(path) as file:
                window = ((record["row"] // 2,) * 2, (record["col"] // 2,) * 2)
                window = tuple((int(a), int(a) + 1) for a, _ in window)
                code = int(file.read(1, window=window)[0, 0])
            assert record["condition"][step] == table[code]
            seen.add(table[code])
        if len(seen) >= 3 and record["tile"] == 1:
            break
    assert {0, 1} <= seen


def test_no_sample_lies_outside_its_eroded_parcel(built, made):
    source = parcels.read_parcels(
        str(made / "parcels.gpkg"), parcels.PRESETS["invekos"]
    )
    number_of = {parcel: n for n, parcel in enumerate(source.parcel)}
    grids = [simulate.grid_of(tile, 300) for tile in ("32TQT", "33TUN")]
    found = records(built[0])
    for record in found:
        grid = grids[record["tile"]]
        number = number_of[record["parcel"].decode()]
        assert record["code"].decode() == source.code[number]
        to_tile = transformer(source.crs, grid.crs)
        shape = shapely.make_valid(
            shapely.transform(
                source.outline[number],
                lambda x, y: to_tile.transform(x, y),  # noqa: B023
                interleaved=False,
            )
        )
        x, y = grid.centres(record["row"], record["col"])
        square = shapely.box(x - 5, y - 5, x + 5, y + 5)
        assert shapely.covers(shape, square)
        assert shapely.distance(shape.boundary, square) >= 20 - 1e-6
        back = transformer("EPSG:4326", grid.crs).transform(
            float(record["longitude"]), float(record["latitude"])
        )
        assert back == pytest.approx((x, y), abs=1.0)
    assert len(found) == 600


def test_the_allocation_is_written_shown_and_kept(built):
    out, lines = built
    path = out / "s2_crop_series_work" / "allocation.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["samples"]) for row in rows) == 600
    names, tiles = legends.TIME_SEN2_CROP.names, ["32TQT", "33TUN"]
    found = {}
    for record in records(out):
        key = names[record["label"]], tiles[record["tile"]]
        found[key] = found.get(key, 0) + 1
    assert found == {
        (row["class"], row["tile"]): int(row["samples"])
        for row in rows
        if int(row["samples"])
    }
    assert lines[0].title == "Allocation"
    assert any("9999" in line for line in lines[1:])


def test_the_set_says_what_it_was_made_of(built):
    builder = tfds.builder("s2_crop_series", data_dir=str(built[0]))
    metadata = builder.info.metadata
    assert metadata["simulated"] is True
    assert builder.info.features["tile"].names == ["32TQT", "33TUN"]
    assert builder.info.features["season"].names == ["2018"]
    assert set(builder.info.splits) == {"train", "test"}
    ids = [i for dates in metadata["products"]["33TUN"].values() for i in dates]
    assert all(re.match(r"S2[AB]_MSIL2A_.*_T33TUN_", i) for i in ids)
    assert metadata["rules"]["erosion"] == 20.0
    # Without this package, from the folder alone.
    alone = tfds.builder_from_directory(str(builder.data_dir))
    assert alone.info.splits["train"].num_examples == (
        builder.info.splits["train"].num_examples
    )


def test_no_parcel_is_in_two_splits_though_the_tiles_overlap(built):
    sets = {
        name: {record["parcel"] for record in records(built[0], name)}
        for name in ("train", "test")
    }
    assert not sets["train"] & sets["test"]
    assert min(map(len, sets.values())) > 10
    grids = [simulate.grid_of(tile, 300) for tile in ("32TQT", "33TUN")]
    left, _, right, _ = transformer(grids[0].crs, grids[1].crs).transform_bounds(
        *grids[0].bounds
    )
    assert left < grids[1].bounds[0] < right, "the tiles must overlap"


def shard_bytes(out):
    files = sorted(pathlib.Path(out).glob("s2_crop_series/*/*.tfrecord-*"))
    return {file.name: file.read_bytes() for file in files}


@pytest.mark.slow
def test_two_workers_write_the_same_shards_as_one(built, made, tmp_path):
    two = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
    options = ["--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"]
    build_crop_series.run(config(made, tmp_path), [*options, *two])
    assert shard_bytes(tmp_path) == shard_bytes(built[0])


@pytest.mark.slow
def test_the_order_of_the_input_does_not_matter(built, made, tmp_path):
    moved = tmp_path / "products"
    for number, path in enumerate(sorted((made / "products").iterdir(), reverse=True)):
        shutil.copytree(path, moved / f"{number % 3}" / path.name)
    build_crop_series.run(
        config(made, tmp_path, products=f"{moved}/2,{moved}/0,{moved}/1,{moved}/[01]")
    )
    assert shard_bytes(tmp_path) == shard_bytes(built[0])


@pytest.mark.slow
def test_a_build_goes_on_where_it_stopped(built, made, tmp_path, monkeypatch):
    done = []
    extract = build_crop_series.extraction.extract

    def failing(*arguments):
        if len(done) == 2:
            raise ValueError("the power went out")
        done.append(arguments[-1])
        return extract(*arguments)

    monkeypatch.setattr(build_crop_series.extraction, "extract", failing)
    with pytest.raises(ValueError, match="the power went out"):
        build_crop_series.run(config(made, tmp_path))
    again = []
    monkeypatch.setattr(
        build_crop_series.extraction,
        "extract",
        lambda *arguments: again.append(arguments[-1]) or extract(*arguments),
    )
    build_crop_series.run(config(made, tmp_path))
    assert again
    assert not set(again) & set(done)
    assert shard_bytes(tmp_path) == shard_bytes(built[0])
    with pytest.raises(ValueError, match="belongs to a build of other products"):
        build_crop_series.run(config(made, tmp_path, seed=6))
    build_crop_series.run(config(made, tmp_path, seed=6, overwrite=True))
    assert shard_bytes(tmp_path) != shard_bytes(built[0])


@pytest.fixture
def damaged(made, tmp_path):
    """The products, of which one of 33TUN has an image that is cut short."""
    folder = tmp_path / "damaged"
    shutil.copytree(made / "products", folder)
    products = [
        path
        for path in sorted(folder.glob("*_T33TUN_*"), key=lambda p: p.name[11:])
        if sentinel2_safe.read_product(str(path)).cloud <= 80
    ]
    [image] = products[2].rglob("*_B07_20m.jp2")
    image.write_bytes(image.read_bytes()[:2000])
    return folder, sentinel2_safe.read_product(str(products[2])).date


def test_a_broken_date_is_left_out_of_all_samples_of_its_tile(
    built, made, damaged, tmp_path
):
    folder, date = damaged
    lines = build_crop_series.run(
        config(made, tmp_path, products=str(folder), most_broken=0.2)
    )
    assert any("because a block could not be read: 1" in str(line) for line in lines)
    before = {record["id"]: record for record in records(built[0])}
    after = records(tmp_path)
    assert {record["id"] for record in after} == before.keys()
    for record in after:
        whole = before[record["id"]]
        keep = whole["date"] != (date if record["tile"] == 1 else -1)
        assert record["date"].tolist() == whole["date"][keep].tolist()
        assert (record["reflectance"] == whole["reflectance"][keep]).all()
        assert (record["condition"] == whole["condition"][keep]).all()
    extracted = json.loads(
        (tmp_path / "s2_crop_series_work" / "extraction.json").read_text()
    )
    assert list(extracted["broken"]) == ["33TUN"]


def test_too_many_broken_products_stop_the_build(made, damaged, tmp_path):
    folder, _ = damaged
    with pytest.raises(ValueError, match="at most 5% of the products may be broken"):
        build_crop_series.run(
            config(made, tmp_path, products=str(folder), most_broken=0.05)
        )


def test_held_out_tiles_are_where_no_training_data_were_available(made, tmp_path):
    build_crop_series.run(
        config(made, tmp_path, test_tiles=(), holdout_tiles=("33TUN",), samples=100)
    )
    assert {record["tile"] for record in records(tmp_path, "holdout")} == {1}
    assert {record["tile"] for record in records(tmp_path, "train")} == {0}


def test_the_command_line_builds_and_reports(made, tmp_path, capsys):
    code = cli.main(
        [
            "build-crop-series",
            str(made / "products"),
            *("--parcels", str(made / "parcels.gpkg"), "--season", "2018"),
            *("--samples", "60", "--weighting", "equal", "--data_dir", str(tmp_path)),
            *("--validation_tiles", "33TUN"),
        ]
    )
    shown = capsys.readouterr().out
    assert code == 0, shown
    assert "Winter wheat" in shown
    report = (tmp_path / "s2_crop_series_work" / "report.html").read_text("utf-8")
    assert "Simulated data." in report
    assert report.count("<svg") >= 4 or report.count("data:image/svg") >= 4


def test_one_split_cannot_share_a_parcel_with_another(made, tmp_path):
    # All features share one identifier: the same "parcel" is then in both splits.
    with pytest.raises(ValueError, match="must be in one split"):
        build_crop_series.run(
            config(made, tmp_path, parcel_field="GEO_TYPE", samples=50)
        )


def test_a_full_tile_grid_is_that_of_the_real_one():
    # UL corners as in the names of real products' metadata.
    assert simulate.grid_of("32TQT", 10980) == TileGrid(
        tile="32TQT", crs="EPSG:32632", left=699960, top=5300040, rows=10980, cols=10980
    )
