"""The judge of mathematical answers, from completion to verdict: its policy in examples."""

import pytest

from r1rl.errors import UserError
from r1rl.rewards.math import correct
from r1rl.types import Problem, Verdict

CORRECT, WRONG, NO_ANSWER, UNGRADABLE = Verdict.CORRECT, Verdict.WRONG, Verdict.NO_ANSWER, Verdict.UNGRADABLE


def verdict(gold, text, question="", extract="boxed"):
    return correct(Problem(id="a", question=question, gold=gold), text, extract=extract).verdict


def boxed(gold, answer, question=""):
    return verdict(gold, rf"<think>hm</think> The answer is $\boxed{{{answer}}}$.", question)


# Extraction.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\boxed{42}", CORRECT),
        (r"<think>\boxed{7}</think> \boxed{42}", CORRECT),
        (r"<think>so</think> $$\boxed{ 42 }$$", CORRECT),
        (r"\boxed{41}, no: \boxed{42}", CORRECT),
        (r"\fbox{42}", CORRECT),
        (r"\boxed{\boxed{42}}", CORRECT),
        (r"\boxed{\text{42}}", CORRECT),
        (r"\boxed{42} and again \boxed{42}.", CORRECT),
        (r"\boxed{42}, \boxed{43}", WRONG),
        (r"\boxed{43}, \boxed{42}", WRONG),
        (r"\boxed{42} or \boxed{43}", WRONG),
        (r"\boxed{42} hm \boxed{43}", WRONG),
        (r"the final answer is $42$. \boxed{43}", WRONG),
        (r"<think>\boxed{42}</think> I do not know", NO_ANSWER),
        (r"<think>\boxed{42}", NO_ANSWER),
        (r"</think> \boxed{42} <think>", NO_ANSWER),
        (r"\boxed{42} hm no, \boxed{43", NO_ANSWER),
        (r"\boxed{42} \boxed{}", NO_ANSWER),
        (r"\boxed{42} \boxed{\text{ }}", NO_ANSWER),
        (r"\boxed{4\}2", NO_ANSWER),
        (r"\boxed 42", NO_ANSWER),
        ("I guess 42", NO_ANSWER),
        ("#### 42", NO_ANSWER),
        ("<answer>42</answer>", NO_ANSWER),
        ("", NO_ANSWER),
    ],
)
def test_only_the_last_box_after_the_thinking_counts(text, expected):
    assert verdict("42", text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>a</think><answer>42</answer>", CORRECT),
        (r"<think>a</think><answer>$\boxed{42}$</answer>", CORRECT),
        ("<answer>42</answer> <answer> 42 </answer>", CORRECT),
        ("<answer>42</answer> <answer>43</answer>", WRONG),
        ("<answer>42 or 43</answer>", WRONG),
        (r"<answer>43</answer> \boxed{42}", WRONG),
        ("<answer>42</answer> <answer>", NO_ANSWER),
        ("<answer>42</answer> <answer> </answer>", NO_ANSWER),
        ("<think><answer>42</answer>", NO_ANSWER),
        (r"\boxed{42}", NO_ANSWER),
    ],
)
def test_answer_tags(text, expected):
    assert verdict("42", text, extract="answer") is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\boxed{43} <answer>42</answer>", CORRECT),
        (r"<answer>43</answer> \boxed{42}", WRONG),
        (r"<answer>so \boxed{42}</answer>", CORRECT),
        (r"\boxed{42} <answer>42", NO_ANSWER),
        (r"<answer>42</answer> \boxed{42", NO_ANSWER),
    ],
)
def test_either_takes_the_last_of_the_two_unless_tags_say_otherwise(text, expected):
    assert verdict("42", text, extract="either") is expected


@pytest.mark.parametrize(
    "text",
    [
        r"\boxed{42}",
        "<answer>42</answer>",
        "6 * 7 = <<6*7=42>>42\nA: 42",
        "so\n#### 42",
        "The final answer is $42$. I hope it is correct.",
        "Answer: 42",
        "The **answer** is **42**.",
        "First 6, then 7, hence $6 \\cdot 7$, and that makes 42.",
    ],
)
def test_evaluation_may_look_further(text):
    assert verdict("42", text, extract="lenient") is CORRECT
    assert verdict("42", f"<think>{text}", extract="lenient") is NO_ANSWER


def test_an_unknown_way_to_extract_is_an_error_of_the_recipe():
    with pytest.raises(UserError, match="boxed, answer, either, lenient"):
        verdict("42", "42", extract="box")


