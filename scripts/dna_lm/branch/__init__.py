"""Small classifiers that read nucleotides instead of tokens: known motifs, k-mer counts and a convolution."""
