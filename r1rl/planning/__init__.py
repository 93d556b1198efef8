"""What a recipe needs before it runs: parameters, memory, time and waste, from arithmetic alone. No torch, no GPU."""