@pytest.mark.parametrize("gold", ["", " ", "None", "nan", r"\frac{1}{", r"\frac{}{2}", "$ $"])
def test_a_gold_answer_that_cannot_be_read_grades_nobody(gold):
    for text in (r"\boxed{42}", rf"\boxed{{{gold}}}", "", "<think>"):
        assert verdict(gold, text) is UNGRADABLE


# Policy.


@pytest.mark.parametrize(
    ("gold", "described"),
    [
        ("5050", [r"\sum_{k=1}^{100} k", r"\frac{100\cdot 101}{2}", "50*101", "5000+50"]),
        (
            "42",
            ["40+2", r"6 \cdot 7", "7=42", "x=41=42", "x<42", "42 or 43", "not 42", "42, 43", r"\sqrt{1764}", "42!"],
        ),
        ("3", [r"\log_2 8", r"\lim_{x\to0}\frac{3\sin x}{x}", r"\int_0^3 dx", r"\det(3)", r"\lfloor\pi\rfloor"]),
        (r"\frac{\sqrt{3}}{2}", [r"\sin 60^\circ", r"\cos\frac{\pi}{6}"]),
        ("120", ["5!", r"\binom{10}{3}", "2^7-8"]),
    ],
)
def test_an_answer_is_written_out_and_not_described(gold, described):
    for text in described:
        assert boxed(gold, text) is WRONG, text


def test_an_answer_does_not_copy_the_question():
    question = r"Expand $(x+1)^2-x^2$."
    assert boxed("2x+1", "(x+1)^2 - x^2", question) is WRONG
    assert boxed("2x+1", "(x+1)^2 - x^2") is CORRECT
    assert boxed(r"\frac{13}{44}", "13/44", "Which is less, 13/44 or 14/45?") is CORRECT


def test_letters_are_the_answers_own_unless_the_question_speaks_of_them():
    assert boxed("4k+1", "4n+1", "Which integers leave the remainder 1?") is CORRECT
    assert boxed("4k+1", "4n+1", "Simplify $(2k+1)+2k$.") is WRONG
    assert boxed("5xy", "5ab", "Simplify $2xy+3xy$.") is WRONG
    assert boxed("AB", "CD", "Which of the segments is longest?") is WRONG
    assert boxed("A", "B", "Which one?") is WRONG


@pytest.mark.parametrize(
    ("gold", "text", "strictly"),
    [
        ("42", r"\boxed{40+2}", WRONG),
        ("3", r"\boxed{\log_2 8}", WRONG),
        (r"\frac{8}{3}", r"\boxed{2.67}", WRONG),
        ("11", r"\boxed{x = 5+5+1 = 7 = 11}", WRONG),
        ("(1,3)", r"\boxed{1, 3}", WRONG),
        ("20", r"\boxed{20\%}", WRONG),
        ("42", r"\boxed{43}. No: the final answer is $42$.", WRONG),
        ("42", r"\boxed{7=42}", None),
        (r"\frac{8}{3}", r"\boxed{2.7}", None),
        (r"\frac{8}{3}", r"\boxed{2.66}", None),
        ("5050", r"\boxed{\sum_{k=1}^{100} k}", None),
    ],
)
def test_where_evaluation_is_lenient_and_where_it_is_not(gold, text, strictly):
    assert verdict(gold, text) is WRONG
    assert verdict(gold, text, extract="lenient") is (WRONG if strictly is None else CORRECT)


def test_percent_is_a_value_unless_the_question_asks_for_one():
    assert boxed("0.42", r"42\%") is CORRECT
    assert boxed("42", r"42\%") is WRONG
    assert boxed("42", r"42\%", "What percent of them are red?") is CORRECT
    assert boxed(r"42\%", "42") is CORRECT
    assert boxed(r"42\%", "4200") is WRONG


@pytest.mark.parametrize(
    ("gold", "same", "other"),
    [
        ("5", [r"5 \text{ m}", "5 km", "5 apples"], ["5m", "5h", "5g"]),
        ("5 km", ["5", r"5\text{ kilometers}"], [r"5 \text{ m}", "5 miles", "5000"]),
        (r"\$2.50", ["2.5", "2.50 dollars"], ["2.5 cents", "250"]),
        (r"\pi r^2 h", [r"h \pi r^2"], [r"\pi r^2"]),
        ("1010_2", ["1010_{2}"], ["1010", "1010_3", "10"]),
        (r"90^\circ", ["90", r"\frac{\pi}{2}", "90 degrees"], ["91", r"\pi"]),
        (r"\sqrt{2}", [r"2^{1/2}", r"\frac{2}{\sqrt{2}}"], ["1.414", "1.41421356"]),
        ("0.77", ["0.770"], [r"\frac{10}{13}", "0.7692"]),
        ("0.75", [r"\frac{3}{4}"], [r"\frac{152}{203}", "0.752"]),
        ("1.4", [r"\frac{7}{5}"], [r"\sqrt{2}", "1.41"]),
        ("30", [r"30^\circ C", r"30^\circ\text{C}"], [r"30^\circ C + 1"]),
        (r"5^\circ", [r"\frac{\pi}{36}", r"\frac{\pi}{36}\text{ rad}"], ["5 rad"]),
        ("33.33", [r"\frac{100}{3}", "33.330", "33.333"], ["33.3", "33.34", r"\frac{101}{3}", "33.3300004"]),
        ("3:4", ["6:8", r"\frac{3}{4}"], ["4:3", "3:5"]),
        (r"2^{-99}", [r"\frac{1}{2^{99}}"], ["2^{-98}", "0"]),
        ("10^{100}+1", ["1+10^{100}"], ["10^{100}", "10^{100}-1"]),
    ],
)
def test_units_rounding_and_bases(gold, same, other):
    assert [text for text in same if boxed(gold, text) is not CORRECT] == []
    assert [text for text in other if boxed(gold, text) is not WRONG] == []


