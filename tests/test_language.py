"""Language consistency: the share of words, in the thinking only, whatever is written in formulas."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1rl.errors import UserError
from r1rl.rewards import language
from r1rl.types import Problem

ANY = Problem(id="any", question="…", gold="42")
SHARED = Path(os.environ.get("R1RL_SHARED", Path(__file__).parents[2] / "shared"))

# Article 1 of the Universal Declaration of Human Rights.
TEXTS = {
    "ar": "يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق. وقد وهبوا عقلاً وضميرًا وعليهم أن يعامل بعضهم بعضًا بروح "
    "الإخاء.",
    "de": "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen begabt "
    "und sollen einander im Geist der Brüderlichkeit begegnen.",
    "el": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
    "en": "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience "
    "and should act towards one another in a spirit of brotherhood.",
    "es": "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados como están de razón y "
    "conciencia, deben comportarse fraternalmente los unos con los otros.",
    "fr": "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison et de "
    "conscience et doivent agir les uns envers les autres dans un esprit de fraternité.",
    "he": "כל בני אדם נולדו בני חורין ושווים בערכם ובזכויותיהם. כולם חוננו בתבונה ובמצפון.",
    "hi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
    "it": "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti. Essi sono dotati di ragione e di "
    "coscienza e devono agire gli uni verso gli altri in spirito di fratellanza.",
    "ja": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。"
    "人間は、理性と良心とを授けられており、互いに同胞の精神をもって行動しなければならない。",
    "ko": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. "
    "인간은 천부적으로 이성과 양심을 부여받았다.",
    "nl": "Alle mensen worden vrij en gelijk in waardigheid en rechten geboren. Zij zijn begiftigd met verstand en "
    "geweten, en behoren zich jegens elkander in een geest van broederschap te gedragen.",
    "pt": "Todos os seres humanos nascem livres e iguais em dignidade e em direitos. Dotados de razão e de "
    "consciência, devem agir uns para com os outros em espírito de fraternidade.",
    "ru": "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и совестью и "
    "должны поступать в отношении друг друга в духе братства.",
    "th": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ",
    "zh": "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。",
}
POLISH = "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw."
MATHS = "$x^2+1$ \\(a_n\\) \\[\\frac{1}{2}\\] 3 + 4 = 7, x1 = ABC `print(x)` ```python\nreturn total\n``` sin x, \\pi"

names = st.sampled_from(sorted(TEXTS))


def share(text: str, language_: str = "en") -> float:
    return language.consistency(ANY, text, language=language_)


def test_there_is_a_text_for_every_language():
    assert TEXTS.keys() == language.SCRIPTS.keys()


@given(names, names)
def test_a_language_is_itself_and_no_other(written, asked):
    assert share(f"<think>{TEXTS[written]}</think>", asked) == float(written == asked)


@given(names, names, st.integers(0, 4), st.integers(0, 4))
def test_in_a_mixture_each_has_its_share(one, other, first, second):
    text = "\n".join([TEXTS[one]] * first + [TEXTS[other]] * second)
    shares = share(text, one), share(text, other)
    if one != other:
        assert sum(shares) == pytest.approx(float(bool(first + second)))
        words = [sum(len(words) for words in language._sentences(TEXTS[name])) for name in (one, other)]
        assert shares[0] == pytest.approx(first * words[0] / max(first * words[0] + second * words[1], 1))


@given(names, names, st.sampled_from([*MATHS.split(", "), MATHS, " 12 ", "\n\n"]))
def test_formulas_code_and_numbers_are_no_words(written, asked, maths):
    assert share(f"{maths}\n{TEXTS[written]} {maths}", asked) == share(TEXTS[written], asked)


@given(st.lists(st.sampled_from(["the ", "so ", "的", "の", "и", "a", " ", ".", "$", "\\[", "`", "7"]), max_size=30))
def test_bounds_and_nothing_after_the_thinking(pieces):
    thinking = "".join(pieces)
    for name in language.SCRIPTS:
        value = share(f"<think>{thinking}</think>", name)
        assert 0 <= value <= 1
        assert share(f"<think>{thinking}</think> {TEXTS['zh']} {TEXTS['en']}", name) == value


def test_what_the_chain_of_thought_is():
    english, chinese = TEXTS["en"], TEXTS["zh"]
    assert share(f"{english}</think>{chinese}") == 1  # the template has opened the thinking
    assert share(f"<think>{english}") == 1  # cut off
    assert share(f"{english}<answer>{chinese}</answer>") == 1  # without thinking tags: up to the answer
    assert share(english) == 1
    assert share(f"<think>{chinese}</think> so <think>{english}</think>") < 1  # all of it
    assert share(f"<think>{english}</think>{english}", "zh") == 0


@pytest.mark.parametrize("empty", ["", " ", "<think></think>", f"<think>{MATHS}</think>", "<think></think> So"])
def test_a_chain_of_thought_without_words_gets_nothing(empty):
    assert [share(empty, name) for name in language.SCRIPTS] == [0] * len(language.SCRIPTS)


def test_foreign_words_cannot_hide_in_formulas_or_between_dollars():
    assert share("The sum is $\\text{所以答案是}$ 12. ```所以答案是```") < 0.5
    assert share("所以答案是 $5 and then we also have to pay for the other two, $7 in all", "zh") < 0.5
    for hidden in ("```\n{}\n```", "`{}`", "$\\text{{{}}}$", "\\[ {} \\]", "$${}$$"):
        assert share("所以答案是" + hidden.format(TEXTS["en"]), "zh") < 0.3
        assert share(TEXTS["fr"] + hidden.format(TEXTS["en"]), "fr") < 0.7
    assert share("ｔｈｅ ｓｕｍ ｉｓ", "zh") == 0
    assert share("𝐭𝐡𝐞 𝐬𝐮𝐦 𝐢𝐬", "en") == 1
    assert share("п\u200bо\u200bэ\u200bт\u200bо\u200bм\u200bу") == 0
    assert share("aпоэтому aпоэтому") == 0


def test_words_of_a_sentence_go_together():
    assert share("Let us see. Also ist die Summe gleich 12. So it is.") == pytest.approx(6 / 11)
    assert share("Dus het is 12. Klopt.", "nl") == 1  # a short sentence goes with the one before
    assert share("So it is 12. Klopt.", "nl") == 0
    assert share("Therefore: 12", "en") == 1
    assert share(POLISH) == 0  # no language of the table
    assert share("asdf qwer zxcv hjkl uiop vbnm tyui ghjk") == 0


def test_chinese_and_japanese_share_characters():
    assert share("証明終了。よって答えは十二である。", "ja") == 1
    assert share("函数在区间上单调递增且连续可导。", "ja") == 0
    assert share("よって答えは十二である。所以", "zh") == pytest.approx(2 / 13)


def test_accents_may_be_written_apart():
    assert share("Das Ergebnis ist natu\u0308rlich gro\u00dfer", "de") == 1
    assert share("라\u1112\u1161\u11ab국", "ko") == 1


def test_a_language_that_nobody_knows_is_refused():
    for name in ("english", "pl", "", "EN"):
        with pytest.raises(UserError, match="does not know"):
            share("So.", name)
        with pytest.raises(UserError, match="does not know"):
            language.prepare(language=name)


@pytest.mark.skipif(not (SHARED / "data").is_dir(), reason=f"no data at {SHARED}: set R1RL_SHARED")
def test_english_solutions_are_english():
    rows = map(json.loads, (SHARED / "data" / "gsm8k_train.jsonl").read_text().splitlines()[:1000])
    shares = [share(row["solution"]) for row in rows]
    assert sum(shares) / len(shares) > 0.99
