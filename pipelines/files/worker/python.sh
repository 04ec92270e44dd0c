#!/bin/sh
# The Python of a worker, as Beam's boot program calls it (PYTHON_PATH in worker.sh). The package that a job brings is
# built once for what is in it; all workers of a machine install that wheel, each into its own environment.
set -eu
python=$VIRTUAL_ENV/bin/python
case "$*" in
  "-m pip install "*.tar.gz*)
    for argument; do
      shift
      case $argument in
        *.tar.gz)
          # Not of the archive: that has the time in it at which a job made it.
          digest=$({ tar -tzf "$argument" && tar -xzOf "$argument"; } | sha256sum | cut -c1-16)
          wheel=$METADATA_ETL_WORKER_WHEELS/$digest
          mkdir -p "$METADATA_ETL_WORKER_WHEELS"
          (
            flock 9 # who comes second waits, and finds what the first has made
            if [ ! -d "$wheel" ]; then
              rm -rf "$wheel.part"
              "$python" -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$wheel.part" "$argument" >&2
              mv "$wheel.part" "$wheel"
            fi
          ) 9> "$wheel.lock"
          argument=$(echo "$wheel"/*.whl)
          ;;
      esac
      set -- "$@" "$argument"
    done
    ;;
esac
exec "$python" "$@"
