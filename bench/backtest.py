"""Rules over history, on one core: python bench/backtest.py [DAYS] [FOLDER].

A home of 20 series, each read every 5 s, is written into a lake in columns; three rules are tried over it.
FOLDER keeps the lake for another time.
"""




START = 1_767_225_600_000
DAY, EVERY, YEAR = 86_400_000, 5_000, 365
