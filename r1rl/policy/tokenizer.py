"""A small tokenizer of one's own for a policy made from nothing.

Byte-pair merges (Sennrich et al., arXiv 1508.07909) over rendered prompts and worked examples. Digits and signs always
stand alone, so that arithmetic is done on digits. A text that stands in every prompt word for word, the instruction, is
one token: merging would end there anyhow, and on a small machine its words would cost more than all the rest.
"""

from __future__ import annotations

import string
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

END = "<|end|>"
TAGS = ("<think>", "</think>", "<answer>", "</answer>")


def train(texts: Iterable[str], phrase: str, vocab_size: int = 768) -> PreTrainedTokenizerFast:
    """A tokenizer with single tokens for the tags and for `phrase`. The end is `<|end|>`, the unknown `<|unk|>`."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
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
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in (*TAGS, phrase)])
    tokenizer.decoder = decoders.Fuse()  # without one, spaces are put between tokens
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=END,
        unk_token="<|unk|>",
        clean_up_tokenization_spaces=False,
    )
