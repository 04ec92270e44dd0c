"""A task of Airflow that looks at a dataset: it fails the run if too few records have a field.

In a DAG file: `from airflow_task import checked`, then `checked("gs://fleet/dataset", "weather")`. Without Airflow it
is a function:

    python examples/reading/airflow_task.py DATASET FIELD

`metadata_etl` is opened inside of the task, so that the scheduler, which reads DAG files all the time, imports a tenth
of a second. What the task returns goes to the tasks behind it.
"""

import sys

try:
    from airflow.sdk import task
except ImportError:
    try:
        from airflow.decorators import task  # Airflow 2
    except ImportError:

        def task(function):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201 - takes the place of Airflow's
            """The function as it is."""
            return function


@task
def checked(place: str, field: str, share: float = 0.5) -> dict[str, float]:
    """The share of items that have a field, and its categories as shares of these.

    Raises:
        ValueError: Fewer items than `share` have it.
    """
    import metadata_etl  # noqa: PLC0415 - see above

    dataset = metadata_etl.open(place)
    found = dataset.schema["items"][field]
    present = found.present / max(1, dataset.records["items"])
    if present < share:
        raise ValueError(f"expected {share:.0%} of the items of {dataset.uri} with {field}, got {present:.1%}")
    return {name: count / found.present for name, count in found.categories.items()}


if __name__ == "__main__":
    print(checked(*sys.argv[1:3]))
