"""A sentence as a bag of hashed character n-grams: no word list, no segmentation, both languages alike.

Source: hashing of features, Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", 2009; bags of
character n-grams, Joulin et al., "Bag of Tricks for Efficient Text Classification", 2017.
"""

from __future__ import annotations

import unicodedata
from typing import Final

import numpy as np
from numpy.typing import NDArray

BUCKETS: Final = 1 << 14
LONGEST: Final = 4
MOST_CHARS: Final = 400
_STEP = np.uint32(16777619)  # odd multipliers of 32-bit hashes
_MIX = np.uint32(0x9E3779B1)
_SHIFT = np.uint32(32 - 14)
_LATIN_END = 0x250  # letters below this are of alphabets, whose one- and two-letter pieces say nothing


def buckets(sentence: str) -> NDArray[np.int64]:
    """Distinct buckets of a sentence's n-grams, ascending; empty for an empty sentence.

    N-grams of 1 and 2 characters where one is beyond the Latin letters, of 3 and 4 where all are within.
    """
    plain = " ".join(unicodedata.normalize("NFKC", sentence).casefold().split())[:MOST_CHARS]
    if not plain:
        return np.zeros(0, dtype=np.int64)
    codes = np.frombuffer(f" {plain} ".encode("utf-32-le", "replace"), dtype=np.uint32)
    wide = codes >= _LATIN_END
    rolled, any_wide, found = np.zeros(len(codes) + 1, dtype=np.uint32), np.zeros(len(codes) + 1, dtype=bool), []
    for n in range(1, LONGEST + 1):
        if n > len(codes):
            break
        rolled = rolled[:-1] * _STEP + codes[n - 1 :] + np.uint32(n)
        any_wide = any_wide[:-1] | wide[n - 1 :]
        kept = rolled[any_wide if n < 3 else ~any_wide]
        mixed = (kept ^ (kept >> np.uint32(15))) * _MIX
        found.append((mixed >> _SHIFT).astype(np.int64))
    return np.unique(np.concatenate(found))
