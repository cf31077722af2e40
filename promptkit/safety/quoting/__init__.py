"""Quotations and figures, and the wording they are compared in."""
