-- transfer_memory: whether the store is short of memory, 0 or 1.
-- Uses: memory
return is_memory_short() and 1 or 0
