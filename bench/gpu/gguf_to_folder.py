"""A GGUF file to a plain Hugging Face folder in bf16: python gguf_to_folder.py MODEL.gguf FOLDER."""

import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

file, folder = Path(sys.argv[1]), Path(sys.argv[2])
source = {"gguf_file": file.name}
model = AutoModelForCausalLM.from_pretrained(
    file.parent, **source, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True)
)
model.save_pretrained(folder)
AutoTokenizer.from_pretrained(file.parent, **source).save_pretrained(folder)
print(folder, sum(p.numel() for p in model.parameters()))
