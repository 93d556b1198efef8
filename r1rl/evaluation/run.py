"""Evaluating a policy: the same engines, prompts and judges as in training, no learner, and every answer kept.

Answers are written as they are judged. An evaluation that was stopped goes on with the problems that are not complete,
and ends with the numbers it would have had: each problem's samples have seeds of their own.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rich.console import Console

from r1rl import chat, cluster
from r1rl.answer.extract import either
from r1rl.cluster import Fleet, Hardware
from r1rl.engine.spec import Sampling
from r1rl.errors import UserError
from r1rl.evaluation import results as numbers
from r1rl.evaluation.attempts import Attempt, SampleLog, read_attempts
from r1rl.evaluation.judges import Judges
from r1rl.evaluation.presets import Preset
from r1rl.evaluation.progress import Progress
from r1rl.evaluation.report import write_report
from r1rl.evaluation.results import SAMPLES, DefinedBy, Results, write_results
from r1rl.evaluation.suites import Suite
from r1rl.evaluation.summary import summarise
from r1rl.evaluation.target import Target, digest
from r1rl.judge import VERSION, Answer, RewardSpec
from r1rl.policy.folder import architecture
from r1rl.reward import JudgePool
from r1rl.rollout import Prompt, Rollouts
from r1rl.run import environment, write_atomically
from r1rl.seeds import derive
from r1rl.types import Completion, Problem, Verdict

DEFINITION = "definition.json"
SAME = RewardSpec(fn="math:correct", options={"extract": "boxed"})  # says which answers agree, for maj@k


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is asked of whom, and with what."""

    target: Target
    preset: Preset
    fleet: Fleet
    dtype: str
    address: str | None  # of a Ray cluster; None starts one here
    seed: int
    judges: int
    judge_deadline_s: float
    start_deadline_s: float
    answer_deadline_s: float  # in which at least one problem of those in flight must be answered

    @property
    def at_once(self) -> int:
        """Problems in flight on each engine: twice what it decodes, so that it never waits."""
        return max(1, 2 * self.fleet.max_sequences // self.preset.samples)

    def sampling(self, tokenizer: chat.Tokenizer) -> Sampling:
        """How each problem's answers are sampled."""
        return Sampling(
            samples=self.preset.samples,
            temperature=self.preset.temperature,
            top_p=self.preset.top_p,
            max_tokens=self.preset.max_tokens,
            stop_ids=(tokenizer.eos_token_id,),
        )


def evaluate(console: Console, plan: Plan, suites: Sequence[Suite], out: Path) -> list[Results]:
    """Evaluates a policy on some suites; each gets a folder in `out` with its samples, results and report.

    Raises UserError where a folder there holds an evaluation of something else, EngineError when an engine fails.
    """
    with ExitStack() as stack:
        stack.enter_context(cluster.connected(plan.address))
        hw = cluster.hardware(plan.dtype)
        machine = environment()
        name = "; ".join(machine["gpus"]) if hw.gpus else f"{machine['cpu']}, {hw.threads} threads"
        defined = {suite.name: _definition(plan, suite, hw, name) for suite in suites}
        for suite in suites:
            _claim(out / suite.name, defined[suite.name])
        write_atomically(out / "environment.json", json.dumps(machine, indent=1))
        rollouts = stack.enter_context(sampling_engines(plan, hw, out / "logs"))
        return [_suite(console, plan, suite, rollouts, defined[suite.name], out / suite.name) for suite in suites]


@contextmanager
def sampling_engines(plan: Plan, hw: Hardware, logs: Path) -> Iterator[Rollouts]:
    """The engines of a plan, all up with the target's weights; ended on leaving. Raises EngineError."""
    target = plan.target
    with cluster.engines(plan.fleet, hw, target.folder, architecture(target.folder), logs, target.version) as fleet:
        starting = [engine.call("start") for engine in fleet]
        yield cluster.rollouts(fleet, starting, plan.start_deadline_s, plan.answer_deadline_s)


def _suite(console: Console, plan: Plan, suite: Suite, rollouts: Rollouts, defined: DefinedBy, folder: Path) -> Results:
    start = time.monotonic()
    before = _seconds_before(folder)
    missing = _missing(suite, plan.preset.samples, folder / SAMPLES)
    judges = Judges(suite, plan.judges, plan.judge_deadline_s, folder / "judges.log")
    log = SampleLog(folder / SAMPLES)
    try:
        with Progress(console, suite, len(missing)) as progress:
            for problem, answers in _answers(plan, suite, missing, rollouts):
                attempts = _judged(plan, suite, problem, answers, judges)
                log.write(attempts)
                progress.add(attempts)
                seconds = before + time.monotonic() - start
                write_atomically(folder / "seconds", f"{seconds:.1f}")
    finally:
        log.close()
        judges.close()
    return _summarised(plan, suite, defined, folder, _seconds_before(folder))


def _answers(
    plan: Plan, suite: Suite, missing: Sequence[Problem], rollouts: Rollouts
) -> Iterator[tuple[Problem, list[tuple[str, Completion]]]]:
    """Each missing problem with its answers as text, as they are done."""
    template = _template(plan, suite)
    tokenizer = chat.load_tokenizer(plan.target.folder)
    begun = chat.opening(template, tokenizer)
    prompts = [Prompt(problem=p, ids_T=tuple(chat.render(template, p.question, tokenizer))) for p in missing]
    for prompt in prompts:
        require_room(plan.fleet, prompt)
    seeded = [(prompt, _seed(plan, suite, prompt.problem)) for prompt in prompts]
    for prompt, completions in rollouts.stream(seeded, plan.sampling(tokenizer), plan.at_once):
        yield prompt.problem, [(begun + chat.decode(tokenizer, c.token_ids_T), c) for c in completions]


def _judged(
    plan: Plan, suite: Suite, problem: Problem, answers: Sequence[tuple[str, Completion]], judges: Judges
) -> list[Attempt]:
    scores = judges.judge([Answer(problem=problem, text=text, tokens=len(c.token_ids_T)) for text, c in answers])
    seed = _seed(plan, suite, problem)
    return [
        Attempt(
            id=problem.id,
            sample=sample,
            seed=seed + sample,
            question=problem.question,
            answer=problem.gold,
            response=text,
            verdict=score.verdict,
            detail=score.detail,
            said=_said(suite, text, score.verdict),
            lenient=lenient,
            tokens=len(completion.token_ids_T),
            finish=completion.finish,
            level=_text_or_number(problem.meta.get("level")),
            subject=str(problem.meta["subject"]) if problem.meta.get("subject") is not None else None,
        )
        for sample, ((text, completion), (score, lenient)) in enumerate(zip(answers, scores, strict=True))
    ]


def _summarised(plan: Plan, suite: Suite, defined: DefinedBy, folder: Path, seconds: float) -> Results:
    attempts = list(read_attempts(folder / SAMPLES))
    problems = [problem.id for problem in suite.problems]
    judge = JudgePool([SAME], 1, plan.judge_deadline_s, folder / "judges.log")

    @cache
    def same(a: str, b: str) -> bool:
        problem = Problem(id="", question="", gold=a)
        [score] = judge.judge([Answer(problem=problem, text=f"\\boxed{{{b}}}", tokens=None)])
        return score.verdict is Verdict.CORRECT

    try:
        found = summarise(
            suite.name,
            attempts,
            problems,
            plan.preset.samples,
            same=same if suite.votes else None,
            defined_by=defined,
            seconds=seconds,
        )
    finally:
        judge.close()
    write_results(folder, found)
    write_report(folder, found, attempts)
    return found


def _definition(plan: Plan, suite: Suite, hw: Hardware, hardware: str) -> DefinedBy:
    preset, target, template = plan.preset, plan.target, _template(plan, suite)
    return DefinedBy(
        data_sha=suite.sha,
        prompt_sha=hashlib.sha256(chat.instruction(template).encode()).hexdigest(),
        template=template,
        sampling=numbers.Sampling(temperature=preset.temperature, top_p=preset.top_p, max_tokens=preset.max_tokens),
        verifier=f"{suite.judge.fn} {dict(suite.judge.options)}, version {VERSION}",
        model=target.name,
        model_digest=digest(target.folder),
        seeds=(plan.seed,),
        dtype=hw.dtype,
        hardware=hardware,
    )


def _template(plan: Plan, suite: Suite) -> str:
    """The preset's template, or its twin that asks for no box."""
    asked = plan.preset.template
    return asked if suite.boxed else chat.WITHOUT_BOX.get(asked, asked)


def _claim(folder: Path, defined: DefinedBy) -> None:
    """Makes the folder of a suite, or goes on in it. Raises UserError when it holds an evaluation of something else."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / DEFINITION
    mine = {key: value for key, value in numbers.as_json(defined).items() if key not in ("hardware", "model")}
    if path.exists():
        there = json.loads(path.read_text())
        differ = sorted(key for key in mine if mine[key] != there.get(key))
        if differ:
            raise UserError(
                f"{folder} holds another evaluation: {', '.join(differ)} differ",
                "its samples would be mixed with those of this one",
                "give another --out",
            )
    write_atomically(path, json.dumps(mine, indent=1))


def _missing(suite: Suite, samples: int, path: Path) -> list[Problem]:
    """The problems without all their samples. A problem's samples are written together: others are cut off, and go."""
    if not path.exists():
        return list(suite.problems)
    kept = list(read_attempts(path))
    counts = Counter(attempt.id for attempt in kept)
    whole = {name for name, count in counts.items() if count == samples}
    if any(attempt.id not in whole for attempt in kept):
        rest = SampleLog(path.with_suffix(".partial"))
        rest.write(attempt for attempt in kept if attempt.id in whole)
        rest.close()
        path.with_suffix(".partial").replace(path)
    return [problem for problem in suite.problems if problem.id not in whole]


def require_room(fleet: Fleet, prompt: Prompt) -> None:
    """Raises UserError for a prompt that leaves no token for an answer."""
    if len(prompt.ids_T) >= fleet.max_length:
        raise UserError(
            f"the prompt of {prompt.problem.id} has {len(prompt.ids_T)} tokens, the policy's context "
            f"{fleet.max_length}",
            "no token is left for an answer",
            "take a policy with a longer context, or a shorter --template",
        )


def _seed(plan: Plan, suite: Suite, problem: Problem) -> int:
    return derive(plan.seed, "eval", suite.name, problem.id) % 2**31


def _seconds_before(folder: Path) -> float:
    path = folder / "seconds"
    return float(path.read_text()) if path.exists() else 0.0


def _said(suite: Suite, text: str, verdict: Verdict) -> str | None:
    return either(text) if suite.votes and verdict in (Verdict.CORRECT, Verdict.WRONG) else None


def _text_or_number(value: object) -> int | str | None:
    return value if isinstance(value, int | str) else None
