"""What watches the shop, and what its files are made from."""
