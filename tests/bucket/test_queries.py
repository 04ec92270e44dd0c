"""A dataset in a bucket answers as one in a directory does."""

import pytest
from support.bucket import put
from support.runs import Ended, files

from pipelines.cli.main import main


def test_a_bucket_answers_as_a_directory_does(
    bucket: str, query_dataset: Ended, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    here = query_dataset.dataset
    for name, path in files(here):
        put(f"{bucket}/dataset/{name}", path.read_bytes())
    query = "metadata.n > 0 AND annotations.count > 0"
    for words in (["query", query, "--format", "ndjson"], ["query", query, "--count"], ["suggest", "we"]):
        printed = []
        for dataset in (str(here), f"{bucket}/dataset"):
            assert main([words[0], dataset, *words[1:]]) == 0
            printed.append(capsysbinary.readouterr().out)
        assert printed[0]
        assert printed[0] == printed[1]
