"""Our own forward pass, tokenizer, token table and decoder give what the libraries give. Small random models only."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physical_ai_core.errors import ModelError
from physical_ai_planner.language.architecture import Shape, Unsupported
from physical_ai_planner.language.drafts import LineDrafts
from physical_ai_planner.language.grammar import SentenceGrammars
from physical_ai_planner.language.model import Answer
from physical_ai_planner.language.vocabulary import SPACE, Vocabulary, build

torch = pytest.importorskip("torch")
pytest.importorskip("llguidance")
tokenizers = pytest.importorskip("tokenizers")

SIZES = {
    "vocab_size": 96, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
    "intermediate_size": 48, "head_dim": 8, "max_position_embeddings": 256, "rms_norm_eps": 1e-6,
}  # fmt: skip
GEMMA = {
    "hidden_activation": "gelu_pytorch_tanh", "sliding_window": 8, "query_pre_attn_scalar": 16,
    "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
    "rope_parameters": {
        "full_attention": {"rope_type": "default", "rope_theta": 1e6},
        "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
    },
}  # fmt: skip
PIECES = [
    "go", "▁<", "▁dock", "dock", "do", "ck", "▁B", "▁slow", "slow", "▁to", "ly", "Go", "wa", "it", "wait", "棚",
    "ドック", "▁front", "> ", "▁for", ";", "▁wait", "▁30", "30", "▁s",
]  # fmt: skip


def model_of(kind: str, folder: Path) -> Any:
    """A random model of a kind, in bf16, saved to a folder."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    own_head_dim = {k: v for k, v in SIZES.items() if k != "head_dim"}
    config = {
        "gemma3_text": lambda: transformers.Gemma3TextConfig(**SIZES, **GEMMA, tie_word_embeddings=True),
        "llama": lambda: transformers.LlamaConfig(**SIZES, tie_word_embeddings=False),
        "qwen2": lambda: transformers.Qwen2Config(**own_head_dim, tie_word_embeddings=True),
        "qwen3": lambda: transformers.Qwen3Config(**SIZES, tie_word_embeddings=True),
    }[kind]()
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).eval()
    for name, weight in model.named_parameters():  # else norms and biases are all ones and zeros
        if weight.dim() == 1:
            torch.nn.init.normal_(weight, 0.5 if "norm" in name else 0.0, 0.2)
    model.save_pretrained(folder)
    return model


