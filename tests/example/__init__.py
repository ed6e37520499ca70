"""An application that uses the engine alone: a bank of counters. The README of the engine shows it."""
