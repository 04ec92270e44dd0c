#!/bin/sh
# A worker of an engine (`--environment_type=PROCESS`): Beam's boot program in a virtual environment of its own, into
# which it installs the package that the job brings along (`--setup_file`).
#
# METADATA_ETL_WORKER_PYTHON   Python of an environment that has what metadata-etl depends on, and setuptools
# METADATA_ETL_WORKER_BOOT     Beam's boot program: `go install github.com/apache/beam/sdks/v2/python/container@vVERSION`
# METADATA_ETL_WORKER_FOLDER   where workers have their environments; by default below TMPDIR
# METADATA_ETL_WORKER_WHEELS   where the wheels are that were built of what jobs brought; by default in that folder
set -eu
: "${METADATA_ETL_WORKER_PYTHON:?says which Python has the dependencies; set it where the engine is started}"
: "${METADATA_ETL_WORKER_BOOT:?says where the boot program of Beam is; set it where the engine is started}"
folder=${METADATA_ETL_WORKER_FOLDER:-${TMPDIR:-/tmp}/metadata-etl-workers}
mkdir -p -m 700 "$folder"
if [ ! -O "$folder" ]; then # what is installed from there runs as this user
  echo "$folder belongs to another user: set METADATA_ETL_WORKER_FOLDER to a folder of your own" >&2
  exit 1
fi
here=$(cd "$(dirname "$0")" && pwd)

# What killed workers left: the number in a name is that of the process.
for left in "$folder"/worker-*; do
  if [ -d "$left" ] && ! kill -0 "${left##*-}" 2> /dev/null; then rm -rf "$left"; fi
done

place=$folder/worker-$$
rm -rf "$place"
"$METADATA_ETL_WORKER_PYTHON" -m venv --without-pip "$place"
below=$("$place/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
"$METADATA_ETL_WORKER_PYTHON" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > "$below/dependencies.pth"

# Prism puts the id into quotes, and then knows no worker of that name.
for argument; do
  shift
  case $argument in
    "--id='"*"'") argument=${argument#"--id='"} && argument=--id=${argument%"'"} ;;
  esac
  set -- "$@" "$argument"
done

unset PYTHONPATH PYTHONHOME
export PATH="$place/bin:$PATH" VIRTUAL_ENV="$place"
export PIP_NO_INDEX=1                         # what is missing is an error, not a download by each worker
export RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1 # which is the one made above
if [ -x "$here/python.sh" ] && command -v flock > /dev/null; then
  export METADATA_ETL_WORKER_WHEELS="${METADATA_ETL_WORKER_WHEELS:-$folder/wheels}" PYTHON_PATH="$here/python.sh"
fi
cd "$place"                                   # nothing is imported by chance from where the engine was started
exec "$METADATA_ETL_WORKER_BOOT" --semi_persist_dir="$place" "$@"
