"""The tokenizer of a SentencePiece-style BPE model (Gemma's) in plain Python, from one small file.

The library's tokenizer of 262,144 pieces and half a million merges costs seconds of start-up and some hundred
megabytes, for one sentence at a time. Here the merges need not be stored: in such a vocabulary two neighbours merge
exactly if their joined text is a piece, and the order follows from the piece's rank. `build` checks that this holds
before it writes the file, so what it writes encodes every text as the library does.

Source of the algorithm: Sennrich et al., "Neural machine translation of rare words with subword units", 2016; Kudo and
Richardson, "SentencePiece", 2018 (byte fallback).
"""

from __future__ import annotations

import heapq
import json
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

FILE = "vocabulary.npz"
SPACE = "▁"  # stands for a blank inside pieces
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


class Vocabulary:
    """Pieces by id, their ranks, and which of them are special. `load` reads what `build` wrote."""

    def __init__(self, pieces: list[str], ranks: Sequence[int], added: Sequence[int], special: Iterable[int]) -> None:
        """`ranks`: order in which pieces come to be by merges, -1 for those that do not; `added`: ids of pieces that
        are cut out of a text before the rest is encoded; `special`: ids that stand for no text."""
        self.pieces, self.special = pieces, frozenset(special)
        self._ids = {piece: i for i, piece in enumerate(pieces)}
        self._ranks = ranks
        self.bos, self.eos = self._ids["<bos>"], self._ids["<eos>"]
        self._bytes = [self._ids[f"<0x{value:02X}>"] for value in range(256)]
        self._byte_of = {token: value for value, token in enumerate(self._bytes)}
        cut = sorted((pieces[i] for i in added if "<" not in pieces[i]), key=len, reverse=True)
        self._added = re.compile("|".join(map(re.escape, cut))) if cut else None
        self.longest = max((len(p) for p in pieces if SPACE * 2 not in p and "\n" not in p), default=1)

    @classmethod
    def load(cls, folder: Path) -> Vocabulary:
        """Of a prepared model. Raises OSError, ValueError, KeyError where the file is none."""
        with np.load(folder / FILE, allow_pickle=False) as data:
            pieces = data["pieces"].tobytes().decode("utf-8").split("\0")
            return cls(pieces, data["ranks"].tolist(), data["added"].tolist(), data["special"].tolist())

    @cached_property
    def bracketed(self) -> tuple[int, ...]:
        """Ids of pieces with < or > in them, without the special ones."""
        return tuple(
            i for i, p in enumerate(self.pieces)
            if ("<" in p or ">" in p)
            and i not in self.special and i not in self._byte_of and not p.startswith("<unused")
        )  # fmt: skip

    @property
    def byte_ids(self) -> tuple[int, ...]:
        return tuple(self._bytes)

    def find(self, text: str) -> int | None:
        """Id of the piece that is exactly this text."""
        token = self._ids.get(text.replace(" ", SPACE))
        return None if token in self.special or token in self._byte_of else token

    def encode(self, text: str) -> list[int]:
        """Token ids, the beginning-of-text token first. `text` holds no < or > of special tokens."""
        return [self.bos, *(token for token, _, _ in self.spans(text))]

    def plain(self, text: str) -> list[int]:
        """Token ids without the beginning-of-text token."""
        return [token for token, _, _ in self.spans(text)]

    def spans(self, text: str) -> list[tuple[int, int, int]]:
        """(token, first character, character after the last) in order; the bytes of one character share its span."""
        found: list[tuple[int, int, int]] = []
        at = 0
        for match in self._added.finditer(text) if self._added is not None else ():
            found += self._merged(text, at, match.start())
            found.append((self._ids[match.group()], match.start(), match.end()))
            at = match.end()
        return found + self._merged(text, at, len(text))

    def _merged(self, text: str, begin: int, end: int) -> list[tuple[int, int, int]]:
        """BPE of text[begin:end]: always the pair of lowest rank, of these the longest left part, the leftmost pair."""
        ids, starts = self._symbols(text, begin, end)
        count = len(ids)
        ends = [start + 1 for start in starts]
        after, before = list(range(1, count + 1)), list(range(-1, count - 1))
        alive = [True] * count
        heap: list[tuple[int, int, int, int, int, int]] = []  # rank, -length of left, place, left, right, piece

        def offer(left: int) -> None:
            right = after[left]
            if left < 0 or right >= count:
                return
            joined = self._ids.get(self.pieces[ids[left]] + self.pieces[ids[right]])
            if joined is not None and (rank := self._ranks[joined]) >= 0:
                first = -len(self.pieces[ids[left]])
                heapq.heappush(heap, (rank, first, left, ids[left], ids[right], joined))

        for left in range(count - 1):
            offer(left)
        while heap:
            _, _, left, a, b, joined = heapq.heappop(heap)
            right = after[left] if alive[left] else count
            if right >= count or ids[left] != a or ids[right] != b:
                continue  # one of the two has merged meanwhile
            ids[left], ends[left], alive[right] = joined, ends[right], False
            after[left] = after[right]
            if after[left] < count:
                before[after[left]] = left
            if before[left] >= 0:
                offer(before[left])
            offer(left)
        return [(ids[i], starts[i], ends[i]) for i in range(count) if alive[i]]

    def _symbols(self, text: str, begin: int, end: int) -> tuple[list[int], list[int]]:
        """One token a character, or its bytes where it has none; and where each begins."""
        ids: list[int] = []
        starts: list[int] = []
        for at in range(begin, end):
            token = self._ids.get(SPACE if text[at] == " " else text[at])
            own = [token] if token is not None else [self._bytes[b] for b in text[at].encode("utf-8", "replace")]
            ids += own
            starts += [at] * len(own)
        return ids, starts

    def token_bytes(self, token: int) -> bytes:
        """The text of one token."""
        if token in self._byte_of:
            return bytes([self._byte_of[token]])
        return b"" if token in self.special else self.pieces[token].replace(SPACE, " ").encode("utf-8")

    def spelt(self, token: int) -> tuple[int, ...]:
        """The byte tokens of a token's text."""
        return tuple(self._bytes[value] for value in self.token_bytes(token))

    def decode(self, ids: Iterable[int]) -> str:
        return b"".join(map(self.token_bytes, ids)).decode("utf-8", "replace")

    def parts_of(self, text: str) -> set[int]:
        """Ids of all pieces that occur in a text."""
        known, marked = self._ids, text.replace(" ", SPACE)
        count, longest = len(marked), self.longest
        found = {known.get(marked[i:j]) for i in range(count) for j in range(i + 1, min(count, i + longest) + 1)}
        return {token for token in found if token is not None and token not in self.special}