@pytest.mark.parametrize(
    ("gold", "same", "other"),
    [
        ("1,2", ["2,1", r"\{1,2\}", "x=1, x=2", "1 and 2"], ["(1,2)", "1", "1,2,3", "1,1,2"]),
        ("(1,2)", ["x=1, y=2", "(x,y)=(1,2)", r"\begin{pmatrix}1\\2\end{pmatrix}"], ["(2,1)", r"\{1,2\}", "1,2"]),
        (r"\{1,1,2\}", ["1,2,1"], [r"\{1,2\}"]),
        ("[0,1)", [r"0 \le x < 1", r"x \in [0,1)"], ["(0,1]", "[0,1]", "0<x<1"]),
        (r"(-\infty,2)\cup(3,\infty)", [r"x<2 \text{ or } x>3", "x<2, x>3"], ["2<x<3", r"(-\infty,3)\cup(3,\infty)"]),
        (r"x \ne 3", [r"(-\infty,3)\cup(3,\infty)", r"\mathbb{R}\setminus\{3\}"], ["x=3", r"x \ne -3"]),
        (r"1 \pm \sqrt{2}", [r"1+\sqrt2, 1-\sqrt2"], [r"1+\sqrt{2}"]),
        ("f(x)=x+1", ["f(t)=t+1", "x+1"], ["f(x)=x", "f(t)=x+1"]),
        ("f'(x)=f(x)", ["f(x)=f'(x)"], ["f(x)", "f'(x)=2f(x)"]),
        ("2x-y=3", ["y=2x-3", "4x-2y-6=0"], ["y=2x+3", "2x-y=4", "2x-y"]),
        (r"\frac{\pi}{4}+k\pi", [r"\frac{\pi}{4}+n\pi, n \in \mathbb{Z}"], [r"\frac{\pi}{4}+2n\pi"]),
        ("a=-2, b=3", ["b=3, a=-2", "-2, 3", "(-2,3)"], ["a=3, b=-2", "(3,-2)"]),
        (r"\text{no solution}", [r"\emptyset", "No solutions."], ["0", "1"]),
        ("C", [r"\text{(C)}", "(C)"], ["c", "D", "C or D"]),
        (r"\text{Yes, No}", ["Yes, No", r"\text{Yes and No}"], ["No, Yes", "Yes"]),
        (r"\text{Ann, Bob}", [r"\text{Bob and Ann}"], [r"\text{Ann}", r"\text{Ann, Cy}"]),
        (r"\text{(C) } 12", ["C", "12", r"\textbf{(C)}\ 12"], ["B", "13", r"\text{(B) } 12", r"\text{(C) } 13"]),
        ("f(x)=cx", ["f(x)=kx", "f(t)=at", "ax"], ["f(x)=cx+1", "f(x)=x", "A", "f(c)=cx"]),
        ("x^2+C", ["x^2+c", "x^2+K"], ["x^2", "x^2+1", "C"]),
        (r"\text{north}", ["North", r"\text{north}"], ["thorn", r"\text{south}"]),
        ("A=B", ["B=A"], ["A", "B"]),
        ("AB=0", ["0=AB"], ["0"]),
        ("I", [r"\mathbf{I}"], ["TT^* = I", "AB = I"]),
        ("AB=5, CD=6", ["5, 6", "CD=6, AB=5"], ["6, 5"]),
        ("k>1", ["1<k", r"(1,\infty)"], ["p>1", "k<1"]),
    ],
)
def test_structure(gold, same, other):
    assert [text for text in same if boxed(gold, text) is not CORRECT] == []
    assert [text for text in other if boxed(gold, text) is not WRONG] == []
