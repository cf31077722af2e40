"""How primitives ask: what makes one, its arguments, samples, and how likely an answer is.

Read `primitive`, `arguments`, `sampling`, `distribution`, `logprobs`, `likelihood`,
`text_likelihood`.
"""
