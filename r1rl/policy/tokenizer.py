"""A small tokenizer of one's own for a policy made from nothing.

Byte-pair merges (Sennrich et al., arXiv 1508.07909) over rendered prompts and worked examples. Digits and signs always
stand alone, so that arithmetic is done on digits; words are not split at spaces, so that the fixed text of the prompt
template becomes a handful of tokens and costs next to nothing in every sequence.
"""

from __future__ import annotations

import string
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

END = "<|end|>"
TAGS = ("<think>", "</think>", "<answer>", "</answer>")


def train(texts: Iterable[str], vocab_size: int = 768) -> PreTrainedTokenizerFast:
    """A tokenizer whose tags are single tokens and whose end token is `<|end|>`; unknown characters become `<|unk|>`."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(unk_token="<|unk|>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(
        Regex(r"</?(?:think|answer)>|[\d+\-*/=()]| (?=[\d+\-*/=(])"), behavior="isolated"
    )
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END, "<|unk|>"],
        initial_alphabet=list(string.printable[:95]),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens(list(TAGS))
    # Merging tokens back into text must give exactly what was merged: BPE without a decoder would put spaces between.
    from tokenizers import decoders

    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=END,
        unk_token="<|unk|>",
        clean_up_tokenization_spaces=False,
    )
