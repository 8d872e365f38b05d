"""The metadata of a made Sentinel-2 product, in the words of two specifications."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence

from tfds_eo.geo.tile_grid import TileGrid

COMMENT = "simulated by tfds-eo: not observed data"
"""Stands in every metadata file made here."""

_BANDS = (
    "B1",
    "B2",
    "B3",
    "B4",
    "B5",
    "B6",
    "B7",
    "B8",
    "B8A",
    "B9",
    "B10",
    "B11",
    "B12",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Names:
    """The names of a product and of its parts.

    Attributes:
        grid: Its 10 m pixels.
        satellite: ``S2A`` or ``S2B``.
        sensed: When the datatake began, UTC.
        baseline: Processing baseline, such as ``02.06``.
        orbit: Relative orbit.
        absolute_orbit: Absolute orbit.
    """

    grid: TileGrid
    satellite: str
    sensed: datetime.datetime
    baseline: str
    orbit: int
    absolute_orbit: int

    @property
    def old(self) -> bool:
        """Whether the specification is one before 14.5."""
        return self.baseline < "02.08"

    @property
    def processed(self) -> str:
        """When the product was generated."""
        delay = datetime.timedelta(hours=3, minutes=7)
        if self.baseline >= "05.00":  # Collection 1: processed again in 2023.
            delay = datetime.datetime(2023, 6, 1, tzinfo=datetime.UTC) - self.sensed
        return _compact(self.sensed + delay)

    @property
    def product(self) -> str:
        """Name of the product, with ``.SAFE``."""
        return (
            f"{self.satellite}_MSIL2A_{_compact(self.sensed)}"
            f"_N{self.baseline.replace('.', '')}_R{self.orbit:03d}"
            f"_T{self.grid.tile}_{self.processed}.SAFE"
        )

    @property
    def strip(self) -> str:
        """When the data strip began."""
        return _compact(self.sensed + datetime.timedelta(seconds=4))

    @property
    def granule(self) -> str:
        """Name of the granule's folder."""
        return f"L2A_T{self.grid.tile}_A{self.absolute_orbit:06d}_{self.strip}"

    def image(self, band: str, pixel: int) -> str:
        """Path of an image in the product, without extension."""
        first = "L2A_" if self.old else ""
        return (
            f"GRANULE/{self.granule}/IMG_DATA/R{pixel}m/"
            f"{first}T{self.grid.tile}_{_compact(self.sensed)}_{band}_{pixel}m"
        )


def product_xml(
    names: Names, images: Sequence[str], *, cloud: float, offset: int
) -> str:
    """Returns ``MTD_MSIL2A.xml``.

    Args:
        names: The product.
        images: Paths of its images, without extension.
        cloud: Cloudy pixels in percent.
        offset: What is added to its numbers; 0 leaves the element out.
    """
    old = names.old
    info = "L2A_Product_Info" if old else "Product_Info"
    organisation = "L2A_Product_Organisation" if old else "Product_Organisation"
    uri = "PRODUCT_URI_2A" if old else "PRODUCT_URI"
    file = "IMAGE_FILE_2A" if old else "IMAGE_FILE"
    quantity = (
        "L1C_L2A_Quantification_Values_List" if old else "QUANTIFICATION_VALUES_LIST"
    )
    value = "L2A_BOA_QUANTIFICATION_VALUE" if old else "BOA_QUANTIFICATION_VALUE"
    image = (
        "L2A_Product_Image_Characteristics" if old else "Product_Image_Characteristics"
    )
    quality = "L2A_Quality_Indicators_Info" if old else "Quality_Indicators_Info"
    specification = 13 if old else 14
    offsets = "".join(
        f'<BOA_ADD_OFFSET band_id="{number}">{offset}</BOA_ADD_OFFSET>'
        for number in range(len(_BANDS))
    )
    offsets = (
        f"<BOA_ADD_OFFSET_VALUES_LIST>{offsets}</BOA_ADD_OFFSET_VALUES_LIST>"
        if offset
        else ""
    )
    schema = f"https://psd-{specification}.sentinel2.eo.esa.int/PSD"
    start = _iso(names.sensed)
    listed = "".join(f"<{file}>{path}</{file}>" for path in images)
    satellite = f"Sentinel-2{names.satellite[-1]}"
    identifier = (
        f"G{names.satellite}_{_compact(names.sensed)}_{names.absolute_orbit:06d}"
        f"_N{names.baseline}"
    )
    return f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<!-- {COMMENT} -->
