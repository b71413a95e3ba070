"""What is peculiar about each architecture of transformers."""

# What transformers calls the module that turns the pooled state into one number a label.
HEADS = ("score", "classifier", "pre_classifier", "classification_head", "logits_proj", "sequence_summary")
