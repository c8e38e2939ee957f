"""Heads step by step as published, one file per method; `bench.methods.published.formulation` lists them."""
