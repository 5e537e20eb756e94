"""Questions to maps: the wording of benchmarks, items and their scores, generated items, graded maps."""
