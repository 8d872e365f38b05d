"""Real series take the same way as made ones, and the LSTM stands beside a forest."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

from benchmarks import real_crops
from models import metrics
from tfds_eo.time_sen2_crop import archive


def test_real_series_come_back_from_the_archive_to_the_last_digit(
    shared_data, tmp_path
):
    pd = pytest.importorskip("pandas")
    path = tmp_path / "TimeSen2Crop.zip"
    count = real_crops.lay_out(shared_data, path)
    table = pd.read_parquet(shared_data / real_crops.SERIES)
    crops = table.groupby("sample_id").CROPTYPE_LABEL.first()
    most = crops[crops != 0].value_counts().iloc[: real_crops.CROPS]
    assert count == most.sum() == 3178
    opened = archive.open_archive(str(path))
    found = [archive.read_run(run) for run in opened.runs()]
    assert sum(len(columns["label"]) for columns in found) == count
    got = np.concatenate([columns["reflectance"] for columns in found])
    expected = (
        table[table.CROPTYPE_LABEL.isin(most.index)]
        .sort_values(["sample_id", "timestamp"])
        .groupby("sample_id")
        .head(real_crops.MONTHS)[[f"S2-L2A-{band}" for band in real_crops.BANDS]]
        .to_numpy()
        .reshape(count, -1)
    )

    def in_order(series):
        flat = series.reshape(count, -1).astype(int)
        return flat[np.lexsort(flat.T)]

    np.testing.assert_array_equal(in_order(got), in_order(expected))
    flagged = np.concatenate([columns["condition"] for columns in found]) == 1
    np.testing.assert_array_equal(flagged, (got == 65535).any(axis=2))


@pytest.mark.slow
def test_on_real_crops_the_lstm_does_not_lose_to_a_random_forest(shared_data, tmp_path):
    found = real_crops.score(shared_data, tmp_path)
    examples = sum(found.examples[split] for split in real_crops.TESTS)
    for matrix in (found.lstm, found.forest, found.majority):
        assert matrix.sum() == examples
    np.testing.assert_array_equal(found.lstm.sum(axis=1), found.forest.sum(axis=1))
    lstm, forest = metrics.macro_f1(found.lstm), metrics.macro_f1(found.forest)
    assert lstm >= forest - 0.02
    assert forest > 3 * metrics.macro_f1(found.majority)
    built = tfds.builder("time_sen2_crop", data_dir=tmp_path / "data")
    assert built.info.metadata["simulated"] is False
