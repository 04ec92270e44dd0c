"""A DAG that ingests every night, for Airflow 2.10 and 3.

It needs apache-airflow-providers-apache-beam, and apache-airflow-providers-google, for which the operator of that asks.

The operator runs `PY_INTERPRETER PY_FILE --runner=RUNNER --NAME=VALUE ...` on the Airflow worker, and fails the task on
any exit code but 0. `beam_entry.py` beside this file makes a command line of metadata-etl from that. Install
metadata-etl into an environment of its own, so that it and Airflow need not agree on versions of libraries, and let
METADATA_ETL_PYTHON be the interpreter there.

A retry is safe, whatever the first attempt did: nothing was published unless it ended well, and the same job appended
twice changes nothing. It fixes exit codes 5 (another job published meanwhile) and 1; a type conflict (3), too many
rejections (4) or a damaged export (6) fail again in the same way, and the log says why.

What is read is said in nightly.toml alone, whose `{date:-1d}` is the day before `date`. That is the day on which the
run is due, not `{{ ds }}`: of the same cron line `ds` is the day before in Airflow 2, and that day itself in Airflow 3.
A run that is cleared, or of a backfill, so reads the exports of its own night.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.providers.apache.beam.operators.beam import (  # type: ignore[import-not-found] # where DAGs are parsed
    BeamRunPythonPipelineOperator,
)

try:
    from airflow.sdk import DAG  # type: ignore[import-not-found] # likewise
except ImportError:  # Airflow 2
    from airflow import DAG

DUE = "{{ data_interval_end | default(dag_run.run_after, true) | ds }}"
"""The day on which a run is due; of one that is triggered by hand in Airflow 3, without an interval, the day it is."""
HERE = Path(__file__).resolve().parent

with DAG(
    dag_id="metadata_etl_nightly",
    description="Ingests the exports of the day into the dataset",
    schedule="15 2 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,  # a second one would only end with exit code 5
    default_args={"retries": 2, "retry_delay": timedelta(minutes=10)},
    tags=["metadata-etl"],
) as dag:
    BeamRunPythonPipelineOperator(
        task_id="ingest",
        py_file=str(HERE / "beam_entry.py"),
        py_interpreter=os.environ.get("METADATA_ETL_PYTHON", "/opt/metadata-etl/bin/python"),
        # The local runner of the job. Another runner (FlinkRunner, ...) is handed on to Beam, as is every option below
        # that metadata-etl does not know, such as the `labels` that the operator adds.
        runner="DirectRunner",
        default_pipeline_options={"direct_num_workers": 4},
        pipeline_options={
            "config": "/etc/metadata-etl/nightly.toml",
            # What is said here wins over the file. Values are templates.
            "date": DUE,
            "max_rejected": "1%",
            "json": True,  # one line in the log of the task, which programs can read
        },
    )
