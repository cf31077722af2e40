"""Attacks on a prompt or a primitive, and how often they succeed, without and with a policy."""

from promptkit.operations.redteam.attacks import FAMILIES, Attack, attacks
from promptkit.operations.redteam.campaign import Campaign, Trial, redteam

__all__ = ["FAMILIES", "Attack", "Campaign", "Trial", "attacks", "redteam"]
