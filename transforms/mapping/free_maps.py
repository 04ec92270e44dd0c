"""The map of a map file: reads the records of any source one by one, and applies what the file says to each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from transforms.formats.chunks import OF_ALL, Chunk, RefusedRecord, Unreadable
from transforms.mapping.chunk_builder import ChunkBuilder
from transforms.mapping.column_maps import chunk_of_columns
from transforms.mapping.csv_text import CsvOptions
from transforms.mapping.map_checks import check_joins, check_names
from transforms.mapping.maps import Given, Map, SourceFile
from transforms.mapping.paths import UnfitValueError, streamed_list
from transforms.mapping.read_tables import read_table
from transforms.mapping.record_maps import LookUps, RecordMaker, RecordMap, key_text
from transforms.mapping.source_records import LeftPart, SourceRecord, elements, is_table, row_records, source_records
from transforms.mapping.tables import TableBatch
from transforms.mapping.values import NewValues
from transforms.rules import coordinates
from transforms.rules.export_rows import Group
from transforms.rules.rejections import Code, shown
from transforms.storage.stored_files import refusals


@dataclass(frozen=True, slots=True)
class FreeMap:
    """The map of a map file.

    Attributes:
        name: Path of the file.
        document: What it says, as JSON.
        records: The map of each group that it has.
        text: How CSV is read.
        types: Names of declared fields to their types, for texts without types; those of the file win.
    """

    name: str
    document: str
    records: tuple[RecordMap, ...]
    text: CsvOptions
    types: tuple[tuple[str, str], ...] = ()

    @property
    def identity(self) -> str:
        """What the file says, and the types."""
        return repr((self.document, self.types))

    @property
    def groups(self) -> Sequence[Group]:
        """Those of its tables."""
        return [each.group for each in self.records]

    def completed(self, group: Group, exports: Sequence[Given]) -> Map:
        """The map itself, if what it names is there: columns of tables, files of joins.

        Raises:
            MapError: It is not.
        """
        uris = [each.uri for each in exports if each.map is self and each.group == group]
        if uris:
            record_map = self._of(group)
            check_joins(record_map, self.text)
            check_names(record_map, uris, self.text)
        return self

    def typed(self, group: Group, types: Mapping[str, str]) -> Map:  # noqa: ARG002 - of the interface
        """The map with declared types."""
        return replace(self, types=tuple(types.items()))

    def place(self, group: Group, offset: int) -> str | None:
        """The path of a record in its document."""
        records = self._of(group).records
        if records is None:
            return None
        key = streamed_list(records)
        return f"({records})[{offset}]" if key is None else f"{key}[{offset}]"

    def hint(self, code: Code) -> str | None:
        """How a relative path becomes a URL."""
        if code is not Code.INVALID_URL:
            return None
        return (
            'a template puts their folder in front of relative paths: image_url = { template = "s3://BUCKET/{path}" }'
        )

    def _of(self, group: Group) -> RecordMap:
        return next(each for each in self.records if each.group == group)

    def chunks(self, source: SourceFile, group: Group) -> Iterator[Chunk]:
        """The records of the source, for its first byte range; of a Parquet file those of the range."""
        record_map = self._of(group)
        of_texts = self._of_texts(record_map)
        if record_map.records is None and is_table(source):
            look_ups: LookUps | None = None
            for batch in read_table(source, self.text):
                look_ups = self._look_ups(record_map, source) if look_ups is None else look_ups
                yield self._of_table(batch, of_texts if batch.is_text else record_map, look_ups)
            return
        if source.start:
            return
        others = {streamed_list(each.records) for each in self.records if each.records is not None}
        others |= {streamed_list(join.elements) for join in record_map.joins if join.elements is not None}
        look_ups = self._look_ups(record_map, source)
        of_text, of_values = RecordMaker(of_texts, look_ups), RecordMaker(record_map, look_ups)
        builder = ChunkBuilder()
        try:
            for each in source_records(source, record_map.records, self.text):
                if isinstance(each, LeftPart):
                    if each.key not in others:
                        builder.set_aside(each.key, f"{each.count:,} elements", line=OF_ALL, offset=0, count=each.count)
                    continue
                _add(builder, each, of_text if each.is_text else of_values)
                if builder.is_full:
                    yield builder.made()
        except Unreadable:
            if not builder.is_empty:
                yield builder.made()
            raise
        yield builder.made()

    def _of_texts(self, record_map: RecordMap) -> RecordMap:
        """The map of texts: with declared types, and with numbers as the file writes them."""
        names = record_map.metadata
        types = {**dict(self.types), **dict(names.types)}
        if self.text.decimal != ".":
            # The rule for coordinates takes texts of numbers (C4), but not with a comma.
            source = {after: before for before, after in names.rename}
            used = frozenset[str]().union(*(each.roots for _, each in record_map.fields))
            columns = {source.get(key, key) for key in coordinates.KEYS} - used
            types = {**dict.fromkeys(sorted(columns), "number"), **types}
        typed = replace(names, types=tuple(types.items()))
        return replace(record_map, metadata=typed, decimal=self.text.decimal)

    @staticmethod
    def _of_table(batch: TableBatch, record_map: RecordMap, look_ups: LookUps) -> Chunk:
        """The records of a batch of rows: all at once, or row by row where the map needs it."""
        chunk = chunk_of_columns(batch, record_map)
        if chunk is not None:
            return chunk
        maker, builder = RecordMaker(record_map, look_ups), ChunkBuilder()
        for each in row_records(batch):
            _add(builder, each, maker)
        return builder.made(batch.byte_count)

    def _look_ups(self, record_map: RecordMap, source: SourceFile) -> LookUps:
        found: dict[str, NewValues] = {}
        for join in record_map.joins:
            of_join: NewValues = {}
            place = SourceFile.whole(source.uri if join.file is None else join.file)
            try:
                for element in elements(place, join.elements, self.text):
                    key = join.key.value(element)
                    if key is None:
                        continue
                    if of_join.setdefault(key_text(key), element) is not element:
                        raise Unreadable(
                            f"expected one element of the join {join.name} for each key, got two of {shown(key)}"
                        )
            except UnfitValueError as error:
                raise Unreadable(f"expected a key of the join {join.name}: {error}") from error
            except refusals() as error:
                raise Unreadable(f"expected the file {place.uri} of the join {join.name}, got {error}") from error
            found[join.name] = of_join
        return found


def _add(builder: ChunkBuilder, each: SourceRecord, maker: RecordMaker) -> None:
    """Adds what the map makes of a record, or its fault."""
    fault = each.fault
    if fault is None and not isinstance(each.value, dict):
        builder.refuse(
            f"expected an object, got {shown(each.value)}",
            each.source,
            line=each.line,
            offset=each.offset,
            code=Code.NOT_AN_OBJECT,
        )
    elif isinstance(fault, RefusedRecord):
        found = fault.fault
        message = f"expected a record that memory holds, got a line of {fault.length} bytes"
        builder.refuse(
            message if found is None else found.message,
            fault.head,
            line=each.line,
            offset=each.offset,
            code=Code.MALFORMED_JSON if found is None else found.code,
        )
    elif fault is not None:
        builder.refuse(fault, each.source, line=each.line, offset=each.offset)
    elif isinstance(each.value, dict):
        try:
            applied = maker.applied(each.value, is_text=each.is_text)
        except UnfitValueError as error:
            builder.refuse(f"{error}", each.source, line=each.line, offset=each.offset, code=Code.INVALID_FIELD)
            return
        builder.add(applied.record, each.source, line=each.line, offset=each.offset)
        for name, value in (*applied.left.items(), *applied.unmatched.items()):
            builder.set_aside(name, value, line=each.line, offset=each.offset)
