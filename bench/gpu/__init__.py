"""What is run on a machine with GPUs."""
