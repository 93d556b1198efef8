"""The crew's verbs that need neither vLLM nor a learner."""

from __future__ import annotations

from r1rl import chat
from r1rl.crew import Crew
from r1rl.recipe import load_recipe
from r1rl.types import Completion, Group, Problem
from tests.test_chat import make_tokenizer


class Reading:
    """Judges that only keep what they are given."""

    def score_groups(self, groups, texts):
        self.texts = texts
        return []


def test_every_group_is_judged_by_the_texts_of_its_own_completions(base):
    tokenizer, judges = make_tokenizer(), Reading()
    crew = Crew(recipe=load_recipe(base), dtype="float32", tokenizer=tokenizer, rollouts=None, judges=judges)
    answers = [["1", "2</answer>"], ["3"], []]
    crew.score([group_of(texts, tokenizer) for texts in answers])
    assert judges.texts == answers


def test_judges_read_the_thinking_that_the_prompt_has_opened(base):
    tokenizer, judges = make_tokenizer(), Reading()
    recipe = load_recipe(base, ["data.template=deepseek"])
    crew = Crew(recipe=recipe, dtype="float32", tokenizer=tokenizer, rollouts=None, judges=judges)
    crew.score([group_of(["1</think>2", "3"], tokenizer)])
    assert judges.texts == [["<think>\n1</think>2", "<think>\n3"]]


def group_of(texts: list[str], tokenizer: chat.Tokenizer) -> Group:
    completions = [
        Completion(token_ids_T=tuple(ids), logprobs_T=(0.0,) * len(ids), finish="stop", version=0)
        for ids in (chat.encode_completion(tokenizer, text) for text in texts)
    ]
    return Group(problem=Problem(id="a", question="1", gold="1"), prompt_ids_T=(1,), completions_G=tuple(completions))
