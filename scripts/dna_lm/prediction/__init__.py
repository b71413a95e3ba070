"""What an adapter predicts for sequences, long or short, and for genomes."""
