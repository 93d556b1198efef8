"""Published sets asked while a policy trains: each with a judge that fits it and metrics of its own."""

from __future__ import annotations

import hashlib
import json

import pytest

from r1rl.crew import Crew
from r1rl.errors import UserError
from r1rl.evaluate import Accuracy, Exam, accuracy, published_exams
from r1rl.recipe import load_recipe
from r1rl.types import Completion, Group, Problem, Score, ScoredGroup, Verdict
from tests.test_chat import make_tokenizer

FOUND = Accuracy(accuracy=0.5, low=0.1, high=0.9, n=4, no_answer=0.0, truncated=0.0, ungradable=0.0, tokens=3.0)


class StandIn:
    """Of a crew, what an exam asks: answers that box the same number to every problem."""

    def sample(self, problems, samples, temperature, seed):
        completion = Completion(token_ids_T=(1,), logprobs_T=(0.0,), finish="stop", version=1)
        return [Group(problem=p, prompt_ids_T=(1,), completions_G=(completion,)) for p in problems]

    def score_by(self, judges, groups):
        return judges.score_groups(groups, [["<answer>2</answer>"] for _ in groups])


@pytest.fixture
def published(tmp_path, monkeypatch):
    rows = [{"id": f"amc/{n}", "problem": "1 + 1 = ?", "answer": str(2 + n % 2)} for n in range(83)]
    content = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "amc.jsonl").write_text(content)
    entry = {"file": "amc.jsonl", "rows": 83, "sha256": hashlib.sha256(content.encode()).hexdigest()}
    (tmp_path / "MANIFEST.json").write_text(json.dumps([entry]))
    monkeypatch.setenv("R1RL_DATA", str(tmp_path))


def test_a_published_set_is_asked_and_judged(published, tmp_path):
    with published_exams(["amc"], 1, 5.0, tmp_path / "judges.log") as [exam]:
        found = accuracy(exam.take(StandIn(), 1.0))
        assert (found.n, found.accuracy) == (83, 42 / 83)
        numbers = exam.numbers(found)
        assert numbers["eval/amc/accuracy"] == numbers["eval/amc/math:correct/mean"] == 42 / 83


def test_the_held_out_problems_keep_the_short_names():
    numbers = Exam(name="heldout", problems=(), judges=None).numbers(FOUND)
    assert numbers["eval/accuracy"] == 0.5
    assert set(numbers) == {f"eval/{key}" for key in Accuracy.__annotations__} - {"eval/parts"}


def test_each_part_of_the_reward_has_a_number_of_its_own_also_where_it_weighs_nothing():
    def judged(verdict, strict, lenient):
        score = Score(value=strict, parts={"number:correct": strict, "lenient": lenient}, verdict=verdict, detail="")
        completion = Completion(token_ids_T=(1,), logprobs_T=(0.0,), finish="stop", version=1)
        group = Group(problem=Problem(id="a", question="", gold="1"), prompt_ids_T=(1,), completions_G=(completion,))
        return ScoredGroup(group=group, texts_G=("",), scores_G=(score,))

    scored = [judged(Verdict.WRONG, 0.0, 1.0), judged(Verdict.CORRECT, 1.0, 1.0), judged(Verdict.UNGRADABLE, 9.0, 9.0)]
    numbers = Exam(name="heldout", problems=(), judges=None).numbers(accuracy(scored))
    assert (numbers["eval/number:correct/mean"], numbers["eval/lenient/mean"]) == (0.5, 1.0)


def test_an_unknown_set_is_the_users_error(tmp_path):
    with pytest.raises(UserError, match="no data set"), published_exams(["amcc"], 1, 5.0, tmp_path / "log"):
        pass


def test_a_prompt_without_room_for_an_answer_is_told_before_anything_is_sampled():
    recipe = load_recipe("r1_zero_tiny", ["policy.max_length=128"])
    crew = Crew(recipe=recipe, dtype="float32", tokenizer=make_tokenizer(), rollouts=None, judges=None)
    problems = [Problem(id="s/1", question="1 + 1 = ?", gold="2"), Problem(id="s/2", question="1 + " * 200, gold="2")]
    with pytest.raises(UserError, match=r"the prompt of s/2 has \d+ tokens, policy.max_length is 128"):
        crew.sample(problems, 1, 1.0, 0)