<n1:Level-2A_User_Product xmlns:n1="{schema}/User_Product_Level-2A.xsd">
  <n1:General_Info>
    <{info}>
      <PRODUCT_START_TIME>{start}</PRODUCT_START_TIME>
      <PRODUCT_STOP_TIME>{start}</PRODUCT_STOP_TIME>
      <{uri}>{names.product}</{uri}>
      <PROCESSING_LEVEL>Level-2A{"p" if old else ""}</PROCESSING_LEVEL>
      <PRODUCT_TYPE>S2MSI2A{"p" if old else ""}</PRODUCT_TYPE>
      <PROCESSING_BASELINE>{names.baseline}</PROCESSING_BASELINE>
      <GENERATION_TIME>{_iso(_parse(names.processed))}</GENERATION_TIME>
      <Datatake datatakeIdentifier="{identifier}">
        <SPACECRAFT_NAME>{satellite}</SPACECRAFT_NAME>
        <DATATAKE_TYPE>INS-NOBS</DATATAKE_TYPE>
        <DATATAKE_SENSING_START>{start}</DATATAKE_SENSING_START>
        <SENSING_ORBIT_NUMBER>{names.orbit}</SENSING_ORBIT_NUMBER>
        <SENSING_ORBIT_DIRECTION>DESCENDING</SENSING_ORBIT_DIRECTION>
      </Datatake>
      <{organisation}>
        <Granule_List>
          <Granule granuleIdentifier="{_granule_id(names)}" imageFormat="JPEG2000">
            {listed}
          </Granule>
        </Granule_List>
      </{organisation}>
    </{info}>
    <{image}>
      <Special_Values>
        <SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT>
        <SPECIAL_VALUE_INDEX>0</SPECIAL_VALUE_INDEX>
      </Special_Values>
      <Special_Values>
        <SPECIAL_VALUE_TEXT>SATURATED</SPECIAL_VALUE_TEXT>
        <SPECIAL_VALUE_INDEX>65535</SPECIAL_VALUE_INDEX>
      </Special_Values>
      <{quantity}>
        <{value} unit="none">10000</{value}>
      </{quantity}>
      {offsets}
    </{image}>
  </n1:General_Info>
  <n1:{quality}>
    <Cloud_Coverage_Assessment>{cloud:.6f}</Cloud_Coverage_Assessment>
  </n1:{quality}>
</n1:Level-2A_User_Product>
"""


def tile_xml(names: Names, *, empty: float, cloud: float) -> str:
    """Returns ``MTD_TL.xml``.

    Args:
        names: The product.
        empty: Pixels without data, in percent.
        cloud: Cloudy pixels, in percent.
    """
    grid = names.grid
    specification = 13 if names.old else 14
    last = "_2A" if names.old else ""
    schema = f"https://psd-{specification}.sentinel2.eo.esa.int/PSD"
    zone = int(grid.crs[-2:])
    sizes = "".join(
        f"""
      <Size resolution="{pixel}">
        <NROWS>{grid.rows * 10 // pixel}</NROWS>
        <NCOLS>{grid.cols * 10 // pixel}</NCOLS>
      </Size>"""
        for pixel in (10, 20, 60)
    )
    positions = "".join(
        f"""
      <Geoposition resolution="{pixel}">
        <ULX>{grid.left:.0f}</ULX>
        <ULY>{grid.top:.0f}</ULY>
        <XDIM>{pixel}</XDIM>
        <YDIM>-{pixel}</YDIM>
      </Geoposition>"""
        for pixel in (10, 20, 60)
    )
    strip = (
        f"{names.satellite}_OPER_MSI_L2A_DS_SGS__{names.processed}_S{names.strip}"
        f"_N{names.baseline}"
    )
    return f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<!-- {COMMENT} -->
<n1:Level-2A_Tile_ID xmlns:n1="{schema}/S2_PDI_Level-2A_Tile_Metadata.xsd">
  <n1:General_Info>
    <TILE_ID{last} metadataLevel="Brief">{_granule_id(names)}</TILE_ID{last}>
    <DATASTRIP_ID{last} metadataLevel="Standard">{strip}</DATASTRIP_ID{last}>
    <SENSING_TIME metadataLevel="Standard">{_iso(names.sensed)}</SENSING_TIME>
  </n1:General_Info>
  <n1:Geometric_Info>
    <Tile_Geocoding metadataLevel="Brief">
      <HORIZONTAL_CS_NAME>WGS84 / UTM zone {zone}N</HORIZONTAL_CS_NAME>
      <HORIZONTAL_CS_CODE>{grid.crs}</HORIZONTAL_CS_CODE>{sizes}{positions}
    </Tile_Geocoding>
  </n1:Geometric_Info>
  <n1:Quality_Indicators_Info metadataLevel="Standard">
    <Image_Content_QI>
      <CLOUDY_PIXEL_PERCENTAGE>{cloud:.6f}</CLOUDY_PIXEL_PERCENTAGE>
      <NODATA_PIXEL_PERCENTAGE>{empty:.6f}</NODATA_PIXEL_PERCENTAGE>
    </Image_Content_QI>
  </n1:Quality_Indicators_Info>
</n1:Level-2A_Tile_ID>
"""


def manifest_xml(names: Names, images: Sequence[str]) -> str:
    """Returns ``manifest.safe``, which lists the files of the product."""
    paths = ["MTD_MSIL2A.xml", f"GRANULE/{names.granule}/MTD_TL.xml"]
    paths += [f"{image}.jp2" for image in images]
    objects = "".join(
        f"""
    <dataObject ID="file_{number}">
      <byteStream>
        <fileLocation href="./{path}" locatorType="URL"/>
      </byteStream>
    </dataObject>"""
        for number, path in enumerate(paths)
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<!-- {COMMENT} -->
<xfdu:XFDU xmlns:xfdu="urn:ccsds:schema:xfdu:1" version="esa/safe/sentinel/1.1">
  <dataObjectSection>{objects}
  </dataObjectSection>
</xfdu:XFDU>
"""


# Private -------------------------------------------------------------------------


def _granule_id(names: Names) -> str:
    return (
        f"{names.satellite}_OPER_MSI_L2A_TL_SGS__{names.processed}"
        f"_A{names.absolute_orbit:06d}_T{names.grid.tile}_N{names.baseline}"
    )


def _compact(time: datetime.datetime) -> str:
    return time.strftime("%Y%m%dT%H%M%S")


def _parse(text: str) -> datetime.datetime:
    return datetime.datetime.strptime(text, "%Y%m%dT%H%M%S").replace(
        tzinfo=datetime.UTC
    )


def _iso(time: datetime.datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"