@pytest.mark.parametrize("kind", ["gemma3_text", "llama", "qwen2", "qwen3"])
def test_our_forward_pass_computes_what_the_library_computes(kind: str, tmp_path: Path) -> None:
    from physical_ai_planner.language.lean import LeanNetwork
    from physical_ai_planner.language.tensors import FileWeights

    model = model_of(kind, tmp_path)
    network = LeanNetwork(Shape.of(json.loads((tmp_path / "config.json").read_text())), FileWeights(tmp_path))
    ids = torch.randint(0, 96, (1, 21), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = model.base_model(input_ids=ids).last_hidden_state[0].float()
    cache = network.new_cache()
    parts = [network.forward(ids[0, a:b].tolist(), cache) for a, b in ((0, 12), (12, 13), (13, 21))]
    found = torch.cat(parts).float()
    assert torch.allclose(found, expected, atol=0.06, rtol=0.05), (found - expected).abs().max()
    head = model.get_output_embeddings().weight
    assert torch.equal(network.rows([5, 0, 95]), head[[5, 0, 95]])
    seen: list[Any] = []
    network.forward(ids[0].tolist(), network.new_cache(), attention=seen)
    assert len(seen) == 3 and torch.allclose(seen[0].sum(-1), torch.ones(4, 21), atol=1e-3)


@pytest.mark.parametrize("library", [False, True])
def test_side_by_side_continuations_in_one_pass_are_those_of_separate_passes(tmp_path: Path, library: bool) -> None:
    from physical_ai_planner.language.lean import LeanNetwork
    from physical_ai_planner.language.network import Network, TransformersNetwork
    from physical_ai_planner.language.tensors import FileWeights

    model = model_of("llama" if library else "gemma3_text", tmp_path)
    shape = Shape.of(json.loads((tmp_path / "config.json").read_text()))
    network: Network = TransformersNetwork(model) if library else LeanNetwork(shape, FileWeights(tmp_path))
    prompt, one, other = list(range(3, 15)), [20, 21], [30, 31]
    together = network.new_cache()
    network.forward(prompt, together)
    apart = []
    for branch in (one, other):
        alone = together.fork()
        apart.append(network.forward(branch, alone))
    visible = np.zeros((4, 16), dtype=bool)
    visible[:, :12] = True
    for row, columns in enumerate(([12], [12, 13], [14], [14, 15])):
        visible[row, columns] = True
    joined = network.forward([*one, *other], together, [12, 13, 12, 13], visible)
    assert torch.allclose(joined.float(), torch.cat(apart).float(), atol=0.05)
    together.keep(12, [14, 15])  # the second branch alone
    after = network.forward([40], together).float()
    assert torch.allclose(after, network.forward([40], alone).float(), atol=0.05) and together.length == 15


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "mamba"}, {"hidden_act": "gelu"}, {"rope_scaling": {"rope_type": "yarn", "factor": 2.0}},
        {"mlp_bias": True}, {"layer_types": ["full_attention"]}, {"num_hidden_layers": None},
        {"rope_parameters": {"rope_type": "llama3", "rope_theta": 1e4}},
    ],
)  # fmt: skip
def test_what_we_would_compute_otherwise_is_left_to_the_library(change: dict[str, Any]) -> None:
    with pytest.raises(Unsupported):
        Shape.of({"model_type": "llama", "hidden_act": "silu", **SIZES, **change})


# --- the tokenizer ---


def tokenizer_json(folder: Path, pieces: list[str] = PIECES) -> Path:
    """A small tokenizer of Gemma's kind: characters, pieces of them, byte fallback."""
    letters = sorted({c for piece in pieces for c in piece} | set("abcdefghijklmnopqrstuvwxyz ,.>".replace(" ", SPACE)))
    byte_pieces = [f"<0x{value:02X}>" for value in range(256)]
    names = list(dict.fromkeys(["<pad>", "<eos>", "<bos>", "\n", *byte_pieces, "<", *letters]))
    for piece in pieces:  # what merges need on the way
        names += [piece[:n] for n in range(2, len(piece) + 1) if piece[:n] not in names]
    vocabulary = {name: index for index, name in enumerate(names)}
    merges = []
    for name in names:
        splits = [(name[:n], name[n:]) for n in range(len(name) - 1, 0, -1)]
        merges += [s for s in splits if set(s) <= vocabulary.keys() and name not in byte_pieces and name[0] != "<"]
    model = tokenizers.models.BPE(vocabulary, merges, byte_fallback=True, unk_token="<pad>", fuse_unk=True)
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.normalizer = tokenizers.normalizers.Replace(" ", SPACE)
    tokenizer.add_special_tokens(["<pad>", "<eos>", "<bos>"])
    tokenizer.add_tokens([tokenizers.AddedToken("\n", normalized=False)])
    path = folder / "tokenizer.json"
    tokenizer.save(str(path))
    return path


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    folder = tmp_path_factory.mktemp("vocabulary")
    assert build(tokenizer_json(folder), folder)
    return Vocabulary.load(folder)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tokenizers.Tokenizer.from_file(str(tokenizer_json(tmp_path_factory.mktemp("library"))))


WORDS = ["dock", "do", "ck", " ", "B", "slowly", "go", "\n", "棚", "ドック", "é", "😀", "中", "wait", "x", "  "]


