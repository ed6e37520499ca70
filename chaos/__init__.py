"""The proof of the promises: load, faults in the middle of it, and a checker that holds what was answered against what
is there. `make chaos` runs it; docs/proof.md has the table of a run."""
