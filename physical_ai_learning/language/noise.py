# ruff: noqa: E501  (tables read better long)
"""What speech recognition, typing and hesitation do to a sentence; quoted words stay findable.

Everything works on marked text: the words between quotes change only as a whole (a typing slip within a name, another
casing), and the caller learns the new form, so that the target still quotes what stands in the sentence.
"""

from __future__ import annotations

import re

from physical_ai_learning.language.clause import CLOSE, OPEN, outside, unmarked
from physical_ai_learning.language.phrases import Chance, Phrases

FILLERS_EN = Phrases("um|uh|like|you know|well|er|so|let me see|erm|hmm|ah|eh|kinda|sort of|uhm|yeah|okay|basically|right|uh huh", shared=True)
FILLERS_JA = Phrases("えーと|あの|えっと|まあ|その|あー|うんと|なんか|えー|んー|ええと|あのー|そのー|ま、|んと|うーん", shared=True)
_HEARD_EN = {
    "to": ["too", "two"], "for": ["four", "fore"], "there": ["their", "they're"], "your": ["you're"], "you're": ["your"], "by": ["buy"], "wait": ["weight"], "check": ["cheque"], "here": ["hear"], "then": ["than", "den"],
    "patrol": ["petrol", "patroll"], "dock": ["doc", "dok"], "mow": ["moe", "mo"], "the": ["da", "teh", "ze"], "please": ["pleas", "plz", "pls"], "drive": ["dive", "drife"], "it": ["et"], "spray": ["sprey"],
    "you": ["u", "ya"], "are": ["r"], "would": ["wood"], "could": ["cud"], "straight": ["strait"], "know": ["no"], "meet": ["meat"], "be": ["bee"], "rows": ["rose"], "side": ["sighed"], "way": ["weigh"], "through": ["threw", "thru"],
    "slowly": ["slowley", "slowely"], "carefully": ["carefuly"], "battery": ["batery", "batterie"], "inspect": ["inspekt", "in spect"], "recharge": ["re-charge", "re charge"], "around": ["a round"], "in front": ["infront"], "go to": ["goto", "go two"], "want to": ["wanna"], "going to": ["gonna"], "a look": ["alook"],
    "don't": ["dont", "do not", "don t"], "i'm": ["im"], "i'd": ["id"], "it's": ["its"], "that's": ["thats"], "let's": ["lets"], "doesn't": ["doesnt"], "we're": ["were"], "what's": ["whats"], "can't": ["cant"], "okay": ["ok", "okey"], "back": ["bak"], "forward": ["foward", "forwards"], "until": ["till", "untill", "til"],
}  # fmt: skip
_HEARD_EN_WORDS = re.compile(r"\b(" + "|".join(sorted(map(re.escape, _HEARD_EN), key=len, reverse=True)) + r")\b")
_WRITTEN_JA = [
    ("行って", "いって"), ("ください", "下さい"), ("下さい", "ください"), ("待って", "まって"), ("戻って", "もどって"), ("進んで", "すすんで"), ("止まって", "とまって"), ("お願いします", "おねがいします"), ("お願い", "おねがい"), ("前", "まえ"), ("後ろ", "うしろ"), ("近く", "ちかく"), ("来て", "きて"),
    ("ゆっくり", "ユックリ"), ("向かって", "むかって"), ("点検", "てんけん"), ("確認", "かくにん"), ("充電", "じゅうでん"), ("移動", "いどう"), ("見て", "みて"), ("回って", "まわって"), ("曲がって", "まがって"), ("下がって", "さがって"), ("左", "ひだり"), ("右", "みぎ"), ("掃除", "そうじ"), ("刈って", "かって"),
    ("終わったら", "おわったら"), ("次に", "つぎに"), ("最後に", "さいごに"), ("最初に", "さいしょに"), ("先に", "さきに"), ("後で", "あとで"), ("その後", "そのあと"), ("それから", "其れから"), ("避けて", "さけて"), ("入らないで", "はいらないで"), ("追って", "おって"), ("人", "ひと"), ("言うまで", "いうまで"), ("欲しい", "ほしい"), ("ほしい", "欲しい"),
    ("頼む", "たのむ"), ("帰って", "かえって"), ("走って", "はしって"), ("動いて", "うごいて"), ("気をつけて", "気を付けて"), ("頂け", "いただけ"), ("いただけ", "頂け"), ("巡回", "じゅんかい"), ("停止", "ていし"), ("寄って", "よって"), ("電池", "でんち"), ("道", "みち"), ("誰か", "だれか"), ("私", "わたし"), ("僕", "ぼく"), ("調べて", "しらべて"), ("撮って", "とって"),
    ("チェック", "ちぇっく"), ("バッテリー", "バッテリ"), ("スピード", "スピ-ド"), ("トラクター", "トラクタ"), ("メーター", "メータ"), ("パトロール", "パトロ-ル"), ("を", "お"), ("まで", "迄"), ("ところ", "所"), ("という", "と言う"), ("こと", "事"), ("よう", "様"), ("ってください", "ってくださ〜い"), ("ね", "ねー"), ("よ", "よー"), ("くれる", "呉れる"),
]
_HEARD_JA = [
    ("行って", "言って"), ("待って", "舞って"), ("止まって", "泊まって"), ("見て", "観て"), ("回って", "周って"), ("点検", "展研"), ("充電", "十電"), ("戻って", "戻つて"), ("終わったら", "追わったら"), ("移動", "異動"), ("停止", "定士"), ("確認", "格認"), ("次に", "継に"), ("進んで", "進で"), ("待機", "大気"), ("待機", "大器"), ("後退", "交代"), ("前進", "全身"), ("追従", "追重"), ("清掃", "正装"),
    ("刈って", "勝って"), ("刈って", "買って"), ("掃除", "層次"), ("合図", "会津"), ("指示", "支持"), ("巡回", "順回"), ("周回", "集会"), ("撮影", "殺映"), ("旋回", "先回"), ("経由", "軽油"), ("散布", "産婦"), ("消毒", "商毒"), ("走行", "奏功"), ("訂正", "帝政"), ("中止", "注視"), ("再開", "再会"), ("避けて", "裂けて"), ("追って", "負って"), ("道が空", "道が開"), ("人が来", "人が気"), ("向かって", "迎って"), ("帰って", "返って"), ("早く", "速く"), ("徐行", "除行"),
]
_NUMBER_WORDS = re.compile(r"\d|\b(?:half|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|\w+ty|hundred|zero|an?|another|quarter|once|twice|thrice|slightly|around|speed|pace)\b", re.I)
_SEPARATOR = re.compile(r"[,、・→ /]+")
_DROPPED = str.maketrans("", "", ",.、。？?!！…：")


