"""The presets by their names: one module for each format, imported when it is used."""

from collections.abc import Mapping
from importlib import import_module

from transforms.mapping.looks import Fit, Look
from transforms.mapping.maps import Map, MapError
from transforms.rules.near_names import hint

PRESETS: Mapping[str, tuple[str, ...]] = {
    "coco": ("images", "masks", "annotations"),
    "manifest": ("delimiter", "encoding", "decimal", "url", "id", "images"),
}
"""Name of each preset to the options that it takes.

Its module has two functions: `preset(options) -> Map`, and `fits(look) -> Fit`, which says for `inspect` which groups
it takes of a file, and which options it needs for that.
"""


def preset(name: str, options: Mapping[str, str]) -> Map:
    """A preset with its options.

    Args:
        name: One of PRESETS.
        options: Texts by key; values are checked by the module of the preset.

    Raises:
        MapError: There is no such preset, or it takes no such option or value.
    """
    if name not in PRESETS:
        raise MapError(f"there is no preset {name}; {hint(name, PRESETS)}, or give the path of a map file.toml")
    for key in options:
        if key not in PRESETS[name]:
            raise MapError(f"the preset {name} has no option {key}; {hint(key, PRESETS[name])}")
    found: Map = import_module(f"{__name__}.{name}").preset(options)
    return found


def preset_of(text: str) -> Map:
    """The preset that `NAME` or `NAME:KEY=VALUE,KEY=VALUE` gives.

    Raises:
        MapError: As `preset`; or the options are not of this form.
    """
    name, colon, given = text.partition(":")
    options: dict[str, str] = {}
    for pair in _pairs(given) if colon else ():
        key, equals, value = pair.partition("=")
        if not (key and equals):
            raise MapError(f"options of the preset {name} are KEY=VALUE with commas between them, got {pair!r}")
        if key in options:
            raise MapError(f"the option {key} is given twice; leave one of them out")
        options[key] = value
    return preset(name, options)


def _pairs(given: str) -> list[str]:
    r"""The options between commas; a comma that is a value itself (`delimiter=,`) is no border.

    >>> _pairs("delimiter=,,url=path"), _pairs("delimiter=;,encoding=latin-1")
    (['delimiter=,', 'url=path'], ['delimiter=;', 'encoding=latin-1'])
    """
    pairs: list[str] = []
    for piece in given.split(","):
        if pairs and pairs[-1].endswith("=") and not piece:
            pairs[-1] += ","
        else:
            pairs.append(piece)
    return pairs if pairs[-1:] != [""] else pairs[:-1]


def fitting(look: Look) -> dict[str, Fit]:
    """The presets that take a file, and how.

    Args:
        look: What the file is.
    """
    fits: dict[str, Fit] = {name: import_module(f"{__name__}.{name}").fits(look) for name in PRESETS}
    return {name: fit for name, fit in fits.items() if fit.groups}
