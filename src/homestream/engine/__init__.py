"""Pure: readings become facts. A fold over the log; time is an argument."""
