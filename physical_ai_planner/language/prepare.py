"""`python -m physical_ai_planner.language.prepare`: fetch and convert the language model, once, at set-up."""

from __future__ import annotations

import argparse
import sys
import time

from physical_ai_core.errors import PhysicalAIError
from physical_ai_planner.language.weights import DEFAULT_MODEL, load_description, prepare_model


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a name in config/models, or a YAML file")
    options = parser.parse_args()
    began = time.monotonic()

    def report(line: str) -> None:
        print(f"[{time.monotonic() - began:5.0f} s] {line}", flush=True)

    try:
        folder = prepare_model(load_description(options.model), report)
    except PhysicalAIError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    report(f"language model ready: {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
