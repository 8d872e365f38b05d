"""Reads small XML files, such as legends beside a raster, without trusting them."""

from __future__ import annotations

import os
import pathlib
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException

MOST_BYTES = 4 << 20
"""Size above which a file is no legend."""


def read_xml(path: str | os.PathLike[str]) -> Element:
    """Returns the root of an XML file.

    Raises:
        ValueError: If the file is too large, is no XML, or declares a document type:
            entities can be made to inflate without end or to read other files.
    """
    path = pathlib.Path(path)
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(
            f"{path} must have at most {MOST_BYTES:,} bytes; it has"
            f" {path.stat().st_size:,}"
        )
    try:
        root = defusedxml.ElementTree.fromstring(path.read_bytes(), forbid_dtd=True)
    except DefusedXmlException as error:
        raise ValueError(
            f"{path} must not declare entities or a document type; got {error!r}"
        ) from error
    except ParseError as error:
        raise ValueError(f"{path} must be XML; {error}") from error
    if not isinstance(root, Element):
        raise ValueError(f"{path} must have a root element")
    return root
