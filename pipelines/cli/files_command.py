"""Implements the command `files`: lists, prints or writes the files that come with the package."""

from pathlib import Path

from pipelines.files import FILES, below, content, write
from pipelines.json_output import print_object
from pipelines.streams import emit, say, told_afterwards


def files(name: str | None, out: str | None, *, as_json: bool = False) -> int:
    """Writes files into a folder, prints one, or lists them; returns the exit code.

    Args:
        name: A file or a folder of them, None for all.
        out: The folder to write into; None prints a file, and lists those of a folder.
        as_json: Print one object instead: the files that are listed or were written.

    Raises:
        UsageError: A file of another content is there already.
        OSError: A file cannot be written.
    """
    if out is not None:
        written = [str(path) for path in write(name, Path(out))]
        with told_afterwards():
            if as_json:
                print_object({"written": [*written]})
            else:
                say(*written)
    elif name in FILES and not as_json:
        emit(content(name))
    else:
        _list(name, as_json=as_json)
    return 0


def _list(name: str | None, *, as_json: bool) -> None:
    listed = {each: FILES[each] for each in below(name)}
    if as_json:
        print_object({"files": [{"name": each, "what": what} for each, what in listed.items()]})
        return
    width = max(map(len, listed))
    say(*(f"{each:{width}}  {what}" for each, what in listed.items()))
