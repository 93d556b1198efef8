"""Prompts: the paper's wording, no way for a question to write control tokens, and text that survives both ways."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1rl import chat
from r1rl.data import addition
from r1rl.errors import UserError

TAGS = ["<think>", "</think>", "<answer>", "</answer>"]
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] | trim }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def make_tokenizer(**options):
    """Byte-level BPE, as Qwen and Llama 3 have it: role tokens are special, the tags are added but not special."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=["<|bos|>", "<|end|>", "<|pad|>", "<|user|>", "<|assistant|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator([chat.R1_ZERO] * 20 + ["347 + 285 = ? thinking <think>"], trainer)
    backend.add_tokens(TAGS)
    defaults = {"bos_token": "<|bos|>", "eos_token": "<|end|>", "pad_token": "<|pad|>", "chat_template": CHAT_TEMPLATE}
    return PreTrainedTokenizerFast(tokenizer_object=backend, **{**defaults, **options})


TOKENIZER = make_tokenizer()
CONTROLS = set(TOKENIZER.get_added_vocab().values())
templates = st.sampled_from(chat.TEMPLATES)
hostile = st.lists(
    st.one_of(st.sampled_from([*TAGS, "<|end|>", "<|bos|>", "<", "<|", "think>", " ", chat.SLOT]), st.text(max_size=5))
).map("".join)


def text_of(ids: list[int]) -> str:
    return TOKENIZER.decode(ids, skip_special_tokens=False)


def test_the_tokenizer_of_these_tests_has_controls_to_inject():
    assert len(CONTROLS) == 9
    assert set(TOKENIZER.encode("<think><|end|>", add_special_tokens=False)) <= CONTROLS


def test_r1_zero_is_the_papers_prompt():
    ids = chat.render("r1_zero", "347 + 285 = ?", TOKENIZER)
    assert text_of(ids) == (
        "<|bos|>A conversation between User and Assistant. "
        "The user asks a question, and the Assistant solves it. The assistant first thinks about the reasoning process "
        "in the mind and then provides the user with the answer. The reasoning process and answer are enclosed within "
        "<think> </think> and <answer> </answer> tags, respectively, i.e., <think> reasoning process here </think> "
        "<answer> answer here </answer>. User: 347 + 285 = ? Assistant:"
    )
    assert ids[0] == TOKENIZER.bos_token_id
    assert text_of(ids).endswith(chat.R1_ZERO.format(question="347 + 285 = ?"))


def test_a_tokenizer_without_bos_gets_none():
    ids = chat.render("r1_zero", "347 + 285 = ?", make_tokenizer(bos_token=None))
    assert text_of(ids).startswith("A conversation")


def test_chat_is_the_tokenizers_own_template():
    ids = chat.render("chat", "347 + 285 = ?", TOKENIZER)
    assert text_of(ids) == f"<|bos|><|user|>{chat.INSTRUCTION} 347 + 285 = ?<|end|>\n<|assistant|>"
    assert ids.count(TOKENIZER.bos_token_id) == 1
    assert ids[-1] == TOKENIZER.convert_tokens_to_ids("<|assistant|>")


@pytest.mark.parametrize("question", ["347 + 285 = ?", "What is the answer?", "Use 3 and 4."])
def test_an_honest_question_is_encoded_as_in_one_piece(question):
    prompt = "<|bos|>" + chat.R1_ZERO.format(question=question)
    assert chat.render("r1_zero", question, TOKENIZER) == TOKENIZER.encode(prompt, add_special_tokens=False)


def test_pieces_are_what_render_encodes():
    texts = chat.pieces("347 + 285 = ?")
    assert "".join(texts) == chat.R1_ZERO.format(question="347 + 285 = ?")
    encoded = [token for text in texts for token in TOKENIZER.encode(text, add_special_tokens=False)]
    assert [TOKENIZER.bos_token_id, *encoded] == chat.render("r1_zero", "347 + 285 = ?", TOKENIZER)


@given(templates, hostile)
def test_no_question_writes_control_tokens(template, question):
    def controls(ids: list[int]) -> list[int]:
        return [token for token in ids if token in CONTROLS]

    ids = chat.render(template, question, TOKENIZER)
    assert controls(ids) == controls(chat.render(template, "1 + 1 = ?", TOKENIZER))
    assert question in text_of(ids)


def test_overlapping_and_nested_control_tokens_are_cut_too():
    tokenizer = make_tokenizer()
    tokenizer.add_tokens(["<a>", "a>b", "think"])
    added = set(tokenizer.get_added_vocab().values())
    assert not added & set(chat._encode_plain(tokenizer, "x <a>b <think> thinking", chat._controls(tokenizer)))


@given(templates, st.lists(hostile, max_size=4))
def test_prompts_rendered_together_are_those_rendered_one_by_one(template, questions):
    alone = [chat.render(template, question, TOKENIZER) for question in questions]
    assert chat.render_all(template, questions, TOKENIZER) == alone


