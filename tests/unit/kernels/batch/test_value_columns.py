"""Names of columns of metadata values hold any key, and no NUL, at which polars panics and pyarrow stops: V9."""

import io

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import batch_of, keys, metadata_of

from transforms.avro.parts import avro_container
from transforms.kernels.batch.arrow_ipc import ArrowFile
from transforms.kernels.batch.batch import Batch
from transforms.kernels.batch.metadata_columns import FORMS
from transforms.kernels.batch.value_columns import ValueColumn, columns_of
from transforms.kernels.publish.rows import METADATA, publish
from transforms.rules.avro_schema import row_schema

hostile_keys = st.one_of(keys, st.text("\0~:0a", max_size=6))
forms = st.sampled_from(sorted(FORMS))


@given(forms, hostile_keys)
def test_a_name_tells_its_form_and_its_key_and_holds_no_nul(form: str, key: str) -> None:
    name = ValueColumn(form, key).name
    assert ValueColumn.of(name) == (form, key)
    assert "\0" not in name


@given(st.sets(st.tuples(forms, hostile_keys), max_size=8))
def test_distinct_values_have_distinct_names(values: set[tuple[str, str]]) -> None:
    assert len({ValueColumn(*value).name for value in values}) == len(values)


def test_keys_without_nul_keep_the_names_that_stored_states_have() -> None:
    assert columns_of({"a:b", "~"}, ("int",)) == {"int:a:b", "int:~"}
    assert ValueColumn.of("reference_id") is None


def test_a_key_with_nul_passes_every_library_in_every_form() -> None:
    values = [7, 1.5, "x", True, None, [1], 2**70]
    batch = Batch.from_bytes(batch_of([{"a\0b": value} for value in values]).to_bytes())
    assert not any("\0" in name for name in batch.rows.columns)
    assert [each["a\0b"] for each in metadata_of(batch)] == values
    fields = {"a\0b": {"column": "a_b_1", "storage": "string"}}
    rows = batch.rows.with_columns(export_name=pl.lit("x"))
    published = publish(Batch("items", rows, batch.cells), fields, cache_keys="canonical")
    records = {METADATA: list(published.metadata.values())}
    assert b"".join(avro_container(published.core, row_schema("items", fields), records=records))


def test_states_of_earlier_versions_with_nul_in_a_name_are_read() -> None:
    out = io.BytesIO()
    pl.DataFrame({"reference_id": ["a", "b"], "int:a\0~": [1, None]}).write_ipc(out, compression="lz4")
    name = ValueColumn("int", "a\0~").name
    assert ArrowFile(out.getvalue()).frame([name])[name].to_list() == [1, None]
    assert ArrowFile(out.getvalue()).names == ["reference_id", name]
