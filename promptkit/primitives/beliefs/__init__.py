"""What maieutic prompting is made of: `prompts`, the `tree`, its `relations`, the `evidence`."""
