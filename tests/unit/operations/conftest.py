from tests.unit.api.conftest import ada, anyone, apple, boss, customer, served, shop, staff, store

__all__ = ["ada", "anyone", "apple", "boss", "customer", "served", "shop", "staff", "store"]
