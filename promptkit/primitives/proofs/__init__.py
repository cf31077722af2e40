"""What selection-inference and faithful reasoning are made of.

Read `proof`, `prompts`, `shortlist`, `selection`, `halter` and `step`; then, for the beam,
`value` and `search`.
"""
