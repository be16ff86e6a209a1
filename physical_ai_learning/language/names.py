# ruff: noqa: E501  (lists of phrases read better long)
"""Invented names of places, zones and routes in both languages, far more varied than any one site has.

The model learns to quote a name out of a sentence, so what matters is that no list of names can be memorised:
nouns are combined with adjectives, directions, numbers, letters, people and made-up words.
"""

from __future__ import annotations

import random

EN_PLACES = ["dock", "bay", "gate", "shed", "barn", "tank", "bench", "workbench", "pallet", "shelf", "shelves", "rack", "racks", "door", "elevator", "lift", "charger", "station", "warehouse", "storage", "kitchen", "office", "lobby", "entrance", "exit", "corner", "aisle", "conveyor", "line", "machine", "lathe", "press", "oven", "booth", "desk", "table", "cabinet", "locker", "stairs", "ramp", "bridge", "pump", "valve", "well", "silo", "greenhouse", "garage", "workshop", "hangar", "crane", "container", "weighbridge", "checkpoint", "tower", "antenna", "mast", "pole", "bin", "skip", "scaffold", "trench", "pit", "borehole", "substation", "transformer", "boiler", "reactor", "vat", "mixer", "packer", "sorter", "palletizer", "wrapper", "cart", "trolley", "crib", "cooler", "freezer", "lab", "reception", "canteen", "toilet", "sink", "tap", "hydrant", "fountain", "statue", "tree", "oak", "pond", "lake", "creek", "fence", "wall", "arch", "stile", "hedge", "orchard", "vineyard", "nursery", "stable", "beehive", "moon", "mars", "castle", "airport", "beach", "museum", "supermarket", "pharmacy", "harbour", "home", "base", "platform", "runway", "tunnel", "shaft", "dam", "sluice", "culvert", "manhole", "kiosk", "turnstile", "garden", "terrace", "balcony", "barrel", "crate", "box", "hopper", "press", "bunker", "cell", "field"]
EN_COMPOUNDS = """charging station|storage room|parking lot|loading ramp|loading dock|waste bin|cold store|server room
clean room|break room|hose reel|first aid post|assembly point|bus stop|river bank|seed store|milking parlour
chicken coop|compost heap|fuel station|tool crib|tool store|paint booth|spray booth|packing shed|quality desk
inspection desk|assembly line|power post|water tower|pump house|control room|goods lift|delivery entrance
repair bench|test stand|mail room|guard house|weather mast|north pole|swimming pool|train station|coffee machine
vending machine|post office|conference room|shipping area|receiving area|drying room|hay store|field entrance
edge of the forest|foot of the hill|end of the corridor|top of the ramp|back of the yard|head of the row"""
EN_ADJECTIVES = ["red", "blue", "green", "yellow", "white", "black", "orange", "grey", "old", "new", "big", "small", "north", "south", "east", "west", "upper", "lower", "inner", "outer", "front", "rear", "main", "second", "third", "first", "left", "right", "central", "wooden", "steel", "round", "tall", "empty", "spare", "broken", "painted", "covered", "open", "closed", "heavy", "light", "cold", "hot", "wet", "dry", "emergency", "temporary", "final", "incoming", "outgoing", "customer", "staff", "visitor"]
EN_AREAS = ["field", "meadow", "lawn", "plot", "paddock", "orchard", "vineyard", "floor", "hall", "yard", "area", "zone", "terrace", "bed", "block", "sector", "strip", "pasture", "garden", "park", "court", "lot", "deck", "room", "apron", "rows", "pond", "marsh", "crossing", "walkway", "excavation", "canal", "ditch", "compound"]
EN_AREA_COMPOUNDS = """rice field|wheat field|apple rows|pear orchard|tea field|flower bed|seedling bed|welding cell
danger zone|storage area|packing area|main floor|hall floor|parking area|playing field|fire lane|construction site
school yard|cable trench|nursery bed|loading bay|robot cell|pedestrian walkway|wet area|blue zone|test track"""
EN_ROUTES = """round|patrol round|patrol route|night round|security round|perimeter|perimeter loop|fence walk|outer loop
inner loop|inspection route|inspection tour|morning round|delivery loop|route|circuit|loop|ring road|guard tour|watch
boundary path|border walk|warehouse loop|evening patrol|track|long way round|safety walk|figure eight|milk run"""
PEOPLE = ["Tanaka", "Sato", "Suzuki", "Miller", "Anna", "Bob", "Yamada", "Kim", "Garcia", "Olsen", "Ito", "Maria", "Chen", "Weber", "Kobayashi", "Patel"]

