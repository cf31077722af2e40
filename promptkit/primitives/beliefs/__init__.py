"""What maieutic prompting is made of: `prompts`, the `tree` of explanations, their `relations`."""
