"""GSM8K, the test split."""

from r1rl.corpus.gsm8k import gsm8k

CORPUS = gsm8k("test", rows=1319, sha256="ced8d53636bd9bb519c932ee83734056a2574367867ba26ab7b937918e36078f")
