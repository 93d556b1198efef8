"""Pipelines: what a change runs again, what a kill leaves, and what the plan says. Stages are small real functions."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from r1rl import provenance
from r1rl.errors import UserError
from r1rl.pipeline import code
from r1rl.pipeline.kinds import kinds
from r1rl.pipeline.recipe import load_pipeline, parent
from r1rl.pipeline.run import plan, run
from r1rl.pipeline.stage import Kind, Stage

CHAIN = """\
name: chain
stages:
  a: {do: make, text: one}
  b: {do: join, of: a, text: two}
  c: {do: join, of: a, text: three}
  d: {do: join, of: b, text: four}
"""


def read_stage(document, context):
    of = document.data.get("of")
    parents = {"of": parent(document, "of", of, context)} if of else {}
    told = {key: value for key, value in document.data.items() if key != "of"}
    return Stage(name=context.name, kind="join" if of else "make", parents=parents, told=told, settings=told["text"])


@pytest.fixture
def measured(tmp_path):
    """A base and a child that says how it began."""
    for name, parents, numbers in (
        ("base", {}, {}),
        (
            "zero",
            {"policy": provenance.Parent(path=str(tmp_path / "base" / "policy"), digest="1")},
            {"accuracy": 0.7, "low": 0.6, "high": 0.8, "n": 9.0, "tokens": 20.0, "before_accuracy": 0.25}
            | {"before_low": 0.2, "before_high": 0.3, "before_n": 9.0, "before_tokens": 12.0},
        ),
    ):
        (tmp_path / name).mkdir()
        lineage = provenance.Lineage(kind="train", digest="2", parents=parents, numbers=numbers)
        provenance.write(tmp_path / name, lineage)
    return {name: tmp_path / name for name in ("base", "zero")}


def test_a_base_has_the_numbers_that_its_child_began_with(measured):
    from r1rl.pipeline import results

    assert [row[3:7] for row in results.rows(measured)] == [
        ("25.0%", "20.0% to 30.0%", "9", "12.0"),
        ("70.0%", "60.0% to 80.0%", "9", "20.0"),
    ]


def steps(work):
    """Two resumable steps, the second made of the first; a real `r1rl train` has hundreds of these."""
    (work.folder / "data").mkdir(exist_ok=True)
    before = (work.parents["of"] / "data" / "x.parquet").read_text() if work.parents else ""
    part = work.folder / "part"
    with open(work.folder.parent / "log", "a") as log:
        if not part.exists():
            log.write(f"{work.stage.name}1 ")
            part.write_text(before + work.stage.settings)
        die(work, 1)
        log.write(f"{work.stage.name}2 ")
    (work.folder / "data" / "x.parquet").write_text(part.read_text() + ".")
    die(work, 2)
    return {"accuracy": 0.5, "n": 4.0, "tokens": 1.0}


def die(work, place):
    if os.environ.get("DIE") == f"{work.stage.name}{place}":
        os.kill(os.getpid(), signal.SIGKILL)


STAND_INS = {
    name: Kind(read=read_stage, run=steps, product=lambda folder: folder, code=("r1rl.seeds",))
    for name in ("make", "join")
}


def load(tmp_path, text=CHAIN):
    (tmp_path / "chain.yaml").write_text(text)
    return load_pipeline(tmp_path / "chain.yaml", [], STAND_INS)


def do(tmp_path, text=CHAIN, first=None, last=None):
    """Runs it; which steps were done."""
    log = tmp_path / "out" / "log"
    log.unlink(missing_ok=True)
    run(Console(file=io.StringIO()), load(tmp_path, text), STAND_INS, tmp_path / "out", first, last)
    return log.read_text().split() if log.exists() else []


def result(tmp_path, stage):
    (folder,) = (f for f in (tmp_path / "out").glob(f"{stage}-*") if "before" not in f.name)
    return (folder / "data" / "x.parquet").read_text()


ALL = ["a1", "a2", "b1", "b2", "c1", "c2", "d1", "d2"]


def test_stages_are_made_of_each_other_and_kept(tmp_path):
    assert do(tmp_path) == ALL
    assert result(tmp_path, "d") == "one.two.four."
    assert do(tmp_path) == []


def test_a_change_runs_again_only_what_depends_on_it(tmp_path):
    do(tmp_path)
    assert do(tmp_path, CHAIN.replace("two", "TWO")) == ["b1", "b2", "d1", "d2"]
    assert do(tmp_path) == []  # the old artefacts are still there
    assert do(tmp_path, CHAIN.replace("one", "ONE")) == ALL


def test_the_same_content_from_a_changed_parent_is_the_same_parent(tmp_path):
    do(tmp_path)
    assert do(tmp_path, CHAIN.replace("{do: make, text: one}", "{do: make, text: one, note: new}")) == ["a1", "a2"]


def test_changed_code_runs_again(tmp_path, monkeypatch):
    do(tmp_path)
    monkeypatch.setattr(code, "digest", lambda modules, files=(): "other")
    assert do(tmp_path) == ALL


def test_from_does_again_what_is_made_of_it_and_keeps_the_old(tmp_path):
    do(tmp_path)
    assert do(tmp_path, first="b") == ["b1", "b2", "d1", "d2"]
    assert len(list((tmp_path / "out").glob("b-*.before-*"))) == 1
    assert do(tmp_path) == []


def test_from_wants_what_is_before_it(tmp_path):
    do(tmp_path, last="a")
    with pytest.raises(UserError, match="stage b before it is not there"):
        do(tmp_path, first="d")
    assert not list((tmp_path / "out").glob("b-*"))
    assert do(tmp_path, first="a", last="b") == ["a1", "a2", "b1", "b2"]
    with pytest.raises(UserError, match="comes after"):
        do(tmp_path, first="d", last="b")
    with pytest.raises(UserError, match="no such stage"):
        do(tmp_path, first="e")


def test_until_stops_after_a_stage(tmp_path):
    assert do(tmp_path, last="b") == ["a1", "a2", "b1", "b2"]
    assert do(tmp_path) == ["c1", "c2", "d1", "d2"]


RUN = """
import sys
from pathlib import Path
from tests.test_pipeline import do
do(Path(sys.argv[1]))
"""


@pytest.mark.parametrize("place", ALL)
def test_killed_in_any_stage_it_goes_on_and_ends_the_same(tmp_path, place):
    killed = subprocess.run([sys.executable, "-c", RUN, str(tmp_path)], env=os.environ | {"DIE": place})
    assert killed.returncode == -signal.SIGKILL
    done = (tmp_path / "out" / "log").read_text().split() if place[1] == "2" else None
    again = do(tmp_path)
    assert result(tmp_path, "d") == "one.two.four."
    assert f"{place[0]}1" not in again  # what was done of the stage is not done again
    assert not any(step[0] < place[0] for step in again)
    assert done is None or f"{place[0]}2" in done


def test_the_plan_says_what_would_be_done(tmp_path):
    def states(**options):
        asked = {"first": None, "last": None} | options
        lines = plan(load(tmp_path), STAND_INS, tmp_path / "out", asked["first"], asked["last"])
        return [line.split(maxsplit=2)[0] + " " + line[68:].split(":")[0] for line in lines]

    assert states() == ["a to do", "b to do", "c to do", "d to do"]
    assert not (tmp_path / "out").exists()
    do(tmp_path, last="b")
    assert states() == ["a there", "b there", "c to do", "d to do"]
    assert states(first="b") == ["a there", "b again", "c to do", "d again"]
    assert states(last="c") == ["a there", "b there", "c to do"]


def test_a_plan_fetches_nothing(tmp_path):
    text = REAL.replace("policy: base, recipe: {train", "policy: org/base, recipe: {train")
    line = next(line for line in plan(real(tmp_path, text), kinds(), tmp_path / "out", None, None) if "zero" in line)
    assert line.endswith("to do: made of org/base")


def test_every_artefact_knows_its_ancestors_wherever_they_are_moved(tmp_path):
    do(tmp_path)
    (tmp_path / "out").rename(tmp_path / "moved")
    (folder,) = (tmp_path / "moved").glob("d-*")
    found = list(provenance.ancestors(folder / "data"))
    assert [(depth, role, Path(place).name[0]) for depth, role, place, _ in found] == [
        (0, "", "d"),
        (1, "of", "b"),
        (2, "of", "a"),
    ]
    last = found[0][3]
    assert last is not None
    assert last.recipe == {"text": "four"}
    assert last.parents["of"].digest == found[1][3].digest
    assert json.loads((folder / "lineage.json").read_text())["revision"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (CHAIN.replace("of: b", "of: e"), "chain.yaml:6: of: e is no stage before d"),
        (CHAIN.replace("of: a, text: two", "of: c, text: two"), "chain.yaml:4: of: c is no stage before b"),
        (CHAIN.replace("do: make", "do: mke"), "chain.yaml:3: stage a does `mke`, which is no kind of stage"),
        (CHAIN.replace("do: make, ", ""), "stage a does not say what it does"),
        (CHAIN.replace("stages:", "stagse:"), "unknown key `stagse`"),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(tmp_path, text, says):
    with pytest.raises(UserError) as caught:
        load(tmp_path, text)
    assert says in str(caught.value)


def test_the_code_of_a_kind_is_what_it_imports():
    found = {file.name for file in code.closure(["r1rl.seeds", "r1rl.schedule"])}
    assert found == {"__init__.py", "seeds.py", "schedule.py"}
    assert {"learners.py", "crew.py", "errors.py"} <= {file.name for file in code.closure(["r1rl.train"])}


def test_comments_and_docstrings_are_no_code(tmp_path):
    def digest(text):
        file = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        file.mkdir()
        (file / "x.py").write_text(text)
        return code.digest([], [file / "x.py"])

    plain = digest("def f():\n    return 1\n")
    assert digest('"""Doc."""\n# why\ndef f():\n    """Doc."""\n    return 1  # one\n') == plain
    assert digest("def f():\n    return 2\n") != plain


REAL = """\
name: real
defaults:
  policy: {max_length: 64, dtype: float32}
  data: {source: addition, options: {digits: 2}}
  reward: [{fn: "number:correct"}]
  rollout: {max_tokens: 40}
  learner: {lr: 1e-4}
