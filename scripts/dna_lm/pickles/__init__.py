"""Converting PyTorch's pickled weights to safetensors without running them, at installation."""
