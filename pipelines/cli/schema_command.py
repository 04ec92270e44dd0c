"""Implements `schema`: of a version, and of the raw records of a group."""

from pipelines.cli.console import console
from pipelines.cli.strict_parser import Color
from pipelines.cli.tables import print_schema
from pipelines.dataset.versions import Dataset
from pipelines.json_output import print_object
from pipelines.streams import emit_json
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.record_schema import record_schema


def schema(
    dataset: str,
    *,
    version: int | None = None,
    group: Group | None,
    form: str,
    as_json: bool = False,
    color: Color = "auto",
) -> int:
    """Prints the schema of a version as a table, as JSON or in a schema language; returns the exit code.

    By default that of the current version.

    With `as_json` a schema language comes as one object, `{"version", "format", "groups": {GROUP: schema}}`.

    Raises:
        UsageError: There is no dataset, or no such version.
    """
    of = Dataset.at(dataset).version(version)
    document = of.schema()
    wanted: tuple[Group, ...] = GROUPS if group is None else (group,)
    chosen = {name: document["groups"][name] for name in wanted}
    match form:
        case "table" | "json" if as_json:
            print_object({**document, "groups": chosen})
        case "json":
            emit_json({**document, "groups": chosen}, indent=1)
        case "avro" | "bigquery" | "json-schema":
            # Imported only here: the other forms do not wait for the library of Avro.
            from pipelines.cli.schema_formats import described  # noqa: PLC0415 - see above

            schemas = {name: described(form, name, chosen[name]) for name in wanted}
            if as_json:
                print_object({"version": of.number, "format": form, "groups": schemas})
                return 0
            shown = schemas[group] if group is not None else schemas
            emit_json(shown, indent=1)
        case _:
            print_schema(of.number, chosen, console(color))
    return 0


def input_schema(group: Group, dataset: str | None, *, version: int | None = None, as_json: bool = False) -> int:
    """Prints the JSON Schema of the raw records of a group; returns the exit code.

    With a dataset, the metadata have to fit the fields of its version, by default the current one.

    Raises:
        UsageError: There is no dataset of this name, or no such version.
    """
    published = None if dataset is None else Dataset.at(dataset).version(version).schema()["groups"][group]
    schema = record_schema(group, published)
    if as_json:
        print_object(schema)
    else:
        emit_json(schema, indent=1)
    return 0
