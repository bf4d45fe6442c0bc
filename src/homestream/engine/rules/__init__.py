"""Rules: their text, their conditions, the life of what they find."""
