"""A quoted name that stands inside a longer name of the site, which the sentence holds whole: the longer one is meant.

The model sometimes quotes 置き場 of ロボット置き場, or "dock" of "supply dock". The sentence decides. Where it holds
several such names (船 of 船首 and 船尾), the one that the line does not quote anyhow is meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from physical_ai_planner.language.compact import Compact, Draft, Named, Plan
from physical_ai_planner.language.names import NameBook, occurrences


def widened(compact: Compact, sentence: str, book: NameBook) -> Compact:
    """`compact` with its quoted names as long as the sentence has them."""
    if not isinstance(compact, Plan):
        return compact
    names = [span for entry in book.spoken for span in occurrences(entry.name, sentence)]
    if not names:
        return compact
    told = {draft.aim.words for draft in compact.drafts if isinstance(draft.aim, Named)}

    def wide(words: str) -> str:
        return _whole(words, sentence, names, told)

    return replace(compact, drafts=tuple(_widened(draft, wide) for draft in compact.drafts))


def _widened(draft: Draft, wide: Callable[[str], str]) -> Draft:
    aim = replace(draft.aim, words=wide(draft.aim.words)) if isinstance(draft.aim, Named) else draft.aim
    return replace(draft, aim=aim, avoid=tuple(wide(words) for words in draft.avoid))


def _whole(words: str, sentence: str, names: list[tuple[int, int]], told: set[str]) -> str:
    """The one longer name that every occurrence of `words` lies in; of several the one not `told`; else `words`."""
    found: set[str] = set()
    for spot in re.finditer(re.escape(words), sentence):
        around = [(a, b) for a, b in names if a <= spot.start() and spot.end() <= b]
        longest = max(around, key=lambda span: span[1] - span[0], default=spot.span())
        found.add(sentence[slice(*longest)])
    if len(found) > 1 and words not in found:
        found -= told
    return found.pop() if len(found) == 1 else words
