"""The training run: from a recipe and a run folder to a better policy and the numbers that show it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from r1rl import chat, checkpoint, cluster, credit, gate, metrics, reward_model, transcript, warmup
from r1rl.checkpoint import Place
from r1rl.crew import TrainingCrew
from r1rl.decontaminate import decontaminated
from r1rl.evaluate import HELDOUT, Exam, accuracy, held_out_problems, published_exams
from r1rl.harvest import Harvest, gather
from r1rl.learners import Learners
from r1rl.policy.companion import Settings
from r1rl.policy.folder import architecture, local
from r1rl.policy.lora import Lora
from r1rl.policy.teaching import Teaching
from r1rl.recipe import Recipe
from r1rl.report import Report
from r1rl.reward import judges as judges_of
from r1rl.run import Run
from r1rl.stream import Stream, open_source
from r1rl.types import ProblemSource

HELDOUT_SHOWN = 16  # answers of each evaluation, to the same problems


def train(recipe: Recipe, run: Run, report: Report, assign: credit.Assign = credit.assign) -> None:
    """Runs a recipe to its end, from the newest checkpoint of the run folder if there is one.

    Args:
        assign: what gives each token its advantage; by default the recipe's algorithm, from rewards.

    Raises R1Error: UserError for what the user can mend, RunError for what failed. No process is left behind.
    """
    source = open_source(recipe.data.source, recipe.seed, dict(recipe.data.options))
    source, found = decontaminated(source, recipe.data.against, recipe.data.contaminated)
    if found:
        report.say(f"left out {len(found)} training problems that share text with {', '.join(recipe.data.against)}")
    heldout = held_out_problems(source, recipe.eval.problems)
    newest = checkpoint.latest(run.folder)
    with ExitStack() as stack:
        stack.enter_context(cluster.connected(recipe.ray.address))
        published = stack.enter_context(
            published_exams(recipe.eval.suites, recipe.judge.workers, recipe.judge.deadline_s, run.logs / "judges.log")
        )
        crew, place = assemble(stack, recipe, run, newest, report)
        exams = [Exam(name=HELDOUT, problems=tuple(heldout), judges=crew.judges), *published]
        hw = cluster.hardware(recipe.policy.dtype)
        crew.judges = stack.enter_context(reward_model.beside(crew.judges, recipe, hw, run.logs))
        log = metrics.MetricLog(run.folder, keep_steps=place.step)
        stack.callback(log.close)
        if place.step == 0 and newest is None:
            report.say("checking that sampler and learner agree")
            crew.check_consistency(heldout)
            log.write(0, evaluate(crew, exams, report, step=0))
        loop(recipe, run, crew, Stream(source, place.position, recipe.data.canaries), exams, log, report, place, assign)


def base(recipe: Recipe, run: Run, report: Report) -> Path:
    """The policy that a recipe's reinforcement learning would start from: made, warmed up, or found in the cache."""
    with cluster.connected(recipe.ray.address):
        hw = cluster.hardware(recipe.policy.dtype)
        with cluster.learners(recipe, hw, run.id, run.logs) as learners:
            source = warmup.source_of(recipe)
            key = warmup.cache_key(recipe, source, hw.dtype)
            start = _start_folder(recipe, source, learners, key)
            return warmup.warm(recipe, source, learners, start, key, report.warmup) if recipe.warmup else start


def loop(
    recipe: Recipe,
    run: Run,
    crew: TrainingCrew,
    stream: Stream,
    exams: Sequence[Exam],
    log: metrics.MetricLog,
    report: Report,
    place: Place,
    assign: credit.Assign,
) -> None:
    """Reinforcement learning, step by step."""
    algorithm = recipe.algorithm_bundle()
    elapsed = metrics.elapsed(run.folder)
    with transcript.Writer(run.folder) as transcripts:
        for step in range(place.step + 1, recipe.train.steps + 1):
            clock = Clock()
            harvest = gather(crew, stream.take, recipe.rollout.prompts, algorithm.sampling_rounds, step, clock)
            samples = assign(harvest.kept, algorithm)
            with clock("learner"):
                learning = crew.learn(samples, step, algorithm)
                transcripts.write(step, harvest.scored, recipe.train.show)
                numbers = _numbers(harvest) | metrics.of_advantages(samples)
                learnt = learning()
            gate.require(learnt["learner/gap/mean"], learnt["learner/gap/max"], crew.tolerance, f"step {step}")
            with clock("sync"):
                crew.sync(version=step)
            if due(step, recipe.eval.every, recipe.train.steps):
                with clock("eval"):
                    numbers |= evaluate(crew, exams, report, step)
            elapsed += clock.total()
            numbers |= learnt | clock.numbers() | {"time/elapsed": elapsed}
            log.write(step, numbers)
            best = "eval/accuracy" in numbers and checkpoint.is_best(metrics.read(run.folder), step)
            if best or due(step, recipe.train.checkpoint_every, recipe.train.steps):
                transcripts.flush()
                save(run, crew, Place(step=step, version=crew.version, position=stream.position))
            if best:
                checkpoint.name_best(run.folder, step)
            report.step(step, numbers)


