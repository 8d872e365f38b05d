"""Real crops: the LSTM beside a random forest and a majority vote, on one split.

The 3,621 Canadian pixel series of the WorldCereal project (Sentinel-2 monthly
composites of 2017 and early 2018, labels of AAFC's ground truth) are laid out in the
archive format of TimeSen2Crop and go through the builder, the training and the
evaluation like the real thing. What we chose:

- The 12 most frequent crops become class folders 0 to 11; the label 0, no crop, and
  rarer crops are left out. The legend's names do not apply to them.
- The 17 months that all series have are the dates. A month without data (65535) is
  flagged as cloud; composites carry no other flags.
- B8 stands where the format has B8A, which the composites lack.
- Cells of one degree are dealt to eight folds, whole cells alone, as evenly by crop as
  that allows: five for training, one each for validation, test and test_2019. The
  latter is here just another region.
"""

from __future__ import annotations

import dataclasses
import pathlib

import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow_datasets as tfds
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedGroupKFold

import tfds_eo  # noqa: F401 - registers the builders.
from benchmarks.rows import Row
from models import bundle, evaluation, experiment, metrics, replicas, train
from tfds_eo import reading
from tfds_eo.simulate import crop_archive
from tfds_eo.time_sen2_crop import protocol

REAL_SAMPLES = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"
"""Folder of real samples beside the project; they are no part of it."""

SERIES = pathlib.Path(
    "crop_series_canada", "test_long_parquet_2017_CAN_AAFC-ACIGTD.parquet"
)
"""The series, below the folder of real samples."""

CROPS = 12
"""Number of crops: the most frequent ones."""

MONTHS = 17
"""Number of composites that every series has, from January 2017."""

BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B11", "B12")
"""Bands of the composites in the order of the format; B08 stands for B8A."""

NO_DATA = 65535
"""Value of a month without observation."""

FOLDS = 8
"""Number of parts that cells are dealt to."""

HELD_OUT = {0: "33TWN", 1: "33UVP", 2: "2019_33UVP"}
"""Tile folder of each fold that is not for training."""

TESTS = ("test", "test_2019")
"""Splits that scores are taken from, together."""

