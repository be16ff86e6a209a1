"""The compact form as a decoding constraint, for one sentence.

An llguidance grammar: key words as `compact` defines them, and quoted text that must be a piece of the sentence. So
the model cannot name a place, a number or a zone that the person did not say; `names` then allows only the site's.

A line consists of key words and of pieces of its sentence, hence so do its tokens: `SentenceGrammars` builds for each
sentence the small table of the tokens that can occur at all, a millisecond, instead of holding one of the whole
vocabulary, which takes seconds and over a hundred megabytes. `Grammars` does the latter, for any tokenizer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.errors import DependencyError, ModelError
from physical_ai_planner.language.compact import (
    EVENT_WORDS,
    MAX_STEPS,
    MOVE_WORDS,
    OBJECT_WORDS,
    QUESTION_WORDS,
    REFUSAL_WORDS,
    RELATION_WORDS,
    TASK_WORDS,
    Deictic,
)
from physical_ai_planner.language.vocabulary import Vocabulary

Ids = NDArray[np.int64]


def _choice(words: Iterable[str]) -> str:
    return " | ".join(json.dumps(word) for word in words)


def lark(text: str) -> str:
    """The grammar, in llguidance's Lark, of the goal lines that sentence `text` (normalised) allows.

    A blank belongs to the word after it everywhere: the lexer takes the longest match and does not go back, so a blank
    of its own before "front" would lose to " for".
    """
    piece = json.dumps({"substring_chars": text}, ensure_ascii=False)
    return f"""
start: "next "? step ("; " step){{0,{MAX_STEPS - 1}}} ("; again" spaced)?
     | "ask " ({_choice(QUESTION_WORDS)}) | "no " ({_choice(REFUSAL_WORDS)})
step: action limits until tool
action: "go " (target | move | "point" spaced) | "inspect " (target | object) | "dock " target | "follow " object
      | "cover " quoted | "patrol " quoted | "wait" | "stop" | "resume" | "cancel"
target: quoted (relation spaced?)? | ({_choice(d.value for d in Deictic)}) (relation spaced?)?
relation: {_choice(f" {word}" for word in RELATION_WORDS)}
move: ({_choice(MOVE_WORDS)}) spaced?
object: {_choice(OBJECT_WORDS)}
limits: " slow"? (" speed" spaced)? (" clear" spaced)? (" avoid" spaced){{0,4}}
until: (" for" spaced)? (" laps" spaced)? ({_choice(f" until {word}" for word in EVENT_WORDS)})?
tool: " tool"?
quoted: "<" PIECE ">"
spaced: " <" PIECE ">"
PIECE: SUBSTRING & /.+/
SUBSTRING: %regex {piece}
"""


class Matcher:
    """A place in a goal line: which tokens may come next. Ids are the model's; `local` maps them to the table's.

    The names of its methods are llguidance's.
    """

    def __init__(self, inner: Any, size: int, ids: Ids | None = None, local: dict[int, int] | None = None) -> None:
        self._inner, self._size, self._ids, self._local = inner, size, ids, local

    def allowed(self) -> Ids:
        """Ids that the grammar allows next, rising."""
        bits = np.frombuffer(self._inner.compute_bitmask(), dtype=np.uint8)
        found = np.flatnonzero(np.unpackbits(bits, bitorder="little")[: self._size])
        return found if self._ids is None else np.sort(self._ids[found])

    def consume_token(self, token: int) -> bool:
        """Go on by a token; False where it is not allowed."""
        return bool(self._inner.consume_token(token if self._local is None else self._local.get(token, self._size)))

    def consume_tokens(self, tokens: Sequence[int]) -> bool:
        return all(self.consume_token(token) for token in tokens)

    def compute_ff_tokens(self) -> list[int]:
        """Tokens that must come next whatever the model says."""
        forced = self._inner.compute_ff_tokens()
        return list(forced) if self._ids is None else [int(self._ids[token]) for token in forced]

    def is_stopped(self) -> bool:
        """Whether the line is at its end and nothing can follow."""
        return bool(self._inner.is_stopped())

    def is_error(self) -> bool:
        return bool(self._inner.is_error())

    def deep_copy(self) -> Matcher:
        """The same place, to go another way from it."""
        return Matcher(self._inner.deep_copy(), self._size, self._ids, self._local)


class Grammars:
    """Matchers over the whole table of a `transformers` tokenizer, which is built once and takes seconds."""

    def __init__(self, tokenizer: Any, vocabulary_size: int) -> None:
        self._matcher = _llguidance().LLMatcher
        import llguidance.hf

        self._size = vocabulary_size
        self._table: Any = llguidance.hf.from_tokenizer(tokenizer, n_vocab=vocabulary_size, slices=[])

    def matcher(self, text: str) -> Matcher:
        """At the beginning of the goal line for a normalised sentence. Raises ModelError."""
        return Matcher(_begin(self._matcher, self._table, text), self._size)


class SentenceGrammars:
    """Matchers over the tokens that the lines of one sentence can have."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        library = _llguidance()
        self._matcher, self._tokenizer, self._wrapper = (
            library.LLMatcher, library.LLTokenizer, library.TokenizerWrapper,
        )  # fmt: skip
        self._vocabulary = vocabulary
        self._always = frozenset(key_tokens(vocabulary)) | set(vocabulary.bracketed) | set(vocabulary.byte_ids)

    def matcher(self, text: str) -> Matcher:
        """At the beginning of the goal line for a normalised sentence. Raises ModelError."""
        ids = [self._vocabulary.eos, *sorted(self._always | self._vocabulary.parts_of(text))]
        local = {token: index for index, token in enumerate(ids)}
        table = self._tokenizer(self._wrapper(_Table(self._vocabulary, ids, local)), n_vocab=len(ids), slices=[])
        return Matcher(_begin(self._matcher, table, text), len(ids), np.array(ids, dtype=np.int64), local)


