"""The options of a job: the command line wins over the job file, and the choices of an option stand once."""

import json
from pathlib import Path

import pytest

from pipelines.cli.arguments import parser
from pipelines.cli.job_config import job_config
from pipelines.cli.job_options import JobOptions
from pipelines.config import JobConfig, JobStep, Source
from transforms.rules import policies

TEMPLATE = Path(__file__).resolve().parents[3] / "deploy/dataflow/metadata.json"
CHOICES = {
    "mode": policies.MODES,
    "on_conflict": policies.ON_CONFLICT,
    "on_duplicate": policies.ON_DUPLICATE,
    "cache_key": policies.CACHE_KEY_MODES,
}
ITEMS, MORE, SCENES = Source("items", "i"), Source("items", "more"), Source("scenes", "s")


def test_an_option_that_is_set_wins_over_that_of_another_place() -> None:
    given = JobOptions(dataset="d", on_conflict="null", dry_run=True)
    file = JobOptions(dataset="other", on_conflict="quarantine", max_fields=5)
    expected = JobOptions(dataset="d", on_conflict="null", dry_run=True, max_fields=5)
    assert given.or_else(file) == expected
    assert given.or_else(JobOptions()) == JobOptions().or_else(given) == given


def test_exports_of_a_group_come_from_one_place() -> None:
    file = JobOptions(sources=(ITEMS, SCENES))
    assert JobOptions(sources=(MORE,)).or_else(file).sources == (SCENES, MORE)
    assert JobOptions().or_else(file).sources == (ITEMS, SCENES)
    assert JobOptions().or_else(JobOptions()).sources is None


def test_defaults_are_those_of_the_configuration() -> None:
    config, options = job_config(parser().parse_args(["ingest", "--dataset", "d", "--items", "i"]), None)
    assert config == JobConfig(dataset="d", steps=(JobStep((ITEMS,)),))
    assert options == JobOptions(dataset="d", sources=(ITEMS,))


@pytest.mark.parametrize("name", CHOICES)
def test_a_template_has_the_choices_of_the_policies(name: str) -> None:
    (described,) = (each for each in json.loads(TEMPLATE.read_text("utf-8"))["parameters"] if each["name"] == name)
    assert tuple(each["value"] for each in described["enumOptions"]) == CHOICES[name]
