"""A pipeline: the stages of DeepSeek-R1 from one YAML, each kept by the hash of what it was made of."""
