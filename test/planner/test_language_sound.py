"""Names that were heard right and written wrong are found by their sound; what is only near in sound is asked about."""

from collections.abc import Iterator

import pytest

from physical_ai_bench.benchmarks.places import site_of
from physical_ai_planner.language import sound
from physical_ai_planner.language.names import Match, NameBook

NAMES = {
    "gate": ("east gate", "東ゲート"), "ramp_2": ("ramp 2", "2番スロープ"), "ramp_3": ("ramp 3", "3番スロープ"),
    "chapel": ("chapel", "礼拝堂"), "laundry": ("laundry", "洗濯室"), "motor": ("motor shop", "モーター室"),
    "store": ("granary", "倉庫"), "dock": ("dock C", "Cドック"), "quarry": ("quarry", "採石場"),
}  # fmt: skip


def find(words: str) -> Match:
    gate = site_of(12).places["gate"]
    places = {k: gate.model_copy(update={"names": {"en": (en,), "ja": (ja,)}}) for k, (en, ja) in NAMES.items()}
    return NameBook(site_of(12).model_copy(update={"places": places, "start": "gate"})).find(
        words, frozenset({"place"})
    )


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    caches = (sound._reading, sound._readings, sound._code)
    for cached in caches:
        cached.cache_clear()
    monkeypatch.setattr(sound, "_dictionary", lambda: None)
    monkeypatch.setattr(sound, "_metaphone", lambda: None)
    yield
    for cached in caches:
        cached.cache_clear()


@pytest.mark.parametrize(
    ("words", "key"),
    [("モータ室", "motor"), ("東ゲト", "gate"), ("2番スロプ", "ramp_2"), ("3番スロップ", "ramp_3")],
)
def test_a_long_vowel_or_a_small_tsu_more_or_less_is_the_same_name(
    words: str, key: str, nothing_installed: None
) -> None:
    assert find(words).sure == (key,)


@pytest.mark.parametrize(("words", "key"), [("礼拝道", "chapel"), ("選択室", "laundry"), ("採石状", "quarry")])
def test_words_of_the_same_reading_are_that_name(words: str, key: str) -> None:
    pytest.importorskip("sudachipy")
    pytest.importorskip("sudachidict_small")
    assert find(words).sure == (key,)


@pytest.mark.parametrize(("words", "key"), [("lawndry", "laundry"), ("granery", "store"), ("the chappel", "chapel")])
def test_english_words_of_the_same_sound_and_nearly_the_same_letters_are_that_name(words: str, key: str) -> None:
    pytest.importorskip("jellyfish")
    assert find(words).sure == (key,)


@pytest.mark.parametrize(
    ("words", "keys"),
    [("2番スロウプ", ("ramp_2",)), ("東下痢ート", ("gate",)), ("gran erie", ("store",))],
)
def test_what_sounds_nearly_like_a_name_is_asked_about(words: str, keys: tuple[str, ...]) -> None:
    for library in ("sudachipy", "sudachidict_small", "jellyfish"):
        pytest.importorskip(library)
    assert find(words) == Match(maybe=keys)


@pytest.mark.parametrize("words", ["そこ", "西ゲート", "4番スロープ", "deck C", "duck C", "couple", "駐車場"])
def test_what_sounds_otherwise_or_has_another_label_is_no_name(words: str) -> None:
    assert find(words).sure == ()


def test_without_the_libraries_homophones_are_as_unknown_as_before(nothing_installed: None) -> None:
    assert find("礼拝道").sure == ()
    assert find("選択室") == Match()
    assert find("lawndry").sure == ()
    assert find("洗濯室").sure == ("laundry",)


def test_the_dictionary_is_not_loaded_for_names_of_the_site_or_for_english(monkeypatch: pytest.MonkeyPatch) -> None:
    def loaded() -> None:
        raise AssertionError("the dictionary was loaded")

    sound._reading.cache_clear()
    monkeypatch.setattr(sound, "_dictionary", loaded)
    assert find("洗濯室").sure == ("laundry",)
    assert find("launderette") == Match()
    with pytest.raises(AssertionError):
        find("選択室")
