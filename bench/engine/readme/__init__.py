"""The model card that is written beside a model: Markdown, headed by the metadata that model hubs read."""
