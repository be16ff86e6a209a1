"""A site of a thousand places: what it costs to know them all, and to find the one that was meant."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from physical_ai_bench.page import Page
from physical_ai_core.errors import DependencyError, InputError
from physical_ai_core.site import Site
from physical_ai_planner.language.likeness import Likeness
from physical_ai_planner.language.names import NameBook

SIZES: Final = (12, 100, 1000)
_PLACES: Final = """\
wash_bay|wash bay|洗車場
canteen|canteen|食堂
charger|charger|充電器
paint_shop|paint shop|塗装場
scrap|scrap container|スクラップ置き場
gate|main gate|正門
office|site office|現場事務所
pump|irrigation pump|灌漑ポンプ
first_aid|first aid room|医務室
greenhouse|greenhouse|温室
silo|grain silo|穀物サイロ
tool_store|tool store|工具庫"""
_SAID: Final = """\
wash_bay|the Wash bay|our wash-bay|wash bays|洗車場のところ|あの洗車場
canteen|the canteen|CANTEEN|canteen area|食堂の方|食堂付近
charger|the charger|that charger|充電器のところ|じゅうでんき|charger spot
paint_shop|the paint shop|paint-shop|塗装場|塗装場エリア|our paint shop
scrap|the scrap container|scrap containers|スクラップ置き場|スクラップ|scrap
gate|the main gate|Main Gate|正門|正門付近|main gates
office|site office|the site office|現場事務所|事務所|office
pump|the irrigation pump|irrigation pumps|灌漑ポンプ|ポンプ|pump
first_aid|first aid room|the first-aid room|医務室|医務室の方|First Aid Room
greenhouse|the greenhouse|Greenhouse|温室|温室のあたり|greenhouses
silo|the grain silo|grain silo|穀物サイロ|サイロ|silo
tool_store|tool store|the tool store|工具庫|工具庫のところ|tool stores"""
_MEANT: Final = """\
wash_bay|where we clean the trucks|the spot for washing vehicles|車を洗うところ|トラックの洗浄場
canteen|where people eat lunch|the dining hall|お昼を食べるところ|社員の食事場所
charger|where you get your power|the electricity point for robots|電気を入れる所|バッテリーを満タンにする場所
paint_shop|where things get painted|the place that smells of paint|ペンキを塗る所|色を塗る作業場
scrap|the metal waste bin|where old iron goes|鉄くず入れ|金属ごみの場所
gate|the front entrance|where visitors come in|表の入り口|来客が入ってくる所
office|where the manager sits|the administration building|所長がいる部屋|管理の建物
pump|the thing that waters the field|the water pumping station|畑に水を送る機械|水をくみ上げる所
first_aid|where the nurse is|the sick bay|けがの手当てをする部屋|保健室
greenhouse|the glass house with the seedlings|the hothouse|ガラスの家で苗を育てる所|ビニールハウス
silo|the tower where the corn is kept|grain storage|穀物をためる塔|米や麦の貯蔵庫
tool_store|where the wrenches are kept|the cupboard with tools|道具をしまう倉庫|スパナが置いてある所"""
_ADJECTIVES: Final = (
    "north",
    "old",
    "upper",
    "red",
    "second",
    "long",
    "quiet",
    "inner",
    "lower",
    "blue",
    "third",
    "wide",
)
_THINGS: Final = (
    "rack", "valve", "lane", "press", "bench", "tank", "hut", "bay", "tower", "plot", "barrier", "conveyor", "cabinet",
    "crane", "ramp", "well",
)  # fmt: skip
_THINGS_JA: Final = tuple(
    [
        "ラック",
        "弁",
        "通路",
        "プレス",
        "作業台",
        "槽",
        "小屋",
        "区画",
        "塔",
        "畝",
        "遮断機",
        "コンベア",
        "盤",
        "クレーン",
        "斜路",
        "井戸",
    ]
)
_ADJECTIVES_JA: Final = tuple(["北", "旧", "上", "赤", "第二", "長", "静か", "内", "下", "青", "第三", "広"])


def site_of(count: int) -> Site:
    """Twelve places that people speak of, among `count`."""
    places: dict[str, Any] = {}
    for line in _PLACES.splitlines():
        key, en, ja = line.split("|")
        places[key] = {"names": {"en": [en], "ja": [ja]}, "pose": {"x_m": 0.0, "y_m": 0.0}}
    for k in range(count - len(places)):
        a, t, n = k % 12, (k // 12) % 16, k // 192 + 1
        places[f"p{k}"] = {
            "names": {"en": [f"{_ADJECTIVES[a]} {_THINGS[t]} {n}"], "ja": [f"{_ADJECTIVES_JA[a]}{_THINGS_JA[t]}{n}"]},
            "pose": {"x_m": float(k), "y_m": 1.0},
        }
    return Site.model_validate({"schema_version": 1, "name": "large", "start": "gate", "places": places})


def _rows(text: str) -> list[tuple[str, str]]:
    found = []
    for line in text.splitlines():
        key, *forms = line.split("|")
        found += [(key, form) for form in forms]
    return found


def places_page(tokenizer: Any | None, head_rate: float | None, report: Callable[[float, float], None]) -> Page:
    """`tokenizer`: of the language model, to count what a prompt with every name would hold; `head_rate`: tokens a
    second that it reads. Raises InputError without the extra `names`."""
    rows = []
    for done, size in enumerate(SIZES):
        report(done, len(SIZES))
        site = site_of(size)
        begun = time.process_time()
        book = NameBook(site)
        built_ms = 1e3 * (time.process_time() - begun)
        said, cost_us = _resolved(book, _rows(_SAID))
        meant, _ = _resolved(book, _rows(_MEANT))
        near = _nearest(book, site)
        names = sum(len(words) for words in site.spoken_names().values())
        prompt = _prompt(tokenizer, head_rate, site)
        rows.append((
            str(size), str(names), f"{said:.0%}", f"{cost_us:.0f}", f"{built_ms:.0f}", f"{meant:.0%}", *near, *prompt,
        ))  # fmt: skip
    header = (
        "places", "names", "names said in other form: found", "µs each", "ms to build", "paraphrases: driven to",
        "paraphrases: among 3 near in meaning", "the nearest", "ms each", "tokens of a prompt with all names",
        "s to read it",
    )  # fmt: skip
    about = (
        "`physical-ai bench places`: no name of the site is in the prompt; the model quotes words of the sentence, and"
        f" they are matched. {len(_rows(_SAID))} forms of twelve names (articles, case, plural, part of a name,"
        f" Japanese tails), and {len(_rows(_MEANT))} paraphrases that hold no name, among more and more other names. A"
        " paraphrase is never driven to: the refusal says what is near in meaning (E5-small embeddings). The last"
        " columns show what the usual way, every name in the prompt, would cost before the first word is written."
    )
    return Page("places", "A site of a thousand places", about, header, rows)


def _resolved(book: NameBook, rows: Sequence[tuple[str, str]]) -> tuple[float, float]:
    """Share of words that mean exactly the place that was meant, and µs of CPU time each."""
    book.find("warm up", frozenset({"place"}))
    begun = time.process_time()
    hits = [book.find(words, frozenset({"place"})).sure == (key,) for key, words in rows]
    return float(np.mean(hits)), 1e6 * (time.process_time() - begun) / len(rows)


def _nearest(book: NameBook, site: Site) -> tuple[str, str, str]:
    spoken = [entry for entry in book.entries if entry.spoken]
    try:
        likeness = Likeness([entry.name for entry in spoken])
    except DependencyError as error:
        raise InputError(error.cause, error.mend) from error
    first = within = 0
    rows = _rows(_MEANT)
    begun = time.process_time()
    for key, words in rows:
        ids = list(dict.fromkeys(spoken[k].id for k, _ in likeness.nearest(words, 6)))[:3]
        within += key in ids
        first += ids[:1] == [key]
    cost_ms = 1e3 * (time.process_time() - begun) / len(rows)
    return f"{within / len(rows):.0%}", f"{first / len(rows):.0%}", f"{cost_ms:.0f}"


def _prompt(tokenizer: Any | None, head_rate: float | None, site: Site) -> tuple[str, str]:
    if tokenizer is None:
        return "-", "-"
    names = json.dumps([name for words in site.spoken_names().values() for name in words], ensure_ascii=False)
    count = len(tokenizer(names).input_ids)
    return str(count), f"{count / head_rate:.1f}" if head_rate else "-"
