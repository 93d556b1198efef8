"""A judge that misbehaves on command: each answer says what is to happen."""

import os
import re
import time
from dataclasses import dataclass

from r1rl.rewards import number

KEPT = []


@dataclass
class Timeout(BaseException):
    seconds: float = 1.0


def judge(problem, text):
    command, _, argument = text.partition(" ")
    if command == "pid":
        with open(argument, "a") as file:
            file.write(f"{os.getpid()}\n")
    if command == "hang":
        while True:
            time.sleep(0.01)
    if command == "hold":
        with open(argument, "w") as file:
            file.write(str(os.getpid()))
        re.match("(a+)+$", "a" * 64 + "b")
    if command == "sleep":
        time.sleep(float(argument))
        return number.correct(problem, "<answer>42</answer>")
    if command == "crash":
        os._exit(11)
    if command == "leave":
        raise SystemExit
    if command == "interrupt":
        raise KeyboardInterrupt
    if command == "raise":
        raise ValueError("no such thing")
    if command == "recurse":
        return judge(problem, text)
    if command == "timeout":
        raise Timeout()
    if command == "grow":
        KEPT.append(b"x" * (1100 << 20))
        return number.correct(problem, "<answer>42</answer>")
    if command == "hoard":
        return len(bytearray(6 << 30))
    if command == "nan":
        return float("nan")
    if command == "text":
        return "correct"
    return number.correct(problem, text)


def nan(problem, text):
    return float("nan") if text == "nan" else 1.0
