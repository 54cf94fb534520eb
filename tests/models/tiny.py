"""Tiny models of the classes that matter, with random weights, saved as a user would have them on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from platometer.models import _torchvision_shim

TEXTS = (
    "a dog runs over the grass", "a cat", "two children play with a red ball on the beach in the evening", "the sea",
    "a man in a blue shirt rides a bicycle down a long road", "birds",
)
WIDTH, DEPTH, HEADS, CONTEXT = 32, 3, 4, 32


def pictures(count: int = 4) -> list[Image.Image]:
    """Pictures of noise in several sizes and modes."""
    rng = np.random.default_rng(0)
    sizes, modes = [(40, 40), (64, 48), (30, 50), (33, 33)], ["RGB", "L", "RGBA", "P"]
    made = []
    for i in range(count):
        width, height = sizes[i % 4]
        raw = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
        made.append(raw.convert(modes[i % 4]))
    return made


def sounds(*lengths: int, rate: int = 16000) -> list[tuple[np.ndarray, int]]:
    """Sounds of noise with these numbers of samples."""
    rng = np.random.default_rng(0)
    return [(rng.standard_normal(length).astype(np.float32), rate) for length in lengths]


def save(kind: str, folder: Path) -> Path:
    """The folder, holding a tiny model of this kind and its tokenizer or processor."""
    _torchvision_shim.ready()
    import transformers

    transformers.utils.logging.disable_progress_bar()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        KINDS[kind](transformers).save_pretrained(folder)
    if kind in TEXT:
        _tokenizer(transformers, kind).save_pretrained(folder)
    if kind in ("clip", "siglip"):
        _tokenizer(transformers, kind).save_pretrained(folder)
    if kind in IMAGE or kind in ("clip", "siglip"):
        _picture_processor(transformers, kind).save_pretrained(folder)
    if kind in AUDIO:
        _sound_processor(transformers, kind).save_pretrained(folder)
    return folder


def _tokenizer(transformers: object, kind: str) -> object:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    special = ["<pad>", "<s>", "</s>", "<unk>"]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(
        TEXTS, trainers.BpeTrainer(vocab_size=200, special_tokens=special, show_progress=False,
                                   initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    if kind in ("bert", "roberta", "clip", "siglip", "t5", "bart"):
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)])
    pads = {} if kind in WITHOUT_PAD else {"pad_token": "<pad>"}
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>", model_max_length=CONTEXT, **pads)


def _picture_processor(transformers: object, kind: str) -> object:
    side = 32
    made = {"clip": "CLIPImageProcessorPil", "siglip": "SiglipImageProcessorPil"}.get(kind, "ViTImageProcessorPil")
    return getattr(transformers, made)(size={"height": side, "width": side}, do_center_crop=False)


def _sound_processor(transformers: object, kind: str) -> object:
    if kind == "whisper":
        return transformers.WhisperFeatureExtractor(feature_size=16, chunk_length=1, n_fft=400)
    return transformers.Wav2Vec2FeatureExtractor(return_attention_mask=kind != "hubert")


def _vision(**more: object) -> dict:
    return {"hidden_size": WIDTH, "num_hidden_layers": DEPTH, "num_attention_heads": HEADS, "intermediate_size": 64,
            "image_size": 32, "patch_size": 8} | more


def _text(**more: object) -> dict:
    return {"hidden_size": WIDTH, "num_hidden_layers": DEPTH, "num_attention_heads": HEADS, "intermediate_size": 64,
            "vocab_size": 320, "max_position_embeddings": CONTEXT, "pad_token_id": 0, "bos_token_id": 1,
            "eos_token_id": 2} | more


def _sound(**more: object) -> dict:
    return {"hidden_size": WIDTH, "num_hidden_layers": DEPTH, "num_attention_heads": HEADS, "intermediate_size": 64,
            "conv_dim": (16, 16), "conv_kernel": (10, 4), "conv_stride": (5, 4), "num_feat_extract_layers": 2,
            "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4, "vocab_size": 32} | more


def _gpt2(t: object) -> object:
    return t.GPT2Model(t.GPT2Config(n_embd=WIDTH, n_layer=DEPTH, n_head=HEADS, n_positions=CONTEXT, vocab_size=320,
                                    bos_token_id=1, eos_token_id=2))


def _clip(t: object) -> object:
    return t.CLIPModel(t.CLIPConfig(text_config=_text(), vision_config=_vision(), projection_dim=16))


def _t5(t: object) -> object:
    return t.T5Model(t.T5Config(d_model=WIDTH, d_kv=8, d_ff=64, num_layers=DEPTH, num_decoder_layers=DEPTH - 1,
                                num_heads=HEADS, vocab_size=320, decoder_start_token_id=0))


def _whisper(t: object) -> object:
    return t.WhisperModel(t.WhisperConfig(
        d_model=WIDTH, encoder_layers=DEPTH, decoder_layers=2, encoder_attention_heads=HEADS, decoder_attention_heads=HEADS,
        encoder_ffn_dim=64, decoder_ffn_dim=64, num_mel_bins=16, max_source_positions=50, max_target_positions=16,
        vocab_size=64, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1))


KINDS: dict[str, Callable] = {
    "gpt2": _gpt2,
    "llama": lambda t: t.LlamaModel(t.LlamaConfig(**_text())),
    "bloom": lambda t: t.BloomModel(t.BloomConfig(hidden_size=WIDTH, n_layer=DEPTH, n_head=HEADS, vocab_size=320,
                                                  pad_token_id=0, bos_token_id=1, eos_token_id=2)),
    "bert": lambda t: t.BertModel(t.BertConfig(**_text())),
    "roberta": lambda t: t.RobertaModel(t.RobertaConfig(**_text(max_position_embeddings=CONTEXT + 1))),
    "t5": _t5,
    "vit": lambda t: t.ViTModel(t.ViTConfig(**_vision())),
    "vit_mae": lambda t: t.ViTMAEModel(t.ViTMAEConfig(**_vision())),
    "dinov2": lambda t: t.Dinov2Model(t.Dinov2Config(**_vision())),
    "dinov2_registers": lambda t: t.Dinov2WithRegistersModel(t.Dinov2WithRegistersConfig(**_vision(num_register_tokens=2))),
    "convnext": lambda t: t.ConvNextModel(t.ConvNextConfig(hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 2, 1])),
    "resnet": lambda t: t.ResNetModel(t.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 2, 1])),
    "swin": lambda t: t.SwinModel(t.SwinConfig(image_size=32, patch_size=2, embed_dim=16, depths=[1, 1], num_heads=[2, 4],
                                               window_size=4)),
    "clip": _clip,
    "siglip": lambda t: t.SiglipModel(t.SiglipConfig(text_config=_text(projection_size=WIDTH), vision_config=_vision())),
    "wav2vec2": lambda t: t.Wav2Vec2Model(t.Wav2Vec2Config(**_sound(feat_extract_norm="layer", do_stable_layer_norm=True))),
    "hubert": lambda t: t.HubertModel(t.HubertConfig(**_sound(feat_extract_norm="group"))),
    "whisper": _whisper,
}
WITHOUT_PAD = ("gpt2", "llama")
TEXT = ("gpt2", "llama", "bloom", "bert", "roberta", "t5")
IMAGE = ("vit", "vit_mae", "dinov2", "dinov2_registers", "convnext", "resnet", "swin")
AUDIO = ("wav2vec2", "hubert", "whisper")
