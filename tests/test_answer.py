"""The parts behind the judge of mathematical answers: extraction, reading, values, regions, hygiene, second opinion."""

import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1rl.answer import extract, gold, lenient, second, surface, symbolic, values, words
from r1rl.answer.compare import Comparison
from r1rl.answer.reader import read
from r1rl.answer.regions import same_region
from r1rl.answer.tree import TooBig, Unreadable
from r1rl.answer.verdict import judge, plain
from r1rl.types import Verdict

texts = st.text(alphabet="<>/thinkanswer boxed{}\\12", max_size=60)


@given(texts, texts)
def test_what_stands_before_the_thinking_ends_is_never_seen(before, after):
    for find in (extract.after_thinking, extract.tagged, extract.boxed, extract.last_boxed, extract.either):
        assert find(f"{before}</think>{after}") == find(after)


@given(st.lists(st.sampled_from(["<answer>", "</answer>", "a", " ", "\\boxed{", "}"]), max_size=12).map("".join))
def test_tags_and_boxes_are_what_the_obvious_version_says(text):
    tags, rest, obvious = [], text, True
    while "<answer>" in rest:
        inside = rest.split("<answer>", 1)[1]
        answer, closed, _ = inside.split("<answer>", 1)[0].partition("</answer>")
        obvious = obvious and bool(closed) and bool(answer.strip())
        tags.append(answer)
        rest = inside
    assert extract.tagged(text) == (tags if obvious else [])
    if text.count("\\boxed{") == 1:
        depth, content = 0, ""
        for char in text.partition("\\boxed")[2]:
            depth += (char == "{") - (char == "}")
            content += char
            if depth == 0:
                break
        found = [content[1:-1]] if depth == 0 and content[1:-1].strip(" {}") else []
        assert extract.boxed(text) == found


def test_boxes_side_by_side_are_one_answer():
    assert extract.last_boxed(r"\boxed{1}, \boxed{2} and $\boxed{3}$") == "1 , 2 , 3"
    assert extract.last_boxed(r"$x = \boxed{1}$ and $y = \boxed{2}$") == "1 , 2"
    assert extract.last_boxed(r"\boxed{1} is what I thought, but \boxed{2}") == "2"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("no answer at all", None),
        ("The cost is $10,200 + $255. Final Answer: 10,455.", "10,455"),
        (r"Thus \[ x = 5 \]", " x = 5 "),
        ("7,425,000", "7,425,000"),
        (r"\frac{10}{9}", r"\frac{10}{9}"),
        ("Final Answer: The largest $n$ is 34.", "34"),
    ],
)
def test_lenient(text, found):
    assert lenient.lenient(text) == found


# Surface.


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        (r"1{,}000{,}000", "1000000"),
        (r"32,\! 349", "32349"),
        ("1 000", "1000"),
        ("32, 349", "32, 349"),
        ("1,00", "1,00"),
        (r"\left[0,1\right)", "[0,1)"),
        (r"\\frac{1}{2}", r"\frac{1}{2}"),
        ("\x0crac{1}{2}", r"\frac{1}{2}"),
        (r"\begin{pmatrix}1\\ 2\end{pmatrix}", r"\begin{pmatrix}1\\ 2\end{pmatrix}"),
        ("n!", "n!"),
        ("The final answer is: 5.", "5"),
        ("**42**", "42"),
        ("9**9", "9**9"),
        ("(a) 3, (b) 5", "3,5"),
    ],
)
def test_clean(text, cleaned):
    assert surface.clean(text) == cleaned


@given(st.text(max_size=80))
def test_cleaning_twice_is_cleaning_once_for_what_is_compared(text):
    assert surface.compact(text) == surface.compact(text)
    assert isinstance(words.key(text), str)
    assert isinstance(surface.balanced(text), bool)


@given(st.integers(-(10**12), 10**12))
def test_separators_do_not_change_an_integer(number):
    for separator in (",", "{,}", r"\,", r"{,}\!", r"\!"):
        assert surface.clean(f"{number:,}".replace(",", separator)).replace("{,}", "").replace(r"\!", "") == str(number)


# Values.


def test_numbers_are_exact():
    assert values.exact(read("0.1+0.2")) == Fraction(3, 10)
    assert values.exact(read(r"2\frac{3}{4}")) == Fraction(11, 4)
    assert values.exact(read(r"0.1\overline{6}")) == Fraction(1, 6)
    assert values.exact(read("1e-9")) == Fraction(1, 10**9)
    assert values.exact(read(r"\sqrt{4}")) is None
    for big in ("9^{9^9}", "10^{100000}", "2^{-10^6}"):
        with pytest.raises(TooBig):
            values.exact(read(big))


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 9))
def test_close_is_not_equal(a, b, c):
    root = rf"{c}\sqrt{{{a}}}"
    assert values.same(read(root), read(rf"\sqrt{{{a * c * c}}}"))
    assert values.same(read(root), read(rf"{c}\sqrt{{{b}}}")) is (a == b)
    assert not values.same(read(root), read(rf"{root}+10^{{-30}}"))
    assert not values.same(read(rf"10^{{50}}+{root}"), read(r"10^{50}"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"\sin^2 x + \cos^2 x", "1"),
        (r"\tan^2(y)+1", r"\sec^2(y)"),
        (r"\log_2 3", r"\frac{\ln 3}{\ln 2}"),
        (r"\frac{1}{3\sqrt[3]{x}^2}", r"\frac{1}{3x^{2/3}}"),
        (r"\sqrt{3+2\sqrt{2}}", r"1+\sqrt{2}"),
        (r"\binom{n}{2}", r"\frac{n(n-1)}{2}"),
        (r"n!", r"n\cdot(n-1)!"),
        (r"e^{ix}", r"\cos x + i\sin x"),
        (r"\left(\frac12\right)^x", r"2^{-x}"),  # a bracket is read twice
        (r"f(x+1)", r"f(1+x)"),
        (r"2|a|", r"|2a|"),
    ],
)
def test_identities(one, other):
    assert values.same(read(one), read(other))
    assert values.same(read(other), read(one))
    assert not values.same(read(one), read(f"{other}+1"))


