"""Sampling traces: the engines, prompts and judges of an evaluation; every answer goes to a store as it is judged.

A sampling that was stopped goes on with the problems that have no traces yet, and ends with the traces it would have
had: each problem's samples have a seed of their own. Memory holds what is in flight, however many problems there are.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from r1rl import chat, cluster, provenance
from r1rl.errors import UserError
from r1rl.evaluation.run import Plan, require_room, sampling_engines
from r1rl.evaluation.target import digest
from r1rl.judge import VERSION, Answer
from r1rl.provenance import Lineage, Parent
from r1rl.reward import JudgePool
from r1rl.rollout import Prompt
from r1rl.run import write_atomically
from r1rl.sampling.questions import Questions
from r1rl.seeds import derive
from r1rl.traces import store
from r1rl.traces.store import TraceStore
from r1rl.traces.trace import Trace
from r1rl.types import Completion, Verdict

DEFINITION = "definition.json"
TOLD = 20  # lines of progress


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What all traces of a folder have in common: the last columns of a trace."""

    data: str
    model: str
    model_digest: str
    template: str
    prompt_sha: str
    temperature: float
    top_p: float
    max_tokens: int
    judge: str


@dataclass(frozen=True, kw_only=True)
class Numbered(Prompt):
    """A prompt that knows its problem's place in the data."""

    ordinal: int


def sample(console: Console, plan: Plan, questions: Questions, out: Path) -> dict[str, float]:
    """Fills a folder with traces; what they are like.

    Raises UserError where the folder holds other traces, EngineError when an engine fails.
    """
    origin = _origin(plan, questions)
    _claim(out, plan, questions, origin)
    with closing(TraceStore(out, questions.first)) as kept:
        missing = sum(ordinal not in kept.done for ordinal, _ in questions.problems())
        if missing:
            _fill(console, plan, questions, origin, kept, missing)
    return store.numbers(out)


def lineage(plan: Plan, questions: Questions, out: Path, numbers: dict[str, float]) -> Lineage:
    """Where the traces of a folder come from."""
    origin = _origin(plan, questions)
    return Lineage(
        kind="sample",
        digest=provenance.digest(out),
        parents={"policy": Parent(path=str(plan.target.folder), digest=origin.model_digest)},
        recipe=_definition(plan, questions, origin),
        data=questions.sha,
        numbers=numbers,
    )


def _fill(console: Console, plan: Plan, questions: Questions, origin: Origin, kept: TraceStore, missing: int) -> None:
    progress = _Progress(console, questions.count, missing)
    with cluster.connected(plan.address):
        hw = cluster.hardware(plan.dtype)
        with sampling_engines(plan, hw, kept.folder / "logs") as rollouts:
            tokenizer = chat.load_tokenizer(plan.target.folder)
            begun = chat.opening(origin.template, tokenizer)
            pool = JudgePool([questions.judge], plan.judges, plan.judge_deadline_s, kept.folder / "logs/judges.log")
            with closing(pool):
                prompts = _prompts(plan, questions, kept, tokenizer)
                for prompt, completions in rollouts.stream(prompts, plan.sampling(tokenizer), plan.at_once):
                    texts = [begun + chat.decode(tokenizer, c.token_ids_T) for c in completions]
                    traces = _judged(plan, origin, prompt, texts, completions, pool)
                    kept.write(traces)
                    progress.add(traces)


def _prompts(
    plan: Plan, questions: Questions, kept: TraceStore, tokenizer: chat.Tokenizer
) -> Iterator[tuple[Numbered, int]]:
    template = plan.preset.template
    for ordinal, problem in questions.problems():
        if ordinal not in kept.done:
            ids = tuple(chat.render(template, problem.question, tokenizer))
            prompt = Numbered(problem=problem, ids_T=ids, ordinal=ordinal)
            require_room(plan.fleet, prompt)
            yield prompt, _seed(plan, ordinal)


def _judged(
    plan: Plan,
    origin: Origin,
    prompt: Numbered,
    texts: Sequence[str],
    completions: Sequence[Completion],
    pool: JudgePool,
) -> list[Trace]:
    problem, pairs = prompt.problem, list(zip(texts, completions, strict=True))
    scores = pool.judge([Answer(problem=problem, text=text, tokens=len(c.token_ids_T)) for text, c in pairs])
    return [
        Trace(
            ordinal=prompt.ordinal,
            id=problem.id,
            sample=place,
            question=problem.question,
            answer=problem.gold,
            response=text,
            verdict=score.verdict,
            detail=score.detail,
            tokens=len(completion.token_ids_T),
            finish=completion.finish,
            version=completion.version,
            seed=_seed(plan, prompt.ordinal),
            **asdict(origin),
        )
        for place, ((text, completion), score) in enumerate(zip(pairs, scores, strict=True))
    ]


def _origin(plan: Plan, questions: Questions) -> Origin:
    preset, judge = plan.preset, questions.judge
    return Origin(
        data=questions.name,
        model=plan.target.name,
        model_digest=digest(plan.target.folder),
        template=preset.template,
        prompt_sha=hashlib.sha256(chat.instruction(preset.template).encode()).hexdigest(),
        temperature=float(preset.temperature),
        top_p=float(preset.top_p),
        max_tokens=preset.max_tokens,
        judge=f"{judge.fn} {dict(judge.options)}, version {VERSION}",
    )


def _definition(plan: Plan, questions: Questions, origin: Origin) -> dict[str, Any]:
    """What decides a problem's traces. How many problems are asked does not: more can be asked later."""
    same = {key: value for key, value in asdict(origin).items() if key != "model"}
    return same | {"samples": plan.preset.samples, "seed": plan.seed, "first": questions.first}


def _claim(folder: Path, plan: Plan, questions: Questions, origin: Origin) -> None:
    """Makes the folder, or goes on in it. Raises UserError when it holds traces of something else."""
    folder.mkdir(parents=True, exist_ok=True)
    path, mine = folder / DEFINITION, _definition(plan, questions, origin)
    if path.exists():
        there = json.loads(path.read_text())
        if differ := sorted(key for key in mine if mine[key] != there.get(key)):
            raise UserError(
                f"{folder} holds other traces: {', '.join(differ)} differ",
                "they would be mixed with those of this sampling",
                "give another --out",
            )
    write_atomically(path, json.dumps(mine, indent=1))


def _seed(plan: Plan, ordinal: int) -> int:
    return derive(plan.seed, "traces", ordinal)


class _Progress:
    """Some plain lines: how far, and how much is right."""

    def __init__(self, console: Console, count: int, missing: int) -> None:
        self.console, self.count, self.before = console, count, count - missing
        self.done = 0
        self.verdicts: Counter[Verdict] = Counter()
        console.print(f"{count} problems" + (f", {self.before} of them answered before" if self.before else ""))

    def add(self, traces: Sequence[Trace]) -> None:
        self.done += 1
        self.verdicts.update(trace.verdict for trace in traces)
        if self.done % max(1, (self.count - self.before) // TOLD) == 0:
            right = self.verdicts[Verdict.CORRECT] / self.verdicts.total()
            self.console.print(f"  {self.before + self.done}/{self.count}  {right:.1%} right", highlight=False)
