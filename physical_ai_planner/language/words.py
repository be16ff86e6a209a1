"""What is said to the operator, in both languages."""

from __future__ import annotations

from collections.abc import Sequence

from physical_ai_core.goal import Question, Refusal, RefusalReason, Words
from physical_ai_core.site import Site

_UNREAD = "I do not know what to do with '"
REFUSALS: dict[RefusalReason, Words] = {
    RefusalReason.NOT_UNDERSTOOD: Words(
        en="I did not understand that as an order. Say, for example: go to NAME, wait, stop.",
        ja="指示として理解できませんでした。例:「(場所)へ行って」「待って」「止まって」。",
    ),
    RefusalReason.FORBIDDEN: Words(
        en="I do not do that: it is against the safety rules of this site or of this robot.",
        ja="それはできません。この現場、またはロボットの安全規則に反します。",
    ),
    RefusalReason.NOT_ABLE: Words(
        en="This robot cannot do that. It can drive, follow, cover an area, inspect, dock, patrol and wait.",
        ja="このロボットにはできません。できること: 移動、追従、エリア作業、点検、ドッキング、巡回、待機。",
    ),
}

QUESTIONS: dict[str, Words] = {
    "where": Words(en="Where do you mean? Please name the place.", ja="どこのことですか。場所の名前を言ってください。"),
    "what": Words(
        en="What should I do instead? Please say it in one sentence.", ja="何をすればよいですか。一文で言ってください。"
    ),
    "far": Words(
        en="How far? Please give a distance, for example 2 metres.",
        ja="どのくらいですか。「2メートル」のように距離を言ってください。",
    ),
    "whom": Words(en="Whom or what should I follow?", ja="誰、または何について行きますか。"),
}


def refuse(reason: RefusalReason) -> Refusal:
    return Refusal(reason=reason, text=REFUSALS[reason])


def too_long(limit: int) -> Refusal:
    return Refusal(
        reason=RefusalReason.NOT_UNDERSTOOD,
        text=Words(
            en=f"The instruction is longer than {limit} characters. Please say it in a few sentences.",
            ja=f"指示が{limit}文字を超えています。短く言ってください。",
        ),
    )


def unknown_place(words: str, near: Sequence[str] = (), site: Site | None = None, ja: str | None = None) -> Refusal:
    """`near`: ids of what is near in meaning, to be named to the operator."""
    en, said = f"I know no place called '{words}' on this site.", f"この現場に「{ja or words}」という場所はありません。"
    if near and site is not None:
        en += f" Near in meaning: {', '.join(_shown(i, site, 'en') for i in near)}."
        said += f"意味が近いのは{'、'.join(_shown(i, site, 'ja') for i in near)}です。"
    return Refusal(reason=RefusalReason.UNKNOWN_PLACE, text=Words(en=en, ja=said))


def forbidden_zone(words: str) -> Refusal:
    return Refusal(
        reason=RefusalReason.FORBIDDEN,
        text=Words(
            en=f"'{words}' is a keep-out zone; I do not go there.", ja=f"「{words}」は立入禁止区域なので入れません。"
        ),
    )


def ask(about: str) -> Question:
    return Question(text=QUESTIONS[about])


def which(words: str, ids: Sequence[str], site: Site, ja: str | None = None) -> Question:
    """Several of the site's names are meant by `words` (`ja` where these are not the person's own)."""
    shown = list(ids)[:6]
    return Question(
        text=Words(
            en=f"Which one do you mean by '{words}': {', '.join(_shown(i, site, 'en') for i in shown)}?",
            ja=f"「{ja or words}」はどれのことですか: {'、'.join(_shown(i, site, 'ja') for i in shown)}",
        ),
        options=tuple(shown),
    )


def did_you_mean(words: str, ids: Sequence[str], site: Site) -> Question:
    shown = list(ids)[:6]
    return Question(
        text=Words(
            en=f"I know no '{words}'. Did you mean {' or '.join(_shown(i, site, 'en') for i in shown)}?",
            ja=f"「{words}」という名前はありません。{'、'.join(_shown(i, site, 'ja') for i in shown)}のことですか。",
        ),
        options=tuple(shown),
    )


def unsure(line: str) -> Question:
    """The model was not sure; its reading is shown so that the person can say yes in other words."""
    return Question(
        text=Words(
            en=f"I am not sure I understood ({line}). Please say it in other words.",
            ja=f"正しく理解できたか自信がありません({line})。別の言い方でお願いします。",
        )
    )


def unread(words: str) -> Question:
    """Asks about words that plain code can make nothing of, or that the goal line does not use."""
    return Question(
        text=Words(
            en=f"{_UNREAD}{words}'. Please say it in other words.",
            ja=f"「{words}」をどう扱えばよいか分かりません。別の言い方でお願いします。",
        )
    )


def is_unread(question: Question) -> bool:
    """Whether it is a question of `unread`."""
    return question.text.en.startswith(_UNREAD)


def _shown(key: str, site: Site, language: str) -> str:
    item = site.places.get(key) or site.zones.get(key) or site.routes.get(key)
    names = item.names if item else {}
    for code in (language, *names):
        if names.get(code):
            return names[code][0]
    return key