SEED = 1
"""Seed of the folds, the forest and the training."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scores:
    """Confusion matrices of three classifiers on the same examples.

    Attributes:
        lstm: Of the crop LSTM.
        forest: Of a random forest on all months and bands.
        majority: Of the most frequent crop of the training split.
        examples: Number of examples of each split.
    """

    lstm: npt.NDArray[np.int64]
    forest: npt.NDArray[np.int64]
    majority: npt.NDArray[np.int64]
    examples: dict[str, int]


def lay_out(samples: pathlib.Path, archive: pathlib.Path) -> int:
    """Writes the real series in the archive format of TimeSen2Crop.

    Args:
        samples: Folder of real samples.
        archive: Where the archive goes.

    Returns:
        Number of series that are laid out.
    """
    columns = [f"S2-L2A-{band}" for band in BANDS]
    table = pd.read_parquet(
        samples / SERIES,
        columns=["sample_id", "timestamp", "CROPTYPE_LABEL", "lat", "lon", *columns],
    ).sort_values(["sample_id", "timestamp"], kind="stable")
    table = table[table.groupby("sample_id").cumcount() < MONTHS]
    values = table[columns].to_numpy(np.int64).reshape(-1, MONTHS, len(columns))
    one = table.groupby("sample_id").first()
    frequent = one.CROPTYPE_LABEL[one.CROPTYPE_LABEL != 0].value_counts(sort=True)
    # Equally frequent crops come by their code, so that the folders never change.
    crops = sorted(frequent.index, key=lambda code: (-frequent[code], code))[:CROPS]
    kept = one.CROPTYPE_LABEL.isin(crops).to_numpy()
    one, values = one[kept], values[kept]
    labels = one.CROPTYPE_LABEL.map(crops.index).to_numpy()
    cells = np.floor(one.lat).astype(int) * 1000 + np.floor(one.lon).astype(int)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED).split(
        values, labels, cells
    )
    folders = np.empty(len(labels), object)
    training = [f for f in protocol.FOLDERS if f not in HELD_OUT.values()]
    for fold, (_, rows) in enumerate(folds):
        folders[rows] = HELD_OUT.get(fold, training[fold % len(training)])
    # Local midnight of the first of a month is the evening before in UTC.
    months = pd.date_range("2017-01-01", periods=MONTHS, freq="MS")
    crop_archive.write_archive_of(
        archive,
        {
            folder: crop_archive.Tile(
                dates=months.to_numpy("datetime64[D]"),
                series={
                    label: _series(values[(folders == folder) & (labels == label)])
                    for label in range(CROPS)
                },
            )
            for folder in sorted(set(folders))
        },
    )
    return len(labels)


def _series(values: npt.NDArray[np.int64]) -> crop_archive.CropSeries:
    return crop_archive.CropSeries(
        reflectance=values, condition=(values == NO_DATA).any(axis=2).astype(np.uint8)
    )


def score(
    samples: pathlib.Path, folder: pathlib.Path, *, epochs: int | None = None
) -> Scores:
    """Trains and scores the three classifiers.

    Args:
        samples: Folder of real samples.
        folder: Where archive, data set and run go.
        epochs: Most epochs of the LSTM; None for the experiment's own.
    """
    manual = folder / "manual"
    manual.mkdir(parents=True)
    lay_out(samples, manual / protocol.ARCHIVE_NAME)
    builder = tfds.builder("time_sen2_crop", data_dir=folder / "data")
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=manual)
    )
    chosen = experiment.find("real_crop_lstm")
    if epochs:
        chosen = dataclasses.replace(chosen, epochs=epochs)
    run = folder / "run"
    train.train(chosen, builder, run, strategy=replicas.strategy_of("default"))
    trained = bundle.load(run / "bundle")
    lstm = sum(evaluation.confusion_of(trained, builder, split) for split in TESTS)
    classes = len(chosen.legend)
    features, labels = _table(builder, ("train",))
    tested, truth = _table(builder, TESTS)
    forest = _best_forest((features, labels), _table(builder, ("validation",)), classes)
    most = np.full(len(truth), np.bincount(labels).argmax())
    return Scores(
        lstm=np.asarray(lstm),
        forest=metrics.confusion_matrix(truth, forest.predict(tested), classes),
        majority=metrics.confusion_matrix(truth, most, classes),
        examples={name: s.num_examples for name, s in builder.info.splits.items()},
    )


def _best_forest(
    training: tuple[npt.NDArray, npt.NDArray],
    validation: tuple[npt.NDArray, npt.NDArray],
    classes: int,
) -> RandomForestClassifier:
    """Returns the forest with the best macro-F1 of validation, which the LSTM has too.

    Its classes are weighted, and it may have leaves of one, three or five series.
    """
    features, labels = validation

    def skill(forest: RandomForestClassifier) -> float:
        found = forest.predict(features)
        return metrics.macro_f1(metrics.confusion_matrix(labels, found, classes))

    forests = [
        RandomForestClassifier(
            500,
            min_samples_leaf=leaf,
            class_weight="balanced",
            random_state=SEED,
            n_jobs=-1,
        ).fit(*training)
        for leaf in (1, 3, 5)
    ]
    return max(forests, key=skill)


def _table(
    builder: tfds.core.DatasetBuilder, splits: tuple[str, ...]
) -> tuple[npt.NDArray, npt.NDArray]:
    """Returns all months and bands of each series as a row, and its label.

    A month without data has -1: trees can tell it from any reflectance.
    """
    rows, labels = [], []
    for split in splits:
        for batch in reading.read_batches(builder, split, 1024).as_numpy_iterator():
            values = batch["reflectance"].astype(np.float32)
            values[batch["condition"] != 0] = -1
            rows.append(values.reshape(len(values), -1))
            labels.append(batch["label"])
    return np.concatenate(rows), np.concatenate(labels)


def main(folder: pathlib.Path) -> list[Row]:
    """Returns the macro-F1 of each classifier; nothing where the series are absent."""
    if not (REAL_SAMPLES / SERIES).exists():
        return []
    found = score(REAL_SAMPLES, folder)
    forest = metrics.macro_f1(found.forest)
    return [
        Row(f"real crops, {name}", metrics.macro_f1(matrix), "macro-F1", peer, at)
        for name, matrix, peer, at in (
            ("LSTM", found.lstm, "random forest", forest),
            (
                "random forest",
                found.forest,
                "majority",
                metrics.macro_f1(found.majority),
            ),
        )
    ]
