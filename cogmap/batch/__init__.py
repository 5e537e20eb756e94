"""Maps by the thousand: a manifest, workers that may die, a ledger that may be read by any runner."""
