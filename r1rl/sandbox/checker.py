"""The checker's end of an assert-style test: runs `check(candidate)` with a candidate that lives in another process.

A pass is said with a nonce that the judge drew for this run; ending in any other way is not a pass.

Arguments go over by value: a candidate that empties its argument must not change what the checker compares with next. A
call that stands alone as a statement, `candidate(items)`, is made for its effect, so there the arguments come back.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from types import CodeType
from typing import Any

from r1rl.sandbox.remote import Line, Remote

IN_PLACE = "<in place>"  # no name that a program can write


def check(source: str, entry_point: str, nonce: str, inbox: int, outbox: int) -> dict[str, Any]:
    """Runs a checker; its report. "broken" is the checker's own fault: nothing of the candidate's was involved.

    A checker may call the candidate by its own name too, even if that is `check` or the name of a builtin.
    """
    line = Line(inbox, outbox)
    candidate = Remote(line, 0)
    try:
        code = compiled(source)
        names = {"__name__": "checker", IN_PLACE: _in_place, **line.names(_free(code)), entry_point: candidate}
        names.pop("check", None)
        exec(code, names)
        run = names["check"]
        if entry_point == "check":
            names["check"] = candidate
        run(candidate)
    except NameError as error:
        return _failed(error)  # a name that neither side has: asked of the candidate, which does not have it
    except BaseException as error:  # noqa: BLE001 - whatever stops a checker, it has not passed
        return _failed(error) if line.called or line.borrowed else {"kind": "broken", "detail": _text(error)}
    if not line.called:
        return {"kind": "broken", "detail": "the checker never called the candidate"}
    return {"kind": "passed", "nonce": nonce}


def compiled(source: str) -> CodeType:
    return compile(_mark(ast.parse(source)), "<checker>", "exec", dont_inherit=True)


def _free(code: CodeType) -> list[str]:
    """The names that a checker may be using from the candidate; those that it makes itself overwrite them."""
    names = {name for name in code.co_names if not hasattr(builtins, name) and name.isidentifier()}
    inner = [_free(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return sorted(names.union(*inner) - {"check", "candidate"})


def _mark(tree: ast.Module) -> ast.Module:
    """Turns each statement `f(x)` into `<in place>(f, x)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            call = node.value
            if isinstance(call.func, ast.Name) and hasattr(builtins, call.func.id):  # exec looks at who calls it
                continue
            marked = ast.Call(ast.Name(IN_PLACE, ast.Load()), [call.func, *call.args], call.keywords)
            node.value = ast.copy_location(marked, call)
            ast.fix_missing_locations(node)
    return tree


def _in_place(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    if isinstance(function, Remote):
        return object.__getattribute__(function, "_line").call(function, args, kwargs, in_place=True)
    return function(*args, **kwargs)


def _failed(error: BaseException) -> dict[str, Any]:
    kinds: dict[type, str] = {AssertionError: "wrong", MemoryError: "memory"}
    return {"kind": kinds.get(type(error), "error"), "detail": _text(error)}


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:300].rstrip(": ")