@settings(max_examples=300, deadline=None)
@given(words=st.lists(st.sampled_from(WORDS), max_size=20))
def test_our_tokenizer_encodes_as_the_library_does(vocabulary: Vocabulary, library: Any, words: list[str]) -> None:
    text = "".join(words)
    assert vocabulary.plain(text) == library.encode(text, add_special_tokens=False).ids
    assert vocabulary.decode(vocabulary.plain(text)) == text
    spans = vocabulary.spans(text)
    assert all(a < b for _, a, b in spans)
    assert [text[a:b] for _, a, b in spans if b - a > 1] == [
        vocabulary.token_bytes(i).decode() for i, a, b in spans if b - a > 1
    ]


def test_a_tokenizer_whose_merges_do_not_follow_from_its_pieces_is_not_taken(tmp_path: Path) -> None:
    path = tokenizer_json(tmp_path)
    told = json.loads(path.read_text(encoding="utf-8"))
    told["model"]["merges"].remove(["▁wai", "t"])  # its other halves still merge
    path.write_text(json.dumps(told), encoding="utf-8")
    assert not build(path, tmp_path)
    told["model"]["byte_fallback"] = False
    path.write_text(json.dumps(told), encoding="utf-8")
    assert not build(path, tmp_path)


# --- the decoder ---


class Dice:
    """A network whose hidden state is a hash of the tokens seen: any mistake in what a token sees changes the line."""

    def __init__(self, size: int, seed: int) -> None:
        self._embedding = torch.randn(size, 16, generator=torch.Generator().manual_seed(seed))
        self.passes: list[int] = []

    class Cache:
        def __init__(self, ids: list[int] | None = None) -> None:
            self.ids = ids or []

        @property
        def length(self) -> int:
            return len(self.ids)

        def fork(self) -> "Dice.Cache":
            return Dice.Cache(list(self.ids))

        def keep(self, length: int, after: Any = ()) -> None:
            self.ids = [*self.ids[:length], *(self.ids[place] for place in after)]

    def new_cache(self) -> Any:
        return Dice.Cache()

    def forward(self, ids: Any, cache: Any, positions: Any = None, visible: Any = None, attention: Any = None) -> Any:
        start = cache.length
        cache.ids += ids
        self.passes.append(len(ids))
        rows = []
        for row in range(len(ids)):
            seen = np.tri(len(ids), start + len(ids), start, dtype=bool)[row] if visible is None else visible[row]
            past = [token for token, shown in zip(cache.ids, seen, strict=True) if shown]
            assert positions is None or positions[row] == len(past) - 1
            rng = random.Random(str(past))
            rows.append([rng.gauss(0.0, 1.0) for _ in range(16)])
        return torch.tensor(rows)

    def rows(self, ids: Any) -> Any:
        return self._embedding[torch.as_tensor(list(ids))]


TEXT = "go to dock B slowly, wait 30 s at 棚"


def model(vocabulary: Vocabulary, seed: int, drafts: bool) -> Any:
    from physical_ai_planner.language.model import LanguageModel
    from physical_ai_planner.language.tokens import OwnTokens

    return LanguageModel(parts=(Dice(len(vocabulary.pieces), seed), OwnTokens(vocabulary)), drafts=drafts)


@pytest.mark.parametrize("seed", range(12))
def test_what_is_read_ahead_never_changes_the_line(vocabulary: Vocabulary, seed: int) -> None:
    with_, without = (model(vocabulary, seed, drafts).write(TEXT) for drafts in (True, False))
    assert with_.line == without.line and with_.confidence == pytest.approx(without.confidence)
    assert with_.steps <= without.steps


@pytest.mark.parametrize("seed", range(20, 32))
def test_whatever_the_weights_the_line_obeys_the_grammar(vocabulary: Vocabulary, seed: int) -> None:
    from physical_ai_bench.benchmarks.language_large import obeys

    text = "棚の中のとても長い名前の場所まで行って、30 s wait é"
    assert obeys(model(vocabulary, seed, True).write(text), text)
    assert not obeys(Answer("go <gate>", 1.0, 1, True), text) and not obeys(Answer("fly <棚>", 1.0, 1, False), text)


