"""Runs the commands that read a dataset or manage its versions; each imports what it needs, and nothing else."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

from pipelines.cli.arguments import parser
from pipelines.errors import UsageError
from pipelines.runners import estimate
from pipelines.runners.imports import fast_imports, uncollected_imports


def run(options: argparse.Namespace, flags: Sequence[str] | None) -> int:
    """Runs one of them; returns the exit code.

    Raises:
        UsageError: There are flags of a runner, which none of them has.
    """
    if flags is not None:
        raise UsageError(f"`{options.command}` takes no runner flags after `--`, got {' '.join(flags) or 'nothing'}")
    return _COMMANDS[options.command](options)


def _list_versions(options: argparse.Namespace) -> int:
    with _imports(options):
        from pipelines.cli import version_listings  # noqa: PLC0415 - see above

    if options.command == "versions":
        return version_listings.versions(options.dataset, as_json=options.json, color=options.color)
    return version_listings.show(options.dataset, options.version, as_json=options.json, color=options.color)


def _schema(options: argparse.Namespace) -> int:
    with _imports(options):
        from pipelines.cli.schema_command import input_schema, schema  # noqa: PLC0415 - see above

    if options.input is not None:
        _check_alone(options)
        return input_schema(options.input, options.dataset, version=options.version, as_json=options.json)
    if options.dataset is None:
        raise UsageError("schema: DATASET is needed; or --input items, for a schema of the records of exports")
    return schema(
        options.dataset,
        version=options.version,
        group=options.group,
        form=options.format,
        as_json=options.json,
        color=options.color,
    )


def _check_alone(options: argparse.Namespace) -> None:
    """Raises UsageError if `schema --input` is given a flag that does not go with it."""
    if options.group not in (None, options.input):
        raise UsageError(f"--input {options.input} names the group already: leave --group {options.group} out")
    if options.format not in ("table", "json-schema"):
        raise UsageError(f"--input prints a JSON Schema: leave --format {options.format} out")
    if options.version is not None and options.dataset is None:
        raise UsageError("--version goes with a DATASET, whose fields the metadata have to fit")


def _report(options: argparse.Namespace) -> int:
    with _imports(options):
        from pipelines.cli.report_command import report  # noqa: PLC0415 - see above

    return report(options.dataset, options.out, version=options.version, as_json=options.json)


def _query(options: argparse.Namespace) -> int:
    with _imports(options):
        from pipelines.cli.query_command import query  # noqa: PLC0415 - see above

    return query(
        options.dataset,
        options.expression,
        version=options.version,
        group=options.group,
        form=_query_format(options),
        count=options.count,
        limit=options.limit,
        color=options.color,
    )


def _explore(options: argparse.Namespace) -> int:
    with _imports(options):
        from pipelines.cli.explore_command import explore  # noqa: PLC0415 - see above

    return explore(
        options.dataset,
        version=options.version,
        host=options.host,
        port=options.port,
        opens=not options.no_open,
        images=options.images,
        roots=options.images_root,
    )


def _verify(options: argparse.Namespace) -> int:
    with _imports(options):
        from pipelines.cli.verify_command import verify  # noqa: PLC0415 - see above

    return verify(
        options.dataset, version=options.version, every=options.all, as_json=options.json, color=options.color
    )


def _files(options: argparse.Namespace) -> int:
    from pipelines.cli.files_command import files  # noqa: PLC0415 - see above

    return files(options.name, options.out, as_json=options.json)


def _inspect(options: argparse.Namespace) -> int:
    with _imports(options):
        from pipelines.cli.inspect_command import inspect  # noqa: PLC0415 - see above

    return inspect(
        options.path, given=options.map, encoding=options.encoding, as_json=options.json, color=options.color
    )


def _manage_versions(options: argparse.Namespace) -> int:
    with _imports(options):
        from pipelines.cli import version_commands  # noqa: PLC0415 - see above

    if options.command == "rollback":
        return version_commands.rollback(options.dataset, options.version, as_json=options.json)
    return version_commands.prune(
        options.dataset,
        keep=options.keep,
        discard_rejections=options.discard_rejections,
        dry_run=options.dry_run,
        as_json=options.json,
    )


def _imports(options: argparse.Namespace) -> AbstractContextManager[None]:
    """Imports in the block are those that the command needs, and fast; only its files in buckets need Beam."""
    if estimate.has_buckets(vars(options).values()):
        return fast_imports(dataflow=False)
    return uncollected_imports()


def _query_format(options: argparse.Namespace) -> str:
    """The format of the answer to a query.

    Raises:
        UsageError: A format of rows is asked for, and with `--json` something else.
    """
    if not options.json:
        return str(options.format)
    if options.format != "table":
        raise UsageError(
            f"--json prints one object, --format {options.format} something else: leave one of the two out"
        )
    return "json"


def _rejections(options: argparse.Namespace) -> int:
    with _imports(options):
        from pipelines.cli.rejections_command import Which, rejections  # noqa: PLC0415 - see above

    which = Which(
        version=options.version,
        run=options.run,
        is_open=options.open,
        code=options.code,
        group=options.group,
        model_run=options.run_name,
    )
    return rejections(
        options.dataset, which, raw=options.raw, out=options.out, as_json=options.json, color=options.color
    )


def _complete(options: argparse.Namespace) -> int:
    """Runs the commands of shell completion, which must not wait for Beam."""
    from pipelines.cli import completion  # noqa: PLC0415 - see above

    if options.command == "completion":
        return completion.completion(options.shell, parser())
    if options.complete is not None:
        return completion.complete(
            options.dataset,
            options.field,
            options.prefix,
            version=options.version,
            group=options.group,
            within=options.complete,
        )
    return completion.suggest(
        options.dataset,
        options.field,
        options.prefix,
        version=options.version,
        group=options.group,
        as_json=options.json,
    )


_COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "completion": _complete,
    "explore": _explore,
    "files": _files,
    "inspect": _inspect,
    "prune": _manage_versions,
    "query": _query,
    "rejections": _rejections,
    "report": _report,
    "rollback": _manage_versions,
    "schema": _schema,
    "show": _list_versions,
    "suggest": _complete,
    "verify": _verify,
    "versions": _list_versions,
}
