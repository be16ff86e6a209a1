"""Words that a speaker takes back, and words that only say when: neither is lost where the goal line leaves them out.

"2, no, 3 laps", 「2周、やっぱり3周」, "dock 3, not 2", 倉庫には寄らずに; "until the corridor is free" where the line
waits for a clear way. Plain patterns beside the words; what they do not know is asked about.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

REACH = 24  # characters between words and what takes them back
CORRECTION = re.compile(  # said after the words that it takes back
    r"\bno\b(?! (?:more|less|faster|slower|closer|further|farther|rush|need|hurry|later|earlier|longer)\b)"
    r"|\b(?:sorry|rather|actually|instead|i mean|i meant|make (?:that|it)|correction|(?:scratch|strike) (?:that|it)"
    r"|wo+ps|wh?oops(?:ie)?|oops(?:ie)?|my (?:mistake|bad|fault)|i take (?:that|it) back|i misspoke|not that|not there"
    r"|forget|skip)\b"
    r"|(?:違|ちが)(?:います|いました|った|う|い|え)|(?:じゃ|で(?:は)?)な(?:くて?|い)|じゃな|じゃね[えぇ]|やっぱ|やはり|いや(?!な)|(?:間違|まちが)(?:えました|えた|いました|い|え|っ)|訂正|もとい|失礼"
    r"|飛ばし|とばし|飛ばす|抜きで|パスで|パスし|やめ|取り消|取消"
    r"|はもう?(?:いい|結構)(?=です|から|ので|、|。|$)"
    r"|(?:行か|寄ら|よら|向かわ|戻ら|見|(?:点検|確認|巡回|充電|待機)し|回ら|止まら|停まら|待た)(?:なく|ないで|ないから|なくて|ず[に、])",
    re.IGNORECASE,
)
_EXCLUDED = re.compile(  # said before words that are not meant; "not through A" is a limit and means A
    r"\b(?:(?:not|don't|never)(?! (?:\w+ )?(?:through|via|into|across|over|near|past|enter)\b)"
    r"|instead of|rather than|skip|forget|except)\b[^.,;]{0,24}$",
    re.IGNORECASE,
)
_WHEN = re.compile(
    r"\b(?:until|till|til|when(?:ever)?|once|as soon as|after|if|for|while|let)(?: [\w']+){0,4} $"
    r"|\b(?:nobody|no[ -]?one|no (?:people|traffic|cars?|vehicles?|persons?)|nothing|everyone|everybody)\b"
    r"(?: [\w']+){0,4} $",
    re.IGNORECASE,
)
_FREE_EN = re.compile(
    r"(?:'s)?(?: [\w']+){0,3}? (?:free|clear|clears|cleared|empty|empties|open|opens|vacant|passable|unblocked"
    r"|unoccupied)\b",
    re.IGNORECASE,
)
_NOBODY = re.compile(
    r"\b(?:nobody|no[ -]?one|no (?:people|traffic|cars?|vehicles?|persons?)|nothing)\b|every", re.IGNORECASE
)
_FREE_JA = re.compile(
    r"[^\s、。がはにから]{0,6}(?:が|は|も|(?:に|から|で)(?:は|も)?(?:人|誰|だれ|車|何|なに|物))[^、。]{0,8}?"
    r"(?:空[いきくけ]|すい|すく|あい[たて]|あく|開[いきくけ]|通れ|とおれ|いな[くい]|居な[くい]|なくな|どい|退い|どく"
    r"|クリア|片付|片づ|かたづ|ふさが(?:ら|って(?:い)?な))"
)  # fmt: skip

_AVOIDING_EN = re.compile(  # the names between this and the words asked about are only listed
    r"\b(?:avoid(?:ing)?|(?:stay|keep|steer)(?:ing)? (?:away|clear|out|off)(?: (?:of|from))?"
    r"|without (?:going|driving|passing|crossing)(?: (?:through|via|into|near|past|over))?"
    r"|but not (?:through|via|across))"
    r"(?: (?:the|both|either|all of))?(?P<list>[^.;]*)$",
    re.IGNORECASE,
)
_LISTED_EN = re.compile(r"(?: *(?:,|\band\b|\bor\b|\bnor\b|\bthe\b|\0))* *", re.IGNORECASE)
_AVOIDING_JA = re.compile(r"(?:や|と|・|\0)*(?:を(?:避け|よけ|さけ|通ら)|に(?:は|も)?(?:近づか|近寄ら|入ら))")


def is_avoided(sentence: str, start: int, end: int, names: Sequence[tuple[int, int]]) -> bool:
    """Whether the words from `start` to `end` stand in a list of what to keep away from ("avoiding A, B and C", AやBを
    避けて). `names`: where the sentence holds names, of which such a list is made."""
    bare = list(sentence)
    for first, last in names:
        bare[first:last] = "\0" * (last - first)
    before = _AVOIDING_EN.search("".join(bare[:start]))
    if before is not None and _LISTED_EN.fullmatch(before.group("list")):
        return True
    return _AVOIDING_JA.match("".join(bare[end:])) is not None


def is_taken_back(sentence: str, start: int, end: int, next_at: int | None = None) -> bool:
    """Whether the speaker took back the words from `start` to `end`; `next_at`: where the next of their kind begins,
    which is what a word behind it takes back."""
    after = sentence[end : min(end + REACH, len(sentence) if next_at is None else max(next_at, end))]
    return CORRECTION.search(after) is not None or _EXCLUDED.search(sentence[max(0, start - REACH) : start]) is not None


def is_condition(sentence: str, start: int, end: int) -> bool:
    """Whether the words from `start` to `end` are what must be free first: "when the bank is clear", 通路が空いたら."""
    if _FREE_JA.match(sentence, end) is not None:
        return True
    before = _WHEN.search(sentence[max(0, start - 60) : start])
    return before is not None and (
        _NOBODY.match(before.group()) is not None or _FREE_EN.match(sentence, end) is not None
    )