def build(tokenizer_json: Path, folder: Path) -> bool:
    """Write the vocabulary of a `tokenizer.json` into a folder; False where it is of another kind."""
    told: dict[str, Any] = json.loads(tokenizer_json.read_text(encoding="utf-8"))
    found = _read(told)
    if found is None:
        return False
    pieces, ranks, added, special = found
    np.savez(
        folder / FILE, pieces=np.frombuffer("\0".join(pieces).encode("utf-8"), dtype=np.uint8),
        ranks=np.array(ranks, dtype=np.int32), added=np.array(added, dtype=np.int32),
        special=np.array(special, dtype=np.int32),
    )  # fmt: skip
    return True


def _read(told: dict[str, Any]) -> tuple[list[str], list[int], list[int], list[int]] | None:
    """(pieces, ranks, added, special) of a tokenizer that `Vocabulary` stands for, else None."""
    model = told["model"]
    vocabulary: dict[str, int] = model.get("vocab", {})
    plain = (
        model.get("type") == "BPE" and model.get("byte_fallback") and not model.get("ignore_merges")
        and not model.get("continuing_subword_prefix") and not model.get("end_of_word_suffix")
        and told.get("normalizer") == {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
        and {"<bos>", "<eos>"} <= vocabulary.keys()
        and (told.get("pre_tokenizer") or {"pattern": {"String": " "}}).get("pattern") == {"String": " "}
    )  # fmt: skip
    if not plain or sorted(vocabulary.values()) != list(range(len(vocabulary))) or any("\0" in p for p in vocabulary):
        return None
    pieces = sorted(vocabulary, key=vocabulary.__getitem__)
    ranks = [-1] * len(pieces)
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in model["merges"]]
    order: list[tuple[int, int]] = []
    for left, right in merges:
        joined = vocabulary.get(left + right)
        if joined is None:
            return None
        if ranks[joined] < 0:
            ranks[joined] = len(order)
        order.append((ranks[joined], -len(left)))
    whole = len(order) == sum(
        piece[:cut] in vocabulary and piece[cut:] in vocabulary
        for token, piece in enumerate(pieces) if ranks[token] >= 0 for cut in range(1, len(piece))
    )  # fmt: skip
    if order != sorted(order) or not whole:
        return None  # its merges do not follow from its pieces
    added = [a["id"] for a in told["added_tokens"]]
    return pieces, ranks, added, [a["id"] for a in told["added_tokens"] if a["special"]]