@dataclass
class Clock:
    """Seconds spent in each room during one step."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, room: str) -> Iterator[None]:
        start = time.monotonic()
        yield
        self.seconds[room] = self.seconds.get(room, 0.0) + time.monotonic() - start

    def total(self) -> float:
        return sum(self.seconds.values())

    def numbers(self) -> dict[str, float]:
        return {f"time/{room}": seconds for room, seconds in self.seconds.items()} | {"time/step": self.total()}


def assemble(
    stack: ExitStack, recipe: Recipe, run: Run, newest: Path | None, report: Report, teaching: Teaching | None = None
) -> tuple[TrainingCrew, Place]:
    """Starts everyone, makes or finds the policy, and sends it to the samplers; where the run stands.

    Args:
        teaching: a teacher beside the learner's policy, whose distribution it learns.
    """
    hw = cluster.hardware(recipe.policy.dtype)
    report.machine(hw)
    learners = stack.enter_context(cluster.learners(recipe, hw, run.id, run.logs))
    source = warmup.source_of(recipe)
    key = warmup.cache_key(recipe, source, hw.dtype)
    start = newest or _start_folder(recipe, source, learners, key)
    engines = stack.enter_context(cluster.engines(cluster.fleet(recipe), hw, start, architecture(start), run.logs))
    starting = [engine.call("start") for engine in engines]  # vLLM starts while the policy warms up
    judges = stack.enter_context(judges_of(recipe, run.logs / "judges.log"))
    for line in judges.says:
        report.say(line)
    if newest is None and recipe.warmup:
        start = warmup.warm(recipe, source, learners, start, key, report.warmup)
    extras = replace(Settings.of(recipe.policy, warming=False), teaching=teaching)
    learners.load(start.resolve(), recipe.learner.optimizer, _adapters(recipe), extras)
    report.say("waiting for vLLM")
    crew = TrainingCrew(
        recipe=recipe,
        dtype=hw.dtype,
        tokenizer=chat.load_tokenizer(start),
        rollouts=cluster.rollouts(engines, starting, recipe.rollout.start_deadline_s, recipe.rollout.step_deadline_s),
        judges=judges,
        learners=learners,
        version=-1,
    )
    first = Place(step=0, version=0, position=warmup.problems_used(recipe))
    place = checkpoint.read(newest) if newest else first
    learners.meet(crew.rollouts.engines)
    crew.sync(place.version)
    return crew, place


def _start_folder(recipe: Recipe, source: ProblemSource, learners: Learners, key: str) -> Path:
    if recipe.policy.init:
        return warmup.fresh_policy(recipe, source, learners, key)
    assert recipe.policy.path is not None
    return local(recipe.policy.path)


def _adapters(recipe: Recipe) -> Lora | None:
    return Lora(**recipe.learner.lora.model_dump()) if recipe.learner.lora else None


def evaluate(crew: TrainingCrew, exams: Sequence[Exam], report: Report, step: int) -> dict[str, float]:
    """The numbers of all exams, for the policy the samplers hold; the first held-out answers are kept to be read."""
    numbers: dict[str, float] = {}
    for exam in exams:
        scored = exam.take(crew, crew.recipe.eval.temperature)
        found = accuracy(scored)
        report.accuracy(exam.name, step, found)
        numbers |= exam.numbers(found)
        if exam.name == HELDOUT:
            transcript.write_heldout(report.run.folder, step, scored[:HELDOUT_SHOWN])
    return numbers


def save(run: Run, crew: TrainingCrew, place: Place) -> None:
    """Writes a checkpoint of the learner's policy, complete or not at all."""

    def fill(folder: Path) -> None:
        crew.learners.save(folder.resolve())

    checkpoint.write(run.folder, place, fill)


def _numbers(harvest: Harvest) -> dict[str, float]:
    flat = credit.flat_groups(harvest.honest)
    return metrics.of_rollouts(harvest.honest, flat) | metrics.of_canaries(harvest.canaries) | harvest.numbers()


def due(step: int, every: int, last: int) -> bool:
    """Whether something is to be done after a step that is done every so many steps, and after the last."""
    return step == last or (every > 0 and step % every == 0)
