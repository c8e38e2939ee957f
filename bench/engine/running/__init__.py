"""Cells one after the other, each claimed, trained, evaluated, recorded, and verified where asked for."""