JA_PLACES = ["ドック", "棚", "門", "ゲート", "倉庫", "納屋", "小屋", "井戸", "タンク", "水タンク", "作業台", "パレット", "充電器", "充電ステーション", "充電場所", "入口", "出口", "正門", "裏門", "北門", "南門", "東口", "西口", "搬入口", "搬出口", "受付", "事務所", "会議室", "食堂", "休憩所", "喫煙所", "トイレ", "階段", "エレベーター", "廊下の端", "角", "坂の上", "坂の下", "工具庫", "工具置き場", "資材置き場", "検査台", "検品台", "塗装ブース", "溶接機", "プレス機", "旋盤", "コンベア", "組立ライン", "梱包場", "選果場", "荷造り場", "出荷口", "冷蔵庫", "冷凍庫", "サイロ", "ビニールハウス", "温室", "ハウス", "堆肥場", "牛舎", "鶏小屋", "豚舎", "苗置き場", "トラクター小屋", "格納庫", "車庫", "ガレージ", "駐車場", "給油所", "洗車場", "橋", "トンネル", "ポンプ小屋", "ポンプ", "バルブ", "水門", "ため池のほとり", "川岸", "土手", "丘の上", "木の下", "大きな木", "電柱", "鉄塔", "看板", "掲示板", "消火栓", "自販機", "ゴミ置き場", "配電盤", "変電所", "ボイラー室", "サーバー室", "研究室", "実験室", "クリーンルーム", "台車", "青い台車", "カート", "コンテナ", "トラックヤード", "足場", "掘削現場", "資材棚", "ロッカー", "月", "火星", "東京", "駅", "空港", "病院", "学校", "スーパー", "海", "山", "神社", "公園", "図書館", "郵便局", "畑の入口", "畑の端", "一番奥", "待機場所", "ホームベース", "基地", "救護所", "集合場所", "見張り台", "展望台", "噴水", "花壇の角", "改札", "ホーム", "滑走路", "ダム", "管理室", "守衛所", "工場", "修理台", "机", "流し", "玄関", "居間", "台所", "寝室", "ベランダ", "屋上"]
JA_ADJECTIVES = ["赤い", "青い", "緑の", "黄色い", "白い", "黒い", "古い", "新しい", "大きい", "大きな", "小さい", "小さな", "北の", "南の", "東の", "西の", "奥の", "手前の", "中央の", "外の", "壊れた", "空の", "一番目の", "二番目の", "隣の", "予備の", "木の", "丸い", "細長い", "仮設の"]
JA_AREAS = ["畑", "草地", "田んぼ", "水田", "果樹園", "りんご園", "リンゴ畑", "梨園", "ぶどう園", "茶畑", "麦畑", "芝生", "花壇", "苗床", "牧草地", "庭", "広場", "グラウンド", "荷さばき場", "床", "フロア", "ホール", "作業エリア", "溶接セル", "溶接エリア", "危険区域", "立入禁止区域", "通路", "歩道", "ため池", "池", "湿地", "駐車区画", "保管エリア", "梱包エリア", "工事現場", "掘削エリア", "南側の畑", "北側の畑", "第一圃場", "第二圃場", "三番圃場", "区画", "法面", "堤防", "みかん畑", "野菜畑", "キャベツ畑", "ロボットセル", "横断歩道", "中庭"]
JA_ROUTES = ["巡回路", "見回りコース", "外周", "外周コース", "夜間巡回", "警備ルート", "点検ルート", "巡回コース", "巡回ルート", "内周", "周回路", "Aコース", "Bコース", "朝の見回り", "倉庫一周コース", "フェンス沿い", "境界線", "配送ルート", "第一ルート", "安全パトロール", "定期巡回", "柵沿いの道", "巡視路"]
JA_PEOPLE = ["田中", "佐藤", "鈴木", "山田", "小林", "伊藤", "中村", "高橋", "渡辺", "井上"]
_KANA = "アイウエオカキクケコサシスセソタチツテトナニネノハヒフホマミムメモラリルレロ"
_ONSETS = ["b", "c", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "z", "br", "dr", "kr", "st", "tr", "pl", "gl", "sh", "th"]


