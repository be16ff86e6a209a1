"""Text ↔ token ids, and the grammar over them, for whichever tokenizer a model has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from physical_ai_planner.language.grammar import Grammars, Matcher, SentenceGrammars
from physical_ai_planner.language.vocabulary import Vocabulary


class Tokens(Protocol):
    """A tokenizer, as far as decoding asks."""

    ends: frozenset[int]  # tokens that end a text
    bos: tuple[int, ...]  # what stands at the beginning of a text, if anything

    def encode(self, text: str) -> list[int]:
        """Ids of a text from its beginning."""
        ...

    def plain(self, text: str) -> list[int]:
        """Ids of a text that follows something."""
        ...

    def spans(self, text: str) -> list[tuple[int, int, int]]:
        """(id, first character, character after the last) of `plain`."""
        ...

    def decode(self, ids: Iterable[int]) -> str: ...

    def matcher(self, text: str) -> Matcher:
        """The grammar at the beginning of the line for a normalised sentence."""
        ...


class OwnTokens:
    """A `Vocabulary`, with the small table of each sentence."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary, self._grammars = vocabulary, SentenceGrammars(vocabulary)
        self.ends: frozenset[int] = frozenset((vocabulary.eos,))
        self.bos: tuple[int, ...] = (vocabulary.bos,)
        self.encode, self.plain, self.spans = vocabulary.encode, vocabulary.plain, vocabulary.spans
        self.decode, self.matcher = vocabulary.decode, self._grammars.matcher


class LibraryTokens:
    """A fast tokenizer of `transformers`, with one table of the whole vocabulary."""

    def __init__(self, tokenizer: Any, vocabulary_size: int) -> None:
        self._tokenizer, self._grammars = tokenizer, Grammars(tokenizer, vocabulary_size)
        self.ends = frozenset(i for i in (tokenizer.eos_token_id,) if i is not None)
        self.bos = tuple(self.encode(""))[:1]
        self.matcher = self._grammars.matcher

    def encode(self, text: str) -> list[int]:
        return list(self._tokenizer(text).input_ids)

    def plain(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False).input_ids)

    def spans(self, text: str) -> list[tuple[int, int, int]]:
        found = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        return [(i, a, b) for i, (a, b) in zip(found.input_ids, found.offset_mapping, strict=True)]

    def decode(self, ids: Iterable[int]) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))
