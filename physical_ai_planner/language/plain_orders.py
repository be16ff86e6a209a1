"""Orders that are nothing but one name of the site and a usual word of going or looking: no doubt what they mean.

Where the model makes no goal of such a sentence (a name it has never seen, a sign that the recogniser put wrong), this
does. The whole sentence must be of the form, and the name whole and of one thing only.
"""

from __future__ import annotations

import re

from physical_ai_planner.language.names import Kind, NameBook

_ASK_EN = r"(?:(?:please|robot|hey|ok|okay|now|so|well|could you|can you|would you|will you|kindly),? )*"
_GO_EN = (
    r"(?:go|drive|head|travel|proceed|navigate|move|roll|make your way)"
    r"(?: (?:back|over|on|straight|along|down|up|out))? (?:to|for|towards?) (?:the |our )?"
)
_LOOK_EN = r"(?:inspect|check(?: on| out)?|examine|look at|(?:have|take) a look at) (?:the |our )?"
_END_EN = r"(?:,? (?:please|now|thanks|thank you))*[.! ]*"
_ASK_JA = r"(?:(?:ロボット|すみません|すいません|ねえ|おい|ちょっと|じゃあ|では)[、,]? ?)*"
_AT_JA = r"(?:の(?:ところ|とこ|所|方|ほう)|んとこ)?"
_TO_JA = r"(?:(?:まで|へ)(?:行って|いって|云って|言って|移動して)?|に(?:行って|いって|移動して|向かって))"
_LOOK_JA = r"を(?:見て|点検して|確認して|チェックして)(?:きて|来て)?"
_ROUND_JA = r"[、にへを]?(?:行って|いって|回って|やって|して)(?:きて|来て)?"
_END_JA = (
    r"(?:くれ(?:る|ない|ますか|ませんか)?|ください|下さい|ほしい(?:です)?|欲しい(?:です)?|もらえ(?:る|ますか|ませんか)"
    r"|いただけますか|頂けますか|ね|よ(?!ろ)|[。!?、 ]|お願い(?:します)?|よろしく|頼む|頼みます)*"
)
_PLACES: tuple[Kind, ...] = ("place", "zone")
_FORMS: tuple[tuple[str, tuple[Kind, ...], re.Pattern[str]], ...] = (
    ("go", _PLACES, re.compile(f"{_ASK_EN}{_GO_EN}(.+?){_END_EN}", re.IGNORECASE)),
    ("inspect", _PLACES, re.compile(f"{_ASK_EN}{_LOOK_EN}(.+?){_END_EN}", re.IGNORECASE)),
    ("go", _PLACES, re.compile(f"{_ASK_JA}(.+?){_AT_JA}{_TO_JA}{_END_JA}")),
    ("inspect", _PLACES, re.compile(f"{_ASK_JA}(.+?){_AT_JA}{_LOOK_JA}{_END_JA}")),
    ("patrol", ("route",), re.compile(f"{_ASK_JA}(.+?){_ROUND_JA}{_END_JA}")),
)
_LONGEST = 100  # signs; whatever is longer says more


def plain_line(sentence: str, book: NameBook) -> str | None:
    """The goal line of a sentence that is such an order; None for all others."""
    for word, kinds, form in _FORMS if len(sentence) <= _LONGEST else ():
        found = form.fullmatch(sentence)
        name = "" if found is None else found.group(1)
        ids = {entry.id for entry in book.spoken if entry.name.lower() == name.lower()}
        if len(ids) == 1 and all(book.kind_of[key] in kinds for key in ids):
            return f"{word} <{name}>"
    return None
