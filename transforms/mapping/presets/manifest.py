"""The preset `manifest`: a table with a column for the URL or path of each item; all other columns are metadata."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import polars as pl

from transforms.errors import one_line
from transforms.formats.chunks import Chunk, Unreadable
from transforms.mapping.csv_text import CsvOptions, delimiter_option, other_delimiter
from transforms.mapping.json_columns import JsonTexts, json_texts, lines_of, typed_texts
from transforms.mapping.looks import Fit, Look
from transforms.mapping.maps import IMAGES_OPTION, Given, Map, MapError, SourceFile, advised
from transforms.mapping.read_tables import first_rows, read_table
from transforms.mapping.tables import TableBatch
from transforms.rules import coordinates
from transforms.rules.export_rows import Group
from transforms.rules.near_names import hint
from transforms.rules.rejections import Code, shown

IMAGE_URLS: Final = (
    *("image_url", "url", "uri", "image", "image_path", "image_uri", "img", "img_path", "img_url"),
    *("path", "file_path", "filepath", "file_name", "filename", "file", "original_image_url", "s3_uri", "gcs_uri"),
)
POINTCLOUD_URLS: Final = ("pointcloud_url", "point_cloud_url", "lidar_url")
IDS: Final = ("reference_id", "ref_id", "id", "image_id", "item_id")
"""Names of columns for the id, of which the first that is there is taken."""
_ABSOLUTE: Final = r"^(?:[A-Za-z][A-Za-z0-9+.-]*:|/)"
_IS_ABSOLUTE: Final = re.compile(_ABSOLUTE)
SIZES: Final = {"width": "width", "height": "height", "image_width": "width", "image_height": "height"}


@dataclass(frozen=True, slots=True)
class Manifest:
    """The map of the preset.

    Attributes:
        name: As it was given.
        text: How text is read.
        url: Name of the column with the URL; None for the one that has a usual name.
        id: Name of the column with the id; None likewise, or the URL itself is the id.
        images: In front of URLs that are relative paths; None to leave these to the rules, which reject them.
        types: Column to `number`, `boolean` or `json`, of text.
    """

    name: str
    text: CsvOptions
    url: str | None = None
    id: str | None = None
    images: str | None = None
    types: Mapping[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """All that decides what it makes of a table."""
        decimal = "" if self.text.decimal == "." else f" decimal={self.text.decimal}"
        return repr((self.text, self.url, self.id, self.images, sorted(self.types.items()))) + decimal

    @property
    def groups(self) -> Sequence[Group]:
        """Items alone."""
        return ("items",)

    def completed(self, group: Group, exports: Sequence[Given]) -> "Map":
        """The map itself, if it knows what the columns of its first table are.

        Raises:
            MapError: It does not.
        """
        first = next((each for each in exports if each.map is self and each.group == group), None)
        rows = None if first is None else first_rows(first.uri, self.text)
        if first is not None and rows is not None:
            try:
                columns = self._columns(rows.columns)
            except Unreadable as error:
                raise MapError(f"{error}") from error
            if self.images is None:
                _check_urls(rows.columns[columns.url], first.uri, self.name)
        return self

    def typed(self, group: Group, types: Mapping[str, str]) -> "Map":  # noqa: ARG002 - of the interface
        """The map with types of columns that have none yet."""
        return replace(self, types={**types, **self.types})

    def place(self, group: Group, offset: int) -> str | None:  # noqa: ARG002 - of the interface
        """None: the line says enough."""
        return None

    def hint(self, code: Code) -> str | None:
        """Where relative paths are, if nothing says so."""
        if code is not Code.INVALID_URL or self.images is not None:
            return None
        return f"{advised(self.name, IMAGES_OPTION)} puts their folder in front of relative paths"

    def chunks(self, source: SourceFile, group: Group) -> Iterator[Chunk]:  # noqa: ARG002 - of the interface
        """The rows of a table as items."""
        columns: _Columns | None = None
        for batch in read_table(source, self.text):
            if columns is None:
                columns = self._columns(batch.columns)
            yield self._chunk(batch, columns)

    def _columns(self, names: Iterable[str]) -> "_Columns":
        return _Columns.of([*names], url=self.url, reference_id=self.id, given=self.name)

    def _chunk(self, batch: TableBatch, columns: "_Columns") -> Chunk:
        texts: dict[str, JsonTexts] = {}
        decimal = self.text.decimal
        for name, values in batch.columns.items():
            kind = "number" if name in columns.sizes else self.types.get(name)
            if kind is None and decimal != "." and name in coordinates.KEYS:
                kind = "number"  # the rule takes texts of numbers (C4), but not with a comma
            texts[name] = typed_texts(values, kind, decimal) if kind and batch.is_text else json_texts(values)
        core = {"reference_id": texts[columns.reference_id], columns.key: texts[columns.url]}
        if columns.reference_id != columns.url:
            core["reference_id"] = _as_strings(batch.columns[columns.reference_id], core["reference_id"])
        if self.images is not None:
            core[columns.key] = json_texts(_absolute(batch.columns[columns.url].cast(pl.String), self.images))
        core |= {key: texts[name] for name, key in columns.sizes.items()}
        metadata = {name: texts[name] for name in columns.metadata}
        return Chunk(
            records=lines_of(core, metadata, len(batch)),
            offsets=batch.offsets,
            lines=batch.lines,
            first_line=0,
            line_count=0,
            byte_count=batch.byte_count,
            refused=batch.refused,
            sources=batch.sources,
        )


def preset(options: Mapping[str, str]) -> Map:
    """The map with options `delimiter`, `encoding`, `decimal`, `url`, `id` and `images`.

    Raises:
        MapError: One of them has no such value.
    """
    given = ",".join(f"{key}={value}" for key, value in options.items())
    return Manifest(
        name=f"manifest:{given}" if given else "manifest",
        text=CsvOptions.of(*(options.get(key) for key in ("delimiter", "encoding", "decimal"))),
        url=options.get("url"),
        id=options.get("id"),
        images=options.get("images"),
    )


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which column of a table is what.

    Attributes:
        url: Of the URL; `key` is its key in a record.
        reference_id: Of the id.
        sizes: Columns to the keys `width` and `height`.
        metadata: All others.
    """

    url: str
    key: str
    reference_id: str
    sizes: Mapping[str, str]
    metadata: Sequence[str]

    @classmethod
    def of(
        cls, names: Sequence[str], *, url: str | None = None, reference_id: str | None = None, given: str = "manifest"
    ) -> "_Columns":
        """Finds the columns by their names; `given` is how the preset was given, for messages.

        Raises:
            Unreadable: None or several may be the URL, or one that is named is not there.
        """
        found = _url(names, given) if url is None else _named(names, url, "url")
        key = "pointcloud_url" if found.lower() in POINTCLOUD_URLS else "image_url"
        if reference_id is None:
            by_name = {name.lower(): name for name in reversed(names)}
            identity = next((by_name[name] for name in IDS if name in by_name), found)
        else:
            identity = _named(names, reference_id, "id")
        sizes: dict[str, str] = {}
        for name in names:
            if (size := SIZES.get(name.lower())) is not None and size not in sizes.values():
                sizes[name] = size
        taken = {found, identity, *sizes}
        return cls(found, key, identity, sizes, [name for name in names if name not in taken])