def _lines(block: str) -> list[str]:
    return [part.strip() for line in block.splitlines() for part in line.split("|") if part.strip()]


_EN_PLACE_NOUNS = sorted(set(EN_PLACES)) + _lines(EN_COMPOUNDS) * 2
_EN_AREA_NOUNS = sorted(set(EN_AREAS)) + _lines(EN_AREA_COMPOUNDS) * 2
_EN_ROUTE_NOUNS = _lines(EN_ROUTES)


def invented(rng: random.Random, language: str) -> str:
    """A word that is in no dictionary."""
    if language == "ja":
        word = "".join(rng.choice(_KANA) for _ in range(rng.randint(2, 4)))
        return word + rng.choice(["", "ー", "ン"])
    return "".join(rng.choice(_ONSETS) + rng.choice("aeiou") for _ in range(rng.randint(2, 3))).capitalize()


def _label(rng: random.Random) -> str:
    return rng.choice("ABCDEFGHKLMXZ") if rng.random() < 0.5 else str(rng.choice([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 21, 42]))


def english(rng: random.Random, kind: str) -> tuple[str, bool]:
    """A name and whether an article goes before it. `kind` is place, zone or route."""
    noun = rng.choice({"place": _EN_PLACE_NOUNS, "zone": _EN_AREA_NOUNS, "route": _EN_ROUTE_NOUNS}[kind])
    draw = rng.random()
    if draw < 0.34:
        return noun, True
    if draw < 0.56:
        return f"{rng.choice(EN_ADJECTIVES)} {noun}", True
    if draw < 0.80:
        label = _label(rng)
        label = rng.choice(["one", "two", "three", "four", "five", "six", "seven"]) if rng.random() < 0.12 else label
        return f"{noun} {label}" if rng.random() < 0.8 else f"{label} {noun}", False
    if draw < 0.86:
        return f"{rng.choice(EN_ADJECTIVES)} {noun} {_label(rng)}", False
    if draw < 0.91:
        return f"{rng.choice(PEOPLE)}'s {noun}", False
    if draw < 0.95:
        return f"{rng.choice('ABCDEFXZ')}{rng.randint(1, 30)}", False
    return (f"{invented(rng, 'en')} {noun}", True) if rng.random() < 0.6 else (invented(rng, "en"), False)


def japanese(rng: random.Random, kind: str) -> str:
    noun = rng.choice({"place": JA_PLACES, "zone": JA_AREAS, "route": JA_ROUTES}[kind])
    draw = rng.random()
    if draw < 0.42:
        return noun
    if draw < 0.54:
        return rng.choice(JA_ADJECTIVES) + noun
    if draw < 0.66:
        return noun + _label(rng)
    if draw < 0.72:
        return _label(rng) + noun
    if draw < 0.82:
        number = str(rng.randint(1, 12)) if rng.random() < 0.7 else rng.choice("一二三四五六七八九")
        return rng.choice([f"{number}号{noun}", f"第{number}{noun}", f"{number}番{noun}", f"{noun}{number}号機", f"{number}番の{noun}"])
    if draw < 0.87:
        return f"{rng.choice(JA_PEOPLE)}さんの{noun}"
    if draw < 0.91:
        return rng.choice(["北側", "南側", "東側", "西側", "屋外", "地下", "二階", "中央"]) + rng.choice(["", "の"]) + noun
    return invented(rng, "ja") + noun if rng.random() < 0.6 else invented(rng, "ja")
