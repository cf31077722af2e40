"""Layers around a transport. Each is a Transport that takes the next one; `stack` orders them."""