def _url(names: Sequence[str], given: str) -> str:
    usual = {*IMAGE_URLS, *POINTCLOUD_URLS}
    found = [name for name in names if name.lower() in usual]
    if len(found) == 1:
        return found[0]
    exact = [name for name in found if name in ("image_url", "pointcloud_url")]
    if len(exact) == 1:
        return exact[0]
    delimiter = other_delimiter(names)
    if not found and delimiter is not None:
        raise Unreadable(
            f"expected a comma between the names of the columns, got {shown(names[0])}; give the delimiter: "
            f"{advised(given, delimiter_option(delimiter))}",
            0,
            1,
        )
    if not found:
        listed = ", ".join(names[:12])
        raise Unreadable(
            f"expected a column for the URL or path, such as image_url, got {listed}; name it: "
            f"{advised(given, 'url=COLUMN')}",
            0,
            1,
        )
    raise Unreadable(
        f"expected one column for the URL or path, got {' and '.join(found)}; name it: "
        f"{advised(given, f'url={found[0]}')}",
        0,
        1,
    )


def _named(names: Sequence[str], name: str, option: str) -> str:
    if name not in names:
        raise Unreadable(
            f"expected a column {name}, as the option {option} names it, got none; {hint(name, names)}", 0, 1
        )
    return name


def _check_urls(urls: pl.Series, uri: str, name: str) -> None:
    """Checks that not all of the first URLs are relative paths, which every row would be rejected for.

    Raises:
        MapError: They are.
    """
    given = urls.drop_nulls()
    if given.dtype == pl.String and len(given) and not given.str.contains(_ABSOLUTE).any():
        raise MapError(
            f"the URLs of {one_line(uri)} are relative paths, such as {shown(given[0])}; say where they are: "
            f"{advised(name, IMAGES_OPTION)}"
        )


def _absolute(urls: pl.Series, prefix: str) -> pl.Series:
    """The URLs; a relative path has the prefix in front, with one slash between the two."""
    is_absolute = urls.str.contains(_ABSOLUTE)
    path = urls.str.strip_prefix("./")
    joined = pl.concat_str([pl.lit(f"{prefix.rstrip('/')}/"), pl.lit(path)])
    return pl.select(pl.when(is_absolute).then(urls).otherwise(joined)).to_series()


def _as_strings(values: pl.Series, texts: JsonTexts) -> JsonTexts:
    """Ids in quotes: whole numbers too, of which tables often have a column."""
    return json_texts(values.cast(pl.String)) if values.dtype.is_integer() else texts


def fits(look: Look) -> Fit:
    """How the preset takes a file: items of a table whose columns it knows."""
    if look.columns is None:
        return Fit()
    try:
        url = _Columns.of(look.columns).url
    except Unreadable:
        return Fit()
    first = look.parts[0].first if look.parts else ()
    urls = [each[url] for each in first if isinstance(each, dict) and isinstance(each.get(url), str)]
    is_relative = bool(urls) and not any(_IS_ABSOLUTE.match(each) for each in urls)
    return Fit(("items",), (IMAGES_OPTION,) if is_relative else ())
