"""The features of each kind of record.

Arrays are stored as raw bytes, at most their first dimension unknown, so that a block
of records is encoded, and a batch of records decoded, in one go.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow_datasets as tfds

from tfds_eo.legends import Legend

SCHEMA_VERSION = 1
"""Version of the records; a model bundle carries it and refuses another."""

CROP_BANDS = ("B2", "B3", "B4", "B5", "B6", "B7", "B8A", "B11", "B12")
"""Sentinel-2 bands of a crop series, in the order of the last dimension."""

CONDITIONS = ("clear", "cloud", "shadow", "snow")
"""What a date of a crop series shows, by its code in `condition`."""

CLEAR = CONDITIONS.index("clear")
"""Code of a date on which the ground is seen."""

PADDING = {"condition": 255}
"""What fills a feature of a batch behind the end of a shorter series; else 0.

A padded date is thereby never taken for a clear one.
"""

ICE_CHANNELS = ("HH", "HV", "incidence_angle")
"""Channels of an ice patch: sigma-nought in dB, twice, and degrees."""

CHART_RASTERS = ("polygon_type", "sic", "sod", "floe")
"""Rasters of an ice chart under a patch; 255 is unknown.

`legends.SIGRID3_POLYGONS`, ice concentration in tenths (0 to 10), and the classes of
`legends.AI4ARCTIC_STAGES` and `legends.AI4ARCTIC_FLOES`.
"""


def crop_series(
    legend: Legend, *, tiles: Sequence[str], seasons: Sequence[str]
) -> tfds.features.FeaturesDict:
    """Returns the features of a labelled Sentinel-2 pixel series.

    ``reflectance`` is (T, 9), reflectance x 10000, bands as in `CROP_BANDS`;
    ``condition`` (T,) holds codes of `CONDITIONS`; ``date`` (T,) days since 1970-01-01.

    Args:
        legend: The classes of ``label``.
        tiles: Names of the Sentinel-2 tiles that series come from.
        seasons: Names of the agronomic years that series come from.
    """
    return tfds.features.FeaturesDict(
        {
            "reflectance": tfds.features.Tensor(
                shape=(None, len(CROP_BANDS)),
                dtype=np.uint16,
                encoding="bytes",
                doc="Surface reflectance x 10000 of " + " ".join(CROP_BANDS) + ".",
            ),
            "condition": tfds.features.Tensor(
                shape=(None,),
                dtype=np.uint8,
                encoding="bytes",
                doc="0 clear, 1 cloud, 2 shadow, 3 snow.",
            ),
            "date": tfds.features.Tensor(
                shape=(None,),
                dtype=np.int32,
                encoding="bytes",
                doc="Day of each acquisition, counted from 1970-01-01.",
            ),
            "label": tfds.features.ClassLabel(names=legend.names),
            "tile": tfds.features.ClassLabel(names=list(tiles)),
            "season": tfds.features.ClassLabel(names=list(seasons)),
            "id": tfds.features.Text(doc="Where the series comes from."),
        }
    )


def placed_crop_series(legend: Legend) -> tfds.features.FeaturesDict:
    """Returns the features of a crop series whose place and parcel are known.

    Those of `crop_series`, so that a model trains on either, and where each comes from.
    Tiles and seasons differ from build to build: their names are set when a set is
    built, and read from its folder when it is loaded.

    Args:
        legend: The classes of ``label``.
    """
    series = crop_series(legend, tiles=(), seasons=())
    degrees = " of the middle of the pixel, in degrees (WGS 84)."
    return tfds.features.FeaturesDict(
        {
            **{name: series[name] for name in series},
            "tile": tfds.features.ClassLabel(),
            "season": tfds.features.ClassLabel(),
            "longitude": tfds.features.Scalar(np.float32, doc="Longitude" + degrees),
            "latitude": tfds.features.Scalar(np.float32, doc="Latitude" + degrees),
            "row": tfds.features.Scalar(np.int32, doc="10 m row in the tile."),
            "col": tfds.features.Scalar(np.int32, doc="10 m column in the tile."),
            "parcel": tfds.features.Text(doc="Identifier of the parcel."),
            "code": tfds.features.Text(doc="The country's code of the crop."),
        }
    )


def ice_patch(*, size: int, legend: Legend | None = None) -> tfds.features.FeaturesDict:
    """Returns the features of a square patch of a Sentinel-1 scene.

    ``image`` is (size, size, 3) float32, channels as in `ICE_CHANNELS`; ``row`` and
    ``col`` are those of its upper-left pixel in the scene (or on the map that the scene
    was put on), ``longitude`` and ``latitude`` those of its centre; ``date`` counts
    days from 1970-01-01, UTC.

    Args:
        size: Width and height in pixels.
        legend: Classes of ``label``, with the number of the source ``polygon``. Without
            a legend the patch has the rasters of a chart instead: `CHART_RASTERS` and
            ``polygon``, the number of the polygon at each pixel, -1 for none.
    """

    def raster(dtype: type[np.generic], doc: str) -> tfds.features.Tensor:
        return tfds.features.Tensor(
            shape=(size, size), dtype=dtype, encoding="bytes", doc=doc
        )

    features = {
        "image": tfds.features.Tensor(
            shape=(size, size, len(ICE_CHANNELS)),
            dtype=np.float32,
            encoding="bytes",
            doc="Sigma-nought HH and HV in dB, incidence angle in degrees.",
        ),
        "scene": tfds.features.Text(doc="Name of the product."),
        "row": tfds.features.Scalar(np.int32, doc="Row of the upper-left pixel."),
        "col": tfds.features.Scalar(np.int32, doc="Column of the upper-left pixel."),
        "longitude": tfds.features.Scalar(np.float32, doc="Of the centre, degrees."),
        "latitude": tfds.features.Scalar(np.float32, doc="Of the centre, degrees."),
        "date": tfds.features.Scalar(np.int32, doc="Days since 1970-01-01."),
        "denoised": tfds.features.Scalar(
            np.uint8, doc="1 if thermal noise was taken off, 0 if the product lacks it."
        ),
    }
    if legend is not None:
        features["label"] = tfds.features.ClassLabel(names=legend.names)
        features["polygon"] = tfds.features.Scalar(
            np.int64, doc="Number of the polygon in its file."
        )
    else:
        for name in CHART_RASTERS:
            features[name] = raster(np.uint8, "255 is unknown.")
        features["polygon"] = raster(np.int32, "Number of the polygon; -1 for none.")
    return tfds.features.FeaturesDict(features)


def labelled_ice_patch(legend: Legend, *, size: int) -> tfds.features.FeaturesDict:
    """Returns the features of a patch of a radar scene with one class.

    Args:
        legend: The classes of ``label``.
        size: Width and height of the patch in pixels.
    """
    return tfds.features.FeaturesDict(
        {
            "image": tfds.features.Tensor(
                shape=(size, size, 3),
                dtype=np.float32,
                encoding="bytes",
                doc="Backscatter of HH and HV in dB, incidence angle in degrees;"
                " NaN where there is no data.",
            ),
            "label": tfds.features.ClassLabel(names=legend.names),
            "region": tfds.features.Scalar(
                np.int64, doc="Polygon, or what stands for one; -1 where not known."
            ),
            "scene": tfds.features.Text(doc="Scene; empty where not known."),
            "index": tfds.features.Scalar(
                np.int64, doc="Place of the patch in the files, from 0."
            ),
        }
    )


def label_grid(
    *,
    feature: str,
    size: int = 0,
    image: tuple[tuple[int, int, int], type[np.generic], str] | None = None,
) -> tfds.features.FeaturesDict:
    """Returns the features of a tile of a scene: its class, or a grid of classes.

    Args:
        feature: Name of the feature of classes. A single class gets its names when the
            files have been seen; those of a grid's numbers are in ``info.metadata``.
        size: Rows and columns of the grid; 0 for a single class.
        image: Shape, dtype and meaning of the image of the tile; None for no image.
    """
    features: dict[str, tfds.features.FeatureConnector] = {
        feature: tfds.features.Tensor(
            shape=(size, size),
            dtype=np.uint8,
            encoding="bytes",
            doc="Class of each word of the tile; 255 where unknown.",
        )
        if size
        else tfds.features.ClassLabel(),
        "scene": tfds.features.Text(doc="Scene that the tile lies in."),
        "row": tfds.features.Scalar(np.int32, doc="Row of the tile's upper edge."),
        "col": tfds.features.Scalar(np.int32, doc="Column of the tile's left edge."),
    }
    if image is not None:
        shape, dtype, doc = image
        features["image"] = tfds.features.Tensor(
            shape=shape, dtype=dtype, encoding="bytes", doc=doc
        )
    return tfds.features.FeaturesDict(features)


def ice_polygon(
    polygons: Legend, stages: Legend, forms: Legend, *, codes: Sequence[str]
) -> tfds.features.FeaturesDict:
    """Returns the features of a polygon of an ice chart.

    Args:
        polygons: Classes of ``polygon_type``.
        stages: Classes of ``stage_a`` to ``stage_c``.
        forms: Classes of ``form_a`` to ``form_c``.
        codes: Names of the fields of codes, in the order of ``valid``.
    """
    return tfds.features.FeaturesDict(
        {
            **_chart_shape(),
            "polygon_type": tfds.features.ClassLabel(names=polygons.names),
            "concentration": tfds.features.Tensor(
                shape=(4, 3),
                dtype=np.float32,
                encoding="bytes",
                doc="Tenths: total and types A, B, C by low, mid, high; NaN unknown.",
            ),
            "valid": tfds.features.Tensor(
                shape=(len(codes),),
                dtype=np.uint8,
                encoding="bytes",
                doc="1 where the code stands in its table or is not set: "
                + " ".join(codes),
            ),
            **{
                f"stage_{letter}": tfds.features.ClassLabel(names=stages.names)
                for letter in "abc"
            },
            **{
                f"form_{letter}": tfds.features.ClassLabel(names=forms.names)
                for letter in "abc"
            },
            **{
                code.lower(): tfds.features.Text(doc=f"{code} as the chart has it.")
                for code in codes
            },
        }
    )


def iceberg() -> tfds.features.FeaturesDict:
    """Returns the features of an iceberg, whose fields no publication names."""
    return tfds.features.FeaturesDict(
        {
            **_chart_shape(),
            "attributes": tfds.features.Text(doc="All fields of the file, as JSON."),
        }
    )


def _chart_shape() -> dict[str, tfds.features.FeatureConnector]:
    return {
        "geometry": tfds.features.Text(doc="Well-known binary, in the chart's CRS."),
        "crs": tfds.features.Text(doc="CRS of the chart as WKT."),
        "chart": tfds.features.Text(doc="Name of the chart, with its time."),
        "polygon": tfds.features.Scalar(
            np.int32, doc="Number of the polygon in the chart, from 0."
        ),
        "area_m2": tfds.features.Scalar(
            np.float32, doc="Area in the chart's CRS, in square metres; 0 for a point."
        ),
    }


CHART_IMAGES = ("hh_hv_db_angle", "rgb_8bit")
"""What the image of a chart's patch holds: HH dB, HV dB and incidence angle in degrees,
or the three 8-bit channels of a published GeoTIFF as they are."""
