"""A copy of a policy that cannot end its answers: python -m bench.gpu.endless FOLDER COPY.

The end token named in its tokenizer and config becomes a reserved one that the weights have never learnt to write, so
that every system which reads the folder samples answers of exactly the longest length. Weights and prompts are equal.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from transformers import AutoTokenizer

RESERVED = ("<jupyter_script>", "<reponame>", "<|reserved|>")  # the first two are SmolLM2's, from its code corpus


def copy(folder: Path, to: Path) -> str:
    """Writes the copy. Returns the new end token."""
    shutil.copytree(folder, to, dirs_exist_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(to)
    known = tokenizer.get_vocab()
    token = next((name for name in RESERVED if name in known), None) or max(known, key=lambda name: known[name])
    tokenizer.eos_token = token
    tokenizer.save_pretrained(to)
    for name in ("config.json", "generation_config.json"):
        if (to / name).exists():
            (to / name).write_text(json.dumps(json.loads((to / name).read_text()) | {"eos_token_id": known[token]}))
    return str(token)


if __name__ == "__main__":
    print("never ends: its end token is", copy(Path(sys.argv[1]), Path(sys.argv[2])))
