"""Who is home, what is unexpected, and the log of it that none can alter."""
