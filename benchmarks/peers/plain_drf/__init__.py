"""The shop in plain Django REST Framework, as its users write it when they care for speed."""
