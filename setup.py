"""Installs the packages `tfds_eo`, `models` and `beam_pipelines`.

Beam ships the same distribution to its remote workers (`--setup_file ./setup.py`).
"""

from pathlib import Path

from setuptools import find_packages, setup

REQUIRES = [
    # The core, at the versions whose behaviour the tests pin down.
    "tensorflow>=2.21",  # Reads and trains; first release tried with Keras 3.15.
    "keras>=3.15.1",  # Functional models; earlier ones differ under tf.distribute.
    "tensorflow-datasets>=4.9.10,<4.10",  # Builders; we rely on its ExampleParser.
    "apache-beam[gcp]>=2.77",  # Pipelines; gs:// and Dataflow with the extra.
    "rasterio>=1.4.4",  # GeoTIFF and JPEG 2000 by window.
    "numpy>=2.0",  # NumPy 2 promotion rules: uint16 stays uint16.
    "gcsfs>=2026.9",  # gs:// paths through fsspec.
    # What the core leaves out or only pulls in by chance.
    "importlib_resources>=6.0",  # Imported, but not declared, by tensorflow-datasets.
    "mlcroissant>=1.0",  # Imported, but not declared, by the command `tfds build`.
    "pyarrow>=16.0",  # Parses blocks of CSV members; Beam pins it loosely.
    "etils[epath]>=1.7",  # Paths of TFDS, local or gs://.
    "fsspec>=2025.1",  # Byte ranges and files, local or gs://, for all but TFDS.
    "google-crc32c>=1.5",  # CRC of each TFRecord at the speed of the processor.
    "tqdm>=4.66",  # Progress bars.
    "rich>=13.0",  # Tables and messages on the console.
    "scikit-learn>=1.4",  # Baselines that the LSTM is compared with.
    "matplotlib>=3.8",  # Figures.
    "tensorboard>=2.20",  # Reads back and shows the training logs.
]

DEVELOPMENT = [
    "hypothesis>=6.100",  # Property tests.
    "import-linter>=2.1",  # Holds the direction of imports.
    "mypy>=1.13",  # Static types.
    "pandas>=2.2",  # The peer that preparing is measured against.
    "psutil>=6.0",  # Peak memory in benchmarks.
    "pytest>=8.3",  # Tests.
    "pytest-xdist>=3.6",  # Tests on all cores.
    "ruff>=0.14",  # Format and lint.
]

setup(
    name="tfds-eo",
    version="0.1.0",
    description=(
        "Beam pipelines, TFDS builders and Keras models for Earth observation:"
        " crop types from Sentinel-2, sea ice from Sentinel-1"
    ),
    long_description=Path(__file__).with_name("README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(
        include=[
            package
            for name in ("tfds_eo", "models", "beam_pipelines")
            for package in (name, f"{name}.*")
        ]
    ),
    package_data={
        "tfds_eo": ["*/README.md", "*/CITATIONS.bib", "*/TAGS.txt", "*/checksums.tsv"]
    },
    python_requires=">=3.11",
    install_requires=REQUIRES,
    extras_require={
        "cuda": ["tensorflow[and-cuda]>=2.21"],
        "dev": DEVELOPMENT,
    },
    entry_points={"console_scripts": ["tfds-eo = beam_pipelines.cli:main"]},
)