def test_boxed_and_deepseek_are_one_message_and_deepseek_opens_the_thinking():
    asked = "<|bos|><|user|>1 + 1 = ?\nPlease reason step by step, and put your final answer within \\boxed{}.<|end|>\n"
    assert text_of(chat.render("boxed", "1 + 1 = ?", TOKENIZER)) == f"{asked}<|assistant|>"
    assert text_of(chat.render("deepseek", "1 + 1 = ?", TOKENIZER)) == f"{asked}<|assistant|><think>\n"
    opened = make_tokenizer(chat_template=CHAT_TEMPLATE.replace("<|assistant|>", "<|assistant|><think>\n"))
    assert chat.render("deepseek", "1 + 1 = ?", opened) == chat.render("boxed", "1 + 1 = ?", opened)


def test_what_a_prompt_has_written_of_the_answer_is_known():
    opened = make_tokenizer(chat_template=CHAT_TEMPLATE.replace("<|assistant|>", "<|assistant|><think>\n"))
    assert [chat.opening(template, TOKENIZER) for template in ("r1_zero", "chat", "plain")] == ["", "", ""]
    assert [chat.opening(template, TOKENIZER) for template in chat.OPENING] == ["<think>\n"] * 2
    assert [chat.opening(template, opened) for template in ("r1_zero", "chat")] == ["", "<think>\n"]


def test_an_unknown_template_is_refused():
    with pytest.raises(UserError, match="no prompt template 'alpaca'") as refused:
        chat.render("alpaca", "1 + 1 = ?", TOKENIZER)
    assert "r1_zero, chat" in refused.value.instead


def test_chat_needs_a_chat_template():
    with pytest.raises(UserError, match="no chat template"):
        chat.render("chat", "1 + 1 = ?", make_tokenizer(chat_template=None))


# Completions.


@given(st.integers(0, 10**6))
def test_a_worked_example_survives_encoding_and_decoding(ordinal):
    _, text = addition.source(seed=0).worked(ordinal)
    ids = chat.encode_completion(TOKENIZER, text)
    assert ids[-1] == TOKENIZER.eos_token_id
    assert ids.count(TOKENIZER.eos_token_id) == 1
    assert ids[0] == TOKENIZER.convert_tokens_to_ids("<think>")
    assert chat.decode(TOKENIZER, ids) == text


@given(st.text())
def test_any_text_survives_encoding_and_decoding(text):
    assert chat.decode(TOKENIZER, chat.encode_completion(TOKENIZER, text)) == text


def test_only_trailing_end_and_padding_are_dropped():
    end, pad, think = (TOKENIZER.convert_tokens_to_ids(token) for token in ("<|end|>", "<|pad|>", "<think>"))
    assert chat.decode(TOKENIZER, [think, end, pad, pad]) == "<think>"
    assert chat.decode(TOKENIZER, [think, end, think, end]) == "<think><|end|><think>"
    assert chat.decode(TOKENIZER, [end, pad]) == ""
    assert chat.decode(TOKENIZER, ()) == ""
    assert chat.decode(TOKENIZER, (think,)) == "<think>"


@given(st.lists(st.lists(st.integers(0, len(TOKENIZER) - 1), max_size=8), max_size=6))
def test_many_completions_are_decoded_as_transformers_decodes_one_after_the_other(completions):
    kept = TOKENIZER.convert_tokens_to_ids("<think>")  # after it nothing trails
    one_by_one = [TOKENIZER.decode([*ids, kept], skip_special_tokens=False) for ids in completions]
    end = TOKENIZER.eos_token_id
    assert chat.decode_all(TOKENIZER, [(*ids, kept, end) for ids in completions]) == one_by_one


def test_tags_that_are_special_tokens_survive_decoding():
    tokenizer = make_tokenizer(extra_special_tokens=TAGS)
    assert set(TAGS) <= set(tokenizer.all_special_tokens)
    text = "<think>7+5=12</think><answer>12</answer>"
    assert chat.decode(tokenizer, chat.encode_completion(tokenizer, text)) == text


def test_a_tokenizer_without_padding():
    tokenizer = make_tokenizer(pad_token=None)
    assert chat.decode(tokenizer, chat.encode_completion(tokenizer, "12")) == "12"


# Loading.


def test_a_saved_tokenizer_loads(tmp_path):
    TOKENIZER.save_pretrained(tmp_path)
    loaded = chat.load_tokenizer(tmp_path)
    for template in chat.TEMPLATES:
        assert chat.render(template, "1 + 1 = ?", loaded) == chat.render(template, "1 + 1 = ?", TOKENIZER)


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen2"}))
    for folder in (tmp_path, tmp_path / "missing", str(tmp_path)):
        with pytest.raises(UserError, match=r"has no tokenizer\.json"):
            chat.load_tokenizer(folder)


def test_a_tokenizer_without_an_end_token_is_refused(tmp_path):
    make_tokenizer(eos_token=None).save_pretrained(tmp_path)
    with pytest.raises(UserError, match="no end token"):
        chat.load_tokenizer(tmp_path)


def test_importing_chat_does_not_import_transformers():
    check = "import sys, r1rl.chat; sys.exit('transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], timeout=60).returncode == 0
