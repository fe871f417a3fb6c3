"""The verbs of `coterie sim`, a module each: `add(verbs)` and what it runs."""
