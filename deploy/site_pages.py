"""Makes one site of all pages, as a hook of MkDocs: those of docs/, the README, the API reference, linked files.

Pages link to each other by their paths in the checkout, so that links work there too; these become paths of the site.
"""

import ast
import logging
import os
import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

CHECKOUT = Path(__file__).resolve().parents[1]
MOVED = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "benchmarks/README.md": "benchmarks.md"}
"""Pages outside of docs/, by their path in the checkout, and where they are in the site."""
REFERENCE = {
    "metadata_etl": "Datasets and jobs from Python. [Python](../python.md) has examples.",
    "transforms.api": "Transforms for a Beam pipeline of one's own, and the same as functions. "
    "In the examples `items.ndjson` has three records, of which the last has no URL.",
}
"""Modules with a page of the reference, and what stands above it."""
LANGUAGES = {".py": "python", ".toml": "toml", ".sh": "sh", ".yaml": "yaml", ".xml": "xml"}
STYLE = ".md-grid { max-width: 76rem }\n"
"""Room for wide tables and drawings."""
LOADED = re.compile(r'<(?:script|img|iframe|source)\b[^>]*\bsrc="?(?:https?:)?//|<link\b[^>]*\bhref="?(?:https?:)?//')
"""What a browser would load from elsewhere."""
LINK = re.compile(r"(?<=\]\()(?!https?://|#)([^)#\s]+)")
FENCE = re.compile(r"^```(\w+)[^\n]*\n.*?^```$", re.MULTILINE | re.DOTALL)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Lists the decisions in the navigation."""
    decisions = sorted(CHECKOUT.glob("docs/decisions/*.md"))
    for section in config.nav or ():
        for pages in section.values():
            for entry in pages if isinstance(pages, list) else ():
                if entry.get("Decisions") == "decisions/":
                    entry["Decisions"] = [f"decisions/{page.name}" for page in decisions]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are not below docs/."""

    def add(path: str, text: str) -> None:
        files.append(File.generated(config, path, content=text))

    for path, place in MOVED.items():
        add(place, (CHECKOUT / path).read_text("utf-8"))
    for module, above in REFERENCE.items():
        add(f"reference/{module}.md", _reference(module, above))
    add("site.css", STYLE)
    add("logo.svg", (CHECKOUT / "pipelines/explore/assets/icon.svg").read_text("utf-8"))
    origins = [*MOVED, *(f"docs/{file.src_uri}" for file in files.documentation_pages() if not file.generated_by)]
    linked = {path for origin in origins for path in _links(origin)}
    for path in sorted(linked):
        if not path.startswith("docs/") and path not in MOVED and (CHECKOUT / path).is_file():
            language = LANGUAGES.get(Path(path).suffix, "text")
            text = (CHECKOUT / path).read_text("utf-8")
            add(f"source/{path}.md", f"# {path}\n\n````{language}\n{text}````\n")
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - a hook
    """Turns links to files of the checkout into links of the site, and keeps only the language of fenced blocks."""
    place = page.file.src_uri
    if place.startswith(("reference/", "source/")):
        return markdown
    origin = next((path for path, moved in MOVED.items() if moved == place), f"docs/{place}")

    def linked(found: re.Match[str]) -> str:
        return posixpath.relpath(_place(_path(origin, found[1])), posixpath.dirname(place) or ".")

    fenced = FENCE.finditer(markdown)
    parts, end = [], 0
    for block in fenced:
        parts.append(LINK.sub(linked, markdown[end : block.start()]))
        parts.append(re.sub(r"^```(\w+)[^\n]*", r"```\1", block[0]))
        end = block.end()
    return "".join((*parts, LINK.sub(linked, markdown[end:])))


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:  # noqa: ARG001 - a hook
    """Warns of a page that loads something from elsewhere, which a strict build refuses."""
    if found := LOADED.search(output):
        logging.getLogger("mkdocs.hooks").warning("%s loads something from elsewhere: %s", page.file.src_uri, found[0])
    return output


def _reference(module: str, above: str) -> str:
    """The page of a module: its docstring, then what it exports, each under a heading of its own."""
    path = CHECKOUT.joinpath(*module.split("."))
    source = (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text("utf-8")
    (names,) = (
        ast.literal_eval(each.value)
        for each in ast.parse(source).body
        if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "__all__"
    )
    names.sort(key=lambda name: (name.startswith("_"), name[0].isupper()))  # functions first
    members = [f"::: {module}.{name}\n    options:\n      show_root_heading: true\n" for name in names]
    return "\n".join((f"# {module}\n\n{above}\n\n::: {module}\n    options:\n      members: false\n", *members))


def _links(origin: str) -> set[str]:
    """The files that a page links to, by their paths in the checkout."""
    text = FENCE.sub("", (CHECKOUT / origin).read_text("utf-8"))
    return {_path(origin, link) for link in LINK.findall(text)}


def _path(origin: str, link: str) -> str:
    return os.path.normpath(os.path.join(os.path.dirname(origin), link))  # noqa: PTH118, PTH120 - no path of this machine


def _place(path: str) -> str:
    """Where a file of the checkout is in the site."""
    if path in MOVED:
        return MOVED[path]
    return path.removeprefix("docs/") if path.startswith("docs/") else f"source/{path}.md"
