"""Checks of names, folder sizes and line widths: `python -m tools.house`, part of `make check`.

Import layers are checked by import-linter, the width of code by ruff. What no other tool checks is
here, each rule as one function that yields its faults.
"""

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULES_PER_FOLDER = 15
PROSE_COLUMNS = 100

RETIRED_WORDS = frozenset(
    [
        "chapter",
        "concerns",
        "crowd",
        "debt",
        "door",
        "evidence",
        "keyring",
        "ladder",
        "leftovers",
        "owe",
        "owed",
        "parts",
        "refusal",
        "refusals",
        "rooms",
        "rung",
        "said",
        "scene",
        "sole",
        "standing",
        "story",
        "tide",
        "transport",
        "transports",
        "trial",
        "trouble",
        "troubles",
        "trust",
        "turns",
        "upkeep",
        "usual",
        "visit",
        "visitor",
        "world",
    ]
)
"""Words that gave way to the field's own, which docs/explanation/glossary.md lists."""

PUBLIC_NAMES = frozenset({"Trial", "TrialRequest"})
"""Names of the API's schemas: they hold a retired word and stay, because clients rely on them."""

_CODE_FENCE = re.compile(r"^\s*(```|~~~)")
_LONG_BY_NATURE = re.compile(r"^\s*(\||\[[^]]+\]: |<!--|<)|https?://|`[^`]{80,}`|\]\([^)]*\).*\]\(")


def main() -> int:
    """Print every fault. Return 1 when there is one, else 0."""
    files = _tracked()
    faults = [
        *too_many_modules(files),
        *packages_without_docstring(files),
        *shared_class_names(files),
        *retired_words(files),
        *wide_prose(files),
    ]
    for fault in faults:
        print(fault)
    return int(bool(faults))


def _tracked() -> list[Path]:
    """Return the files that git tracks or would add, relative to the top of the checkout."""
    command = ("git", "ls-files", "--cached", "--others", "--exclude-standard")
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [Path(name) for name in sorted(set(listed.splitlines())) if (ROOT / name).is_file()]


def _modules(files: list[Path]) -> Iterator[Path]:
    return (file for file in files if file.parts[0] == "app" and file.suffix == ".py")


def too_many_modules(files: list[Path]) -> Iterator[str]:
    """Yield each folder under app/ that holds more modules than one subject needs."""
    count: dict[Path, int] = defaultdict(int)
    for file in _modules(files):
        count[file.parent] += file.name != "__init__.py"
    for folder, number in count.items():
        if number > MODULES_PER_FOLDER:
            yield f"{folder}: {number} modules; at most {MODULES_PER_FOLDER}: divide it by subject"


def packages_without_docstring(files: list[Path]) -> Iterator[str]:
    """Yield each folder under app/ whose `__init__.py` does not say what belongs there."""
    for folder in sorted({file.parent for file in _modules(files)}):
        init = ROOT / folder / "__init__.py"
        if not init.is_file() or not ast.get_docstring(ast.parse(init.read_text())):
            yield f"{folder}/__init__.py: no docstring about what belongs here"


def shared_class_names(files: list[Path]) -> Iterator[str]:
    """Yield each public class name that two modules under app/ define."""
    places: dict[str, list[Path]] = defaultdict(list)
    for file in _modules(files):
        for node in ast.parse((ROOT / file).read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(file)
    for name, where in places.items():
        if len(where) > 1:
            yield f"class {name} is defined in {', '.join(map(str, where))}: one name, one thing"


def retired_words(files: list[Path]) -> Iterator[str]:
    """Yield each Python file, public class and public function named with a retired word."""
    for file in (file for file in files if file.suffix == ".py" and "versions" not in file.parts):
        names = [file.stem, *(file.parent.parts)]
        nodes = ast.walk(ast.parse((ROOT / file).read_text())) if file.parts[0] == "app" else ()
        definitions = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        names += [node.name for node in nodes if isinstance(node, definitions)]
        for name in names:
            if name in PUBLIC_NAMES:
                continue
            if words := RETIRED_WORDS & set(_words(name)):
                yield f"{file}: {name}: {', '.join(sorted(words))} is a retired word"


def _words(name: str) -> Iterator[str]:
    """Split `snake_case` and `CamelCase` into lower-case words."""
    return (word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name))


def wide_prose(files: list[Path]) -> Iterator[str]:
    """Yield each line of a page's prose that is wider than PROSE_COLUMNS characters.

    Tables, code, and lines with an address, long code or several links may be longer.
    Japanese counts by the character: a line break inside a sentence would be shown as a
    blank, so lines end at 「。」 or 「、」.
    """
    for file in (file for file in files if file.suffix == ".md"):
        for number, line in _prose((ROOT / file).read_text()):
            if len(line) > PROSE_COLUMNS and not _LONG_BY_NATURE.search(line):
                yield f"{file}:{number}: {len(line)} columns; at most {PROSE_COLUMNS}"


def _prose(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line that is neither code nor written by a generator, with its number."""
    in_code = generated = False
    for number, line in enumerate(text.splitlines(), 1):
        if _CODE_FENCE.match(line):
            in_code = not in_code
        elif line.startswith("<!-- generated:") or line == "<!-- end -->":
            generated = line != "<!-- end -->"
        elif not (in_code or generated):
            yield number, line


if __name__ == "__main__":
    sys.exit(main())