def noisy(c: Chance, text: str, language: str) -> str:
    """The marked text as a recogniser, a hasty typist or a hesitant speaker would leave it; often unchanged."""
    draw = c.random()
    if draw < 0.45:
        return _punctuated(c, text, language)
    pieces = outside(text)
    changed = _english(c, pieces) if language == "en" else _japanese(c, pieces)
    return _punctuated(c, changed, language)


def _english(c: Chance, pieces: list[tuple[str, bool]]) -> str:
    out: list[str] = []
    slips = {w: _slip(c, w) for w in dict.fromkeys(p for p, free in pieces if not free)} if c.under(0.04) else {}
    for piece, free in pieces:
        if not free:
            out.append(slips.get(piece, piece))
            continue
        draw = c.random()
        if draw < 0.12 and len(piece) > 8:
            piece = _mistyped(c, piece)
        elif draw < 0.22:
            piece = _HEARD_EN_WORDS.sub(lambda m: c.one(_HEARD_EN[m.group()]) if c.under(0.3) else m.group(), piece)
        elif draw < 0.28:
            piece = _repeated(c, piece)
        elif draw < 0.33 and " " in piece.strip():
            at = _blank(c, piece)
            piece = f"{piece[:at]} {c.pick(FILLERS_EN)}{c.one(['', ',', '...'])}{piece[at:]}"
        elif draw < 0.40:
            piece = re.sub(r"\b(?:the|a) $", "", piece) if c.under(0.8) else piece.replace(" the ", " ", 1)
        out.append(piece)
    return "".join(out)


def _blank(c: Chance, piece: str) -> int:
    blanks = [i for i, ch in enumerate(piece) if ch == " " and 0 < i < len(piece) - 1]
    return c.one(blanks) if blanks else len(piece)


def _mistyped(c: Chance, piece: str) -> str:
    """One slip of a finger inside a word of five letters or more."""
    words = [m for m in re.finditer(r"[a-z]{5,}", piece) if m.group() not in ("right", "avoid", "never")]
    if not words:
        return piece
    word = c.one(words)
    i = word.start() + c.rng.randrange(1, len(word.group()) - 1)
    a, b = piece[i], piece[i + 1]
    return piece[:i] + c.one([b + a, a, a + a + b, a + b + b, b, a + c.one("aeiourstn") + b]) + piece[i + 2 :]


