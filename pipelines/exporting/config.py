"""Holds the checked configuration of an export; loads without Beam."""

from dataclasses import dataclass
from typing import Self

from pipelines.errors import UsageError
from transforms.rules.export_rows import Group
from transforms.rules.policies import ExportFormat
from transforms.rules.splits import SplitError, Splits

DEFAULT_SPLIT_BY = "scene"


@dataclass(frozen=True, slots=True)
class ExportConfig:
    """What is exported, and where.

    Attributes:
        dataset: URI of the dataset.
        out: Directory or `gs://` folder of the files.
        form: Format of the files.
        group: The only group; None for all.
        query: The condition that rows of `group`, or else items, have to meet; None for all rows.
        version: Number of the version; None for the current one.
        splits: None to write all rows together.
        split_by: `scene`, `item`, or a metadata key of items.
        runner_flags: The flags after `--`.
    """

    dataset: str
    out: str
    form: ExportFormat = "parquet"
    group: Group | None = None
    query: str | None = None
    version: int | None = None
    splits: Splits | None = None
    split_by: str = DEFAULT_SPLIT_BY
    runner_flags: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        dataset: str,
        *,
        out: str,
        form: ExportFormat = "parquet",
        group: Group | None = None,
        query: str | None = None,
        version: int | None = None,
        split: str | None = None,
        split_by: str | None = None,
        runner_flags: tuple[str, ...] = (),
    ) -> Self:
        """The configuration from the flags of the command.

        Raises:
            UsageError: A flag is wrong.
        """
        if not out:
            raise UsageError("--out expects a directory or gs://BUCKET/FOLDER, got nothing")
        if split is None and split_by is not None:
            raise UsageError("--split-by goes with --split, such as --split train=0.8,test=0.2")
        if form == "nucleus" and query is not None:
            raise UsageError("--format nucleus writes whole scenes, and takes no --query: leave one of the two out")
        if form == "nucleus" and split_by not in (None, DEFAULT_SPLIT_BY):
            raise UsageError(
                f"--format nucleus writes whole scenes: leave --split-by {split_by} out, to split by scene"
            )
        if form == "coco" and group == "scenes":
            raise UsageError("--format coco has no word for scenes: leave --group scenes out, or use another format")
        try:
            splits = None if split is None else Splits.of(split)
        except SplitError as error:
            raise UsageError(f"--split: {error}") from error
        return cls(
            dataset=dataset,
            out=out,
            form=form,
            group=group,
            query=query,
            version=version,
            splits=splits,
            split_by=split_by or DEFAULT_SPLIT_BY,
            runner_flags=runner_flags,
        )
