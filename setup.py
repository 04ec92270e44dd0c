"""Packaging of metadata-etl: what the job needs, and one extra for each way of going further."""

import os
import runpy
from pathlib import Path

from setuptools import Extension, find_packages, setup

RUN = [
    "apache-beam>=2.77,<3",
    "fastavro>=1.12,<2",
    "google-cloud-storage>=3.1,<4",
    "google-auth-httplib2>=0.2,<1",  # without it Beam's gs:// file system finds no credentials
    "polars>=2.0,<3",
    "pyarrow>=23,<26",  # which Beam needs too
    "numpy>=2.0,<3",
    "orjson>=3.10,<4",
    "ada-url>=4,<5",
    "datasketches>=5.2,<6",
    "cramjam>=2.8,<3",
    "zstandard>=0.23,<1",
    "rich>=14,<16",
    "lark>=1.2,<2",
    "msgspec>=0.20,<1",
    "jmespath>=1.0.1,<2",  # the expressions of map files
    "starlette>=1,<2",  # the explorer, which uvicorn serves
    "uvicorn>=0.40,<1",
]
DEMO = ["airportsdata>=20250101"]
BENCH = ["duckdb>=1.4,<3"]  # for what the job is compared with; the other peers need nothing more than the job
DIST = ["build>=1.2,<2"]  # makes the sdist
DOCS = ["mkdocs>=1.6,<2", "mkdocs-material>=9.6,<10", "mkdocstrings[python]>=1,<2"]
TEST = [
    *DEMO,
    *DOCS,  # that the documentation builds, without a broken link, is checked
    *BENCH,  # that the peers find what the job finds is a test
    "pytest>=9,<10",
    "pytest-cov>=7,<8",
    "pytest-timeout>=2.3,<3",
    "pytest-xdist>=3.8,<4",
    "hypothesis>=6.150,<7",
    "ruff>=0.15,<1",
    "mypy>=1.19,<3",
    "import-linter>=2.5,<3",
    "jsonschema>=4.23,<5",
    "setuptools>=80",  # that every file is packaged is a test; and what is staged for engines is built by it
    "pandas>=2.2,<4",  # a reader of what is published and exported; and users have it
    "google-cloud-dataflow-client>=0.8,<1",  # what Beam needs of its extra `gcp` to write a template
]

NATIVE = Path("transforms/native")

setup(
    name="metadata-etl",
    version=runpy.run_path("pipelines/version.py")["__version__"],
    description="Raw metadata exports of vision and lidar datasets in, a validated and published dataset out.",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The metadata-etl maintainers",
    author_email="maintainers@metadata-etl.example",
    url="https://metadata-etl.example",
    project_urls={
        "Documentation": "https://metadata-etl.example/docs",
        "Source": "https://metadata-etl.example/source",
        "Issues": "https://metadata-etl.example/issues",
        "Changelog": "https://metadata-etl.example/changelog",
    },
    license_expression="Apache-2.0",
    license_files=["LICENSE", "pipelines/report/vendor/*.LICENSE", "transforms/native/vendor/*.LICENSE"],
    keywords=["metadata", "etl", "beam", "avro", "computer vision", "lidar", "annotations", "nucleus"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: C",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Image Processing",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    packages=find_packages(include=["metadata_etl", "pipelines", "pipelines.*", "transforms", "transforms.*"]),
    package_data={
        "metadata_etl": ["py.typed"],
        "pipelines": ["py.typed"],
        "pipelines.cli": ["completion.*"],
        "pipelines.explore": ["assets/*"],
        "pipelines.files": ["*/*", "*/conf/*"],
        "pipelines.queries": ["*.lark"],
        "pipelines.report": ["assets/*", "vendor/*"],
        "transforms": ["py.typed", "**/*.pyi"],
    },
    # Optional: without a compiler the package installs all the same, and the job is slower. CI wants it built.
    ext_modules=[
        Extension(
            "transforms.native._kernels",
            [str(NATIVE / name) for name in ("_kernels.c", "shred.c", "vendor/yyjson.c")],
            depends=sorted(map(str, NATIVE.rglob("*.h"))),
            # A job is no faster with -O3, which takes much longer to compile, and workers of an engine wait for it.
            # Without symbols for a debugger, which have the path of the build, the same sources give the same bytes.
            extra_compile_args=["-O1", "-g0"],
            define_macros=[("YYJSON_DISABLE_NON_STANDARD", "1"), ("YYJSON_DISABLE_UTILS", "1")],
            optional=os.environ.get("METADATA_ETL_REQUIRE_EXTENSION") != "1",
        )
    ],
    install_requires=RUN,
    extras_require={
        "bench": BENCH,
        "dataflow": ["apache-beam[gcp]>=2.77,<3"],
        "demo": DEMO,
        "dist": DIST,
        "docs": DOCS,
        "test": TEST,
    },
    entry_points={"console_scripts": ["metadata-etl = pipelines.cli.main:script"]},
)
