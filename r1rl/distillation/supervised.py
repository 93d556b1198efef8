"""Supervised learning of a student on traces: the learner, checkpoints and exams of reinforcement learning.

DeepSeek-R1's students are made so (arXiv:2501.12948, section 4.1): cross-entropy on the completions, 2 to 3 epochs, a
cosine to a tenth of the learning rate. The order of traces is a function of the seed and the step, so a run that was
stopped goes on exactly.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from r1rl import chat, checkpoint, cluster, metrics, train
from r1rl.algorithm import SFT
from r1rl.checkpoint import Place
from r1rl.crew import TrainingCrew
from r1rl.evaluate import HELDOUT, Exam, held_out_problems, published_exams
from r1rl.home import home
from r1rl.policy.divergence import Divergence
from r1rl.policy.folder import local
from r1rl.policy.teaching import Teaching
from r1rl.recipe import Recipe
from r1rl.recipe.distill import DistillRecipe
from r1rl.report import Report
from r1rl.run import Run
from r1rl.stream import open_source
from r1rl.traces.lessons import Form, Lessons, lessons

MEASURED = 256  # validation traces at most
MEANINGLESS = ("learner/gap/", "learner/kl_to_", "learner/clipped/")  # where no sampler wrote the tokens


def open_lessons(recipe: DistillRecipe) -> Lessons:
    """The traces of a recipe as its student learns them."""
    assert recipe.traces is not None
    assert recipe.policy.path is not None
    form = Form(
        tokenizer=chat.load_tokenizer(local(recipe.policy.path)),
        template=recipe.data.template,
        max_length=recipe.policy.max_length,
    )
    return lessons(
        Path(recipe.traces.path),
        form,
        seed=recipe.seed,
        validation=recipe.traces.validation,
        cache=home() / "lessons",
        worth=1.0 if recipe.teacher is None else 0.0,  # a teacher's distribution is all that counts then
    )


def teaching_of(recipe: DistillRecipe) -> Teaching | None:
    """The teacher beside the learner, for a method that compares distributions."""
    if recipe.teacher is None or recipe.method not in ("forward_kl", "reverse_kl", "jsd"):
        return None
    divergence = Divergence(kind=recipe.method, weight=recipe.teacher.jsd_weight, top_k=recipe.teacher.top_k)
    return Teaching(folder=local(recipe.teacher.path).resolve(), divergence=divergence, temperature=1.0)


def learn(
    recipe: Recipe, taught: Lessons, batch: int, run: Run, report: Report, teaching: Teaching | None = None
) -> None:
    """Runs supervised learning to its end, from the newest checkpoint of the run folder if there is one.

    Args:
        teaching: a teacher whose distribution is learnt at each token, instead of the token.
    """
    source = open_source(recipe.data.source, recipe.seed, dict(recipe.data.options))
    heldout = held_out_problems(source, recipe.eval.problems)
    newest = checkpoint.latest(run.folder)
    with ExitStack() as stack:
        stack.enter_context(cluster.connected(recipe.ray.address))
        published = stack.enter_context(
            published_exams(recipe.eval.suites, recipe.judge.workers, recipe.judge.deadline_s, run.logs / "judges.log")
        )
        crew, place = train.assemble(stack, recipe, run, newest, report, teaching)
        exams = [Exam(name=HELDOUT, problems=tuple(heldout), judges=crew.judges), *published]
        log = metrics.MetricLog(run.folder, keep_steps=place.step)
        stack.callback(log.close)
        if newest is None:
            log.write(0, train.evaluate(crew, exams, report, step=0) | _validation(crew, taught))
        for step in range(place.step + 1, recipe.train.steps + 1):
            numbers = _step(recipe, crew, taught, batch, exams, report, step)
            log.write(step, numbers)
            if train.due(step, recipe.train.checkpoint_every, recipe.train.steps):
                train.save(run, crew, Place(step=step, version=crew.version, position=step * batch))
            report.step(step, numbers)


def _step(
    recipe: Recipe,
    crew: TrainingCrew,
    taught: Lessons,
    batch: int,
    exams: list[Exam],
    report: Report,
    step: int,
) -> dict[str, float]:
    clock = train.Clock()
    with clock("learner"):
        numbers = crew.learn(taught.batch(step, batch), step, SFT)()
    numbers = {key: value for key, value in numbers.items() if not key.startswith(MEANINGLESS)}
    numbers["lessons/epoch"] = step * batch / len(taught.train)
    if train.due(step, recipe.eval.every, recipe.train.steps):
        with clock("sync"):
            crew.sync(version=step)
        with clock("eval"):
            numbers |= train.evaluate(crew, exams, report, step) | _validation(crew, taught)
    return numbers | clock.numbers()


def _validation(crew: TrainingCrew, taught: Lessons) -> dict[str, float]:
    """Mean loss of validation traces, in nats per token."""
    samples = taught.measured(MEASURED)
    if not samples:
        return {}
    found = [x for row in crew.learners.logprobs(samples, 1.0) for x in row]
    return {"validation/nll/mean": -sum(found) / len(found)}
