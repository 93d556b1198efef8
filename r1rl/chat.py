"""The one place where questions become prompts, and where token ids and text are turned into each other.

The wording is DeepSeek-R1-Zero's (arXiv:2501.12948, table 1). The paper writes "User: prompt. Assistant:"; here the
question ends in its own mark, so none is added: "= ?. Assistant:" is a sentence no corpus contains.
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol, cast

from r1rl.errors import UserError

INSTRUCTION = (
    "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. "
    "The assistant first thinks about the reasoning process in the mind and then provides the user with the answer. "
    "The reasoning process and answer are enclosed within <think> </think> and <answer> </answer> tags, respectively, "
    "i.e., <think> reasoning process here </think> <answer> answer here </answer>."
)
R1_ZERO = f"{INSTRUCTION} User: {{question}} Assistant:"
BOXED = "{slot}\nPlease reason step by step, and put your final answer within \\boxed{{}}."  # DeepSeek-R1's README
THINK = "<think>\n"
MESSAGES = {
    "chat": f"{INSTRUCTION}{{slot}}",
    "boxed": BOXED,
    "deepseek": BOXED,
    "plain": "{slot}",
    "thinking": "{slot}",
}
OPENING = ("deepseek", "thinking")  # templates that open the thinking themselves
WITHOUT_BOX = {"boxed": "plain", "deepseek": "thinking"}  # the same for questions that say how to answer
TEMPLATES = ("r1_zero", *MESSAGES)
SLOT = "\ufffc"  # OBJECT REPLACEMENT CHARACTER: keeps the question's place until the question is encoded by itself
NEVER = "(?!)"  # matches nowhere


class Tokenizer(Protocol):
    """What is used of a transformers PreTrainedTokenizerFast."""

    bos_token: str | None
    eos_token_id: int
    pad_token_id: int | None
    chat_template: str | None
    backend_tokenizer: Any  # the tokenizers.Tokenizer inside

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]: ...

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool) -> str: ...

    def get_vocab(self) -> dict[str, int]: ...

    def get_added_vocab(self) -> dict[str, int]: ...

    def apply_chat_template(
        self, conversation: list[dict[str, str]], *, add_generation_prompt: bool, tokenize: bool
    ) -> str: ...


def load_tokenizer(path: str | Path) -> Tokenizer:
    """The tokenizer of a Hugging Face folder.

    Raises UserError if the folder has no tokenizer.json, or the tokenizer no end token.
    """
    # Without this file AutoTokenizer does not fail: from a config.json alone it makes an empty vocabulary.
    if not (Path(path) / "tokenizer.json").is_file():
        raise UserError(
            f"{path} has no tokenizer.json",
            "prompts cannot be encoded without the policy's own tokenizer",
            "point to a Hugging Face model folder; tokenizer.save_pretrained(folder) writes the file",
        )
    from transformers import AutoTokenizer  # here, because it takes seconds to import

    tokenizer = AutoTokenizer.from_pretrained(path)
    if tokenizer.eos_token_id is None:
        raise UserError(
            f"the tokenizer in {path} has no end token",
            "the policy could never learn to stop: every answer would run into the length limit",
            'set "eos_token" in its tokenizer_config.json',
        )
    return cast("Tokenizer", tokenizer)


def render(template: str, question: str, tokenizer: Tokenizer) -> list[int]:
    """The ids of a prompt, up to where the policy goes on.

    "r1_zero", for bases: `<bos>A conversation … </answer>. User: 347 + 285 = ? Assistant:` as plain text.
    The others are a user's message in the tokenizer's own template, with no system message: "chat" holds R1-Zero's
    instruction, "boxed" asks to box the answer, "deepseek" also opens the thinking, as R1's README advises. "plain" and
    "thinking" are these two for questions that say themselves how to answer.

    The question is only text: whatever it contains, no part of it becomes a control token.
    Raises UserError for an unknown template, or "chat" with a tokenizer that has none.
    """
    return render_all(template, [question], tokenizer)[0]


def render_all(template: str, questions: Sequence[str], tokenizer: Tokenizer) -> list[list[int]]:
    """`render` of each; what stands around the questions, most of a short prompt, is encoded once."""
    head, tail = (tokenizer.encode(text, add_special_tokens=False) for text in _frame(template, tokenizer).split(SLOT))
    # A word and the space before it are one token in most vocabularies; a message of its own begins without.
    space = " " if template in ("r1_zero", "chat") else ""
    controls = _controls(tokenizer)
    return [[*head, *_encode_plain(tokenizer, f"{space}{question}", controls), *tail] for question in questions]


def instruction(template: str) -> str:
    """The text around the question, which is the same for every tokenizer; names a prompt, with its tokens left out."""
    return R1_ZERO if template == "r1_zero" else f"{template}: {MESSAGES[template]}"


def opening(template: str, tokenizer: Tokenizer) -> str:
    """What a prompt has already written of the answer: "<think>\\n" where the template opens the thinking, else "".

    Judges read it before the completion: a policy that never ends its thinking must not pass for one that never began.
    """
    return THINK if _frame(template, tokenizer).rstrip().endswith(THINK.strip()) else ""


def pieces(question: str) -> tuple[str, str, str]:
    """The three texts that `render` encodes one by one for "r1_zero": what a tokenizer made for it is trained on."""
    head, tail = R1_ZERO.split(" {question}")
    return head, f" {question}", tail


def encode_completion(tokenizer: Tokenizer, text: str) -> list[int]:
    """The ids of a whole answer as the policy should write it, end token included."""
    return [*tokenizer.encode(text, add_special_tokens=False), tokenizer.eos_token_id]


def decode(tokenizer: Tokenizer, ids: Sequence[int]) -> str:
    """The text of a completion without its trailing end and padding tokens.

    All other special tokens are kept: in many vocabularies `<think>` is one, and rewards look for it.
    """
    return decode_all(tokenizer, [ids])[0]


def decode_all(tokenizer: Tokenizer, completions: Sequence[Sequence[int]]) -> list[str]:
    """`decode` of each, on all cores: a learner waits for these texts to be judged.

    Transformers' own `decode` takes them one by one on one core and spends half of its time on the types of its
    arguments.
    """
    ends = {tokenizer.eos_token_id, tokenizer.pad_token_id}
    written = [_before(ends, list(ids)) for ids in completions]
    texts: list[str] = tokenizer.backend_tokenizer.decode_batch(written, skip_special_tokens=False)
    return texts


def _before(ends: Container[int | None], ids: list[int]) -> list[int]:
    """The ids without those at their end that are among `ends`."""
    end = len(ids)
    while end and ids[end - 1] in ends:
        end -= 1
    return ids[:end]


def _frame(template: str, tokenizer: Tokenizer) -> str:
    """The text of a prompt, control tokens spelled out, with SLOT in the place of the question."""
    if template == "r1_zero":
        return (tokenizer.bos_token or "") + R1_ZERO.replace(" {question}", SLOT)
    if template not in MESSAGES:
        raise UserError(
            f"there is no prompt template {template!r}",
            "every question needs one to become a prompt",
            f"write one of: {', '.join(TEMPLATES)}",
        )
    if tokenizer.chat_template is None:
        raise UserError(
            "the tokenizer has no chat template",
            f"the template `{template}` is a message in the tokenizer's own",
            "write `template: r1_zero`, or use a policy that was trained to chat",
        )
    message = {"role": "user", "content": MESSAGES[template].format(slot=SLOT)}
    frame = tokenizer.apply_chat_template([message], add_generation_prompt=True, tokenize=False)
    opened = frame.rstrip().endswith(THINK.strip())
    return frame + THINK if template in OPENING and not opened else frame


def _controls(tokenizer: Tokenizer) -> re.Pattern[str]:
    """Finds each place where an added token (an end token, `<think>`) begins."""
    written = [re.escape(token) for token in tokenizer.get_added_vocab() if len(token) > 1]
    return re.compile(f"(?={'|'.join(written)})" if written else NEVER)


def _encode_plain(tokenizer: Tokenizer, text: str, controls: re.Pattern[str]) -> list[int]:
    """The ids of a text in which no added token is recognised.

    Each place where such a token is written is cut after its first character: `<`, `think>`. Asking the tokenizer to
    split its special tokens is not enough, because many vocabularies add `<think>` as a token that is not special.
    """
    cuts = [match.start() + 1 for match in controls.finditer(text)]
    parts = [text[start:end] for start, end in pairwise([0, *cuts, len(text)])]
    return [token for part in parts for token in tokenizer.encode(part, add_special_tokens=False)]
