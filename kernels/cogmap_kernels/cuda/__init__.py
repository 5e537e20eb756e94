"""The CUDA column (numba-cuda): atomic sums of integers equal the CPU's bit for bit; sorting stays on the host."""
