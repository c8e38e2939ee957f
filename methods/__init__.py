"""Backbones, heads, and what is known about the labels."""
