"""Small archives in the layout of TimeSen2Crop, whose values name their places."""

import zipfile

import numpy as np

from tfds_eo.time_sen2_crop import protocol

STEPS = {folder: 3 + place for place, folder in enumerate(protocol.FOLDERS)}
"""Number of dates of each tile folder: all different."""


def dates_of(folder):
    start = np.datetime64("2018-09-03" if folder.startswith("2019_") else "2017-09-03")
    return start + 5 * np.arange(STEPS[folder])


def rows_of(folder, label, number):
    """Values of a sample: band, date, number, class and folder can be read off them."""
    place = list(protocol.FOLDERS).index(folder)
    steps, bands = np.arange(STEPS[folder])[:, None], np.arange(9)
    values = 1 + bands + 10 * steps + 1000 * (number % 7) + 7000 * (label % 5) + place
    flags = (steps + number + label) % 4
    return np.concatenate([values, flags], axis=1)


def members(cells):
    """Names and contents for ``{(folder, label): numbers}``, dates first."""
    contents = {}
    for folder in dict.fromkeys(folder for folder, _ in cells):
        dates = [str(date).replace("-", "") for date in dates_of(folder)]
        text = "\n".join(["acquisition_date", *dates]) + "\n"
        contents[f"TimeSen2Crop/{folder}/dates.csv"] = text.encode()
    for (folder, label), numbers in cells.items():
        for number in numbers:
            rows = rows_of(folder, label, number)
            lines = [protocol.SAMPLE_HEADER.decode()]
            lines += [",".join(map(str, row)) for row in rows.tolist()]
            name = f"TimeSen2Crop/{folder}/{label}/{number}.csv"
            contents[name] = ("\n".join(lines) + "\n").encode()
    return contents


def every_folder(seed=0, most=7):
    """Cells of all folders and classes, every count different enough, some empty."""
    random = np.random.default_rng(seed)
    return {
        (folder, label): range(int(random.integers(0, most)))
        for folder in protocol.FOLDERS
        for label in range(16)
    }


def write(path, contents, *, comment=b""):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
        archive.comment = comment
    return str(path)
