"""Pretrained picture-and-text models (CLIP, SigLIP) in place of the towers, for those who have their weights.

In:  a folder with weights as `transformers` saves them, never downloaded; regions with pictures.
Out: the same answers as the towers give. Such a model takes any word, and its scores are its own: nobody has
     calibrated them on things on tables, unless `temperature` says so.

`transformers` is imported when a model is first asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from .types import Grounded, Ranked, UnknownWord, WordRegion
from .weights import WordsError

PROMPT = "a photo of {}"
ANYTHING = "a photo of a table"
"""What "none of these" looks like: the phrase must be nearer to a region than its own words are to an empty table."""
TEMPERATURE = 1.0


class OpenVocabularyWords:
    """A CLIP or SigLIP from a folder."""

    needs_pictures = True

    def __init__(self, folder: Path, temperature: float = TEMPERATURE) -> None:
        self.sha256 = _hash_weights(folder)
        self._model, self._processor = _load(folder)
        self._temperature = temperature

    def unknown(self, phrase: str) -> tuple[UnknownWord, ...]:
        """None: it takes any word."""
        return ()

    def ground(self, phrase: str, regions: Sequence[WordRegion], k: int = 3) -> Grounded:
        """The k whose pictures are nearest; what has no picture cannot be found."""
        seen = [region for region in regions if region.picture is not None]
        if not seen or not phrase.strip():
            return Grounded(phrase, (), 1.0)
        score = torch.softmax(self._logits(phrase, seen) / self._temperature, 0)
        order = score[:-1].argsort(descending=True)[:k].tolist()
        return Grounded(phrase, tuple(Ranked(seen[n].id, float(score[n])) for n in order), float(score[-1]))

    @torch.no_grad()
    def _logits(self, phrase: str, seen: Sequence[WordRegion]) -> Float[Tensor, "answers"]:
        """Likeness of the phrase to every picture at the model's own scale, and of an empty table to the phrase."""
        texts = [PROMPT.format(phrase), ANYTHING]
        is_siglip = "siglip" in type(self._model).__name__.lower()
        given = self._processor(
            text=texts,
            images=[region.picture for region in seen],
            return_tensors="pt",
            padding="max_length" if is_siglip else True,
            truncation=True,
        )
        by_text = self._model(**given).logits_per_text
        return torch.cat([by_text[0], by_text[1].mean()[None]])


def _hash_weights(folder: Path) -> str:
    """Of the file of weights.

    Raises:
        WordsError: the folder holds no weights.
    """
    path = folder / "model.safetensors"
    if not path.is_file():
        raise WordsError(
            f"'{folder}' holds no model.safetensors. Give the folder of a CLIP or SigLIP as transformers saves it."
        )
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _load(folder: Path) -> tuple[Any, Any]:
    try:
        from transformers import AutoModel, AutoProcessor
        from transformers.utils import logging
    except ImportError:
        raise WordsError(
            "Open-vocabulary words need transformers, which is not installed. Install it: pip install 'verbot[words]'."
        ) from None
    logging.disable_progress_bar()
    try:
        model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
        processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as problem:
        line = str(problem).splitlines()[0]
        raise WordsError(f"'{folder}' cannot be read as a CLIP or SigLIP: {line}") from None
    return model.eval().requires_grad_(False), processor
