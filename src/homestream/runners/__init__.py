"""The same engine, unchanged, on clusters: batches.py, keyed.py, flink_fold.py, flink.py, in that order."""
