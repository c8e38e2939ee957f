"""Where two methods differ on the same test images: what each gains, which errors it makes, and a page."""