stages:
  base: {do: base, recipe: {policy: {init: tiny}, warmup: {steps: 9, lr: 1e-3}}}
  zero: {do: train, policy: base, recipe: {train: {steps: 5}}}
  sampled: {do: sample, policy: zero, k: 4, problems: 9}
  kept: {do: reject, traces: sampled, rules: {per_problem: 1}}
  dev: {do: distill, policy: base, traces: kept, recipe: {method: sft}}
  small: {do: distill, policy: base, teacher: dev, recipe: {method: on_policy, train: {steps: 3}}}
  exam: {do: evaluate, policy: small}
"""


def real(tmp_path, text=REAL):
    (tmp_path / "real.yaml").write_text(text)
    return load_pipeline(tmp_path / "real.yaml", [], kinds())


def test_all_kinds_of_stages_are_read_and_know_their_parents(tmp_path):
    stages = {stage.name: stage for stage in real(tmp_path).stages}
    assert stages["dev"].parents == {"policy": "base", "traces": "kept"}
    assert stages["small"].parents == {"policy": "base", "teacher": "dev"}
    assert stages["zero"].settings.train.steps == 5
    assert stages["zero"].settings.learner.lr == 1e-4
    assert stages["dev"].settings.learner.schedule == "cosine"
    assert {file.name for file in stages["zero"].files} == {"number.py", "addition.py"}


def test_where_and_how_long_decide_nothing(tmp_path):
    deadlines = REAL.replace("rollout: {max_tokens: 40}", "rollout: {max_tokens: 40, step_deadline_s: 9.0}")
    before, after = ({stage.name: stage.told for stage in real(tmp_path, text).stages} for text in (REAL, deadlines))
    assert before == after
    longer = REAL.replace("max_tokens: 40", "max_tokens: 41")
    after = {stage.name: stage.told for stage in real(tmp_path, longer).stages}
    assert [name for name in before if before[name] != after[name]] == ["zero", "sampled", "dev", "small", "exam"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("{steps: 5}", "{step: 5}", "real.yaml:10: unknown key `train.step`"),
        ("learner: {lr: 1e-4}", "learner: {lr: 1e-4, bets: 1}", "real.yaml:7: unknown key `learner.bets`"),
        ("per_problem: 1", "perproblem: 1", "real.yaml:12: unknown key `rules.perproblem`"),
        ("max_tokens: 40", "max_tokens: 64", "real.yaml:6: rollout.max_tokens = 64 is not below"),
        ("method: sft", "method: jsd", "real.yaml:13: method: jsd has no teacher"),
        ("k: 4", "k: 0", "real.yaml:11"),
    ],
)
def test_mistakes_in_a_stage_name_their_line(tmp_path, old, new, says):
    with pytest.raises(UserError) as caught:
        real(tmp_path, REAL.replace(old, new))
    assert says in str(caught.value)


def test_the_table_and_the_tree_are_for_people(tmp_path, capsys):
    from r1rl.pipeline import results
    from r1rl.pipeline.command import lineage

    folders = run(Console(file=io.StringIO()), load(tmp_path), STAND_INS, tmp_path / "out")
    text = io.StringIO()
    rows = results.rows(folders)
    Console(file=text, width=120).print(results.table(rows))
    assert text.getvalue().splitlines()[-1].split()[:5] == ["d", "join", "of", "b", "50.0%"]
    assert [row[:4] for row in rows] == [
        ("a", "make", "", "50.0%"),
        ("b", "join", "of a", "50.0%"),
        ("c", "join", "of a", "50.0%"),
        ("d", "join", "of b", "50.0%"),
    ]
    assert results.markdown(rows).splitlines()[-1].startswith("| d | join | of b | 50.0% |")
    lineage(folders["d"])
    told = capsys.readouterr().out
    assert told.index(str(folders["d"])) < told.index(f"of: {folders['b']}") < told.index(f"of: {folders['a']}")
    with pytest.raises(UserError, match="there is no"):
        lineage(tmp_path / "nowhere")
