"""Networks that give the feature map, and how much of them is trained."""