class _Table:
    """What llguidance asks of a tokenizer."""

    def __init__(self, vocabulary: Vocabulary, ids: list[int], local: dict[int, int]) -> None:
        self.eos_token_id, self.bos_token_id, self.special_token_ids = 0, None, [0]
        self.tokens = [b"<eos>", *(vocabulary.token_bytes(token) for token in ids[1:])]
        self._vocabulary, self._local = vocabulary, local

    def __call__(self, text: bytes) -> list[int]:
        """Local ids of a text; what is not in the table goes byte by byte."""
        found: list[int] = []
        for token in self._vocabulary.plain(text.decode("utf-8", "replace")):
            spelt = (token,) if token in self._local else self._vocabulary.spelt(token)
            found += [self._local[part] for part in spelt]
        return found


def key_tokens(vocabulary: Vocabulary) -> list[int]:
    """Ids of the tokens that can lie in a line outside its quoted text: parts of key words, ends and beginnings too."""
    words = {word for text in _LITERALS for word in text.split()}
    insides = {w[i:j] for w in words for i in range(len(w)) for j in range(i + 1, len(w) + 1)} | {""}
    fronts = {w[:i] for w in words for i in range(len(w) + 1)}
    ends = {w[i:] for w in words for i in range(len(w) + 1)}

    def fits(piece: str) -> bool:
        parts = re.split("[ ;]+", piece.replace("▁", " "))
        if len(parts) == 1:
            return piece in insides
        return parts[0] in ends and parts[-1] in fronts and all(part in words for part in parts[1:-1])

    letters = set("".join(words)) | set("▁ ;")
    return [token for token, piece in enumerate(vocabulary.pieces) if letters.issuperset(piece) and fits(piece)]


_LITERALS = (
    *TASK_WORDS, *RELATION_WORDS, *OBJECT_WORDS, *MOVE_WORDS, *EVENT_WORDS, *QUESTION_WORDS, *REFUSAL_WORDS,
    *(d.value for d in Deictic),
    "next again ask no point slow speed clear avoid for laps until tool",
)  # fmt: skip


def _llguidance() -> Any:
    try:
        import llguidance
    except ImportError as error:
        raise DependencyError("llguidance", "language") from error
    return llguidance


def _begin(matcher: Any, table: Any, text: str) -> Any:
    made = matcher(table, matcher.grammar_from_lark(lark(text)))
    if made.is_error():
        raise ModelError(f"The decoding grammar does not compile: {made.get_error()}.", "Install llguidance 1.x.")
    return made
