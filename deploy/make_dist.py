"""Builds the sdist and the wheel of a release into a folder; the same commit gives the same bytes.

    python deploy/make_dist.py dist

The wheel is built from the sdist, as an index or a user without a wheel does it.
"""

import gzip
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


def main(out: Path) -> int:
    """Builds both, and prints where they are."""
    out.mkdir(parents=True, exist_ok=True)
    for old in (*out.glob("*.tar.gz"), *out.glob("*.whl")):
        old.unlink()
    committed = int(_printed(["git", "log", "-1", "--format=%ct"]))
    os.environ["SOURCE_DATE_EPOCH"] = f"{committed}"  # the times in the wheel
    _printed([sys.executable, "-m", "build", "--sdist", "--outdir", str(out.resolve()), "."])
    (sdist,) = out.glob("*.tar.gz")
    sdist.write_bytes(same_times(sdist.read_bytes(), committed))
    command = ["-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps", "--no-cache-dir"]
    _printed([sys.executable, *command, "--wheel-dir", str(out.resolve()), str(sdist.resolve())])
    (wheel,) = out.glob("*.whl")
    sys.stdout.write(f"{sdist}\n{wheel}\n")
    return 0


def same_times(archive: bytes, seconds: int) -> bytes:
    """A .tar.gz with the same files, whose times and owners do not depend on when and by whom they were checked out."""
    packed = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as old,
        gzip.GzipFile(filename="", fileobj=packed, mode="wb", mtime=seconds) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in sorted(old.getmembers(), key=lambda each: each.name):
            member.mtime, member.uid, member.gid, member.uname, member.gname = seconds, 0, 0, "", ""
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            member.pax_headers = {}
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    return packed.getvalue()


def _printed(command: list[str]) -> str:
    """What a command prints; what it complains about is printed if it fails."""
    ended = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if ended.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
    return ended.stdout


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