def test_a_session_goes_on_only_by_its_options_and_forks_go_their_own_ways(vocabulary: Vocabulary) -> None:
    session = model(vocabulary, 3, True).session(TEXT)
    options = session.options()
    assert options.odds.sum() == pytest.approx(1.0, abs=1e-5) and (np.diff(options.tokens) > 0).all()
    with pytest.raises(ValueError, match="not among"):
        session.take(vocabulary.bos)
    lines = set()
    for token in options.tokens[:6]:
        fork = session.fork()
        fork.take(int(token))
        while not fork.done:
            following = fork.options()
            if len(following.tokens):
                fork.take(following.best)
        lines.add(fork.line)
        alone = model(vocabulary, 3, False).session(TEXT)
        alone.take(int(token))
        while not alone.done:
            following = alone.options()
            if len(following.tokens):
                alone.take(following.best)
        assert alone.line == fork.line and alone.log_odds == pytest.approx(fork.log_odds, abs=1e-4)
    assert session.tokens == [] and len(lines) > 1


def test_encode_says_which_characters_each_token_stands_for(vocabulary: Vocabulary) -> None:
    from physical_ai_planner.language.prompt import prompt

    tuned = model(vocabulary, 0, True)
    encoded = tuned.encode(TEXT)
    assert encoded.ids == tuned.prompt_ids(TEXT) and vocabulary.decode(encoded.ids) == prompt(TEXT)
    assert "".join(TEXT[a:b] for a, b in dict.fromkeys(encoded.spans) if a >= 0) == TEXT


def test_quoted_text_is_never_empty(vocabulary: Vocabulary) -> None:
    matcher = SentenceGrammars(vocabulary).matcher(TEXT)
    assert not matcher.consume_tokens(vocabulary.plain("go <>"))


def test_the_small_table_allows_every_beginning_of_a_right_line(vocabulary: Vocabulary) -> None:
    grammars = SentenceGrammars(vocabulary)
    for line in ("go <dock B> slow; wait for <30 s>", "next go <棚> front; again <30>", "ask where", "go turn left"):
        matcher = grammars.matcher(TEXT)
        for token in vocabulary.plain(line):
            assert token in matcher.allowed(), (line, vocabulary.pieces[token])
            assert matcher.consume_token(token)
        assert vocabulary.eos in matcher.allowed()
    assert not grammars.matcher(TEXT).consume_tokens(vocabulary.plain("go <gate>"))


def test_drafts_copy_the_sentence_and_may_end_anywhere() -> None:
    drafts = LineDrafts("go to dock B now", lambda text: [ord(c) for c in text])
    texts = {"".join(map(chr, draft)) for draft in drafts("go <do")}
    assert {">", "c>", "ck>", "ck B>", "ck;"[:2] + ">"} <= texts and all(t.rstrip(">;") in "ck B now" for t in texts)
    assert drafts("go <xyz") == [] and drafts("go <dock>") == []


def test_a_folder_without_a_model_is_an_error_with_a_mend(tmp_path: Path) -> None:
    from physical_ai_planner.language.loading import load

    for content in ("", "{}", '{"model_type": "llama"}', "\x00"):
        (tmp_path / "config.json").write_text(content)
        with pytest.raises(ModelError) as caught:
            load(tmp_path)
        assert caught.value.mend


def test_a_weights_file_that_is_cut_is_an_error_not_a_crash(tmp_path: Path) -> None:
    from physical_ai_planner.language.loading import load

    model_of("llama", tmp_path)
    whole = (tmp_path / "model.safetensors").read_bytes()
    for size in (4, 100, len(whole) - 50):
        (tmp_path / "model.safetensors").write_bytes(whole[:size])
        with pytest.raises(ModelError):
            load(tmp_path)