@pytest.mark.parametrize(
    ("one", "other"), [("|x|", "x"), (r"\sqrt{x^2}", "x"), ("f(x)", "g(x)"), ("f(x)", "f(y)"), ("a_1", "a_2")]
)
def test_what_is_the_same_only_sometimes(one, other):
    assert not values.same(read(one), read(other))


# Structure.


@pytest.mark.parametrize(
    "text", [r"\sum_{k=1}^n k", r"\int x dx", r"1,\ldots,n", "1 2", "(1", "2)", r"\frac{1", "x +", r"\hat", "{1", "]["]
)
def test_what_is_no_answer_cannot_be_read(text):
    with pytest.raises(Unreadable):
        read(text)


ends = st.tuples(st.integers(-20, 20), st.integers(1, 10)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(ends, st.booleans(), st.booleans())
def test_an_interval_is_its_inequality(pair, low_in, high_in):
    low, high = pair
    interval = read(f"{'[' if low_in else '('}{low},{high}{']' if high_in else ')'}")
    above, below = (r"\le" if included else "<" for included in (low_in, high_in))
    chain = f"{low} {above} x {below} {high}"
    turned = f"{-high} {below} -x {above} {-low}"
    for condition in (chain, turned, rf"\{{x : {chain}\}}", f"{low - 1} {above} x - 1, x {below} {high}"):
        assert same_region(interval, read(condition)), condition
    assert not same_region(interval, read(chain.replace("x", "2x")))


@given(st.lists(ends, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_a_union_has_no_order_and_merges_what_overlaps(pairs, random):
    write = lambda pairs: r"\cup".join(f"[{low},{high}]" for low, high in pairs)  # noqa: E731
    shuffled = random.sample(pairs, len(pairs))
    assert same_region(read(write(pairs)), read(write(shuffled)))
    low, _ = pairs[0]
    assert same_region(read(write(pairs)), read(write([*shuffled, (low, low + 1)])))
    assert not same_region(read(write(pairs)), read(write([*shuffled, (100, 101)])))


def test_equality_is_symmetric_where_the_form_is_not_in_question():
    pairs = [
        (r"\sqrt{12}", r"2\sqrt{3}"),
        ("1,2", r"\{2,1\}"),
        ("x>2", r"(2,\infty)"),
        ("(1,2)", "(2,1)"),
        ("y=2x", "2x-y=0"),
    ]
    for one, other in pairs:
        assert Comparison().same(read(one), read(other)) == Comparison().same(read(other), read(one))


# Gold answers and the rest.


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "None",
        "nan",
        "\x0crac{1}{2}",
        "a\tb",
        "['1', '2']",
        r"\frac{1}{",
        r"\sqrt{}",
        r"\frac{1}{0}",
        None,
        3,
        ["1"],
    ],
)
def test_bad_golds_are_reported(bad):
    assert gold.problems(bad)


@pytest.mark.parametrize(
    "good", ["0", r"\frac{1}{2}", "43_5.", r"30^\circ.", r"\text{Evelyn}", "(1,2]", r"x \in [0,1)", "n!", r"\infty"]
)
def test_good_golds_are_not(good):
    assert gold.problems(good) is None


@given(st.text(max_size=40))
def test_hygiene_and_second_opinion_read_anything(text):
    assert gold.problems(text) is None or isinstance(gold.problems(text), str)
    assert second.agrees(text, text) in (True, None)


@given(st.fractions(max_denominator=1000), st.fractions(max_denominator=1000))
def test_both_opinions_agree_about_numbers(one, other):
    right = judge(str(one), str(other)).verdict is Verdict.CORRECT
    assert second.agrees(str(one), str(other)) is right
    assert plain(str(one)) == one


def test_math_verify_is_asked_for_what_cannot_be_read_only():
    assert judge(r"\sum_{k=1}^n a_k", r"\sum_{j=1}^n a_j").detail.startswith("by math-verify")
    assert symbolic.same_by_math_verify(r"\sum_{k=0}^{n-1} F_k G_{n-k}", r"\sum_{k=0}^{n-1} G_{n-k} F_k")
    assert not symbolic.same_by_math_verify("3", r"\log_2 8")
    assert not symbolic.same_by_math_verify("42", "7=42")


def test_importing_loads_neither_sympy_nor_mpmath():
    code = "import sys, r1rl.rewards.math; print([x for x in ('sympy', 'mpmath', 'torch') if x in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
