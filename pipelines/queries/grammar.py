"""Loads the parser of queries from tables that were compiled from `grammar.lark`, which takes a tenth of the time."""

import hashlib
import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import lark
from lark import Lark, Token, Transformer
from lark.grammar import Rule
from lark.lexer import TerminalDef

from pipelines.queries.syntax import Query

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_GRAMMAR, _TABLES = "grammar.lark", "grammar.json"


class _TablesJson(TypedDict):
    """`grammar.json`: what the tables were compiled from and by, and lark's own serialization of them."""

    grammar: str
    lark: str
    data: object
    memo: object


def grammar(transformer: Transformer[Token, Query]) -> Lark:
    """The parser; compiled anew where another release of lark is installed than compiled the tables, or they are old.

    Args:
        transformer: Makes the tree, node by node.
    """
    text = _file(_GRAMMAR).read_text("utf-8")
    tables: _TablesJson = json.loads(_file(_TABLES).read_bytes(), object_pairs_hook=_with_numbers)
    if (tables["grammar"], tables["lark"]) != _origin(text):
        return _compiled(text, transformer)
    loaded = Lark._load_from_dict(  # type: ignore[no-untyped-call]  # noqa: SLF001 - the public way reads a pickle
        tables["data"], tables["memo"], transformer=transformer
    )
    if not isinstance(loaded, Lark):
        raise TypeError(loaded)
    return loaded


def is_compiled() -> bool:
    """Whether the tables are those of the grammar and of the installed release of lark."""
    tables: _TablesJson = json.loads(_file(_TABLES).read_bytes())
    return (tables["grammar"], tables["lark"]) == _origin(_file(_GRAMMAR).read_text("utf-8"))


def compile_tables() -> None:
    """Writes the tables: `python -m pipelines.queries.grammar` after a change of the grammar, or of lark."""
    text = _file(_GRAMMAR).read_text("utf-8")
    data, memo = _compiled(text, None).memo_serialize([TerminalDef, Rule])
    digest, release = _origin(text)
    tables: _TablesJson = {"grammar": digest, "lark": release, "data": data, "memo": memo}
    Path(str(_file(_TABLES))).write_text(f"{json.dumps(tables)}\n", "utf-8")


def _compiled(text: str, transformer: Transformer[Token, Query] | None) -> Lark:
    return Lark(text, parser="lalr", lexer="contextual", transformer=transformer, maybe_placeholders=False)


def _origin(text: str) -> tuple[str, str]:
    return hashlib.sha256(text.encode()).hexdigest(), lark.__version__


def _with_numbers(members: list[tuple[str, object]]) -> dict[str | int, object]:
    """A JSON object as lark made it: its states are numbers."""
    return {int(key) if key.isdecimal() else key: value for key, value in members}


def _file(name: str) -> "Traversable":
    return resources.files("pipelines.queries").joinpath(name)


if __name__ == "__main__":
    compile_tables()
