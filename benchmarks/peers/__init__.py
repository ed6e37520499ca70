"""The programs that the shop is measured beside: the same requests and responses, one Redis, and no guarantee."""
