"""What was measured, here and elsewhere: records of runs, published values, intervals."""
