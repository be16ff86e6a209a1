"""A test set that cannot change unnoticed: hashes and counts of its files, in a manifest beside them.

    python -m physical_ai_learning.language.frozen test/data/language/frozen           # check
    python -m physical_ai_learning.language.frozen test/data/language/frozen --write   # freeze, by whoever wrote it

Sentences are written by hand before a model is trained on their form, so a number measured on them is worth something
only while they stay as they were. Whoever mends a wrong label writes the manifest anew, and says so in the history.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

from physical_ai_core.errors import InputError

MANIFEST = "MANIFEST.json"
_FROZEN = (".jsonl", ".yaml")  # sentences and sites


def measure(folder: Path) -> dict[str, dict[str, int | str]]:
    """sha256 of each frozen file of `folder` by its name, and the number of sentences in it where it holds some."""
    found: dict[str, dict[str, int | str]] = {}
    for path in sorted(p for p in folder.iterdir() if p.suffix in _FROZEN):
        content = path.read_bytes()
        found[path.name] = {"sha256": hashlib.sha256(content).hexdigest()}
        if path.suffix == ".jsonl":
            found[path.name]["sentences"] = sum(bool(line.strip()) for line in content.split(b"\n"))
    return found


def freeze(folder: Path) -> Path:
    """Write the manifest of `folder` as its files are now; its path."""
    path = folder / MANIFEST
    path.write_text(json.dumps(measure(folder), indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return path


def check(folder: Path) -> None:
    """Raises InputError, which names the files that are not what the manifest says."""
    path = folder / MANIFEST
    try:
        wanted = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"There is no readable manifest at {path} ({error}).",
            "Write it with `python -m physical_ai_learning.language.frozen FOLDER --write`.",
        ) from error
    found = measure(folder)
    changed = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    if changed:
        raise InputError(
            f"The frozen files {changed} in {folder} are not what {MANIFEST} says.",
            "Restore them; or, where a label was wrong, write the manifest anew and say why in the commit.",
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", action="store_true", help="write the manifest instead of checking it")
    options = parser.parse_args()
    if options.write:
        print(f"wrote {freeze(options.folder)}")
    else:
        check(options.folder)
        print(f"{options.folder}: as frozen")


if __name__ == "__main__":
    main()
