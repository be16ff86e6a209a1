"""Language → goal state: a local model proposes, plain code grounds, asks or refuses. See docs/language.md.

Importing this package imports neither torch nor transformers; making a LanguageInterpreter does.
"""

from physical_ai_planner.language.interpreter import LanguageInterpreter
from physical_ai_planner.language.stop_words import fast_path
from physical_ai_planner.language.weights import DEFAULT_MODEL, fetch_weights, load_description, prepare_model
from physical_ai_planner.language.worker import LanguageWorker, WorkerState

__all__ = [
    "DEFAULT_MODEL",
    "LanguageInterpreter",
    "LanguageWorker",
    "WorkerState",
    "fast_path",
    "fetch_weights",
    "load_description",
    "prepare_model",
]
