"""The transforms count what they do."""

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that

from beam_pipelines.transforms.crop_series import (
    CountCandidates,
    DrawSamples,
    ExtractBlocks,
)
from tfds_eo import crosswalks
from tfds_eo.geo import parcels
from tfds_eo.s2_crop_series import work
from tfds_eo.s2_crop_series.candidates import CropMap, Places, TileCounts
from tfds_eo.s2_crop_series.steps import SampleRule, TileTask
from tfds_eo.sensors import sentinel2_safe
from tfds_eo.sensors.sentinel2_catalogue import Observation, TileSeries
from tfds_eo.simulate import sentinel2 as simulate


def test_tiles_samples_and_decoded_blocks_are_counted(tmp_path):
    config = simulate.Config(
        folder=str(tmp_path), size=120, dates=2, tiles=("33TUN",), cloudiness=0.0
    )
    simulate.run(config)
    paths = sorted((tmp_path / "products").iterdir(), key=lambda p: p.name[11:19])
    products = [sentinel2_safe.read_product(str(path)) for path in paths]
    (tmp_path / "products" / paths[1].name / "GRANULE").rename(tmp_path / "gone")
    grid = simulate.grid_of("33TUN", 120)
    folder = str(tmp_path / "work")
    series = TileSeries(
        grid=grid,
        observations=tuple(Observation(date=p.date, products=(p,)) for p in products),
    )
    work.write_series(work.WorkFolder(folder).series("33TUN"), series)
    rule = SampleRule(
        crop_map=CropMap(
            path=str(tmp_path / "parcels.gpkg"),
            fields=parcels.PRESETS["invekos"],
            crosswalk=crosswalks.INVEKOS_AT,
            unmapped="other_crops",
            erosion=10.0,
            least_pixels=1,
        ),
        places=Places(grids=(grid,), split_of_tile={"33TUN": 0}, buffer=0.0),
        most_per_parcel=3,
        seed=1,
    )
    counts = []

    def keep(found: list[TileCounts]) -> None:
        counts.extend(found)

    options = PipelineOptions([])
    with beam.Pipeline(runner=FnApiRunner(), options=options) as pipeline:
        counted = (
            pipeline
            | beam.Create([TileTask(tile="33TUN")])
            | CountCandidates(folder, rule)
        )
        assert_that(counted, keep)
    counts = [TileCounts(**work.read_json(work.WorkFolder(folder).counts("33TUN")))]
    first = _counters(pipeline.result)
    assert first["CountCandidates/tiles"] == 1
    assert first["CountCandidates/parcels"] == sum(counts[0].parcels) > 3
    assert first["CountCandidates/pixels"] == sum(counts[0].pixels)
    with beam.Pipeline(runner=FnApiRunner(), options=options) as pipeline:
        _ = (
            pipeline
            | beam.Create([TileTask(tile="33TUN", allotted=tuple(counts[0].available))])
            | DrawSamples(folder, rule)
            | ExtractBlocks()
        )
    assert _counters(pipeline.result) == {
        "DrawSamples/tiles": 1,
        "DrawSamples/samples": sum(counts[0].available),
        "DrawSamples/blocks": 2,
        "ExtractBlocks/blocks": 2,
        # Ten images of the date that is there; of the other not one can be opened.
        "ExtractBlocks/decoded": 10,
        "ExtractBlocks/broken": 2,
    }


def _counters(result) -> dict[str, int]:
    found = result.metrics().query()["counters"]
    return {
        f"{c.key.metric.namespace.rpartition('.')[2]}/{c.key.metric.name}": c.committed
        for c in found
    }
