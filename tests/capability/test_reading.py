"""Bits per byte are what the plain loop gives, whatever is run together, and of the bytes that were told."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from platometer import capability, trends
from platometer.capability import Language, Tokens, bits_per_byte_of, corpus
from platometer.capability._windows import windows
from platometer.cards import Card
from platometer.errors import DataError, InputError, ModelError, SpecError
from platometer.models import _torchvision_shim, wrap, zoo

TEXT = ("The dog runs over the grass, and the cat — «très calme» — sits on the wall.\n\n Two children play 🙂 with a red ball. "
        * 2)
CONTEXT = 24


def _bpe(transformers, **special):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator([TEXT], trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<s>", "</s>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", model_max_length=CONTEXT,
                                                **special)


def _gpt2(transformers, vocabulary: int):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return transformers.GPT2LMHeadModel(transformers.GPT2Config(
            vocab_size=vocabulary, n_positions=CONTEXT, n_embd=16, n_layer=2, n_head=2, initializer_range=0.5))


@pytest.fixture(scope="module")
def library():
    pytest.importorskip("transformers")
    _torchvision_shim.ready()
    import transformers

    transformers.utils.logging.disable_progress_bar()
    return transformers


@pytest.fixture(scope="module")
def folder(library, tmp_path_factory) -> Path:
    """A tiny GPT-2 with random weights and a byte-level BPE tokenizer that has a start sign."""
    home = tmp_path_factory.mktemp("gpt2")
    tokenizer = _bpe(library, bos_token="<s>")
    tokenizer.save_pretrained(home)
    _gpt2(library, len(tokenizer)).save_pretrained(home)
    return home


@pytest.fixture(scope="module")
def unstarted(library, tmp_path_factory) -> Path:
    """The same without a start sign."""
    home = tmp_path_factory.mktemp("unstarted")
    tokenizer = _bpe(library)
    tokenizer.save_pretrained(home)
    _gpt2(library, len(tokenizer)).save_pretrained(home)
    return home


def literal(library, folder: Path, text: str, *, start: bool, width: int, stride: int) -> float:
    """Nats of a text: token by token, each in the window that the rule gives it, one window at a time."""
    tokenizer = library.AutoTokenizer.from_pretrained(folder)
    network = library.AutoModelForCausalLM.from_pretrained(folder).eval()
    ids = ([tokenizer.bos_token_id] if start else []) + tokenizer(text, add_special_tokens=False)["input_ids"]
    total = 0.0
    for at in range(1, len(ids)):
        moves = 0 if at < width else math.ceil((at + 1 - width) / stride)
        stop = min(width + moves * stride, len(ids))
        window = ids[max(0, stop - width): at]
        with torch.no_grad():
            scores = network(torch.tensor([window])).logits[0, -1].double()
        total -= float(scores.log_softmax(0)[ids[at]])
    return total


@pytest.mark.parametrize(("width", "stride"), [(24, 12), (24, 1), (10, 9), (24, 23)])
def test_bits_are_those_of_the_literal_loop(library, folder: Path, width: int, stride: int) -> None:
    found = bits_per_byte_of(f"hf:{folder}", [TEXT], window=width, stride=stride)
    nats = literal(library, folder, TEXT, start=True, width=width, stride=stride)
    assert found.value == pytest.approx(nats / math.log(2) / len(TEXT.encode()), rel=1e-6)
    assert found.n == len(TEXT.encode())
    assert found.details["nats"] == pytest.approx(nats, rel=1e-6)
    assert found.details["bytes_left_out"] == 0


def test_without_a_start_sign_neither_the_first_character_nor_its_bytes_count(library, unstarted: Path) -> None:
    found = bits_per_byte_of(f"hf:{unstarted}", [TEXT])
    nats = literal(library, unstarted, TEXT, start=False, width=CONTEXT, stride=CONTEXT // 2)
    tokenizer = library.AutoTokenizer.from_pretrained(unstarted)
    first = tokenizer.decode(tokenizer(TEXT)["input_ids"][:1])
    assert found.details["bytes_left_out"] == len(first.encode())
    assert found.n == len(TEXT.encode()) - len(first.encode())
    assert found.value == pytest.approx(nats / math.log(2) / found.n, rel=1e-6)


def test_a_character_told_byte_by_byte_is_left_out_whole(unstarted: Path) -> None:
    told = capability.language(f"hf:{unstarted}").read("漢a")
    assert told.first == 3
    assert told.ends(told.first) == 3
    assert told.ends(len(told.ids)) == 4


def test_neither_batches_nor_neighbours_change_the_number(folder: Path) -> None:
    texts = [TEXT[:50], TEXT[20:170], TEXT[60:75], TEXT]
    together, alone = (bits_per_byte_of(f"hf:{folder}", texts, batch_tokens=size) for size in (10_000, 1))
    assert together.value == pytest.approx(alone.value, rel=1e-6)
    each = [bits_per_byte_of(f"hf:{folder}", [text]) for text in texts]
    assert together.value == pytest.approx(sum(one.value * one.n for one in each) / sum(one.n for one in each), rel=1e-6)


def test_a_window_that_holds_the_text_does_not_depend_on_its_stride(folder: Path) -> None:
    values = {bits_per_byte_of(f"hf:{folder}", ["the dog sits"], stride=stride).value for stride in (1, 5, 23)}
    assert len(values) == 1


def test_the_start_sign_can_stand_before_every_window(library, folder: Path) -> None:
    found = bits_per_byte_of(f"hf:{folder}", [TEXT], window=11, stride=10, again="always")
    tokenizer = library.AutoTokenizer.from_pretrained(folder)
    network = library.AutoModelForCausalLM.from_pretrained(folder).eval()
    ids = tokenizer(TEXT)["input_ids"]
    nats = 0.0
    for at in range(0, len(ids), 10):
        stop = min(at + 10, len(ids))
        window = [tokenizer.bos_token_id, *ids[max(0, stop - 10): stop]]
        with torch.no_grad():
            log = network(torch.tensor([window])).logits[0].double().log_softmax(1)
        nats -= sum(float(log[i - 1, window[i]]) for i in range(len(window) - (stop - at), len(window)))
    assert found.details["nats"] == pytest.approx(nats, rel=1e-6)


def test_the_end_of_a_text_costs_bits_and_a_byte(folder: Path) -> None:
    text = ["the cat sits"]
    told, left = (bits_per_byte_of(f"hf:{folder}", text, end=end) for end in ("tell", "leave"))
    assert told.n == left.n + 1
    assert told.details["nats"] > left.details["nats"]


def test_a_slow_tokenizer_counts_bytes_by_decoding(library, unstarted: Path) -> None:
    fast = library.AutoTokenizer.from_pretrained(unstarted)

    class Slow:
        is_fast = False

        def __call__(self, text, **how):
            assert how["add_special_tokens"] is False
            return {"input_ids": fast(text)["input_ids"]}

        def decode(self, ids, **how):
            return fast.decode(ids, **how)

    from platometer.capability._languages import _HfTokens

    for text in (TEXT, "漢a", "a", ""):
        one, other = _HfTokens(Slow())(text), _HfTokens(fast)(text)
        assert (one.ids, one.lost) == (other.ids, other.lost)
        if text:
            assert one.first == other.first
            assert one.ends(one.first) == other.ends(other.first)
            assert one.ends(len(one.ids)) == len(text.encode())


def test_sentencepiece_s_blank_in_front_is_no_loss(library) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    from platometer.capability._languages import _HfTokens

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.train_from_iterator([TEXT], trainers.UnigramTrainer(vocab_size=120, unk_token="<unk>", special_tokens=["<unk>"],
                                                                  show_progress=False))
    read = _HfTokens(library.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>"))
    known = read("The dog sits")
    assert known.lost == ""
    assert known.ends(len(known.ids)) == 12
    assert "漢" in read("The 漢").lost


def test_a_text_that_the_tokens_do_not_give_back_is_an_error_unless_allowed(library, tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"<unk>": 0, "<s>": 1, "a": 2, "dog": 3}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    library.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>").save_pretrained(tmp_path)
    _gpt2(library, 4).save_pretrained(tmp_path)
    assert bits_per_byte_of(f"hf:{tmp_path}", ["a dog"]).details["lossy"] == 0
    with pytest.raises(DataError, match="at character 2 the text has 'zebra' and its tokens '<unk>'"):
        bits_per_byte_of(f"hf:{tmp_path}", ["a dog", "a zebra"])
    assert bits_per_byte_of(f"hf:{tmp_path}", ["a zebra"], lossy="allow").details["lossy"] == 1


def test_masked_language_models_and_encoder_decoders_are_refused(library, tmp_path: Path) -> None:
    small = {"vocab_size": 300, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    library.BertForMaskedLM(library.BertConfig(**small)).save_pretrained(tmp_path / "bert")
    library.T5ForConditionalGeneration(library.T5Config(
        vocab_size=300, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)).save_pretrained(tmp_path / "t5")
    with pytest.raises(ModelError, match="is a masked language model"):
        bits_per_byte_of(f"hf:{tmp_path / 'bert'}", ["a"])
    with pytest.raises(ModelError, match="is an encoder-decoder"):
        bits_per_byte_of(f"hf:{tmp_path / 't5'}", ["a"])
    library.ViTModel(library.ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)).save_pretrained(tmp_path / "vit")
    with pytest.raises(ModelError, match="has no head for the next token"):
        bits_per_byte_of(f"hf:{tmp_path / 'vit'}", ["a"])
    with pytest.raises(ModelError, match="is not there"):
        bits_per_byte_of(f"hf:{tmp_path / 'nowhere'}", ["a"])


def coin(bits: float = 8.0, **more) -> Language:
    """Bytes, all alike: a code of 8 bits."""
    fields = {"read": lambda text: Tokens(tuple(text.encode()), lambda k: k, first=len(text[:1].encode())), "context": 16,
              "scores": lambda ids: torch.zeros(*ids.shape, 256), "start": 0, "stop": None, "tokens": "bytes"}
    return Language(Card("coin"), **fields | more)


def test_no_model_at_all_costs_eight_bits() -> None:
    assert bits_per_byte_of(coin(), ["äöü", "abc"]).value == pytest.approx(8)


def test_a_model_that_sees_what_comes_later_is_refused() -> None:
    def seeing(ids):
        scores = torch.zeros(*ids.shape, 256)
        scores[:, :-1] = torch.nn.functional.one_hot(ids[:, 1:], 256) * 10.0
        return scores

    with pytest.raises(ModelError, match="coin sees what comes later"):
        bits_per_byte_of(coin(scores=seeing), ["a text of some length"])


def _frequent(ids):
    """Vowels are told better than the rest."""
    scores = torch.zeros(*ids.shape, 256)
    scores[..., list(b"aeiou ")] = 4.0
    return scores


def test_the_interval_is_that_of_drawing_texts_again() -> None:
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("aeioubcdfgh "), 20)) for _ in range(200)]
    found = bits_per_byte_of(coin(scores=_frequent), texts)
    bits = np.array([bits_per_byte_of(coin(scores=_frequent), [text]).value for text in texts])
    assert found.low < found.value < found.high
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * bits.std() / math.sqrt(200), rel=0.15)
    assert found.details["over"] == "texts"


def test_texts_of_one_group_are_drawn_together() -> None:
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("aeiou" if i % 2 else "bcdfg"), 20)) for i in range(40)]
    grouped = capability.Texts(tuple(text for text in texts for _ in range(5)), Card("captions"),
                               tuple(str(i) for i in range(40) for _ in range(5)))
    alone = capability.Texts(grouped.texts, Card("captions"))
    one, other = (bits_per_byte_of(coin(scores=_frequent), each) for each in (grouped, alone))
    assert one.value == pytest.approx(other.value)
    assert (one.high - one.low) > 1.7 * (other.high - other.low)
    assert (one.details["over"], one.details["units"]) == ("groups of texts", 40)


def test_a_long_text_is_drawn_again_by_stretches_that_add_up() -> None:
    text = "".join(np.random.default_rng(0).choice(list("aeioubcdfgh ü"), 5000))
    found = bits_per_byte_of(coin(scores=_frequent), [text])
    assert found.low < found.value < found.high
    assert found.details["over"] == f"stretches of {math.ceil(found.n / 60)} tokens"
    assert found.n == found.details["tokens"] == len(text.encode())
    few = bits_per_byte_of(coin(), ["abc"])
    assert (few.low, few.high) == (None, None)


def test_a_network_of_one_s_own_that_reads_bytes_is_read() -> None:
    class Bytes(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.table = torch.nn.Embedding(256, 256)

        def forward(self, ids, mask=None):
            return self.table(ids)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Bytes()

    def prepare(texts):
        rows = [list(text.encode()) for text in texts]
        longest = max(map(len, rows))
        return torch.tensor([row + [0] * (longest - len(row)) for row in rows])

    model = wrap(network, modality="text", name="mine", prepare=prepare, layers=["table"])
    found = bits_per_byte_of(model, ["été"])
    log = network.table.weight.detach().double().log_softmax(1)
    data = list("été".encode())
    nats = -sum(float(log[a, b]) for a, b in pairwise(data[1:]))
    assert (found.n, found.details["bytes_left_out"]) == (3, 2)
    assert found.details["nats"] == pytest.approx(nats)
    other = wrap(network, modality="text", name="words", prepare=lambda texts: torch.ones(len(texts), 3, dtype=torch.long),
                 layers=["table"])
    with pytest.raises(ModelError, match="reads neither bytes nor words of the zoo"):
        bits_per_byte_of(other, ["a"])


def test_the_zoo_s_numbers_are_those_of_its_cards() -> None:
    names = [name for name in zoo.catalogue() if zoo.card(name)["modality"] == "text" and "bits_per_byte"
             in zoo.card(name)["capability"]]
    if not names:
        pytest.skip("no language model of the zoo is here")
    from platometer import scenes

    card = zoo.card(names[0])
    abstractions = card["data"]["abstractions"]
    events = scenes.world().sample(60, split="test", seed=1)
    texts = [scenes.captions(events.take([i]), seed=1, abstraction=abstractions[i % len(abstractions)])[0] for i in range(60)]
    found = bits_per_byte_of(f"zoo:{names[0]}", texts)
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(card["capability"]["bits_per_byte"], rel=0.2)
    with pytest.raises(DataError, match="cannot give back text 0"):
        bits_per_byte_of(f"zoo:{names[0]}", ["Capitals are lost."])
    with pytest.raises(InputError, match="never learnt to go on"):
        bits_per_byte_of(f"zoo:{names[0]}", ["a " * 80 + "dog"], lossy="allow")


def test_windows_tell_every_token_once_after_enough_others() -> None:
    for n in range(40):
        for width in (2, 3, 7, 40):
            for stride in {1, max(1, width // 2), width - 1}:
                found = windows(n, width=width, stride=stride)
                assert [at for w in found for at in range(w.told, w.stop)] == list(range(1, n))
                assert all(w.stop - w.start <= width and w.told > w.start for w in found)
                assert all(at - w.start >= min(at, width - stride) for w in found for at in range(w.told, w.stop))
    assert [at for w in windows(9, width=4, stride=4, given=True) for at in range(w.told, w.stop)] == list(range(9))
    with pytest.raises(InputError, match="expected 1 to 3"):
        windows(9, width=4, stride=4)


def test_texts_come_from_files_tables_and_datasets(tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("a\n\nb", encoding="utf-8")
    (tmp_path / "lines.csv").write_text("caption\na dog\na cat\n", encoding="utf-8")
    assert corpus(tmp_path / "long.txt").texts == ("a\n\nb",)
    assert corpus(tmp_path / "lines.csv").texts == ("a dog", "a cat")
    assert corpus(f"text:{tmp_path / 'lines.csv'}", join=" ").texts == ("a dog a cat",)
    assert corpus(["a", "b"]).texts == ("a", "b")
    with pytest.raises(DataError, match="names no dataset"):
        corpus(str(tmp_path / "absent.txt"))
    with pytest.raises(InputError, match="is one text"):
        corpus(tmp_path / "long.txt", limit=3)
    with pytest.raises(InputError, match="Text 1 is a int"):
        corpus(["a", 3])
    (tmp_path / "latin.txt").write_bytes("é".encode("latin-1"))
    with pytest.raises(DataError, match="not text in UTF-8"):
        corpus(tmp_path / "latin.txt")


def test_what_cannot_be_told_is_an_error(folder: Path) -> None:
    with pytest.raises(InputError, match="window = 99"):
        bits_per_byte_of(coin(), ["abc"], window=99)
    with pytest.raises(InputError, match="expected 1 to 15"):
        bits_per_byte_of(coin(), ["abc"], stride=16)
    with pytest.raises(InputError, match="has no text in it"):
        bits_per_byte_of(coin(), [""])
    with pytest.raises(InputError, match="Nothing is told"):
        bits_per_byte_of(coin(start=None), ["a"])
    with pytest.raises(InputError, match="no sign that ends a text"):
        bits_per_byte_of(coin(), ["abc"], end="tell")
    with pytest.raises(InputError, match="has no start sign"):
        bits_per_byte_of(coin(start=None), ["abc"], again="always")
    with pytest.raises(InputError, match="is loaded already"):
        bits_per_byte_of(coin(), ["abc"], device="cpu")
    with pytest.raises(InputError, match="lossy = 'no'"):
        bits_per_byte_of(coin(), ["abc"], lossy="no")
    with pytest.raises(SpecError, match="has no such token"):
        bits_per_byte_of(f"hf:{folder}", ["abc"], start="<begin>")
    with pytest.raises(ModelError, match="reads image"):
        bits_per_byte_of("zoo:conv-masked-1", ["abc"])


def test_trends_take_capabilities_and_turn_what_is_better_low() -> None:
    found = [capability.Capability(f"m{i}", "bits per byte", 2 - i / 10, better="low") for i in range(6)]
    rows = [{"left": f"m{i}", "right": f"v{j}", "metric": "cka", "alike": "high", "score": i / 9 + j / 50} for i in range(6)
            for j in range(4)]
    turned = trends.trend(rows, against=capability.against(found), side="left", draws=100)
    assert turned.raw.pearson.value > 0.9
    straight = trends.trend(rows, against=[one.as_row() for one in found], column="bits per byte", side="left", draws=100)
    assert straight.raw.pearson.value == pytest.approx(-turned.raw.pearson.value)
    with pytest.raises(InputError, match="has two values"):
        capability.against([*found, capability.Capability("m0", "bits per byte", 1.0, better="low")])
    with pytest.raises(InputError, match="2 kinds of capability"):
        capability.against([*found, capability.Capability("m0", "skill", 1.0)])
