"""One written form for what people type or a speech recogniser returns."""

from __future__ import annotations

import re
import unicodedata

MAX_CHARS = 2_000
_JAPANESE = re.compile(r"[぀-ヿ一-鿿]")


def normalise(text: str) -> str:
    """NFKC, no control characters or quote marks of the compact form, single spaces; "" where no letter is left."""
    folded = unicodedata.normalize("NFKC", text)
    kept = "".join(
        " " if c in "<>" or unicodedata.category(c) in ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp") else c for c in folded
    )
    plain = " ".join(kept.split())
    return plain if any(c.isalnum() for c in plain) else ""


def language_of(text: str) -> str:
    """`ja` where the text holds a kana or kanji, else `en`."""
    return "ja" if _JAPANESE.search(text) else "en"
