"""Which k-mers the k-mer baseline counts. What applies a trained adapter reads this, without loading scikit-learn."""

# Shorter words stand for sites with a letter changed. Chosen on sequences held out of GUE tf/0's training split, for
# training splits of 300 to 26,378 sequences (docs/measurements/scores.md, dev/bench/kmers.py).
LENGTHS = (3, 4, 5, 6)
