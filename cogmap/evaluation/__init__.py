"""What a model gains from a map: the same questions with and without it, by a plan that is written first."""
