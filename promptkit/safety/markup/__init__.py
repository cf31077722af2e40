"""What `neutralize_markdown` reads: addresses, tags, code and coded text."""
