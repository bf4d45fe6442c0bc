"""Who may come in, and what each may say and hear."""
