"""CLIP and SigLIP plug in by name: the real code runs on tiny models of random weights, saved by the test itself."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from verbot.perception.words.make_words import make_words
from verbot.perception.words.types import WordRegion
from verbot.perception.words.weights import WordsError

transformers = pytest.importorskip("transformers")
SMALL = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
WORDS = ["<unk>", "<pad>", "<bos>", "<eos>", "a", "photo", "of", "the", "red", "table", "bowl", "mug"]


def save_model(folder: Path, kind: str) -> Path:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: number for number, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A <eos>", special_tokens=[("<bos>", 2), ("<eos>", 3)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>", bos_token="<bos>", eos_token="<eos>",
        model_max_length=12, model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip
    text = SMALL | {"vocab_size": len(WORDS), "max_position_embeddings": 12, "projection_dim": 16}
    text |= {"bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 1}
    vision = SMALL | {"image_size": 16, "patch_size": 8, "projection_dim": 16}
    size = {"height": 16, "width": 16}
    if kind == "clip":
        model = transformers.CLIPModel(
            transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)
        )
        pictures = transformers.CLIPImageProcessorPil(size=size, crop_size=size)
        processor = transformers.CLIPProcessor(image_processor=pictures, tokenizer=fast)
    else:
        model = transformers.SiglipModel(transformers.SiglipConfig(text_config=text, vision_config=vision))
        pictures = transformers.SiglipImageProcessorPil(size=size)
        processor = transformers.SiglipProcessor(image_processor=pictures, tokenizer=fast)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def regions() -> list[WordRegion]:
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, (20 + 4 * n, 24, 3), dtype=np.uint8) for n in range(3)]
    return [*(WordRegion(f"thing_{n}", picture=p) for n, p in enumerate(pictures)), WordRegion("hidden")]


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_a_saved_model_ranks_what_has_a_picture(tmp_path: Path, kind: str) -> None:
    words = make_words(f"{kind}:{save_model(tmp_path, kind)}")
    assert words is not None
    assert words.needs_pictures
    found = words.ground("the red bowl", regions(), k=3)
    assert sorted(r.id for r in found.ranked) == ["thing_0", "thing_1", "thing_2"]
    assert sum(r.score for r in found.ranked) + found.none == pytest.approx(1.0, abs=1e-5)
    assert [r.score for r in found.ranked] == sorted((r.score for r in found.ranked), reverse=True)


def test_without_pictures_nothing_is_found(tmp_path: Path) -> None:
    words = make_words(f"clip:{save_model(tmp_path, 'clip')}")
    assert words is not None
    assert words.ground("the red bowl", [WordRegion("hidden")]).none == 1.0


def test_a_folder_without_weights_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(WordsError, match=r"holds no model\.safetensors\. Give the folder[^\n]*$"):
        make_words(f"clip:{tmp_path}")
    with pytest.raises(WordsError, match=r"clip:FOLDER or siglip:FOLDER\.$"):
        make_words("clip")


def test_weights_of_something_else_are_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "no such thing"}))
    with pytest.raises(WordsError, match=r"cannot be read as a CLIP or SigLIP: [^\n]*$"):
        make_words(f"siglip:{tmp_path}")


def test_without_transformers_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(WordsError, match=r"pip install 'verbot\[words\]'\.$"):
        make_words(f"clip:{tmp_path}")
