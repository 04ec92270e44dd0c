"""WriteReports: gathers the reports of all steps into one small file for the launching process."""

from collections.abc import Iterable, Mapping

import apache_beam as beam
from apache_beam.typehints.decorators import no_annotations

from transforms.beam.steps import call
from transforms.stages.write_reports import report_text, write_reports


class WriteReports(beam.PTransform):
    """Flattens PCollections of reports, given by name, into the file `uri`: {"name": [report, ...]}."""

    def __init__(self, *, uri: str) -> None:
        """Takes the URI of the file."""
        super().__init__()
        self._uri = uri

    @no_annotations  # Beam knows no annotation for several inputs
    def expand(self, reports: Mapping[str, beam.PCollection[object]]) -> beam.PCollection[None]:
        """All reports are small: counts, paths, the schema."""
        labels = {name: f"Report{name.title().replace('_', '')}" for name in sorted(reports)}
        tagged = [
            reports[name] | label >> call(_report, name).with_output_types(tuple[int, tuple[str, str]])
            for name, label in labels.items()
        ]
        return (
            tagged
            | "FlattenReports" >> beam.Flatten()
            | "GatherReports" >> beam.GroupByKey()
            | "WriteReports" >> call(_write, self._uri).with_output_types(type(None))
        )


def _report(value: object, name: str) -> tuple[int, tuple[str, str]]:
    return 0, report_text(value, name)


def _write(reports: tuple[int, Iterable[tuple[str, str]]], uri: str) -> None:
    write_reports(reports[1], uri)