def _repeated(c: Chance, piece: str) -> str:
    """A word said twice, or begun twice: "go go to", "dr- drive"."""
    words = list(re.finditer(r"[a-z']{2,}", piece))
    if not words:
        return piece
    word = c.one(words)
    said = word.group()
    again = f"{said} {said}" if c.under(0.7) or len(said) < 4 else f"{said[:2]}- {said}"
    return piece[: word.start()] + again + piece[word.end() :]


def _slip(c: Chance, marked: str) -> str:
    """A typing slip within quoted words, letters only, so that no amount changes."""
    words = marked.strip(OPEN + CLOSE)
    letters = [i for i in range(1, len(words) - 2) if words[i].isascii() and words[i : i + 2].isalpha()]
    if not letters or len(words) < 6 or _NUMBER_WORDS.search(words):
        return marked
    i = c.one(letters)
    return f"{OPEN}{words[:i]}{words[i + 1]}{words[i]}{words[i + 2 :]}{CLOSE}"


def _japanese(c: Chance, pieces: list[tuple[str, bool]]) -> str:
    out: list[str] = []
    plain_kana, spaced = c.under(0.05), c.under(0.07)
    for i, (piece, free) in enumerate(pieces):
        if not free:
            out.append(f" {piece} " if spaced else piece)
            continue
        if plain_kana:
            for old, new in _WRITTEN_JA[:60]:
                piece = piece.replace(old, new) if old not in ("下さい", "ほしい", "いただけ") else piece
            out.append(piece)
            continue
        draw = c.random()
        if draw < 0.30:
            for old, new in c.rng.sample(_WRITTEN_JA, 6):
                piece = piece.replace(old, new, 1)
        elif draw < 0.42:
            for old, new in c.rng.sample(_HEARD_JA, 8):
                piece = piece.replace(old, new, 1)
        elif draw < 0.47:
            filler = c.pick(FILLERS_JA) + c.one(["", "、", "ー、", " "])
            piece = filler + piece if i == 0 else piece + filler if i < len(pieces) - 1 else piece
        elif draw < 0.51 and len(piece) > 3:
            piece = piece.replace("って", "て", 1) if c.under(0.4) else piece.replace("っ", "つ", 1) if c.under(0.5) else piece.replace("い", "ぃ", 1)
        elif draw < 0.55 and i > 0 and piece[:1] in ("を", "に", "へ", "は") and len(piece) > 2:
            piece = piece if piece[1:2] == "は" else piece[1:]
        elif draw < 0.58 and len(piece) > 4 and i > 0:
            piece = piece[0] + c.one(["、", "…", ""]) + piece if piece[0] in "をにへまで" else piece
        out.append(piece)
    return "".join(out)


def _punctuated(c: Chance, text: str, language: str) -> str:
    draw = c.random()
    if draw < 0.28:
        blank = " " if language == "ja" and c.under(0.25) else ""
        out = []
        for p, free in outside(text):
            if free and _SEPARATOR.fullmatch(unmarked(p)):
                p = p if language == "en" else p.replace("、", " ")  # names must not run into each other
            elif free and language == "en":
                p = re.sub(r"[,.?!…;:]+(?=\W|$)|(?<= )-+(?= )", "", p)
            elif free:
                p = p.replace("、", blank).replace("。", blank or c.one(["", " "])).translate(_DROPPED)
            out.append(p)
        return "".join(out)
    if language == "en" and draw < 0.6:
        return text.rstrip(" .!?") + c.one([".", ".", ".", "!", "?"] if text[:5].lower() in ("could", "can y", "would", "will ") else [".", ".", "!"])
    if language == "ja" and draw < 0.55 and not unmarked(text).endswith(("？", "?", "！", "!", "。", "…", ")")):
        return text + c.one(["。", "。", "。", "！"])
    return text


def cased(c: Chance, text: str, language: str) -> str:
    """One casing for the whole sentence, quoted words included; names sometimes with capitals of their own."""
    if language == "ja":
        return text.lower() if c.under(0.08) else text
    draw = c.random()
    if draw < 0.34:
        return text.lower()
    if draw < 0.37:
        return text.upper()
    if draw < 0.45:
        text = "".join(p if free else p[:1] + " ".join(w[:1].upper() + w[1:] for w in p[1:].split(" ")) for p, free in outside(text))
    if draw < 0.82:
        for i, ch in enumerate(text):
            if ch.isalnum():
                return text[:i] + ch.upper() + text[i + 1 :]
    return text
