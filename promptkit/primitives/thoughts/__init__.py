"""What a search over thoughts is made of: a `thought`, its `prompts`, and `thinking`."""
