"""A worker process of the local runner: Beam's own, but silent unless something is wrong."""

import json
import logging
import os
import sys


def main() -> None:
    """Runs Beam's worker with the log level that the launching process has."""
    # The runner hands no options to its workers; without this each of them reports every connection it makes.
    os.environ["PIPELINE_OPTIONS"] = json.dumps({"options": {"default_sdk_harness_log_level": "ERROR"}})
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.ERROR)  # on the handler: Beam sets the level of the root logger
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    # Beam takes long to import, and warns while it is: the level has to be set before.
    from apache_beam.runners.worker import sdk_worker_main  # noqa: PLC0415 - see above

    sdk_worker_main.main(sys.argv)


if __name__ == "__main__":
    main()
